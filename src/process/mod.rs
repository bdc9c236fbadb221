//! One task for each process: it starts it, watches it, ends it, and is the only one to say what it is doing.
//!
//! What to do is decided by [`crate::domain::lifecycle`]; the task carries it out.

mod account;
mod act;
mod adopt;
mod command;
mod confine;
mod containment;
mod drift;
mod environment;
mod exit;
mod health;
mod inherited;
mod kin;
mod kinship;
mod launch;
mod leash;
mod link;
mod mark;
mod notify;
mod oom;
mod prepare;
mod secrets;
mod sockets;
mod standby;
mod sweep;
mod task;
mod unwritten;
mod vitals;
mod wires;

pub use adopt::{end_stray, finish_outputs, lives};
pub use confine::Confinement;
pub use drift::{RunsOn, runs_on};
pub use environment::{Identity, redacted, shown_environment};
pub use exit::{ExitFact, Exits};
pub use health::Condition;
pub use inherited::{Inherited, Left, fact, find_unrecorded, leave_alone, left_by};
pub use kinship::Kinship;
pub use launch::write_pid_file;
pub use leash::Leash;
pub use mark::Realm;
pub use sockets::Sockets;
pub use task::{Command, Context, Handle, Observed, Settled, SpawnIds};
pub use unwritten::Unwritten;
