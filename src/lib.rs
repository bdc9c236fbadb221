//! A process manager for Node and everything else.
//!
//! ```text
//!  cli / addon ─▶ client ─▶ (unix socket, api) ─▶ server ─▶ supervisor ─▶ process ─▶ the app
//!       ▲                                            ▲            │            │
//!       └──────────────── events, logs ──────────────┴────────────┴────────────┘
//!  app ─ pipe ─▶ logs ─▶ file          app ─ channel ─▶ cluster (Node's primary) ─▶ app
//! ```
//!
//! Commands go down, facts come up, log bytes bypass both. `domain` decides and touches nothing;
//! `sys` touches and decides nothing. Who may import whom is held by `tests/layering.rs`.

pub mod clock;
pub mod guardian;
pub mod paths;
pub mod sys;

#[cfg(feature = "engine")]
pub mod api;
#[cfg(feature = "engine")]
pub mod bus;
#[cfg(feature = "engine")]
pub mod client;
#[cfg(feature = "engine")]
pub mod cluster;
#[cfg(feature = "engine")]
pub mod config;
#[cfg(feature = "engine")]
pub mod domain;
#[cfg(feature = "engine")]
pub mod dump;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "engine")]
pub mod interpreter;
#[cfg(feature = "engine")]
pub mod ipc;
#[cfg(feature = "engine")]
pub mod logs;
#[cfg(feature = "engine")]
pub mod metrics;
#[cfg(feature = "engine")]
pub mod probe;
#[cfg(feature = "engine")]
pub mod process;
#[cfg(feature = "engine")]
pub mod settings;
#[cfg(feature = "engine")]
pub mod slots;
#[cfg(feature = "engine")]
pub mod store;
#[cfg(feature = "engine")]
pub mod supervisor;
#[cfg(feature = "engine")]
pub mod watch;

#[cfg(feature = "cli")]
pub mod boot;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod daemon;
#[cfg(feature = "cli")]
pub mod server;
#[cfg(feature = "cli")]
pub mod static_server;

#[cfg(feature = "addon")]
mod addon;
