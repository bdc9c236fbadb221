//! The daemon may die at any instruction, and nobody notices.

mod cluster;
mod generations;
mod hang;
mod list;
#[cfg(feature = "faults")]
mod points;
mod storm;
mod update;
