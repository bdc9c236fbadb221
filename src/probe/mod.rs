//! Questions to running apps: over HTTP, by a connection, by a command.
//!
//! One task a run asks what is due, each probe once at a time, and has [`crate::domain::health`] say what the answers
//! mean. Whoever began it hears of what changes; the answers themselves are on a [`Board`] for whoever looks.

mod ask;
mod board;
mod exec;
mod http;
mod name;
mod prober;

pub use ask::{Door, Opened, Surroundings};
pub use board::{Answer, Board, Row};
pub use prober::Prober;
