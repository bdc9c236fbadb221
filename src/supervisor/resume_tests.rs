//! Requests whose daemon is killed at the worst moments: two worlds after one another over the same home.

use super::*;
use crate::api::request::{Existing, Start};
use crate::api::{Process, Request, Response};
use crate::domain::AppSpec;
use crate::domain::spec::{Interpreter, Program};
use crate::logs::{Logs, Staging};
use crate::paths::Home;
use crate::process::{Agent, Command, Confinement, Context, Kinship, Realm, Sockets, SpawnIds, Unwritten};
use crate::slots::{Journal, Table};
use crate::store::Store;
use crate::supervisor::{Facts, Handle, Persistence, Supervisor};
use crate::sys::keep::LocalKeep;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

const BOOT: &str = "this boot";
const KEY: &str = "the key";

pub(in crate::supervisor) struct TestHome {
    _directory: TempDir,
    home: Home,
}

impl TestHome {
    pub(in crate::supervisor) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        for part in [home.run(), home.logs(), home.pids()] {
            std::fs::create_dir_all(part).unwrap();
        }
        Self { _directory: directory, home }
    }

    /// A supervisor at work, which is gone afterwards as if it had been killed.
    pub(in crate::supervisor) fn generation<T>(&self, work: impl AsyncFnOnce(Rc<World>, Handle) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = LocalSet::new();
        let result = local.block_on(&runtime, async {
            let mut persistence = Persistence::open(&self.home, BOOT.into()).unwrap();
            let (table, records) = Table::in_file(&self.home.slots(), BOOT);
            persistence.go_on_from(records);
            let (reports, inbox) = mpsc::unbounded_channel();
            let context = Rc::new(Context {
                logs: Logs::start(Staging::new(Journal::unkept()).unwrap()).unwrap(),
                bus: Rc::default(),
                keep: Rc::new(LocalKeep::default()),
                guardian: None,
                exits: Rc::default(),
                leash: None,
                inherited: RefCell::default(),
                ids: SpawnIds::new(persistence.last_run() + 1),
                reports,
                parent_death_signal: Some(9),
                kinship: Rc::new(Kinship::new(Realm::of_home(self.home.root()), None)),
                agent: Agent::new(vec![self.home.run()]),
                open_files: 256,
                confinement: Confinement::default(),
                slots: Some(table),
                changes: watch::Sender::default(),
                budget: RefCell::default(),
                running: Cell::new(0),
                sockets: Sockets::default(),
                unwritten: Unwritten::default(),
                buried: RefCell::default(),
            });
            let (handle, supervisor) =
                Supervisor::new(self.home.clone(), context, inbox, Some(persistence), Facts::default());
            let world = Rc::clone(&supervisor.world);
            supervisor.adopt();
            tokio::task::spawn_local(supervisor.run());
            work(world, handle).await
        });
        // What is killed drops nothing.
        std::mem::forget((local, runtime));
        result
    }

    /// As they are on disk.
    fn listed(&self) -> Vec<u32> {
        let saved = Store::new(self.home.state()).load().unwrap().unwrap().snapshot;
        saved.processes.iter().map(|process| process.id.0).collect()
    }
}

impl Drop for TestHome {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.generation(async |_, handle| handle.call(Request::Kill { force: false }, None).await.unwrap());
        }
    }
}

fn app(name: &str, instances: u32) -> AppSpec {
    let program =
        Program { path: PathBuf::from("/bin/sleep"), interpreter: Interpreter::None, interpreter_args: Vec::new() };
    AppSpec { args: vec!["1000".into()], instances, ..AppSpec::new(name, program) }
}

fn start(apps: &[AppSpec]) -> Start {
    Start { apps: apps.to_vec(), existing: Existing::Refuse, force: false, parallel: None }
}

async fn ask(handle: &Handle, request: Request) -> Result<Vec<Process>, ApiError> {
    match handle.call(request, Some(KEY.into())).await? {
        Response::Processes(processes) => Ok(processes),
        other => panic!("{other:?}"),
    }
}

pub(in crate::supervisor) async fn list(handle: &Handle) -> Vec<Process> {
    match handle.call(Request::List { selector: Selector::all() }, None).await.unwrap() {
        Response::Processes(processes) => processes,
        other => panic!("{other:?}"),
    }
}

