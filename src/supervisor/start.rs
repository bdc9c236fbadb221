//! `start`: new apps, and what is there already.

use super::actor::World;
use super::automatic::Adoption;
use super::clockwork;
use super::registry::{Entry, identity};
use super::reload::Wishes;
use super::requests::Ticket;
use super::resume::Share;
use super::scale::MOST_INSTANCES;
use crate::api::request::{Existing, Start};
use crate::api::{ApiError, Code, EventKind, Response};
use crate::clock;
use crate::domain::spec::Mode;
use crate::domain::{AppSpec, Outcome, ProcessId, Status};
use crate::process::{self, Command};
use crate::store::Begun;
use crate::watch::Ignore;
use std::rc::Rc;

/// One for each app, in their order.
type Plans = Vec<Result<Plan, ApiError>>;

/// What planning has changed on the list, should it have to be taken back.
#[derive(Default)]
struct Changes {
    new: Vec<ProcessId>,
    /// What those that were there were to run with before.
    before: Vec<(ProcessId, Rc<AppSpec>)>,
}

/// What is done to the processes of one app.
pub(super) enum Plan {
    /// They are on the list, and were never started.
    Start(Share),
    Restart(Share),
    Reload {
        share: Share,
        /// What they run with until the reload is through.
        before: Vec<(ProcessId, Rc<AppSpec>)>,
        parallel: Option<u32>,
    },
    /// They have their new settings already.
    Keep(Share),
}

impl World {
    /// All that is new is on disk before the first process runs: a daemon that is killed in between leaves none that
    /// is on no list.
    pub(super) async fn start(self: &Rc<Self>, start: Start, ticket: &Ticket) -> Result<Response, ApiError> {
        let autostart: Vec<bool> =
            start.apps.iter().map(|spec| spec.autostart && spec.schedule.job.is_none()).collect();
        if ticket.begun.is_none() {
            self.let_go_first(&start).await;
        }
        let force = start.force;
        let plans = self.begin_start(start, ticket).await?;
        self.carry_out_starts(plans, &autostart, force, ticket).await
    }

    /// All that comes before the first process is touched.
    pub(super) async fn begin_start(self: &Rc<Self>, start: Start, ticket: &Ticket) -> Result<Plans, ApiError> {
        for spec in &start.apps {
            check(spec)?;
        }
        self.check_dependencies(&start.apps)?;
        let begun = match &ticket.begun {
            Some(Begun::Start(apps)) => apps.as_slice(),
            _ => &[],
        };
        let (nothing, mut changes) = (Vec::new(), Changes::default());
        let begun_of = |index: usize| begun.get(index).unwrap_or(&nothing);
        for (index, spec) in start.apps.iter().enumerate() {
            if start.existing == Existing::Refuse && begun_of(index).is_empty() {
                self.refuse_running(spec)?;
            }
        }
        let plans: Plans = start
            .apps
            .into_iter()
            .enumerate()
            .map(|(index, spec)| {
                let left = self.left_of(begun_of(index));
                if left == Share::default() {
                    return self.plan_start(spec, (start.existing, start.parallel), &mut changes);
                }
                let never_ran = begun_of(index).iter().all(|(_, run)| run.0 == 0);
                Ok(Self::go_on(left, never_ran, start.existing, start.parallel))
            })
            .collect();
        if begun.is_empty() {
            let runs =
                plans.iter().map(|plan| plan.as_ref().map_or_else(|_| Vec::new(), |plan| self.runs(&plan.ids())));
            let runs = runs.collect();
            if !self.begin(ticket, Begun::Start(runs)).await {
                // Nobody can ask again, but what is new belongs on the list all the same.
                self.note().await;
            }
        } else if !changes.new.is_empty() {
            self.note().await;
        }
        self.confirm(changes).await?;
        // What changes while they start belongs to them already.
        self.follow_list(Adoption::No);
        Ok(plans)
    }

    /// All or nothing: where what is new cannot be listed, nothing has changed.
    async fn confirm(&self, changes: Changes) -> Result<(), ApiError> {
        if changes.new.is_empty() {
            return Ok(());
        }
        let Err(error) = self.refuse_unlisted() else { return Ok(()) };
        self.forget(&changes.new, Command::Delete).await;
        for (id, old) in changes.before {
            self.respec(&[id], &old);
        }
        Err(error)
    }

    /// All apps at once: each waits for its own processes only. They are begun in the order of the list.
    async fn carry_out_starts(
        self: &Rc<Self>,
        plans: Plans,
        autostart: &[bool],
        force: bool,
        ticket: &Ticket,
    ) -> Result<Response, ApiError> {
        let mut under_way = Vec::new();
        let names: Vec<Option<String>> = plans.iter().map(|plan| self.name_of(plan.as_ref().ok()?)).collect();
        self.starting.borrow_mut().extend(names.iter().flatten().cloned());
        for ((plan, autostart), name) in plans.into_iter().zip(autostart.iter().copied()).zip(names) {
            let world = Rc::clone(self);
            under_way.push(tokio::task::spawn_local(async move {
                let carried_out = match plan {
                    Ok(plan) => world.carry_out_start(plan, autostart, force).await,
                    Err(error) => Err(error),
                };
                world.starts_no_more(name.as_deref());
                carried_out
            }));
        }
        // What was spawned is next to run, and tells its processes at once.
        ticket.acts();
        let count = under_way.len();
        let (mut touched, mut failures) = (Vec::new(), Vec::new());
        for app in under_way {
            match app.await.unwrap_or_else(|error| Err(ApiError::new(Code::Internal, error.to_string()))) {
                Ok(ids) => touched.extend(ids),
                Err(error) => failures.push(error),
            }
        }
        match one_of(failures, count) {
            None => Ok(Response::Processes(self.views(&touched))),
            Some(error) => Err(error),
        }
    }

