//! The control API over HTTP: converts, asks the supervisor's handle, converts back.
//!
//! Routes stand in [`crate::api::route`].

mod handlers;
mod router;
mod socket;
mod stream;

pub use router::router;
pub use socket::{BindError, ControlSocket};
