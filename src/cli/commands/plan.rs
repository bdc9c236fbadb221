//! What `apply` is going to do: an application file against the list.

use super::changes;
use crate::api::Process;
use crate::domain::spec::Mode;
use crate::domain::{AppSpec, ProcessId, Status};
use serde::Serialize;
use std::path::Path;

/// What becomes of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Create,
    /// It differs, and is a cluster: one process after the other.
    Reload,
    Restart,
    /// It differs in what a process cannot change: deleted, and started anew.
    Replace,
    /// It differs, and is not running: it has the settings, and the number of processes, when it is started.
    Settings,
    /// It has another number of processes.
    Scale,
    Unchanged,
    Remove,
}

/// One app of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Step {
    pub(crate) app: String,
    pub(crate) action: Action,
    /// Its processes now.
    pub(crate) ids: Vec<ProcessId>,
    /// What differs, setting by setting.
    pub(crate) changes: Vec<String>,
    /// How many processes it has, and is to have.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// What it is to be, where that is another thing than it is.
    #[serde(skip)]
    pub(crate) spec: Option<AppSpec>,
}

/// An app of the list.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) specs: Vec<AppSpec>,
    pub(super) processes: Vec<Process>,
}

impl Known {
    fn ids(&self) -> Vec<ProcessId> {
        self.processes.iter().map(|process| process.id).collect()
    }

    fn runs(&self) -> bool {
        let is_down = |status| matches!(status, Status::Stopped | Status::Errored);
        self.processes.iter().any(|process| !is_down(process.status))
    }
}

/// One step for each app of the file, in its order, then those that are to be removed. The apps have from those of the
/// list what stays of them; `mode` and `instances` apart, which are the file's.
pub(super) fn plan(apps: Vec<AppSpec>, list: &[Known], prune: Option<&Path>) -> Vec<Step> {
    let names: Vec<_> = apps.iter().map(|app| app.name.clone()).collect();
    let find = |name: &str| list.iter().find(|known| known.specs.iter().any(|spec| spec.name == name));
    let mut steps: Vec<_> = apps
        .into_iter()
        .map(|app| match find(&app.name) {
            Some(known) => compare(app, known),
            None => create(app),
        })
        .collect();
    if let Some(file) = prune {
        steps.extend(left(list, file).filter(|known| !names.contains(&known.specs[0].name)).map(remove));
    }
    steps
}

/// The apps of the list that came from a file.
pub(super) fn left<'a>(list: &'a [Known], file: &'a Path) -> impl Iterator<Item = &'a Known> {
    list.iter().filter(move |known| {
        known.specs.first().and_then(|spec| spec.source.as_ref()).is_some_and(|source| source.file == file)
    })
}

fn create(app: AppSpec) -> Step {
    Step {
        app: app.name.clone(),
        action: Action::Create,
        ids: Vec::new(),
        changes: Vec::new(),
        from: 0,
        to: app.instances.max(1) as usize,
        spec: Some(app),
    }
}

fn remove(known: &Known) -> Step {
    Step {
        app: known.specs[0].name.clone(),
        action: Action::Remove,
        ids: known.ids(),
        changes: Vec::new(),
        from: known.processes.len(),
        to: 0,
        spec: None,
    }
}

