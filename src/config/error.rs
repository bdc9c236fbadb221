//! What can be wrong with a file, an app or a value: what happened, and what to do about it.

use super::shape::{SECRETS, Shape, VARIABLES};
use super::{apply, env_files, redact};
use crate::domain::cron::PatternError;
use crate::domain::site::BadSetting;
use crate::interpreter::Missing;
use serde_json::Value;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong, apart from where.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("{field} cannot be {value}")]
    BadValue { field: String, value: String, allowed: &'static str },
    #[error("unknown field \"{field}\"")]
    UnknownField { field: String, nearest: Option<&'static str> },

    #[error("{field} cannot be {value:?}: {source}")]
    BadPattern { field: &'static str, value: String, source: PatternError },

    #[error("the site cannot be served: {} makes no sense", setting.variable)]
    BadSite { setting: BadSetting },
    #[error("there is no directory {} to serve", path.display())]
    NoSite { path: PathBuf },
    #[error("the program that serves files was not found beside this one")]
    NoStaticServer,

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
    #[error("{0}")]
    Node(Box<Missing>),
    #[error("nothing here runs TypeScript: {}", path.display())]
    NoTypeScript { path: PathBuf, node: Option<String> },

    #[error("env_file {}: line {line}: {what}", path.display())]
    EnvFile { path: PathBuf, line: u32, what: &'static str },
    #[error("env_file {} cannot be read: {}", path.display(), cause(source))]
    EnvFileUnreadable { path: PathBuf, source: io::Error },

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
    #[error("nothing here reads TypeScript")]
    NoTypeScriptReader { node: Option<String> },
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
    #[error("{} wait for each other", cycle.join(" → "))]
    Cycle { cycle: Vec<String> },
    #[error("no app is called {name}")]
    NoSuchApp { name: String, known: Vec<String> },
}

impl Problem {
    pub(super) fn bad_value(field: &str, value: &Value, shape: Shape) -> Self {
        let may_be_secret = [VARIABLES.name, SECRETS.name].contains(&shape.name) && !value.is_object();
        let value = if may_be_secret { kind(value).to_owned() } else { shown(&redact::value(field, value)) };
        Self::BadValue { field: field.to_owned(), value, allowed: shape.allowed }
    }

    pub(super) fn unknown_field(name: &str) -> Self {
        Self::UnknownField { field: name.to_owned(), nearest: apply::nearest(name) }
    }

    /// Where in the file, if the problem itself knows.
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::Syntax { line, .. } | Self::Exception { line, file: None, .. } => *line,
            _ => None,
        }
    }

    /// The field that the problem comes from, where it is a matter of one.
    pub(super) const fn field(&self) -> Option<&'static str> {
        match self {
            Self::ScriptMissing { .. }
            | Self::ScriptIsDirectory { .. }
            | Self::Unreadable { .. }
            | Self::NotExecutable { .. }
            | Self::NoShell { .. }
            | Self::NoTypeScript { .. } => Some("script"),
            Self::NoDirectory { .. } => Some("cwd"),
            Self::EnvFile { .. } | Self::EnvFileUnreadable { .. } => Some("env_file"),
            Self::InterpreterMissing { .. } | Self::InterpreterUnusable { .. } | Self::Node(_) => {
                Some("exec_interpreter")
            }
            _ => None,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::BadValue { field, allowed, .. } => format!("{field} is {allowed}"),
            Self::UnknownField { nearest, .. } => format!("did you mean {}?", nearest.as_ref()?),
            Self::BadPattern { .. } => {
                "five fields: minute, hour, day, month, day of the week; or six with seconds first".into()
            }
            Self::BadSite { setting } => format!("{} is {}", setting.variable, setting.allowed),
            Self::NoSite { .. } => "paths are seen from the working directory of the app".into(),
            Self::NoStaticServer => "install rpm-native again: its programs belong together".into(),
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
            Self::Node(missing) => missing.hint(),
            Self::NoTypeScript { node: Some(node), .. } => {
                format!(
                    "install Node 22.18 or later (this is {node}), tsx in the project, or bun; .tsx files need one of these two"
                )
            }
            Self::NoTypeScript { node: None, .. } => {
                "install Node 22.18 or later, tsx in the project, or bun; .tsx files need one of these two".into()
            }
            Self::EnvFile { .. } => "a line is NAME=value, with quotes around a value that needs them".into(),
            Self::EnvFileUnreadable { path, source } => env_files::hint(path, source),
            Self::FileMissing { nearest: None } => "check the path".into(),
            Self::FileUnreadable { .. } => "look at the permissions of the file".into(),
            Self::FileTooLarge { .. } | Self::TooDeep { .. } | Self::TooMuchExported { .. } => {
                "this is no application file, or one that went wrong".into()
            }
            Self::Exception { code: Some(code), .. } if code.ends_with("MODULE_NOT_FOUND") => {
                "install the module where the file can find it, or correct its path".into()
            }
            Self::Syntax { .. } | Self::Exception { .. } => "correct the file; nothing was started".into(),
            Self::NoTypeScriptReader { node: Some(node) } => {
                format!("install Node 22.6 or later (this is {node}), or bun; or write the apps as JavaScript")
            }
            Self::NoTypeScriptReader { node: None } => "install Node 22.6 or later, or bun".into(),
            Self::NodeMissing => "install Node, or write the apps as JSON, YAML or TOML".into(),
            Self::NodeFailed { .. } => "check that node runs: node --version".into(),
            Self::TimedOut { .. } => "look for an endless loop, or a promise that nothing resolves".into(),
            Self::NothingExported { .. } => "see what it printed; it must not call process.exit".into(),
            Self::NotApps { .. } | Self::NoApps | Self::AppNotObject { .. } => {
                "write { \"apps\": [{ \"name\": \"api\", \"script\": \"app.js\" }] }".into()
            }
            Self::Cycle { .. } => "leave one of them out of a depends_on".into(),
            Self::NoSuchApp { known, .. } => format!("its apps are {}", known.join(", ")),
        };
        Some(hint)
    }
}

/// Why something cannot be read, in words.
fn cause(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "this user may not read it".into(),
        io::ErrorKind::IsADirectory => "it is a directory".into(),
        io::ErrorKind::InvalidData => "it is no UTF-8 text".into(),
        io::ErrorKind::FileTooLarge => "it is too large".into(),
        other => other.to_string(),
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

/// What sort of value it is, for a sentence.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Without control characters: what a file says must not move the cursor of who reads about it.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A value as it was written, short enough for a message. Of an object only its keys: what is in them may be secret.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::Object(parts) => {
            let keys: Vec<_> = parts.keys().map(|key| visible(key)).collect();
            format!("{{{}}}", keys.join(", "))
        }
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shape::{INSTANCES, PROBE};
    use serde_json::json;

    #[test]
    fn long_values_are_cut() {
        let problem = Problem::bad_value("instances", &json!(["x".repeat(500)]), INSTANCES).to_string();
        assert!(problem.ends_with('…') && problem.chars().count() < 100, "{problem}");
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let told = |field, value, shape| Problem::bad_value(field, &value, shape).to_string();
        assert_eq!(told("env", json!("TOKEN=abc"), VARIABLES), "env cannot be text");
        assert_eq!(told("secrets", json!({"A": "abc"}), SECRETS), "secrets cannot be {A}");
        let probe = json!({"http": {"headers": {"Authorization": "abc"}}, "periode": 1});
        assert_eq!(told("live_probe", probe, PROBE), "live_probe cannot be {http, periode}");
    }
}
