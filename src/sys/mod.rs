//! All unsafe code and all platform code. Everything above calls these with ordinary types.
#![allow(unsafe_code, reason = "system calls; each block says why it is sound")]

pub mod births;
pub mod cgroup;
pub mod channel;
pub mod children;
#[cfg(feature = "engine")]
pub mod cores;
pub mod epoll;
pub mod fault;
pub mod group;
#[cfg(feature = "engine")]
pub mod helper;
pub mod inherit;
#[cfg(feature = "engine")]
pub mod inotify;
pub mod input;
pub mod keep;
pub mod launch;
#[cfg(feature = "engine")]
pub mod limits;
pub mod lock;
#[cfg(feature = "engine")]
pub mod machine;
pub mod memory;
pub mod notify;
#[cfg(feature = "engine")]
pub mod oom;
pub mod packet;
pub mod pidfd;
pub mod pipe;
#[cfg(feature = "engine")]
pub mod ports;
pub mod proc;
pub mod read_as;
#[cfg(feature = "engine")]
pub mod ready;
#[cfg(test)]
mod refusal;
#[cfg(feature = "engine")]
pub mod rest;
#[cfg(feature = "engine")]
pub mod reuseport;
pub mod signal;
pub mod socket;
pub mod spawn;
pub mod terminal;
pub mod thread;
pub mod time;
#[cfg(feature = "engine")]
pub mod timer;
pub mod tree;
pub mod user;
