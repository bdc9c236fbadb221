//! Control groups, version 2: one for each run. Made and limited before there is a process in it; everything that a run
//! starts stays in it, whatever it detaches.
//!
//! The tree is only files and directories, so that a directory of ordinary ones stands in for it in tests.

mod group;
mod leave;
mod places;

pub use group::Cgroup;
pub use leave::leave_run;
pub use places::{Cgroups, Lacking, Places, folder_of, roots};
