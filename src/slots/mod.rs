//! What each process is doing, in memory that outlives this program: phase, deadlines, counters, pid.
//!
//! A slot has two halves, written in turn and checked by a sum, so that a death in the middle of a write leaves the
//! half before. [`record`] is the fixed form of what is kept, [`table`] the slots.

mod record;
mod table;

pub use record::Record;
pub use table::{InFlight, Slot, Table};
