//! From facts to text. Nothing here asks a daemon; what depends on the terminal comes in as a value.
//!
//! Text is built with styles in it; [`Screen`] strips them where they don't belong.

pub(crate) mod color;
mod connections;
pub(crate) mod daemon;
pub(crate) mod detail;
pub(crate) mod duration;
pub(crate) mod env;
pub(crate) mod full_screen;
mod health;
pub(crate) mod host;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod json;
mod limits;
pub(crate) mod log;
pub(crate) mod migration;
pub(crate) mod outcome;
pub(crate) mod panel;
pub(crate) mod plan;
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod rollout;
pub(crate) mod screen;
pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod timestamp;
pub(crate) mod validation;

pub(crate) use screen::Screen;
