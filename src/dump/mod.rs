//! Saved lists: `dump.pm2`, as we write it or PM2 has, back into apps; and a PM2 that runs, as far as we take over from
//! it.
//!
//! An element is a `pm2_env`. What we have saved has under `rpm` all that PM2 has no word for; where PM2's part was
//! edited since, or comes from a real PM2, that part is what counts.

mod apps;
mod element;
mod environment;
mod migration;
mod paths;
mod pm2;
mod text;

pub use apps::{Taken, apps};
pub use migration::Migration;
pub use pm2::{Pm2, Pm2Error, Running};
pub use text::{SavedList, Unreadable, read, saved};
