//! The list: entries by id, and who is meant by what.

use super::trial::Standby;
use crate::api::{ApiError, Code};
use crate::cluster::Group;
use crate::domain::selector::Candidate;
use crate::domain::spec::{CombinedLog, Mode};
use crate::domain::{AppSpec, ProcessId, Selector, Status, UnixMs};
use crate::paths::{Home, with_id};
use crate::process::{self, Identity};
use crate::slots::InFlight;
use crate::sys::keep::Keep;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// One process of the list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) spec: Arc<AppSpec>,
    pub(super) identity: Rc<Identity>,
    pub(super) created_at: UnixMs,
    pub(super) handle: process::Handle,
    /// During a reload: the replacement that isn't in place yet, or the old process that leaves.
    pub(super) passing: Option<process::Handle>,
    /// That one stands by: it returns should the new one not stay well.
    pub(super) standby: Option<Box<Standby>>,
    /// The mark of `monitor` and `unmonitor`.
    pub(super) monitored: Option<bool>,
    /// It ran until the machine was started anew.
    pub(super) ran_before_boot: bool,
    /// A command has stopped it to start it: it is to run, whoever carries that out.
    pub(super) returns: bool,
}

impl Entry {
    /// Whether it is to run as soon as somebody says so: nobody has started or stopped it since the machine began.
    pub(super) fn waits_since_boot(&self) -> bool {
        let state = &self.handle.observed().state;
        self.ran_before_boot && state.run.0 == 0 && state.status() == Status::Stopped
    }

    /// Whether it runs, or is to.
    pub(super) fn is_wanted(&self) -> bool {
        self.waits_since_boot() || self.returns || self.handle.observed().state.is_wanted()
    }
}

/// All processes.
#[derive(Debug)]
pub(super) struct Registry {
    entries: BTreeMap<ProcessId, Entry>,
    next_id: u32,
    /// The cluster of each app that has one, by name.
    groups: BTreeMap<String, Group>,
    /// Apps of which a reload is under way.
    pub(super) reloading: BTreeSet<String>,
    keep: Rc<dyn Keep>,
    in_flight: InFlight,
    /// Above all numbers that primaries of earlier generations have used.
    first_seq: u64,
}

