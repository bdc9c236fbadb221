//! Application files, objects and flags into [`AppSpec`](crate::domain::AppSpec)s.
//!
//! ```text
//!  file ──▶ json / yaml / toml / javascript ─┐
//!  text ─────────────────────────────────────┼─▶ document ─▶ apply ─▶ AppOptions ─▶ complete ─▶ AppSpec
//!  value ────────────────────────────────────┘    (fields)   flags ───┘   (script, interpreter, environment, place)
//! ```
//!
//! All that is wrong on the way is told at once, in a [`Report`]: with the app, the field, and the line where the text
//! has lines that mean something. `fields` is the one list of fields: `schema` is made from it, and the documentation.
//!
//! What a user wrote stays apart from what it means: [`AppOptions`] holds the first, typed but incomplete; `complete`
//! looks at the caller's surroundings once and makes the second. Nothing here talks to a daemon.

mod apply;
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
mod format;
mod found;
mod interpreter;
mod javascript;
mod json;
mod options;
mod output;
mod place;
mod places;
mod read;
mod redact;
mod report;
mod sample;
mod schema;
mod script;
mod search;
mod settings;
mod shape;
mod sites;
mod suggest;
mod toml;
mod words;
mod yaml;

#[cfg(test)]
mod generated;

pub use crate::domain::spec::FilterEnv;
pub use caller::Caller;
pub use command::{Command as Helper, Failure as HelperFailure, Finished, run as run_helper};
pub use complete::name_of;
pub use env_files::{replace as replace_env_files, reread as reread_env_files};
pub use environment::inherited;
pub use error::Problem;
pub use fields::{Field, known_fields};
pub use file::{from_target, from_value, inspect_file, inspect_text, literal, load_file, load_text};
pub use format::{DEFAULT_FILES, is_application_file};
pub use found::{Found, found};
pub use interpreter::named as named_interpreter;
pub use options::{AppOptions, Autorestart, FileOptions, Inherited, Instances, Loaded, LogFile, Watched};
pub use output::{combined_log, log_dates, log_type};
pub use read::milliseconds;
pub use report::{ConfigError, Fault, Notice, Report};
pub use sample::{Sample, sample};
pub use schema::schema;
pub use search::find as find_program;
pub use settings::{add_source_maps, setting};
pub use shape::Shape;
pub use sites::default_name as default_site_name;
