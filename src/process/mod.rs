//! One task for each process: it starts it, watches it, ends it, and is the only one to say what it is doing.
//!
//! What to do is decided by [`crate::domain::lifecycle`]; the task carries it out.

mod account;
mod act;
mod adopt;
mod environment;
mod exit;
mod inherited;
mod launch;
mod leash;
mod link;
mod prepare;
mod secrets;
mod task;
mod unwritten;
mod wires;

pub use adopt::{end_stray, finish_outputs, lives};
pub use environment::{Identity, redacted, shown_environment};
pub use exit::{ExitFact, Exits};
pub use inherited::{Inherited, Left, fact, leave_alone};
pub use launch::write_pid_file;
pub use leash::Leash;
pub use task::{Command, Context, Handle, Observed, Settled, SpawnIds};
pub use unwritten::Unwritten;
