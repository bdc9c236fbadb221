//! Node's cluster primary: unmodified workers ask it for servers, and get connections from it.
//!
//! [`query`] is what workers ask for, [`message`] what they are told; [`sched`] is how a server is shared. Where we accept,
//! [`server`] does, and [`primary`] decides (pure) who gets what, by each [`worker`]'s [`window`]; [`affinity`] is the part of
//! it in which not everybody is to have a connection. Where workers accept they get the listener itself ([`shared`]):
//! one for all, or each its own ([`seats`]), among which the kernel chooses ([`spread`]); [`relief`] decides what is taken
//! off the busy and the dead, [`relieve`] does it. [`listener`] binds, [`connection`] is what is accepted, [`bun`] what is said otherwise to workers of Bun, [`kept`] what is
//! written of a server for a daemon after this one. [`state`] holds all of it, and [`group`] is the shell that joins them,
//! one for each app; [`opening`] is the part of it that makes servers, [`later`] what it does in time, [`load`] what it
//! tells in figures, [`door`] the way to one worker alone. Workers are not trusted: [`allowance`] bounds what they may send.

mod affinity;
mod allowance;
mod bun;
mod connection;
mod door;
mod group;
mod kept;
mod later;
mod listener;
mod load;
mod message;
mod opening;
mod primary;
mod query;
mod recall;
mod relief;
mod relieve;
mod sched;
mod seats;
mod server;
mod shared;
mod spread;
mod state;
#[cfg(test)]
mod tests;
mod window;
mod worker;

pub use door::Opened;
pub use group::{Group, Holder, Notice};
pub use kept::{app_of, fresh_name};
pub use load::Load;
pub use query::explain;
pub use worker::{Seat, WorkerId};
