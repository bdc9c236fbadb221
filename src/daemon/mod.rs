//! The daemon: the engine with a server around it, and everything that is once a process.

mod home;
mod log;
mod preflight;
mod run;
mod signals;

pub use preflight::{check, preflight};
pub use run::run;
