//! Apps in the foreground, without a daemon: `runtime` for containers, `dev` for people who write them.
//!
//! ```text
//!  arguments ─▶ runtime, dev ─▶ plan ─▶ play ─┬─ stage     the engine in this program, and where its files are
//!                                             ├─ signals   who asks to end, what is passed on
//!                                             ├─ show      output and events
//!                                             └─ verdict   whether it is over, and the exit code
//! ```
//!
//! `--no-daemon` ([`stay`]) is another thing: a daemon that others talk to as well, but one that ends with this command.
//!
//! The first process of a container is two ([`crate::sys::init`]): one that buries orphans, and this one.

mod dev;
mod orphans;
mod plan;
mod play;
mod runtime;
mod show;
mod signals;
mod stage;
mod stay;
mod verdict;

pub(in crate::cli) use dev::dev;
pub(in crate::cli) use orphans::divide_first;
pub(in crate::cli) use runtime::runtime;
pub(in crate::cli) use stay::stay;
