//! Node's cluster primary: unmodified workers ask it for servers, and get connections from it.
//!
//! [`message`] is the vocabulary, [`primary`] decides (pure), [`listener`] binds, [`server`] accepts, [`group`] is the shell that
//! joins them: one for each app. Scheduling is round-robin; other schedules and UDP have their place in [`message::Address`].

mod group;
mod listener;
mod message;
mod primary;
mod server;

pub use group::{Group, Holder, Notice};
pub use primary::WorkerId;
