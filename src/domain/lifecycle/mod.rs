//! The life of a process, decided: [`step`]`(state, event, now)` says what it is next and what has to be done.
//!
//! Somebody else can carry on with a [`State`]: it is small, plain and copyable, and its timers are absolute.

mod at_rest;
mod event;
mod judge;
mod running;
mod state;
mod step;
mod stopping;

pub use event::{Effect, Event, Policy, Report};
pub use judge::NO_SECRET;
pub use state::{Cause, Phase, State, StopStep, Then};
pub use step::{LISTEN_TIMEOUT, step};

#[cfg(test)]
mod crowd_tests;
#[cfg(test)]
mod prepared_tests;
#[cfg(test)]
mod tests;
