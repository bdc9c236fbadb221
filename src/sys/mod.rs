//! All unsafe code and all platform code. Everything above calls these with ordinary types.
#![allow(unsafe_code, reason = "system calls; each block says why it is sound")]

pub mod epoll;
pub mod pipe;
pub mod thread;
pub mod time;
pub mod user;
