//! The guardian: a small program that is the parent of all apps, keeps their descriptors, and starts the daemon again
//! whenever it ends. It reads no log, parses no settings, opens no network socket.
//!
//! ```text
//!  guardian ──┬── daemon (this generation)      control: one packet socket a generation
//!             ├── app                           PUT, BORN, ACK ──▶   ◀── KEPT, CHILD, EXIT
//!             └── app
//! ```
//!
//! [`leash`] is another thing that it can be: what ends the apps of a supervisor inside another program.
//! [`message`] is what they say to each other; `docs/guardian-protocol.md` is the same for people.

mod codec;
mod generation;
pub mod handover;
mod image;
mod keeper;
pub mod leash;
#[cfg(feature = "engine")]
mod legacy;
#[cfg(feature = "engine")]
mod link;
mod manager;
pub mod message;
mod obey;
pub mod places;
mod policy;
mod run;
mod stand_in;
mod store;
mod succession;
#[cfg(feature = "engine")]
mod takeover;
mod voice;
mod wire;

#[cfg(feature = "engine")]
pub use legacy::Legacy;
#[cfg(feature = "engine")]
pub use link::Link;
pub use run::run;
