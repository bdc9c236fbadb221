//! The settings store: `module_conf.json` of the home, PM2's place for settings that are no fields of an app.
//!
//! ```text
//!  "api.port", "api:port" ─▶ Key ─▶ Settings (a tree of texts) ─▶ Store (the file, one writer at a time)
//!                                       │
//!                                       └─▶ variables of the app "api"
//! ```
//!
//! What is set under an app's name comes into the environment of its processes with the next command that starts,
//! restarts or reloads them; `set` itself restarts what runs. The commands and the API in Node work on the same file.

mod key;
mod lines;
mod pairs;
mod store;
mod tree;

pub use key::{BadKey, Key};
pub use lines::{line, lines};
pub use pairs::{BadPairs, pairs};
pub use store::{SettingsError, Store};
pub use tree::Settings;
