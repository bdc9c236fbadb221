//! What can be wrong with a file, an app or a value: what happened, to which app of which file, and what to do about it.

use super::fields;
use crate::domain::cron::PatternError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file, an object or a command line that makes no app.
#[derive(Debug)]
pub struct ConfigError {
    pub file: Option<PathBuf>,
    pub app: Option<String>,
    pub problem: Box<Problem>,
}

/// What is wrong, apart from where.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("{field} cannot be {value}")]
    BadValue { field: String, value: String, allowed: &'static str },
    #[error("{field} is not supported yet")]
    UnsupportedField { field: String },
    #[error("unknown field \"{field}\"")]
    UnknownField { field: String, nearest: Option<&'static str> },

    #[error("{field} cannot be {value:?}: {source}")]
    BadPattern { field: &'static str, value: String, source: PatternError },

    #[error("there is no script to run")]
    NoScript,
    #[error("script not found: {}", path.display())]
    ScriptMissing { path: PathBuf, nearest: Option<String> },
    #[error("{} is a directory", path.display())]
    ScriptIsDirectory { path: PathBuf },
    #[error("cannot read {}: {}", path.display(), source.kind())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is not executable", path.display())]
    NotExecutable { path: PathBuf },
    #[error("there is no directory {} to run in", path.display())]
    NoDirectory { path: PathBuf },
    #[error("neither bash nor sh is in PATH to run this line: {line}")]
    NoShell { line: String },
    #[error("interpreter \"{interpreter}\" is not in PATH")]
    InterpreterMissing { interpreter: String },
    #[error("interpreter {} is not an executable file", path.display())]
    InterpreterUnusable { path: PathBuf },
    #[error("Node {version} is not installed: {} is missing", path.display())]
    NodeVersionMissing { version: String, path: PathBuf },
    #[error("nothing here runs TypeScript: {}", path.display())]
    NoTypeScript { path: PathBuf, node: Option<String> },

    #[error("there is no such file")]
    FileMissing { nearest: Option<String> },
    #[error("cannot read the file: {}", source.kind())]
    FileUnreadable { source: io::Error },
    #[error("the file is over {} kB", limit / 1024)]
    FileTooLarge { limit: u64 },
    #[error("values are nested more than {limit} deep")]
    TooDeep { limit: usize },
    #[error("{}{message}", At { line: *line, column: *column })]
    Syntax { line: Option<u64>, column: Option<u64>, message: String },
    #[error("{}{message}", Thrown { file: file.as_deref(), line: *line, column: *column })]
    Exception { message: String, code: Option<String>, file: Option<PathBuf>, line: Option<u64>, column: Option<u64> },
    #[error("node is not in PATH, and it takes node to read this file")]
    NodeMissing,
    #[error("node could not be run: {source}")]
    NodeFailed { source: io::Error },
    #[error("it was still being read after {seconds} s")]
    TimedOut { seconds: u64 },
    #[error("node ended before the file was read ({status})")]
    NothingExported { status: String },
    #[error("it exports more than {} MB", limit / 1024 / 1024)]
    TooMuchExported { limit: usize },

    #[error("expected an app, a list of apps, or an object with \"apps\", but this is {value}")]
    NotApps { value: &'static str },
    #[error("there are no apps in it")]
    NoApps,
    #[error("app {number} is {value} and not an object")]
    AppNotObject { number: usize, value: &'static str },
    #[error("no app is called {name}")]
    NoSuchApp { name: String, known: Vec<String> },
}

impl Problem {
    pub(super) fn unknown_field(name: &str) -> Self {
        Self::UnknownField { field: name.to_owned(), nearest: fields::nearest(name) }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::BadValue { field, allowed, .. } => format!("{field} is {allowed}"),
            Self::UnsupportedField { .. } => "leave it out".into(),
            Self::UnknownField { nearest, .. } => format!("did you mean {}?", nearest.as_ref()?),
            Self::BadPattern { .. } => {
                "five fields: minute, hour, day, month, day of the week; or six with seconds first".into()
            }
            Self::NoScript => "say what to run, for example \"script\": \"app.js\"".into(),
            Self::ScriptMissing { nearest: Some(nearest), .. } | Self::FileMissing { nearest: Some(nearest) } => {
                format!("did you mean {nearest}?")
            }
            Self::ScriptMissing { .. } => "check the path: it is no file, and no program in PATH has that name".into(),
            Self::ScriptIsDirectory { path } => {
                format!("name the file in it to run, for example {}", path.join("index.js").display())
            }
            Self::Unreadable { path, .. } => format!("look at its permissions: ls -ld {}", path.display()),
            Self::NotExecutable { path } => format!("run chmod +x {}, or name an interpreter", path.display()),
            Self::NoDirectory { .. } => "create it, or correct cwd".into(),
            Self::NoShell { .. } | Self::InterpreterMissing { .. } => {
                "install it, or correct the PATH of the app".into()
            }
            Self::InterpreterUnusable { .. } => "correct the path, or give a program's name to look up in PATH".into(),
            Self::NodeVersionMissing { version, .. } => format!("run nvm install {version}"),
            Self::NoTypeScript { node: Some(node), .. } => {
                format!("install Node 22.18 or later (this is {node}), or bun; .tsx files need bun")
            }
            Self::NoTypeScript { node: None, .. } => "install Node 22.18 or later, or bun; .tsx files need bun".into(),
            Self::FileMissing { nearest: None } => "check the path".into(),
            Self::FileUnreadable { .. } => "look at the permissions of the file".into(),
            Self::FileTooLarge { .. } | Self::TooDeep { .. } | Self::TooMuchExported { .. } => {
                "this is no application file, or one that went wrong".into()
            }
            Self::Exception { code: Some(code), .. } if code.ends_with("MODULE_NOT_FOUND") => {
                "install the module where the file can find it, or correct its path".into()
            }
            Self::Syntax { .. } | Self::Exception { .. } => "correct the file; nothing was started".into(),
            Self::NodeMissing => "install Node, or write the apps as JSON or YAML".into(),
            Self::NodeFailed { .. } => "check that node runs: node --version".into(),
            Self::TimedOut { .. } => "look for an endless loop, or a promise that nothing resolves".into(),
            Self::NothingExported { .. } => "see what it printed; it must not call process.exit".into(),
            Self::NotApps { .. } | Self::NoApps | Self::AppNotObject { .. } => {
                "write { \"apps\": [{ \"name\": \"api\", \"script\": \"app.js\" }] }".into()
            }
            Self::NoSuchApp { known, .. } => format!("its apps are {}", known.join(", ")),
        };
        Some(hint)
    }

    pub(super) fn of_app(self, app: impl Into<String>) -> ConfigError {
        ConfigError { app: Some(app.into()), ..self.into() }
    }
}

impl ConfigError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        self.problem.hint()
    }

    pub(super) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { file: None, app: None, problem: Box::new(problem) }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if let Some(app) = &self.app {
            write!(f, "app {app}: ")?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

/// `line 3, column 9: `, as far as known.
struct At {
    line: Option<u64>,
    column: Option<u64>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: "),
            (Some(line), None) => write!(f, "line {line}: "),
            (None, _) => Ok(()),
        }
    }
}

/// Where an exception came from, when that is another file than the one being read.
struct Thrown<'a> {
    file: Option<&'a Path>,
    line: Option<u64>,
    column: Option<u64>,
}

impl fmt::Display for Thrown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = self.file {
            write!(f, "{}, ", file.display())?;
        }
        At { line: self.line, column: self.column }.fmt(f)
    }
}
