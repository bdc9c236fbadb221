//! Watching files: one thread for all apps, which the system wakes when something changes.
//!
//! ```text
//!  supervisor ─ Watcher ─▶ thread ─┬─ tree       the directories of an app, as they come and go
//!       ▲                          ├─ ignore     what in them doesn't matter
//!       └──────── Notice ──────────┴─ pending    what has changed, until it is quiet
//! ```
//!
//! At rest the thread sleeps in the kernel: nothing is looked at from time to time.

mod directories;
mod glob;
mod handle;
mod ignore;
mod pending;
mod reach;
mod thread;
mod tree;

pub use handle::{Notice, Wanted, Watcher};
pub use ignore::Ignore;
