//! The daemon: the engine with a server around it, and everything that is once a process.

mod home;
mod log;
mod run;
mod signals;

pub use run::run;
