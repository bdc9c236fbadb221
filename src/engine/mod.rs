//! The parts put together. Only this room knows all of them; who uses it holds a [`Handle`](crate::supervisor::Handle).

mod embedded;
mod guarded;
mod parts;
mod staging;
mod understands;

pub use crate::supervisor::Successor;
pub use embedded::{Embedded, EmbeddedOptions};
pub use guarded::Guarded;
pub use parts::{Engine, EngineOptions};
pub use understands::understands;
