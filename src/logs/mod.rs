//! Captured output: pipes into files, and whoever reads along.
//!
//! ```text
//!                       ┌────────── one thread, "rpm-logs" ──────────┐
//!  app ─ pipe ─▶ source ─ chunk ─▶ sink (one a file) ─▶ file ◀── tail
//!                          └─ lines ─▶ queue (bounded) ─▶ Subscription ─▶ follow
//! ```
//!
//! Bytes are copied as they are. What is read from a pipe goes to its file first and to the followers after that;
//! nothing but the disk slows the copying, and no buffer grows with what an app prints:
//!
//! * a chunk is at most 256 KiB, read into one buffer that all sources share, a source a turn;
//! * an unfinished line is kept up to 64 KiB a source. Followers get lines whole; a line that is longer, or that an
//!   app leaves unfinished for a second, comes in pieces;
//! * where several sources write one file, only whole lines are written, so that none is torn (with the same two
//!   exceptions); a source that has its file to itself is written through at once;
//! * a follower has 1 MiB; what does not fit is dropped for this follower and counted in its place;
//! * a file that cannot be written holds its sources back for a second. Then their output is dropped and counted,
//!   and when the file takes bytes again a line in it says how many are missing.

mod commit;
mod control;
mod copier;
mod cut;
mod file;
mod follow;
mod handle;
mod ledger;
mod pace;
mod peek;
mod pump;
mod recover;
mod sink;
mod source;
mod staging;
mod subscriber;
mod tail;

#[cfg(test)]
mod killed;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;

pub use follow::{Follow, FollowItem, follow, past};
pub use handle::{Label, Logs, pipe_size};
pub use recover::{Recovered, recover};
pub use staging::Staging;
pub use subscriber::{Item, Subscription};
pub use tail::{Tail, TailLines, tail};
