//! The channel to an app: JSON values, one a line, some of them with a descriptor, as Node speaks it.
//!
//! [`codec`] and [`outbox`] are pure; [`channel`] moves the bytes; [`inbox`] knows which of them may leave the socket.

mod channel;
mod codec;
mod inbox;
mod outbox;

pub use channel::Channel;
pub use codec::{AgentWord, ClusterMessage, Inbound, Lines, decode};
pub use outbox::{Frame, Outbox, Passenger};
