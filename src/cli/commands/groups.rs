//! What is asked of processes that are known and stay as they are: all at once, or so many at a time.

use super::apps::{self, Manner};
use crate::api::request::{Existing, Start};
use crate::api::{Process, Request};
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::{Session, processes_of};
use crate::domain::{AppSpec, ProcessId, Selector};

/// How many processes are restarted at a time, where not all are. A reload has its own way.
pub(super) fn groups_of(verb: Verb, manner: Manner) -> Option<usize> {
    manner.parallel.filter(|_| existing(verb) == Existing::Restart).map(|count| count.max(1) as usize)
}

/// So many at a time, the next ones when those are there again.
pub(super) async fn in_groups(
    session: &mut Session<'_>,
    verb: Verb,
    ids: &[ProcessId],
    manner: Manner,
    count: usize,
) -> Result<Vec<Process>, Failure> {
    let mut acted = Vec::new();
    for group in ids.chunks(count) {
        let selectors = group.iter().map(|id| Selector::new(id.to_string()));
        let requests = selectors.map(|selector| plain_request(verb, selector, manner)).collect();
        acted.extend(session.act_together(verb, requests, group.to_vec()).await?);
    }
    Ok(acted)
}

/// The apps of a file, so many processes at a time: those of the list get their settings first, then are restarted; those
/// that are missing are started.
pub(super) async fn of_file(
    session: &mut Session<'_>,
    verb: Verb,
    apps: Vec<AppSpec>,
    manner: Manner,
    count: usize,
) -> Result<Vec<Process>, Failure> {
    let known = session.list(Selector::all()).await?;
    let (there, missing): (Vec<_>, Vec<_>) =
        apps.into_iter().partition(|app| known.iter().any(|process| process.name == app.name));
    let mut ids = Vec::new();
    for app in &there {
        ids.extend(known.iter().filter(|process| process.name == app.name).map(|process| process.id));
    }
    let mut acted = Vec::new();
    if !there.is_empty() {
        let keep = Start { apps: there, existing: Existing::Keep, force: false, parallel: None };
        processes_of(session.link.request(Request::Start(keep)).await?)?;
        acted.extend(in_groups(session, verb, &ids, manner, count).await?);
    }
    for group in missing.chunks(count) {
        acted.extend(apps::apply(session, verb, group.to_vec(), existing(verb), manner).await?);
    }
    Ok(acted)
}

pub(super) const fn existing(verb: Verb) -> Existing {
    match verb {
        Verb::Reload => Existing::Reload,
        Verb::Start | Verb::Restart | Verb::Scale | Verb::Stop | Verb::Delete => Existing::Restart,
    }
}

pub(super) fn plain_request(verb: Verb, selector: Selector, Manner { force, parallel }: Manner) -> Request {
    match existing(verb) {
        Existing::Reload => Request::Reload { selector, parallel },
        Existing::Restart | Existing::Refuse | Existing::Duplicate | Existing::Keep => {
            Request::Restart { selector, force }
        }
    }
}
