//! What has the machine start us: files for its init system, the programs that they name, and whether all of it would
//! work at the next boot. The texts are pure; only [`Place`] and [`Copies`] touch the system.

mod check;
mod copies;
mod launchd;
mod logrotate;
mod openrc;
mod owner;
mod place;
mod platform;
mod service;
mod systemd;
mod tool;

pub use check::{Check, checks};
pub use copies::{Copies, refresh_beside};
pub use logrotate::logrotate;
pub use owner::{Owner, is_root};
pub use place::{Done, Place, Step};
pub use platform::Platform;
pub use service::{Scope, Service, is_name, is_path};
pub use tool::{Outcome, run as run_tool};
