//! Node's cluster primary: unmodified workers ask it for servers, and get connections from it.
//!
//! [`message`] is the vocabulary, [`primary`] decides (pure), by each worker's [`window`], [`listener`] binds, [`server`] accepts, [`connection`] is
//! what it accepts, [`kept`] what is written of a server for a daemon after this one. [`state`] holds all of it, and
//! [`group`] is the shell that joins them, [`opening`] the part of it that makes servers: one for each app. Scheduling is
//! round-robin; other schedules and UDP have their place in [`message::Address`].

mod connection;
mod group;
mod kept;
mod listener;
mod message;
mod opening;
mod primary;
mod recall;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use group::{Group, Holder, Notice};
pub use kept::app_of;
pub use primary::WorkerId;
