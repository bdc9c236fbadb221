//! What each process is doing, in memory that outlives this program: phase, deadlines, counters, pid.
//!
//! A slot has two halves, written in turn and checked by a sum, so that a death in the middle of a write leaves the
//! half before. [`record`] is the fixed form of what is kept, [`table`] the slots, [`standing`] the few words beside
//! each that changes with every message of a worker, [`journal`] the words of the log thread.

mod journal;
mod record;
mod standing;
mod table;
mod tally;

pub use journal::{JOURNAL_WORDS, Journal};
pub use record::{Record, WORDS as RECORD_WORDS};
pub use standing::{LineMark, MOST_SERVERS, Standing};
pub use table::{InFlight, Slot, Table};
pub use tally::Tally;
