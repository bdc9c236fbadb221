//! The control group that a run and all it starts are in, and the limits that it holds.
//!
//! A limit that is not to be had is a warning, as the app runs without it.

use crate::domain::spec::Limits;
use crate::domain::{ProcessId, SpawnId};
use crate::sys::cgroup::{Cgroup, Cgroups};
use crate::sys::oom::Killed;
use crate::sys::spawn::SpawnPlan;
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// The time in which a share of the cores is given out, in microseconds: the kernel's own choice.
const CPU_PERIOD: u64 = 100_000;

/// The control groups of all runs.
#[derive(Debug, Default)]
pub struct Confinement {
    groups: Cgroups,
    /// Those of ended runs that could not be removed yet.
    ended: RefCell<Vec<Cgroup>>,
    pub(super) killed: Killed,
}

/// What is made for one run before it is.
#[derive(Debug, Default)]
pub(super) struct Confined {
    pub(super) group: Option<Cgroup>,
    directory: Option<File>,
    procs: Option<File>,
    /// Limits that are not in force, and why.
    pub(super) warnings: Vec<String>,
}

/// A limit that a control group holds.
struct Setting {
    field: &'static str,
    controller: &'static str,
    file: &'static str,
    value: String,
}

impl Confinement {
    pub fn new(groups: Cgroups) -> Self {
        Self { groups, ended: RefCell::default(), killed: Killed::default() }
    }

    /// Where nothing outlives this program only an app with limits has a group: nobody would remove the others.
    pub(super) fn confine(&self, limits: &Limits, id: ProcessId, run: SpawnId, always: bool) -> Confined {
        let settings = settings(limits);
        if settings.is_empty() && !always {
            return Confined::default();
        }
        let mut controllers: Vec<&'static str> = settings.iter().map(|setting| setting.controller).collect();
        controllers.dedup();
        let made = self.groups.create(&name_of(id, run), &controllers);
        let made = made.and_then(|(group, lacking)| Ok((group.directory()?, group.procs()?, group, lacking)));
        let (directory, procs, group, lacking) = match made {
            Ok(made) => made,
            Err(error) => {
                let warnings = settings.iter().map(|setting| not_in_force(setting.field, &error.to_string())).collect();
                return Confined { warnings, ..Confined::default() };
            }
        };
        let mut warnings = Vec::new();
        for Setting { field, controller, file, value } in settings {
            let set = match lacking.iter().find(|lacking| lacking.controller == controller) {
                Some(lacking) => Err(format!("the controller {controller} cannot be used: {}", lacking.why)),
                None => {
                    group.set(file, &value).map_err(|error| format!("{}: {error}", group.path().join(file).display()))
                }
            };
            warnings.extend(set.err().map(|why| not_in_force(field, &why)));
        }
        if limits.memory_max.is_some() {
            // An app of which some processes are gone is in a state that nobody has thought of. Older kernels know only
            // that.
            let _ = group.set("memory.oom.group", "1");
        }
        Confined { group: Some(group), directory: Some(directory), procs: Some(procs), warnings }
    }

    /// The group of a run that another generation has made, and which of its limits are not in force.
    pub(super) fn find(&self, limits: &Limits, id: ProcessId, run: SpawnId) -> (Option<Cgroup>, Vec<String>) {
        let group = self.group(id, run);
        let is_set = |setting: &Setting| {
            let text = group.as_ref().and_then(|group| group.read(setting.file).ok());
            text.is_some_and(|text| !text.starts_with("max"))
        };
        let unset = settings(limits).into_iter().filter(|setting| !is_set(setting));
        let warnings = unset.map(|setting| not_in_force(setting.field, "this run was started without it")).collect();
        (group, warnings)
    }

    /// The group of a run, whichever generation has made it.
    pub(super) fn group(&self, id: ProcessId, run: SpawnId) -> Option<Cgroup> {
        self.groups.find(&name_of(id, run))
    }

    /// The run is over: its group goes, as soon as nothing lives in it.
    pub(super) fn release(&self, id: ProcessId, run: SpawnId) {
        if let Some(group) = self.group(id, run) {
            self.remove(group);
        }
    }

    fn remove(&self, group: Cgroup) {
        match group.remove() {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => self.ended.borrow_mut().push(group),
            Err(error) => tracing::debug!("{} cannot be removed: {error}", group.path().display()),
            Ok(()) => {}
        }
    }

    /// Removes the groups of all runs but these: what killed daemons have left. Those that something lives in stay.
    pub fn keep_only(&self, runs: &[(ProcessId, SpawnId)]) {
        let names: Vec<String> = runs.iter().map(|(id, run)| name_of(*id, *run)).collect();
        for group in self.groups.all().into_iter().filter(|group| !names.iter().any(|name| name == group.name())) {
            self.remove(group);
        }
    }

    /// Tries again what could not be removed.
    pub fn tidy(&self) {
        for group in self.ended.take() {
            self.remove(group);
        }
    }

    /// Nothing runs any more.
    pub fn close(&self) {
        self.tidy();
        self.groups.tidy();
    }
}

