//! Names, order and desired state: which processes there are, and what a command means to each of them.
//!
//! The actor reads calls and reports and never waits for slow work: a verb is a task of its own that sends commands
//! to processes, awaits their answers, and replies.

mod actor;
mod automatic;
mod bus;
mod check;
mod clockwork;
mod condition;
mod depend;
mod dispatch;
mod ending;
mod enlist;
mod exchange;
mod figures;
mod given;
mod handle;
mod host;
mod hurry;
mod jobs;
mod last_lines;
mod last_words;
mod memory;
mod persist;
mod plan;
mod pm2;
mod ports;
mod programs;
mod races;
mod reason;
mod registry;
mod reload;
mod rename;
mod replacement;
mod reports;
mod requests;
mod resting;
mod restore;
mod resume;
mod rollout;
mod saved;
mod scale;
mod speak;
mod start;
mod strays;
mod streams;
mod tally;
mod trial;
mod turns;
mod verbs;
mod view;
mod watching;
mod world;

pub use actor::Supervisor;
pub use handle::{Ending, Handle};
pub use persist::Persistence;
pub use world::{Facts, Successor, World};