fn pids(list: &[Process]) -> Vec<Option<i32>> {
    list.iter().map(|process| process.pid).collect()
}

fn all_online(list: &[Process]) -> bool {
    list.iter().all(|process| process.status == Status::Online && process.pid.is_some())
}

fn ticket(world: &World) -> Ticket {
    world.requests.borrow_mut().recall(Some(KEY.into()), oneshot::channel().0).unwrap().0
}

async fn started(handle: &Handle, apps: &[AppSpec]) -> Vec<Process> {
    handle.call(Request::Start(start(apps)), None).await.unwrap();
    list(handle).await
}

async fn restart(world: &World, id: u32) {
    world.command_each(&[ProcessId(id)], |_, reply| Command::Restart(None, reply)).await;
}

fn all() -> Selector {
    Selector::all()
}

#[test]
fn a_start_that_came_as_far_as_the_list_is_finished() {
    let home = TestHome::new();
    let apps = [app("a", 2), app("b", 1)];
    home.generation(async |world, _| {
        world.begin_start(start(&apps), &ticket(&world)).await.map(|_| ()).unwrap();
    });
    assert_eq!(home.listed(), [0, 1, 2]);
    let first = home.generation(async |_, handle| {
        assert!(pids(&list(&handle).await).iter().all(Option::is_none), "nobody has started them yet");
        let answer = ask(&handle, Request::Start(start(&apps))).await.unwrap();
        assert_eq!(pids(&answer), pids(&list(&handle).await));
        answer
    });
    assert_eq!(first.len(), 3);
    assert!(all_online(&first), "{first:?}");
    home.generation(async |_, handle| {
        assert_eq!(ask(&handle, Request::Start(start(&apps))).await.unwrap(), first, "word by word");
        assert_eq!(pids(&list(&handle).await), pids(&first));
    });
}

#[test]
fn a_start_that_came_half_way_starts_the_rest() {
    let home = TestHome::new();
    let apps = [app("a", 3)];
    let one = home.generation(async |world, handle| {
        world.begin_start(start(&apps), &ticket(&world)).await.map(|_| ()).unwrap();
        world.command(&[ProcessId(1)], Command::Start).await;
        pids(&list(&handle).await)[1]
    });
    home.generation(async |_, handle| {
        let answer = ask(&handle, Request::Start(start(&apps))).await.unwrap();
        assert!(all_online(&answer) && answer.len() == 3, "{answer:?}");
        assert_eq!(answer[1].pid, one);
    });
}

#[test]
fn a_scale_goes_on_to_where_it_was_to_end() {
    let scale = |count| Request::Scale { name: "a".into(), count, relative: true };
    let home = TestHome::new();
    home.generation(async |world, handle| {
        started(&handle, &[app("a", 1)]).await;
        world.begin_scale("a", 2, true, &ticket(&world)).await.map(|_| ()).unwrap();
    });
    assert_eq!(home.listed(), [0, 1, 2]);
    home.generation(async |_, handle| {
        let answer = ask(&handle, scale(2)).await.unwrap();
        assert!(all_online(&answer) && answer.len() == 3, "{answer:?}");
    });

    let home = TestHome::new();
    home.generation(async |world, handle| {
        started(&handle, &[app("a", 4)]).await;
        world.begin_scale("a", -3, true, &ticket(&world)).await.map(|_| ()).unwrap();
        // One of three.
        world.forget(&[ProcessId(0)], Command::Retire).await;
    });
    home.generation(async |_, handle| {
        let answer = ask(&handle, scale(-3)).await.unwrap();
        assert_eq!(answer.iter().map(|process| process.id.0).collect::<Vec<_>>(), [3]);
        assert_eq!(list(&handle).await.len(), 1);
    });
}

