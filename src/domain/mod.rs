//! The core: what is wanted, what is seen, and every decision between the two.
//!
//! Synchronous and pure: no clock, no files, no environment. `now` comes in as an argument.

pub mod alike;
pub mod budget;
pub mod cron;
pub mod date_format;
pub mod dependency;
pub mod health;
pub mod id;
pub mod job;
pub mod lifecycle;
pub mod log_line;
pub mod memory;
pub mod order;
pub mod origin;
pub mod output;
pub mod panel;
pub mod port;
pub mod readiness;
pub mod requirement;
pub mod rollout;
pub mod secret;
pub mod selector;
pub mod site;
pub mod spec;
pub mod status;

pub use alike::Alike;
pub use budget::Budget;
pub use id::{ProcessId, SpawnId};
pub use origin::Origin;
pub use output::OutputStream;
pub use selector::Selector;
pub use spec::AppSpec;
pub use status::{Outcome, Status};

/// Milliseconds on the boot clock: monotonic, counts through suspend, absolute across processes.
pub type BootMs = u64;

/// Milliseconds since the Unix epoch.
pub type UnixMs = i64;
