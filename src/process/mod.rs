//! One task for each process: it starts it, watches it, ends it, and is the only one to say what it is doing.
//!
//! What to do is decided by [`crate::domain::lifecycle`]; the task carries it out.

mod account;
mod act;
mod adopt;
mod alive;
mod ask;
mod begin;
mod command;
mod confine;
mod containment;
mod context;
mod drift;
mod end;
mod environment;
mod execute;
mod exit;
mod handle;
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
mod order;
mod own_limits;
mod pid_file;
mod prepare;
mod read_on;
mod said;
mod secrets;
mod sweep;
mod task;
mod unwritten;
mod vitals;
mod wires;

pub use alive::{end_stray, lives};
pub use confine::Confinement;
pub use context::{Context, SpawnIds};
pub use drift::{RunsOn, runs_on};
pub use environment::{Identity, redacted, shown_environment};
pub use exit::{ExitFact, Exits};
pub use handle::{Handle, Observed};
pub use health::Condition;
pub use inherited::{Inherited, Left, fact, find_unrecorded, leave_alone, left_by};
pub use kinship::Kinship;
pub use leash::Leash;
pub use mark::Realm;
pub use order::{Command, Settled};
pub use pid_file::write as write_pid_file;
pub use read_on::finish_outputs;
pub use unwritten::Unwritten;
