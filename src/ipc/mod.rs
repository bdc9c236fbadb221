//! The channel to an app: JSON values, one a line, some of them with a descriptor, as Node speaks it.
//!
//! Apps are not trusted: everything is bounded, and who breaks a bound is told in words ([`breach`]).
//! [`codec`] and [`outbox`] are pure; [`channel`] moves the bytes; [`inbox`] knows which of them may leave the socket.

mod breach;
mod channel;
mod codec;
mod held;
mod inbox;
mod outbox;
mod post;
mod usual;

pub use breach::Breach;
pub use channel::{Channel, QueueFull};
pub use codec::{AgentWord, ClusterMessage, Inbound, Lines, UserMessage, decode};
pub use outbox::{Frame, Outbox, Passenger};
pub use post::{Meaning, Post};
