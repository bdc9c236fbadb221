//! The life of a process, decided: [`step`]`(state, event, now)` says what it is next and what has to be done.
//!
//! Somebody else can carry on with a [`State`]: it is small, plain and copyable, and its timers are absolute.

mod event;
mod state;
mod step;

pub use event::{Effect, Event, Policy, Report};
pub use state::{Phase, State, StopStep, Then};
pub use step::{LISTEN_TIMEOUT, NO_SECRET, step};

#[cfg(test)]
mod tests;
