//! Application files, objects and flags into [`AppSpec`](crate::domain::AppSpec)s.
//!
//! ```text
//!  file ──▶ file / javascript ─┐
//!  text ───────────────────────┼─▶ document ─▶ fields ─▶ AppOptions ─▶ complete ─▶ AppSpec
//!  value ──────────────────────┘                  flags ───┘   (script, interpreter, environment, place)
//! ```
//!
//! What a user wrote stays apart from what it means: [`AppOptions`] holds the first, typed but incomplete; `complete`
//! looks at the caller's surroundings once and makes the second. Nothing here talks to a daemon.

mod assemble;
mod caller;
mod command;
mod complete;
mod document;
mod dotenv;
mod env_files;
mod environment;
mod error;
mod fields;
mod file;
mod interpreter;
mod javascript;
mod options;
mod place;
mod read;
mod read_probe;
mod redact;
mod script;
mod search;
mod settings;
mod suggest;
mod words;

pub use crate::domain::spec::FilterEnv;
pub use caller::Caller;
pub use env_files::{replace as replace_env_files, reread as reread_env_files};
pub use environment::inherited;
pub use error::{ConfigError, Problem};
pub use fields::{Field, known_fields};
pub use file::{from_target, from_value, is_application_file, load_file, load_text};
pub use options::{AppOptions, Autorestart, FileOptions, Instances, Loaded, Watched};
