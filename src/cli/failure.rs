//! Why a command ends early.

use crate::api::ApiError;
use crate::config::ConfigError;
use std::io;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// To be told to the user.
    Told { message: String, hint: Option<String> },
    /// Whoever read our output has gone, as `rpm logs | head` does. Nothing is wrong.
    ReaderGone,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Told { message: message.into(), hint: None }
    }

    #[must_use]
    pub(crate) fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Told { message, .. } => Self::Told { message, hint: Some(text.into()) },
            Self::ReaderGone => Self::ReaderGone,
        }
    }

    /// Standard output could not be written.
    #[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
    pub(crate) fn output(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::new(format!("cannot write to standard output: {source}"))
        }
    }

    /// A daemon answered with something else than what was asked for.
    pub(crate) fn unexpected_answer() -> Self {
        Self::new("the daemon answered with something this version does not understand")
            .hint("the daemon may be of another version; have this one take over: rpm update")
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Told { message: error.message, hint: error.hint }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Told { message: error.to_string(), hint: error.hint() }
    }
}
