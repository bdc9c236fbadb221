//! All unsafe code and all platform code. Everything above calls these with ordinary types.
#![allow(unsafe_code, reason = "system calls; each block says why it is sound")]

pub mod terminal;
pub mod time;
pub mod user;
