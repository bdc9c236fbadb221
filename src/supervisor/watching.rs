//! Changes of files, and the restarts that follow them.

use super::automatic::{Adoption, is_at_rest, unix};
use super::registry::Entry;
use super::resume::Share;
use super::world::World;
use crate::api::Watch;
use crate::domain::{AppSpec, ProcessId, SpawnId, UnixMs};
use crate::process::Command;
use crate::watch::{Notice, Wanted, Watcher};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long nothing may change when the app doesn't say (`watch_delay`): an editor or a checkout writes several files.
const QUIET: Duration = Duration::from_millis(150);

/// An app that is watched.
pub(super) struct Watching {
    wanted: Wanted,
    seen: Watch,
    /// A restart is under way; what changes meanwhile is followed by another.
    is_restarting: bool,
    again: Option<Changed>,
}

struct Changed {
    file: PathBuf,
    count: usize,
}

impl World {
    /// Watches what the list has now, and nothing else.
    pub(super) fn follow_watches(self: &Rc<Self>, adoption: Adoption) {
        let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
        for entry in self.registry.borrow().iter() {
            let Some(new) = self.wanted(entry) else { continue };
            match wanted.get_mut(&entry.spec.name) {
                Some(known) => known.never.extend(new.never),
                None => _ = wanted.insert(entry.spec.name.clone(), new),
            }
        }
        let mut watched = self.automatic.watched.borrow_mut();
        for (name, _) in watched.extract_if(.., |name, _| !wanted.contains_key(name)) {
            if let Some(watcher) = &*self.automatic.watcher.borrow() {
                watcher.forget(&name);
            }
        }
        for (name, wanted) in wanted {
            if watched.get(&name).is_some_and(|watching| watching.wanted == wanted) {
                continue;
            }
            let since = (adoption == Adoption::Yes).then(|| self.last_begin(&name)).flatten();
            let problem = self.watch(&name, Wanted { since, ..wanted.clone() });
            let seen = Watch { directories: 0, problem };
            watched.entry(name).and_modify(|watching| watching.wanted = wanted.clone()).or_insert(Watching {
                wanted,
                seen,
                is_restarting: false,
                again: None,
            });
        }
    }

    fn wanted(&self, entry: &Entry) -> Option<Wanted> {
        let (spec, identity) = (&*entry.spec, &*entry.identity);
        let policy = spec.watch.as_ref()?;
        let logs = [&identity.out_log, &identity.error_log, &identity.combined_log]
            .into_iter()
            .flatten()
            .map(|path| path.to_path_buf());
        let mut never: Vec<_> = logs.chain([identity.pid_file(spec)]).collect();
        if !spec.cwd.starts_with(self.home.root()) {
            never.push(self.home.root().to_owned());
        }
        Some(Wanted {
            roots: if policy.paths.is_empty() { vec![spec.cwd.clone()] } else { policy.paths.clone() },
            base: spec.cwd.clone(),
            ignore: policy.ignore.clone().unwrap_or_default(),
            never,
            quiet: if policy.delay == 0 { QUIET } else { Duration::from_millis(policy.delay) },
            since: None,
        })
    }

    /// Why it cannot be watched, if so.
    fn watch(&self, name: &str, wanted: Wanted) -> Option<String> {
        let mut watcher = self.automatic.watcher.borrow_mut();
        if watcher.is_none() {
            match Watcher::start(self.automatic.notices.clone()) {
                Ok(new) => *watcher = Some(new),
                Err(error) => {
                    let problem = format!(
                        "its files are not watched: {error}; the system may allow no more programs that watch \
                         (sysctl fs.inotify.max_user_instances)"
                    );
                    tracing::error!("{name}: {problem}");
                    return Some(problem);
                }
            }
        }
        if let Some(watcher) = &*watcher {
            watcher.watch(name, wanted);
        }
        None
    }

