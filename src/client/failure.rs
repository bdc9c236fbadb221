//! Why a call gave no answer, and what that means for whoever asked.

use super::autostart;
use super::transport::{TransportError, is_absence};
use crate::api::{ApiError, Code};
use crate::paths::Home;
use hyper::StatusCode;

#[derive(Debug)]
pub(super) enum Failure {
    /// No daemon answers; nothing was done.
    Absent,
    /// The daemon was lost half-way.
    Lost(ApiError),
    Other(ApiError),
}

impl Failure {
    pub(super) fn of(error: TransportError, home: &Home) -> Self {
        match error {
            TransportError::Connect(error) if is_absence(&error) => Self::Absent,
            TransportError::Foreign(owner) => Self::Other(autostart::of_other_user(owner)),
            TransportError::Connect(error) => {
                Self::Other(autostart::denied(home, &error, "its socket cannot be reached"))
            }
            broken @ TransportError::Broken(_) => Self::Lost(
                ApiError::new(Code::Unreachable, broken.to_string())
                    .hint(format!("see {} for why", home.daemon_log().display())),
            ),
        }
    }

    pub(super) fn into_error(self, home: &Home) -> ApiError {
        match self {
            Self::Absent => {
                ApiError::new(Code::Unreachable, format!("no daemon answers for home {}", home.root().display()))
                    .hint(format!("see {} for why it ended", home.daemon_log().display()))
            }
            Self::Lost(error) | Self::Other(error) => error,
        }
    }
}

/// A daemon's no.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> ApiError {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| ApiError::new(Code::Internal, format!("the daemon answered {status}")))
}

/// What only a daemon of another version says.
pub(super) fn foreign(what: &str, error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::Internal, format!("the daemon {what} what this version doesn't understand: {error}"))
        .hint("the daemon is of another version: `rpm update` has this one take over, no app notices")
}
