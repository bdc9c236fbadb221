//! What the tests share: a home with its daemon, processes as the kernel sees them, HTTP, load.

mod bus;
mod command;
mod generation;
mod home;
mod http;
mod load;
mod numbered;
mod proc;
mod wait;

pub(crate) use bus::Listener;
pub(crate) use command::{Done, Program, Running};
pub(crate) use home::Home;
pub(crate) use http::{Client, control, get, get_unix};
pub(crate) use load::{Load, Outcome as LoadOutcome};
pub(crate) use numbered::{Run, numbered};
pub(crate) use proc::{
    Signal, children, cpu_ticks, is_alive, is_root, parent, session, signal, status_field, terminal, told, try_signal,
};
pub(crate) use wait::{eventually, eventually_within, never_within, stopwatch, watch_for};