    /// The oldest run that is under way; of what has ended, when it did. A file that has changed since is not in it.
    fn last_begin(&self, name: &str) -> Option<UnixMs> {
        let registry = self.registry.borrow();
        let begin = |entry: &Entry| {
            let seen = entry.handle.observed();
            let ended = || (seen.state.run != SpawnId(0)).then(|| unix(seen.state.ended_at));
            seen.started_at.or_else(|| ended().filter(|_| is_at_rest(&seen.state)))
        };
        registry.iter().filter(|entry| entry.spec.name == name).filter_map(begin).min()
    }

    pub(super) fn noticed(self: &Rc<Self>, notice: Notice) {
        match notice {
            Notice::Watching { app, directories, problem } => {
                if let Some(problem) = &problem {
                    tracing::warn!("{app}: {problem}");
                }
                if let Some(watching) = self.automatic.watched.borrow_mut().get_mut(&app) {
                    watching.seen = Watch { directories: directories as u32, problem };
                }
            }
            Notice::Changed { app, file, count } => self.changed(app, Changed { file, count }),
        }
    }

    fn changed(self: &Rc<Self>, app: String, changed: Changed) {
        let mut watched = self.automatic.watched.borrow_mut();
        let Some(watching) = watched.get_mut(&app) else { return };
        if watching.is_restarting {
            let before = watching.again.take().map_or(0, |again| again.count);
            watching.again = Some(Changed { count: before + changed.count, ..changed });
            return;
        }
        watching.is_restarting = true;
        let world = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let mut next = Some(changed);
            while let Some(changed) = next {
                world.restart_changed(&app, &changed).await;
                let mut watched = world.automatic.watched.borrow_mut();
                next = watched.get_mut(&app).and_then(|watching| {
                    let again = watching.again.take();
                    watching.is_restarting = again.is_some();
                    again
                });
            }
        });
    }

    /// All processes of the app that are watched, also those that have failed. One that never ran isn't begun by this.
    async fn restart_changed(self: &Rc<Self>, app: &str, changed: &Changed) {
        // A reload that is under way may have begun before the change.
        while self.registry.borrow().reloading.contains(app) {
            self.automatic.reloaded.notified().await;
        }
        let ids: Vec<ProcessId> = {
            let registry = self.registry.borrow();
            let is_meant = |entry: &&Entry| {
                entry.spec.name == app && entry.spec.watch.is_some() && entry.handle.observed().state.run != SpawnId(0)
            };
            registry.iter().filter(is_meant).map(|entry| entry.identity.id).collect()
        };
        let Some(first) = ids.first().and_then(|id| Some(Arc::clone(&self.registry.borrow().get(*id)?.spec))) else {
            return;
        };
        self.restart_by_itself(&Share::all_due(ids), &in_words(&first, changed)).await;
    }

    /// Whoever stops an app switches its watching off, as PM2 does.
    pub(super) fn stop_watching(self: &Rc<Self>, ids: &[ProcessId]) {
        for id in ids {
            let mut registry = self.registry.borrow_mut();
            let Some(entry) = registry.get_mut(*id).filter(|entry| entry.spec.watch.is_some()) else { continue };
            entry.spec = Arc::new(AppSpec { watch: None, ..(*entry.spec).clone() });
            entry.handle.send(Command::Respec(Arc::clone(&entry.spec), Rc::clone(&entry.identity)));
        }
        self.follow_watches(Adoption::No);
    }

    pub(super) fn watch_of(&self, spec: &AppSpec) -> Option<Watch> {
        spec.watch.as_ref()?;
        self.automatic.watched.borrow().get(&spec.name).map(|watching| watching.seen.clone())
    }
}

/// `changed src/a.js (and 3 more)`.
fn in_words(spec: &AppSpec, changed: &Changed) -> String {
    let file = match changed.file.strip_prefix(&spec.cwd) {
        Ok(relative) if relative != Path::new("") => relative,
        _ => &changed.file,
    };
    let more = match changed.count {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!("changed {}{more}", file.display())
}