impl Confined {
    /// The run is born in its group.
    pub(super) fn plan<'a>(&'a self, plan: &mut SpawnPlan<'a>) {
        plan.cgroup = self.directory.as_ref().map(File::as_fd);
        plan.cgroup_procs = self.procs.as_ref().map(File::as_fd);
    }

    /// We may make a group, and yet not move a process into it: the app runs where it can.
    pub(super) fn give_up(&mut self, limits: &Limits, error: &io::Error) {
        let why = format!("it cannot be moved into its control group: {error}");
        self.warnings = settings(limits).iter().map(|setting| not_in_force(setting.field, &why)).collect();
        self.directory = None;
        self.procs = None;
        if let Some(group) = self.group.take() {
            let _ = group.remove();
        }
    }
}

fn name_of(id: ProcessId, run: SpawnId) -> String {
    format!("{id}-{run}")
}

/// In the order of their controllers.
fn settings(limits: &Limits) -> Vec<Setting> {
    let setting =
        |field, controller, file, value: Option<String>| Some(Setting { field, controller, file, value: value? });
    let bytes = |value: Option<u64>| value.map(|value| value.to_string());
    let cpu = limits.cpu.map(|cpu| format!("{} {CPU_PERIOD}", (u64::from(cpu.0) * CPU_PERIOD / 1000).max(1000)));
    [
        setting("memory_high", "memory", "memory.high", bytes(limits.memory_high)),
        setting("memory_max", "memory", "memory.max", bytes(limits.memory_max)),
        setting("cpu", "cpu", "cpu.max", cpu),
        setting("pids_max", "pids", "pids.max", bytes(limits.pids_max.map(u64::from))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn not_in_force(field: &str, why: &str) -> String {
    format!(
        "{field} is not in force: {why}; it needs control groups of version 2 that the daemon may use: run it as root, \
         or in a systemd unit with Delegate=yes, or name one by RPM_CGROUP_ROOT"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::CpuQuota;
    use crate::sys::cgroup::Places;
    use std::fs;

    fn limits() -> Limits {
        Limits {
            memory_max: Some(64 << 20),
            memory_high: Some(48 << 20),
            cpu: Some(CpuQuota(1500)),
            pids_max: Some(20),
            ..Limits::default()
        }
    }

    fn fake(controllers: &str) -> (tempfile::TempDir, Confinement) {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), controllers).unwrap();
        let places = Places { roots: vec![root.path().to_owned()] };
        (root, Confinement::new(Cgroups::new(places, "rpm-test")))
    }

    #[test]
    fn limits_are_in_the_group_before_anybody_is() {
        let (_root, confinement) = fake("cpu memory pids");
        let confined = confinement.confine(&limits(), ProcessId(3), SpawnId(7), false);
        let group = confined.group.as_ref().unwrap();
        assert_eq!((group.name(), &confined.warnings), ("3-7", &vec![]));
        for (file, value) in [
            ("memory.max", "67108864"),
            ("memory.high", "50331648"),
            ("memory.oom.group", "1"),
            ("cpu.max", "150000 100000"),
            ("pids.max", "20"),
        ] {
            assert_eq!(group.read(file).unwrap(), value, "{file}");
        }
        let (found, warnings) = confinement.find(&limits(), ProcessId(3), SpawnId(7));
        assert_eq!((found.as_ref(), warnings), (Some(group), vec![]));
    }

    #[test]
    fn what_cannot_be_had_is_told_by_its_field() {
        let (_root, confinement) = fake("pids");
        let warnings = confinement.confine(&limits(), ProcessId(3), SpawnId(7), false).warnings;
        let fields: Vec<_> = warnings.iter().map(|warning| warning.split(' ').next().unwrap()).collect();
        assert_eq!(fields, ["memory_high", "memory_max", "cpu"], "{warnings:?}");
        let (_, warnings) = confinement.find(&limits(), ProcessId(3), SpawnId(7));
        assert_eq!(warnings.len(), 3, "{warnings:?}");

        let nowhere = Confinement::default();
        let confined = nowhere.confine(&limits(), ProcessId(3), SpawnId(7), true);
        assert_eq!((confined.group, confined.warnings.len()), (None, 4));
        assert!(nowhere.confine(&Limits::default(), ProcessId(3), SpawnId(7), true).warnings.is_empty());
    }

    #[test]
    fn groups_that_are_nobodys_go() {
        let (root, confinement) = fake("");
        let none = Limits::default();
        assert!(confinement.confine(&none, ProcessId(1), SpawnId(1), false).group.is_none());
        // Without the file that stands for its members, which no real one can be rid of.
        let make = |run| {
            let confined = confinement.confine(&none, ProcessId(1), SpawnId(run), true);
            fs::remove_file(confined.group.unwrap().path().join("cgroup.procs")).unwrap();
        };
        (1..=3).for_each(make);
        confinement.keep_only(&[(ProcessId(1), SpawnId(2)), (ProcessId(1), SpawnId(3))]);
        confinement.release(ProcessId(1), SpawnId(3));
        let left: Vec<_> =
            fs::read_dir(root.path().join("rpm-test")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["1-2"]);
        confinement.release(ProcessId(1), SpawnId(2));
        confinement.close();
        assert!(!root.path().join("rpm-test").exists());
    }
}
