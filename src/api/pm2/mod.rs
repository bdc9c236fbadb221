//! PM2's shape of what we know: elements of `jlist`, packets of its bus and their order. The only place where its names
//! live.

pub mod bus;
mod element;
mod env;
mod fields;
pub mod host;
mod list;
pub mod order;
mod settings;

pub use element::{Parts, Variables, element};
pub use env::shown;
pub use list::{List, ListWriter};