    fn name_of(&self, plan: &Plan) -> Option<String> {
        let registry = self.registry.borrow();
        plan.ids().first().and_then(|id| registry.get(*id)).map(|entry| entry.spec.name.clone())
    }

    /// Who waits for it looks again at what it is.
    fn starts_no_more(&self, name: Option<&str>) {
        let mut starting = self.starting.borrow_mut();
        if let Some(at) = starting.iter().position(|known| Some(known.as_str()) == name) {
            starting.swap_remove(at);
        }
        self.context.changes.send_replace(());
    }

    /// Puts on the list what is new, and gives what is there its new settings.
    fn plan_start(
        self: &Rc<Self>,
        spec: AppSpec,
        (existing, parallel): (Existing, Option<u32>),
        changes: &mut Changes,
    ) -> Result<Plan, ApiError> {
        self.refuse_when_closing()?;
        let known = match existing {
            Existing::Duplicate => Vec::new(),
            Existing::Refuse => self.same_script(&spec),
            Existing::Restart | Existing::Reload | Existing::Keep => self.registry.borrow().named(&spec.name),
        };
        let spec = Rc::new(spec);
        if known.is_empty() {
            let new: Vec<_> = (0..spec.instances.max(1)).map(|_| self.add(&spec)).collect();
            changes.new.extend(&new);
            return Ok(Plan::Start(Share::all_due(new)));
        }
        let before = self.specs_of(&known);
        if existing == Existing::Reload {
            self.refuse_second_reload(&spec.name)?;
            changes.before.extend(before.iter().cloned());
            self.respec(&known, &spec);
            return Ok(Plan::Reload { share: Share::all_due(known), before, parallel });
        }
        changes.before.extend(before);
        self.respec(&known, &spec);
        let share = Share::all_due(known);
        Ok(if existing == Existing::Keep { Plan::Keep(share) } else { Plan::Restart(share) })
    }

    /// What a daemon before this one has begun. New processes and new settings are on the list since then.
    fn go_on(left: Share, never_ran: bool, existing: Existing, parallel: Option<u32>) -> Plan {
        match existing {
            Existing::Keep => Plan::Keep(left),
            _ if never_ran => Plan::Start(left),
            // What they ran with before is forgotten: a failure leaves the old processes, with the new settings.
            Existing::Reload => Plan::Reload { before: Vec::new(), share: left, parallel },
            Existing::Refuse | Existing::Duplicate | Existing::Restart => Plan::Restart(left),
        }
    }

    async fn carry_out_start(
        self: &Rc<Self>,
        plan: Plan,
        autostart: bool,
        force: bool,
    ) -> Result<Vec<ProcessId>, ApiError> {
        let ids = plan.ids();
        match plan {
            Plan::Start(_) if !autostart => {}
            Plan::Start(share) => self.launch_new(&share).await?,
            Plan::Keep(_) => {}
            Plan::Restart(share) => self.hurried(force, &share.due, self.restart_all(&share)).await?,
            Plan::Reload { share, before, parallel } => {
                let runs = self.runs(&share.ids());
                let how = Wishes { parallel, before: before.iter().cloned().collect() };
                if let Err(error) = self.reload_all(&share, &how).await {
                    // The old processes go on, and so do the settings they run with.
                    let unchanged = self.left_of(&runs).due;
                    for (id, old) in before.into_iter().filter(|(id, _)| unchanged.contains(id)) {
                        self.respec(&[id], &old);
                    }
                    self.persist();
                    return Err(error);
                }
            }
        }
        Ok(ids)
    }

    /// All instances, started together. What cannot be executed at all leaves nothing on the list.
    async fn launch_new(self: &Rc<Self>, share: &Share) -> Result<(), ApiError> {
        let ids = share.ids();
        let settled = self.start_share(share, |_, reply| Command::Start(reply)).await;
        if let Err(error) = self.not_started(&settled).await {
            if !self.never_ran(&ids) {
                return Err(error);
            }
            self.forget(&ids, Command::Delete).await;
            return Err(error.hint("correct it and start it again; nothing of it was left on the list"));
        }
        self.overtaken_start(&settled, "start")?;
        for id in &ids {
            self.announce(*id, EventKind::Start, true);
        }
        Ok(())
    }

