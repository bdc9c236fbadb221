//! Completions: what could stand where the cursor is, from the definition of the command line itself.
//!
//! The scripts of the shells are small and never change: they hand over the words, and get lines back.

mod model;
mod shell;

pub(crate) use model::{Candidate, Wanted, at, text};
pub(crate) use shell::Shell;
