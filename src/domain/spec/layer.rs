//! Where a variable comes from.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// What gives a variable its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Layer {
    /// The environment of the command that started the app.
    Inherited,
    /// A line of a `.env` file.
    EnvFile { file: PathBuf, line: u32 },
    /// We, because programs of its kind need it.
    Default,
    /// `env` of the app.
    Env,
    /// Its `port`.
    Port,
    /// `env_<name>` of the app.
    Profile { name: String },
    /// The settings store: `rpm set <app>:<name>`.
    Setting,
    /// Its `increment_var`: another value for each process.
    Increment,
    /// Read at each start.
    SecretFile { file: PathBuf },
    /// Printed by a shell line at each start.
    SecretCommand { command: String },
    /// What a process is told of itself.
    Ours,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherited => f.write_str("inherited"),
            Self::EnvFile { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Default => f.write_str("default of its interpreter"),
            Self::Env => f.write_str("env"),
            Self::Port => f.write_str("port"),
            Self::Profile { name } => write!(f, "env_{name}"),
            Self::Setting => f.write_str("rpm set"),
            Self::Increment => f.write_str("increment_var"),
            Self::SecretFile { file } => write!(f, "secret file {}", file.display()),
            Self::SecretCommand { command } => write!(f, "secret command {command}"),
            Self::Ours => f.write_str("rpm"),
        }
    }
}