impl Registry {
    pub(super) fn new(keep: Rc<dyn Keep>, in_flight: InFlight, generation: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            next_id: 0,
            groups: BTreeMap::new(),
            reloading: BTreeSet::new(),
            keep,
            in_flight,
            first_seq: generation << 32,
        }
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ProcessId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// Ids below this have been used.
    pub(super) fn skip_to(&mut self, next_id: u32) {
        self.next_id = self.next_id.max(next_id);
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.identity.id, entry);
    }

    /// Forgets a process. Ids begin anew when the list is empty.
    pub(super) fn remove(&mut self, id: ProcessId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        if !self.entries.values().any(|other| other.spec.name == entry.spec.name) {
            self.groups.remove(&entry.spec.name);
        }
        if self.entries.is_empty() {
            self.next_id = 0;
        }
    }

    /// Nobody is called so any more.
    pub(super) fn forget_group(&mut self, name: &str) {
        self.groups.remove(name);
    }

    /// The cluster that processes of this spec belong to.
    pub(super) fn group(&mut self, spec: &AppSpec) -> Option<Group> {
        let new = || Group::new(&spec.name, Rc::clone(&self.keep), self.in_flight.clone(), self.first_seq);
        (spec.mode == Mode::Cluster).then(|| self.groups.entry(spec.name.clone()).or_insert_with(new).clone())
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    pub(super) fn group_of(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Whether a process of the app is being replaced.
    pub(super) fn is_changing(&self, name: &str) -> bool {
        self.reloading.contains(name) || self.iter().any(|entry| entry.spec.name == name && entry.passing.is_some())
    }

    pub(super) fn named(&self, name: &str) -> Vec<ProcessId> {
        self.iter().filter(|entry| entry.spec.name == name).map(|entry| entry.identity.id).collect()
    }

    /// Of that name, without those that are on their way out for good.
    pub(super) fn staying(&self, name: &str) -> Vec<ProcessId> {
        let stays = |entry: &&Entry| entry.spec.name == name && !entry.handle.is_leaving();
        self.iter().filter(stays).map(|entry| entry.identity.id).collect()
    }

    /// The processes meant; that nobody is meant is an error.
    pub(super) fn select(&self, selector: &Selector) -> Result<Vec<ProcessId>, ApiError> {
        let found = self.find(selector)?;
        if !found.is_empty() {
            return Ok(found);
        }
        if self.entries.is_empty() {
            return Err(ApiError::new(Code::NotFound, "there are no processes").hint("start one: rpm start app.js"));
        }
        let names: BTreeSet<&str> = self.iter().map(|entry| entry.spec.name.as_str()).collect();
        let known: Vec<&str> = names.into_iter().take(10).collect();
        Err(ApiError::new(Code::NotFound, format!("no process, namespace or id is called {}", selector.text))
            .hint(format!("there are: {} (see all: rpm ls)", known.join(", "))))
    }

    /// The same, where nobody is an answer too. What an app calls itself (PM2 renames it then) means it where nothing
    /// else is meant.
    pub(super) fn find(&self, selector: &Selector) -> Result<Vec<ProcessId>, ApiError> {
        let known: Vec<_> = self.iter().map(|entry| candidate(entry, &entry.spec.name)).collect();
        let found = select(selector, &known)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let aliases = self.iter().filter_map(|entry| Some((entry, entry.handle.panel().alias()?.to_owned())));
        let aliases: Vec<_> = aliases.collect();
        let known: Vec<_> = aliases.iter().map(|(entry, alias)| candidate(entry, alias)).collect();
        select(selector, &known)
    }

    /// A new process's identity: the next id, the smallest free instance number of its name.
    pub(super) fn identify(&mut self, spec: &AppSpec, home: &Home) -> Rc<Identity> {
        let id = ProcessId(self.next_id);
        self.next_id += 1;
        let taken: BTreeSet<u32> =
            self.iter().filter(|entry| entry.spec.name == spec.name).map(|entry| entry.identity.instance).collect();
        let instance = (0..=id.0).find(|number| !taken.contains(number)).unwrap_or(id.0);
        identity(spec, id, instance, &unique_id(), home)
    }
}

fn candidate<'a>(entry: &'a Entry, name: &'a str) -> Candidate<'a> {
    let spec = &entry.spec;
    Candidate { id: entry.identity.id, name, namespace: &spec.namespace, script: &spec.program.path }
}

fn select(selector: &Selector, candidates: &[Candidate<'_>]) -> Result<Vec<ProcessId>, ApiError> {
    selector.select(candidates).map_err(|error| ApiError::new(Code::Invalid, error.to_string()))
}

/// Where the files of a process are.
pub(super) fn identity(spec: &AppSpec, id: ProcessId, instance: u32, unique_id: &str, home: &Home) -> Rc<Identity> {
    let log_of = |path: PathBuf| -> Option<Arc<Path>> {
        if spec.logs.disable {
            return None;
        }
        // Followers see it all the same; nothing is written.
        let nowhere = path == Path::new("/dev/null");
        Some(if spec.logs.merge || nowhere { path } else { with_id(&path, id.0) }.into())
    };
    let log = |path: &Option<PathBuf>, stream: &str| {
        log_of(path.clone().unwrap_or_else(|| home.default_log(&spec.name, stream)))
    };
    let combined = spec.logs.combined.as_ref().map(|log| match log {
        CombinedLog::InHome => home.default_combined_log(&spec.name),
        CombinedLog::At(path) => path.clone(),
    });
    Rc::new(Identity {
        id,
        instance,
        unique_id: unique_id.to_owned(),
        out_log: log(&spec.logs.out, "out"),
        error_log: log(&spec.logs.error, "error"),
        combined_log: combined.and_then(log_of),
        home: home.clone(),
    })
}

/// A random UUID. Where the system gives no randomness it is not unique, which costs a label.
fn unique_id() -> String {
    let mut bytes = [0u8; 16];
    let _ = getrandom::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
