//! The control API over HTTP: converts, asks the supervisor's handle, converts back.
//!
//! Routes stand in [`crate::api::route`].

mod beside;
mod handlers;
mod router;
mod socket;
mod stream;

pub use beside::Beside;
pub use router::router;
pub use socket::{BindError, ControlSocket};
