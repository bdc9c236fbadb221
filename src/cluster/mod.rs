//! Node's cluster primary: unmodified workers ask it for servers, and get connections from it.
//!
//! [`query`] is what workers ask for, [`message`] what they are told; [`primary`] decides (pure), by each worker's
//! [`window`]; [`listener`] binds,
//! [`server`] accepts, or has the workers accept, who get the listener itself then ([`shared`]). [`connection`] is what
//! is accepted, [`bun`] what is said otherwise to workers of Bun, [`kept`] what is written of a server for a daemon after this one. [`state`] holds all of it, and
//! [`group`] is the shell that joins them, one for each app; [`opening`] is the part of it that makes servers, [`later`]
//! what it does in time. Workers are not trusted: [`allowance`] bounds what they may send.

mod allowance;
mod bun;
mod connection;
mod group;
mod kept;
mod later;
mod listener;
mod message;
mod opening;
mod primary;
mod query;
mod server;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use group::{Group, Holder, Notice};
pub use kept::app_of;
pub use primary::WorkerId;
pub use query::explain;
