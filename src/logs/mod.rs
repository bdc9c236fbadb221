//! Captured output: pipes into files, and whoever reads along.
//!
//! ```text
//!                       ┌────────── one thread, "rpm-logs" ──────────┐
//!  app ─ pipe ─▶ source ─ chunk ─▶ sink (one a file) ─▶ file ◀── tail
//!                          └─ lines ─▶ queue (bounded) ─▶ Subscription ─▶ follow
//! ```
//!
//! Bytes are copied as they are, unless the app wants a date before its lines or JSON objects ([`Destination`]). What waits in a pipe goes to its file first, leaves the pipe then, and goes to the
//! followers after that; nothing but the disk slows the copying, and no buffer grows with what an app prints:
//!
//! * a chunk is at most 256 KiB, read into one buffer that all sources share, a source a turn;
//! * of an unfinished line up to 64 KiB a source are kept for followers. They get lines whole; a line that is longer, or
//!   that an app leaves unfinished for a second, comes in pieces;
//! * where several sources write one file, only whole lines are written, so that none is torn: what is unfinished stays
//!   in the app's pipe (with the same two exceptions, and where half of a small pipe is one line). A source that has its
//!   file to itself is written through at once, but for its first quarter of a second, in which others may join it;
//! * lines that become something else, and those that go to a second file (`log_file`), are written whole in the same way,
//!   whoever else writes the file; a piece of such a line is a line of its own;
//! * a run's output comes after all output of the runs before it of the same process;
//! * a line that somebody waits for (`ready_log`) is looked for before it is copied, only in the output of its run;
//! * a follower has 1 MiB; what does not fit is dropped for this follower and counted in its place;
//! * a file that cannot be written holds its sources back for a second: their output stays in their pipes. Then it is
//!   dropped and counted, and when the file takes bytes again a line in it says how many are missing.
//!
//! # Killed at any instruction
//!
//! Each byte that an app wrote is in its file once and in order, though this program may be killed between any two
//! instructions, as long as somebody keeps the app's pipe, the staging pipe and the journal:
//!
//! ```text
//!   peek     copy of the pipe ─▶ buffer          the bytes are still in the pipe
//!   record   journal := writing, file, length
//!   write    buffer ─▶ file                      cut off here: the file is cut to that length, and it begins anew
//!   commit   journal := written, how many
//!   consume  pipe ─▶ staging pipe                cut off here: what the staging pipe has gained is consumed already
//!   clear    journal := idle                     and now and then the staging pipe is emptied
//! ```
//!
//! Where the bytes become something else on the way, the journal has the time that was put before them too: from what
//! is still in the pipe the next one makes the same text again, and holds the file's end against it. Where they go to two
//! files it has the lengths of both, and nothing leaves the pipe before it is in both.
//!
//! [`recover`] finishes what it finds. What others do to a file meanwhile (emptying it, writing to it) loses nothing: it
//! is cut only where it ends with bytes that are still in the pipe; otherwise they may be in it twice. What goes to a
//! named pipe or a device may be there twice as well: it cannot be taken back. Not kept for the next program: followers,
//! and how much output a file that could not be written has cost.

mod commit;
mod compose;
mod control;
mod copier;
mod cut;
mod destination;
mod end;
mod file;
mod follow;
mod handle;
mod ledger;
mod pace;
mod peek;
mod pump;
mod recover;
mod show;
mod sink;
mod source;
mod staging;
mod subscriber;
mod succession;
mod tail;
mod tap;

#[cfg(test)]
mod compose_tests;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;

pub use destination::Destination;
pub use end::{End, end_of};
pub use follow::{Follow, FollowItem, follow, past};
pub use handle::{Label, Logs, pipe_size};
pub use recover::{Recovered, recover};
pub use staging::Staging;
pub use subscriber::{Item, Subscription};
pub use tail::{Tail, TailLines, tail};