#[test]
fn a_restart_concerns_only_what_runs_as_it_did() {
    let home = TestHome::new();
    let (before, middle) = home.generation(async |world, handle| {
        let before = started(&handle, &[app("a", 3)]).await;
        let share = world.share(&all(), &ticket(&world)).await.unwrap();
        assert_eq!(share.due.len(), 3);
        restart(&world, 1).await;
        (pids(&before), pids(&list(&handle).await))
    });
    assert_ne!(before[1], middle[1]);
    home.generation(async |_, handle| {
        let after = ask(&handle, Request::Restart { selector: all(), force: false }).await.unwrap();
        assert!(all_online(&after), "{after:?}");
        assert_eq!(after[1].pid, middle[1], "it has been restarted already");
        assert_ne!(after[0].pid, before[0]);
        assert_ne!(after[2].pid, before[2]);
        assert_eq!(after.iter().map(|process| process.restarts).collect::<Vec<_>>(), [1, 1, 1]);
        // And once more, as a command whose answer was lost does.
        assert_eq!(
            pids(&ask(&handle, Request::Restart { selector: all(), force: false }).await.unwrap()),
            pids(&after)
        );
    });
}

#[test]
fn a_restart_that_is_overtaken_by_the_run_it_was_about_is_done() {
    let home = TestHome::new();
    home.generation(async |world, handle| {
        started(&handle, &[app("a", 2)]).await;
        world.share(&all(), &ticket(&world)).await.unwrap();
    });
    home.generation(async |world, handle| {
        let share = world.share(&all(), &ticket(&world)).await.unwrap();
        assert_eq!(share.due.len(), 2);
        // Its end was told when the command was on its way already.
        restart(&world, 0).await;
        let middle = pids(&list(&handle).await);
        world.restart_all(&share).await.unwrap();
        let after = list(&handle).await;
        assert_eq!(after[0].pid, middle[0]);
        assert_ne!(after[1].pid, middle[1]);
        assert_eq!(after.iter().map(|process| process.restarts).collect::<Vec<_>>(), [1, 1]);
    });
}

#[test]
fn a_reload_concerns_only_what_runs_as_it_did() {
    let home = TestHome::new();
    let middle = home.generation(async |world, handle| {
        started(&handle, &[app("a", 2)]).await;
        world.share(&all(), &ticket(&world)).await.unwrap();
        restart(&world, 0).await;
        pids(&list(&handle).await)
    });
    home.generation(async |_, handle| {
        let after = pids(&ask(&handle, Request::Reload { selector: all(), parallel: None }).await.unwrap());
        assert_eq!(after[0], middle[0]);
        assert_ne!(after[1], middle[1]);
    });
}

#[test]
fn a_delete_that_was_carried_out_is_no_error() {
    let home = TestHome::new();
    let delete = || Request::Delete { selector: Selector::new("a"), force: false };
    home.generation(async |world, handle| {
        started(&handle, &[app("a", 2), app("b", 1)]).await;
        let share = world.share(&Selector::new("a"), &ticket(&world)).await.unwrap();
        world.forget(&share.due, Command::Delete).await;
        world.persist();
        world.persisted().await;
    });
    assert_eq!(home.listed(), [2]);
    home.generation(async |_, handle| {
        assert_eq!(ask(&handle, delete()).await, Ok(Vec::new()));
        let other = handle.call(delete(), Some("another key".into())).await.unwrap_err();
        assert_eq!(other.code, Code::NotFound);
        assert_eq!(list(&handle).await.len(), 1);
    });
}

#[test]
fn what_is_deleted_on_purpose_leaves_an_empty_list_and_nothing_else_does() {
    let home = TestHome::new();
    home.generation(async |_, handle| {
        started(&handle, &[app("a", 1)]).await;
    });
    let good = std::fs::read(home.home.state()).unwrap();
    for path in [home.home.state(), home.home.state().with_extension("json.1")] {
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, "{").unwrap();
    }
    for generation in [2, 3] {
        let _ = std::fs::remove_file(home.home.state().with_extension(format!("json.{generation}")));
    }
    home.generation(async |_, handle| {
        // It changes nothing on the list, which is empty as nothing could be read.
        handle.call(Request::ReopenLogs, Some("x".into())).await.unwrap();
    });
    assert!(!home.home.state().exists(), "nothing was written in the place of what could not be read");
    std::fs::write(home.home.state(), good).unwrap();
    home.generation(async |_, handle| {
        assert_eq!(list(&handle).await.len(), 1);
        ask(&handle, Request::Delete { selector: all(), force: false }).await.unwrap();
    });
    assert_eq!(home.listed(), [0; 0]);
}

