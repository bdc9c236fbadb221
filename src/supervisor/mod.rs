//! Names, order and desired state: which processes there are, and what a command means to each of them.
//!
//! The actor reads calls and reports and never waits for slow work: a verb is a task of its own that sends commands
//! to processes, awaits their answers, and replies.

mod actor;
mod automatic;
mod clockwork;
mod condition;
mod depend;
mod handle;
mod hurry;
mod jobs;
mod last_lines;
mod last_words;
mod memory;
mod persist;
mod ports;
mod races;
mod reason;
mod registry;
mod reload;
mod replacement;
mod requests;
mod restore;
mod resume;
mod rollout;
mod scale;
mod start;
mod strays;
mod streams;
mod trial;
mod turns;
mod verbs;
mod view;
mod watching;

pub use actor::{Facts, Successor, Supervisor, World};
pub use handle::{Ending, Handle};
pub use persist::Persistence;
