//! The user that an app runs as, looked up anew at each start.

use super::launch::LaunchError;
use crate::domain::AppSpec;
use crate::sys::user::{self, Ids};
use std::fmt::Display;
use std::os::fd::BorrowedFd;

/// Who the app is to be; `None` when it is what we are.
pub(super) fn account(spec: &AppSpec) -> Result<Option<Ids>, LaunchError> {
    if spec.uid.is_none() && spec.gid.is_none() {
        return Ok(None);
    }
    let refused =
        |why: &dyn Display, errno| LaunchError { message: format!("it cannot run as {}: {why}", called(spec)), errno };
    let ids = user::resolve(spec.uid.as_deref(), spec.gid.as_deref()).map_err(|why| refused(&why, libc::EINVAL))?;
    if user::effective_uid() == 0 {
        return Ok(Some(ids));
    }
    if ids.are_ours() {
        return Ok(None);
    }
    let us = user::name().unwrap_or_else(|| user::effective_uid().to_string());
    let why = format!(
        "only root can start a process as another user, and this is {us}; take uid and gid away, or use root's daemon"
    );
    Err(refused(&why, libc::EPERM))
}

/// Lets the app open its own streams anew, as `/dev/stdout`: whoever opens a pipe needs to be its owner.
pub(super) fn hand_over(streams: &[BorrowedFd<'_>], ids: Option<&Ids>) {
    let Some(ids) = ids else { return };
    for stream in streams {
        if let Err(error) = user::give(*stream, ids) {
            tracing::debug!("a stream cannot be given to user {}: {error}", ids.uid);
        }
    }
}

fn called(spec: &AppSpec) -> String {
    match (&spec.uid, &spec.gid) {
        (Some(user), Some(group)) => format!("{user}:{group}"),
        (Some(user), None) => user.clone(),
        (None, group) => format!("group {}", group.as_deref().unwrap_or_default()),
    }
}