#[test]
fn an_update_that_was_begun_is_not_begun_by_the_one_that_took_over() {
    let home = TestHome::new();
    home.generation(async |world, handle| {
        started(&handle, &[app("a", 1)]).await;
        world.begin(&ticket(&world), Begun::Update { generation: 6, reported: Some(1) }).await;
    });
    home.generation(async |_, handle| {
        let update = Request::Update { program: "/bin/false".into() };
        let answer = handle.call(update, Some(KEY.into())).await.unwrap();
        assert_eq!(answer, Response::Updating { generation: 6 });
    });
}

/// A list that cannot be replaced: as on a full disk, but for root too.
struct Unwritable<'a>(&'a TestHome, Option<Vec<u8>>);

impl<'a> Unwritable<'a> {
    fn new(home: &'a TestHome) -> Self {
        let before = std::fs::read(home.home.state()).ok();
        let _ = std::fs::remove_file(home.home.state());
        std::fs::create_dir_all(home.home.state().join("in the way")).unwrap();
        Self(home, before)
    }
}

impl Drop for Unwritable<'_> {
    fn drop(&mut self) {
        std::fs::remove_dir_all(self.0.home.state()).unwrap();
        if let Some(before) = &self.1 {
            std::fs::write(self.0.home.state(), before).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_listed_is_not_started() {
    let home = TestHome::new();
    let (before, same) = home.generation(async |_, handle| {
        let before = started(&handle, &[app("a", 1)]).await;
        let full = Unwritable::new(&home);
        let apps = [AppSpec { args: vec!["2000".into()], ..app("a", 1) }, app("b", 2)];
        let mixed = Start { apps: apps.to_vec(), existing: Existing::Restart, force: false, parallel: None };
        for request in [
            Request::Start(start(&[app("b", 2)])),
            Request::Start(mixed),
            Request::Scale { name: "a".into(), count: 3, relative: false },
        ] {
            for key in [None, Some(format!("{request:?}"))] {
                let error = handle.call(request.clone(), key).await.unwrap_err();
                assert!(error.message.contains("nothing was started"), "{error:?}");
                assert_eq!(pids(&list(&handle).await), pids(&before), "{request:?}");
            }
        }
        drop(full);
        let restart = Request::Restart { selector: Selector::new("a"), force: false };
        handle.call(restart, None).await.unwrap();
        (before, list(&handle).await)
    });
    assert_ne!(pids(&same), pids(&before));
    let command = std::fs::read_to_string(format!("/proc/{}/cmdline", same[0].pid.unwrap())).unwrap();
    assert_eq!(command, "/bin/sleep\x001000\0", "the settings are those of before");
    home.generation(async |_, handle| {
        assert_eq!(pids(&list(&handle).await), pids(&same));
        assert_eq!(started(&handle, &[app("b", 2)]).await.len(), 3);
    });
    assert_eq!(home.listed().len(), 3);
}

#[test]
fn a_signal_is_sent_once_over_a_death() {
    let request = || Request::Signal { selector: all(), signal: libc::SIGWINCH };
    let sent =
        |world: &World| -> Vec<u16> { world.registry.borrow().iter().map(|entry| entry.handle.signals()).collect() };
    let home = TestHome::new();
    home.generation(async |world, handle| {
        started(&handle, &[app("a", 3)]).await;
        let share = world.signal_share(&all(), &ticket(&world)).await.unwrap();
        assert_eq!(share.due.len(), 3);
        // To one of them, before the answer could leave.
        let one = Request::Signal { selector: Selector::new("1"), signal: libc::SIGWINCH };
        handle.call(one, None).await.unwrap();
    });
    home.generation(async |world, handle| {
        assert_eq!(sent(&world), [0, 1, 0]);
        assert_eq!(ask(&handle, request()).await.unwrap().len(), 3);
        assert_eq!(sent(&world), [1, 1, 1]);
        assert_eq!(ask(&handle, request()).await.unwrap().len(), 3);
        assert_eq!(sent(&world), [1, 1, 1]);
        handle.call(request(), None).await.unwrap();
        assert_eq!(sent(&world), [2, 2, 2]);
    });
}
