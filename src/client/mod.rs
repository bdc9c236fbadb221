//! The control API from outside: requests over the home's socket, streams, and starting the daemon.

mod autostart;
mod remote;
mod stream;
mod transport;

pub use autostart::Presence;
pub use remote::Client;
