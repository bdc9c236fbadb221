//! The one way a process is started: a vfork-style clone that shares our memory until exec.
//!
//! `fork` copies page tables, which costs milliseconds in a large process (the embedded case is a whole Node);
//! a clone with `CLONE_VM | CLONE_VFORK` costs the same whatever our size. The price is that the child runs in
//! our memory: it may only make system calls on what was prepared before, and must not return.

mod child;
mod clone;
mod error;
mod find;
mod into;
mod plan;
#[cfg(test)]
mod tests;

pub use clone::spawn;
pub use error::{SpawnError, Stage};
pub use find::{c_string, find_program, is_executable};
pub use plan::{Limit, Parent, Program, SpawnPlan, Spawned};