    fn specs_of(&self, ids: &[ProcessId]) -> Vec<(ProcessId, Rc<AppSpec>)> {
        let registry = self.registry.borrow();
        ids.iter().filter_map(|id| Some((*id, Rc::clone(&registry.get(*id)?.spec)))).collect()
    }

    /// Whether none of them could even be executed.
    fn never_ran(&self, ids: &[ProcessId]) -> bool {
        let registry = self.registry.borrow();
        let mut entries = ids.iter().filter_map(|id| registry.get(*id));
        entries.all(|entry| matches!(entry.handle.observed().state.last_exit, Some(Outcome::NotStarted(_))))
    }

    /// Puts a process on the list, stopped.
    pub(super) fn add(self: &Rc<Self>, spec: &Rc<AppSpec>) -> ProcessId {
        let mut registry = self.registry.borrow_mut();
        let identity = registry.identify(spec, &self.home);
        let group = registry.group(spec);
        let id = identity.id;
        let handle = process::Handle::begin(self.context.clone(), Rc::clone(spec), identity.clone(), group, 0, None);
        let (created_at, spec) = (clock::unix_ms(), Rc::clone(spec));
        registry.insert(Entry { spec, identity, created_at, handle, passing: None, standby: None });
        id
    }

    /// New settings for processes that are there. Name, mode and number stay: they are what was started.
    pub(super) fn respec(&self, ids: &[ProcessId], spec: &Rc<AppSpec>) {
        let mut registry = self.registry.borrow_mut();
        for id in ids {
            let Some(entry) = registry.get_mut(*id) else { continue };
            let mut new = (**spec).clone();
            new.mode = entry.spec.mode;
            new.instances = entry.spec.instances;
            entry.spec = Rc::new(new);
            entry.identity = identity(&entry.spec, *id, entry.identity.instance, &entry.identity.unique_id, &self.home);
            entry.handle.send(Command::Respec(Rc::clone(&entry.spec), Box::new(entry.identity.clone())));
        }
    }

    fn same_script(&self, spec: &AppSpec) -> Vec<ProcessId> {
        let registry = self.registry.borrow();
        let same = |entry: &&Entry| {
            // Lines for a shell are all of one program.
            entry.spec.name == spec.name
                && entry.spec.program.path == spec.program.path
                && (!spec.is_shell_line() || entry.spec.args == spec.args)
        };
        registry.iter().filter(same).map(|entry| entry.identity.id).collect()
    }

    fn refuse_running(&self, spec: &AppSpec) -> Result<(), ApiError> {
        let running = self
            .same_script(spec)
            .into_iter()
            .find(|id| self.status_of(*id).is_some_and(|status| status.is_alive() || status == Status::WaitingRestart));
        let Some(id) = running else { return Ok(()) };
        let message = format!("{} ({id}) runs already", spec.name);
        Err(ApiError::new(Code::AlreadyRunning, message).hint(format!(
            "restart it: rpm restart {0}; another copy: start with --force, or another --name",
            spec.name
        )))
    }
}

impl Plan {
    fn ids(&self) -> Vec<ProcessId> {
        match self {
            Self::Start(share) | Self::Restart(share) | Self::Keep(share) | Self::Reload { share, .. } => share.ids(),
        }
    }
}

/// One error for all of them. Those of the other apps are told, and that the rest was started.
fn one_of(failures: Vec<ApiError>, count: usize) -> Option<ApiError> {
    let failed = failures.len();
    let mut failures = failures.into_iter();
    let mut first = failures.next()?;
    for other in failures {
        first.message = format!("{}\n{}", first.message, other.message);
    }
    if count > failed {
        first.message = format!("{}\n{} of {count} apps were started", first.message, count - failed);
    }
    Some(first)
}

/// What a client of ours never sends, but anybody may.
fn check(spec: &AppSpec) -> Result<(), ApiError> {
    let bad = |what: &str| Err(ApiError::new(Code::Invalid, format!("app {:?}: {what}", spec.name)));
    if spec.name.is_empty() || spec.name.contains(['\0', '/', '\n']) {
        return bad("its name must not be empty, nor hold a slash, a line break or a NUL byte");
    }
    if spec.name == "all" {
        return bad("all means all apps; choose another name");
    }
    if !spec.cwd.is_absolute() || !spec.program.path.is_absolute() {
        return bad("its paths must be absolute");
    }
    if spec.mode == Mode::Cluster && !spec.listen.is_empty() {
        return bad(
            "listen is for fork mode (exec_mode: \"fork\"): the workers of a cluster share what they listen on anyway",
        );
    }
    if let Err(why) = clockwork::read(&spec.schedule) {
        return bad(&why);
    }
    if spec.schedule.job.is_some() && (spec.instances > 1 || spec.mode == Mode::Cluster) {
        return bad("a job has one process, in fork mode");
    }
    if let Some(Err(why)) = spec.watch.as_ref().and_then(|watch| watch.ignore.as_deref()).map(Ignore::check) {
        return bad(&format!("ignore_watch: {why}"));
    }
    if spec.instances > MOST_INSTANCES {
        return bad(&format!("more than {MOST_INSTANCES} instances"));
    }
    Ok(())
}
