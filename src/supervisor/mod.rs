//! Names, order and desired state: which processes there are, and what a command means to each of them.
//!
//! The actor reads calls and reports and never waits for slow work: a verb is a task of its own that sends commands
//! to processes, awaits their answers, and replies.

mod actor;
mod automatic;
mod check;
mod clockwork;
mod condition;
mod depend;
mod dispatch;
mod enlist;
mod handle;
mod hurry;
mod jobs;
mod last_words;
mod memory;
mod persist;
mod plan;
mod ports;
mod races;
mod reason;
mod registry;
mod reload;
mod reports;
mod requests;
mod restore;
mod resume;
mod scale;
mod start;
mod strays;
mod streams;
mod turns;
mod verbs;
mod view;
mod watching;
mod world;

pub use actor::Supervisor;
pub use handle::{Ending, Handle};
pub use persist::Persistence;
pub use world::{Facts, Successor, World};
