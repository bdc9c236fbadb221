//! PM2's shape of what we know: `jlist` elements. The only place where its names live.

mod element;
mod env;
mod settings;

pub use element::{Parts, element};
pub use env::shown;
