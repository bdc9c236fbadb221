//! The bus: what apps say to whoever listens, and to those that have asked them something.
//!
//! [`hub`] hands packets to listeners, [`queue`] is what one listener may leave unread, [`topic`] says who wants what,
//! [`replies`] brings answers to those that wait for them. Without listeners nothing is made of a message.

mod hub;
mod own_log;
mod queue;
mod replies;
mod topic;

pub use hub::{Bus, packet};
pub use own_log::pass_on;
pub use queue::Reader;
pub use topic::{LOG_ERR, LOG_OUT, PROCESS_EVENT, Topics};
