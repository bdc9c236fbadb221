//! The control API from outside: requests over the home's socket, streams, and starting the daemon.
//!
//! A daemon may be lost at any moment, and another takes its place: requests are sent again under their key, and
//! streams go on.

mod autostart;
mod failure;
mod patience;
mod remote;
mod stream;
mod transport;

pub use autostart::Presence;
pub use remote::Client;