fn compare(app: AppSpec, known: &Known) -> Step {
    let (from, to) = (known.processes.len(), app.instances.max(1) as usize);
    let old = &known.specs[0];
    let same_number = |old: &AppSpec| AppSpec { instances: old.instances, ..app.clone() };
    // Processes of an app may differ after a reload that went wrong half-way.
    let differences = known.specs.iter().map(|old| changes::between(old, &same_number(old)));
    let changes: Vec<String> = differences.into_iter().find(|changes| !changes.is_empty()).unwrap_or_default();
    let action = if old.mode != app.mode {
        Action::Replace
    } else if !known.runs() {
        if changes.is_empty() && from == to { Action::Unchanged } else { Action::Settings }
    } else if !changes.is_empty() {
        if app.mode == Mode::Cluster { Action::Reload } else { Action::Restart }
    } else if from != to {
        Action::Scale
    } else {
        Action::Unchanged
    };
    let is_noted = known.specs.iter().all(|old| same_number(old) == *old);
    Step {
        app: app.name.clone(),
        action,
        ids: known.ids(),
        changes,
        from,
        to,
        spec: (!is_noted || action == Action::Settings).then_some(app),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::detail::tests::detail;
    use crate::domain::spec::Source;

    fn known(name: &str, count: u32, status: Status) -> Known {
        let details: Vec<_> = (0..count).map(|id| detail(id, name, status)).collect();
        Known {
            specs: details.iter().map(|detail| detail.spec.clone()).collect(),
            processes: details.into_iter().map(|detail| detail.process).collect(),
        }
    }

    fn app(name: &str) -> AppSpec {
        detail(0, name, Status::Online).spec
    }

    fn actions(apps: Vec<AppSpec>, list: &[Known]) -> Vec<(Action, usize, usize)> {
        plan(apps, list, None).into_iter().map(|step| (step.action, step.from, step.to)).collect()
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        let steps = plan(vec![app("api")], &[known("api", 2, Status::Online)], None);
        assert_eq!((steps[0].action, steps[0].from, steps[0].to), (Action::Unchanged, 2, 2));
        assert_eq!((&steps[0].changes[..], &steps[0].spec), (&[][..], &None));
    }

    #[test]
    fn what_is_missing_is_created() {
        assert_eq!(
            actions(vec![app("api"), app("new")], &[known("api", 2, Status::Online)])[1],
            (Action::Create, 0, 2)
        );
    }

    #[test]
    fn what_differs_is_changed_as_its_mode_allows() {
        let list = [known("api", 2, Status::Online)];
        let changed = AppSpec { cwd: "/other".into(), ..app("api") };
        let steps = plan(vec![changed.clone()], &list, None);
        assert_eq!((steps[0].action, &steps[0].changes[..]), (Action::Reload, &["cwd /srv → /other".to_owned()][..]));
        assert_eq!(steps[0].spec.as_ref(), Some(&changed));
        let fork = AppSpec { mode: Mode::Fork, ..changed.clone() };
        assert_eq!(actions(vec![fork.clone()], &list), [(Action::Replace, 2, 2)]);
        let mut forks = known("api", 2, Status::Online);
        forks.specs.iter_mut().for_each(|spec| spec.mode = Mode::Fork);
        assert_eq!(actions(vec![fork], &[forks]), [(Action::Restart, 2, 2)]);
        assert_eq!(actions(vec![changed], &[known("api", 2, Status::Stopped)]), [(Action::Settings, 2, 2)]);
    }

    #[test]
    fn the_number_of_processes_is_that_of_the_list() {
        let three = AppSpec { instances: 3, ..app("api") };
        assert_eq!(actions(vec![three.clone()], &[known("api", 2, Status::Online)]), [(Action::Scale, 2, 3)]);
        assert_eq!(actions(vec![three.clone()], &[known("api", 3, Status::Online)]), [(Action::Unchanged, 3, 3)]);
        let stopped = [known("api", 2, Status::Stopped)];
        assert_eq!(actions(vec![three.clone()], &stopped), [(Action::Settings, 2, 3)]);
        assert_eq!(plan(vec![three.clone()], &stopped, None)[0].spec.as_ref(), Some(&three));
        assert_eq!(actions(vec![three], &[known("api", 3, Status::Errored)]), [(Action::Unchanged, 3, 3)]);
    }

    #[test]
    fn processes_that_differ_among_themselves_are_made_the_same() {
        let mut list = known("api", 2, Status::Online);
        list.specs[1].cwd = "/other".into();
        assert_eq!(actions(vec![app("api")], &[list]), [(Action::Reload, 2, 2)]);
    }

    #[test]
    fn only_apps_of_the_same_file_are_removed() {
        let mut of_file = known("gone", 1, Status::Online);
        of_file.specs[0].source = Some(Source { file: "/srv/apps.json".into(), profile: None });
        let list = [known("other", 1, Status::Online), of_file];
        let steps = plan(vec![app("api")], &list, Some(Path::new("/srv/apps.json")));
        let told: Vec<_> = steps.iter().map(|step| (step.app.as_str(), step.action)).collect();
        assert_eq!(told, [("api", Action::Create), ("gone", Action::Remove)]);
        assert_eq!(plan(vec![app("api")], &list, Some(Path::new("/srv/other.json"))).len(), 1);
    }

    #[test]
    fn who_an_app_comes_from_is_noted_without_touching_it() {
        let from = AppSpec { source: Some(Source { file: "/srv/a.json".into(), profile: None }), ..app("api") };
        let steps = plan(vec![from.clone()], &[known("api", 2, Status::Online)], None);
        assert_eq!((steps[0].action, steps[0].spec.as_ref()), (Action::Unchanged, Some(&from)));
    }
}
