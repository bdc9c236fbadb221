//! The command line: arguments in, requests to the daemon, text and an exit code out.
//!
//! ```text
//!  args ─▶ run ─▶ commands ─▶ link (client) ─▶ daemon
//!                    │
//!                    ▼
//!        session ─▶ render ─▶ screen
//! ```
//!
//! `args` knows what can be typed, `commands` what each verb asks for, `render` how facts look. Nothing here decides
//! what happens to a process.

mod args;
mod commands;
mod complete;
mod exit;
mod failure;
mod interrupts;
mod link;
mod manual;
mod order;
mod own_settings;
mod pages;
#[cfg(test)]
mod pm2_page;
#[cfg(test)]
mod pm2_page_sources;
mod render;
mod run;
mod session;
mod steps;
mod together;
mod web;
mod words;

pub use run::run;
