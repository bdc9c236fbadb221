//! `update`: another program is the daemon, or everything is as it was; and a program that vanishes from the disk.

use crate::support::{Home, Load, Signal, eventually, eventually_within, is_alive, numbered, signal};
use rpm_native::api::{DaemonInfo, Process};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A program of shell lines; `$RPM` in them is the real one.
fn script(home: &Home, name: &str, lines: &str) -> PathBuf {
    let path = home.write(name, format!("#!/bin/sh\nRPM={}\n{lines}\n", home.program().display()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Passes the check, and does this when it is to be the daemon.
fn passing(home: &Home, name: &str, lines: &str) -> PathBuf {
    script(home, name, &format!("case \"$*\" in *--preflight*) exec \"$RPM\" \"$@\";; esac\n{lines}"))
}

/// A copy of the program in a directory of its own.
fn copy(home: &Home, directory: &str) -> PathBuf {
    let directory = home.temporary().join(directory);
    fs::create_dir(&directory).unwrap();
    home.copy_programs(&directory)
}

fn executes(info: &DaemonInfo) -> PathBuf {
    fs::read_link(format!("/proc/{}/exe", info.pid)).unwrap()
}

/// What an update must not change.
fn lives(list: &[Process]) -> Vec<(u32, Option<i32>, Option<i64>, u32)> {
    list.iter().map(|process| (process.id.0, process.pid, process.started_at, process.restarts)).collect()
}

/// A home with a fork app and a cluster app, and what to find unchanged in it.
struct Scene {
    home: Home,
    port: u16,
    program: PathBuf,
    before: DaemonInfo,
    lives: Vec<(u32, Option<i32>, Option<i64>, u32)>,
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        home.start_numbered(&[numbered("app", "lines=3 errors=2", json!({}))]);
        home.wait_run("app", 0);
        let port = home.serve();
        let (before, lives) = (home.daemon(), lives(&home.list()));
        Self { home, port, program: executes(&before), before, lives }
    }

    fn check_apps(&self) {
        assert_eq!(lives(&self.home.list()), self.lives);
        assert_eq!(self.home.guardian(), self.before.guardian.as_ref().unwrap().pid);
        self.home.check_children();
    }

    /// The update fails with a message of these words, and leaves everything as it was.
    #[track_caller]
    fn refuses(&self, candidate: &Path, words: &[&str]) {
        let load = [Load::of_new_connections(self.port, 1), Load::of_kept_connections(self.port, 1)];
        let update = self.home.rpm(["update", "--program", candidate.to_str().unwrap()]);
        update.fails(&[&[candidate.to_str().unwrap()], words].concat());
        let now = self.home.daemon();
        assert_eq!((executes(&now), &now.version), (self.program.clone(), &self.before.version));
        self.check_apps();
        load.map(Load::end).iter().for_each(crate::support::LoadOutcome::all_answered);
        assert_eq!(now.lost_connections, self.before.lost_connections);
    }

    /// Refused before the daemon has made room for it.
    #[track_caller]
    fn refuses_at_once(&self, candidate: &Path, words: &[&str]) {
        self.refuses(candidate, words);
        let now = self.home.daemon();
        assert_eq!((now.pid, now.generation), (self.before.pid, self.before.generation));
    }

    /// Tried, and found wanting.
    #[track_caller]
    fn goes_back(&self, candidate: &Path, words: &[&str]) {
        let generation = self.home.daemon().generation;
        self.refuses(candidate, words);
        let now = self.home.daemon();
        assert!(now.generation > generation, "{now:?}");
        let report = now.last_update.unwrap();
        assert_eq!(report.program, candidate);
        assert!(report.failed.is_some(), "{report:?}");
    }
}

#[test]
fn to_another_copy_under_load() {
    let scene = Scene::new();
    let home = &scene.home;
    let loads = [Load::of_new_connections(scene.port, 2), Load::of_kept_connections(scene.port, 2)];
    let mut generation = scene.before.generation;
    for directory in ["next", "after"] {
        let program = copy(home, directory);
        let answered: Vec<u64> = loads.iter().map(Load::answered).collect();
        let told = home.rpm(["update", "--program", program.to_str().unwrap()]).ok().text();
        assert!(told.contains(&scene.before.version), "{told}");
        let now = home.daemon();
        generation += 1;
        assert_eq!((now.generation, executes(&now)), (generation, program.clone()));
        let report = now.last_update.clone().unwrap();
        assert_eq!((report.program, report.failed), (program, None));
        assert!(now.last_death.unwrap().cause.contains("update"));
        eventually("requests go on", || {
            loads.iter().zip(&answered).all(|(load, before)| load.answered() > before + 50).then_some(())
        });
    }
    loads.map(Load::end).iter().for_each(crate::support::LoadOutcome::all_answered);
    assert_eq!(home.daemon().lost_connections, 0);
    scene.check_apps();
    home.quiet(["app"]);
    home.check_logs("app");
}

#[test]
fn to_the_program_that_runs_the_command() {
    let scene = Scene::new();
    let program = copy(&scene.home, "next");
    scene.home.command_of(&program, ["update"]).run().ok();
    assert_eq!(executes(&scene.home.daemon()), program);
    scene.check_apps();
    // A daemon that was updated is replaced by its own kind.
    assert_eq!(executes(&scene.home.kill_daemon()), program);
}

#[test]
fn without_a_daemon_there_is_nothing_to_update() {
    let home = Home::new();
    home.rpm(["update"]).ok();
    assert!(!home.root().join("rpm.sock").exists());
}

#[test]
fn to_what_cannot_be_run() {
    let scene = Scene::new();
    let home = &scene.home;
    scene.refuses_at_once(&home.work().join("missing"), &["No such file"]);
    scene.refuses_at_once(&home.write("plain", "text"), &["ermission denied"]);
    scene.refuses_at_once(&home.work(), &[]);
}

#[test]
fn to_what_fails_the_check() {
    let scene = Scene::new();
    let home = &scene.home;
    scene.refuses_at_once(&script(home, "empty", "exit 0"), &[]);
    scene.refuses_at_once(&script(home, "failing", "echo broken library >&2; exit 127"), &["broken library"]);
    scene.refuses_at_once(&script(home, "garbage", "echo hello; exit 0"), &[]);
    scene.refuses_at_once(&script(home, "binary", "head -c 100000 /dev/urandom"), &[]);
    scene.refuses_at_once(&script(home, "other", "echo rpm-preflight 99 9.9.9 ok"), &[]);
    scene.refuses_at_once(&script(home, "crashing", "kill -SEGV $$"), &[]);
}

#[test]
fn to_what_hangs_in_the_check() {
    let scene = Scene::new();
    scene.refuses_at_once(&script(&scene.home, "hanging", "exec sleep 1000"), &[]);
}

#[test]
fn to_what_dies_as_the_daemon() {
    let scene = Scene::new();
    let home = &scene.home;
    scene.goes_back(&passing(home, "dying", "exit 3"), &["3"]);
    scene.goes_back(&passing(home, "leaving", "exit 0"), &[]);
    scene.goes_back(&passing(home, "crashing", "kill -KILL $$"), &["SIGKILL"]);
    home.quiet(["app"]);
    home.check_logs("app");
}

#[test]
fn to_what_hangs_as_the_daemon() {
    let scene = Scene::new();
    scene.goes_back(&passing(&scene.home, "hanging", "exec sleep 1000"), &[]);
    let left = crate::support::children(scene.before.guardian.as_ref().unwrap().pid);
    assert_eq!(left.len(), 1 + scene.lives.len());
}

#[test]
fn after_a_failure_a_good_one_is_taken() {
    let scene = Scene::new();
    scene.goes_back(&passing(&scene.home, "dying", "exit 3"), &[]);
    let program = copy(&scene.home, "next");
    scene.home.rpm(["update", "--program", program.to_str().unwrap()]).ok();
    scene.check_apps();
    // And its successor fails again: it goes on, not the one before it.
    scene.home.rpm(["update", "--program", passing(&scene.home, "dying", "exit 3").to_str().unwrap()]).fails(&[]);
    assert_eq!(executes(&scene.home.daemon()), program);
    assert_eq!(executes(&scene.home.kill_daemon()), program);
    scene.check_apps();
}

#[test]
fn what_dies_again_and_again_gives_way_to_the_one_before() {
    let scene = Scene::new();
    // Ready, and aborted a moment later: what is killed instead was killed by somebody else.
    let candidate = passing(&scene.home, "dying", "(sleep 0.3; kill -ABRT $$) & exec \"$RPM\" \"$@\"");
    let real = copy(&scene.home, "next");
    let lines = fs::read_to_string(&candidate).unwrap();
    let lines =
        lines.replacen(&format!("RPM={}", scene.home.program().display()), &format!("RPM={}", real.display()), 1);
    fs::write(&candidate, lines).unwrap();
    scene.home.rpm(["update", "--program", candidate.to_str().unwrap()]).ok();
    eventually_within(Duration::from_mins(1), "the program before is back", || {
        let info = scene.home.answering()?;
        (fs::read_link(format!("/proc/{}/exe", info.pid)).ok()? == scene.program).then_some(())
    });
    scene.check_apps();
    scene.home.quiet(["app"]);
    scene.home.check_logs("app");
}

#[test]
fn a_new_guardian_knows_what_was_before() {
    let scene = Scene::new();
    let home = &scene.home;
    let program = copy(home, "next");
    home.rpm(["update", "--program", program.to_str().unwrap()]).ok();
    let before = home.daemon();
    signal(before.guardian.as_ref().unwrap().pid, Signal::SIGKILL);
    let now = home.successor(&before);
    assert_eq!(executes(&now), program);
    assert_eq!(now.last_update, before.last_update);
    // Five crashes in a row.
    for _ in 0..4 {
        assert_eq!(executes(&home.end_daemon(Signal::SIGABRT)), program);
    }
    let now = home.end_daemon(Signal::SIGABRT);
    assert_eq!(executes(&now), scene.program);
    let report = now.last_update.unwrap();
    assert_eq!(report.program, program);
    assert!(report.failed.is_some(), "{report:?}");
    assert_eq!(lives(&home.list()), scene.lives);
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let scene = Scene::new();
    let home = &scene.home;
    let programs = [copy(home, "one"), copy(home, "two")];
    let commands: Vec<_> = programs
        .iter()
        .map(|program| home.command(["update", "--program", program.to_str().unwrap()]).begin())
        .collect();
    let done: Vec<_> = commands.into_iter().map(crate::support::Running::end).collect();
    assert!(done.iter().any(|done| done.code() == Some(0)), "{done:?}");
    assert!(done.iter().all(|done| done.code() == Some(0) || done.err.contains("update")), "{done:?}");
    assert!(programs.contains(&executes(&home.daemon())));
    scene.check_apps();
}

#[test]
fn commands_meanwhile_are_carried_out() {
    let scene = Scene::new();
    let home = &scene.home;
    home.start_numbered(&[numbered("other", "grace=200", json!({}))]);
    home.wait_run("other", 0);
    for (round, directory) in ["one", "two", "three"].iter().enumerate() {
        let program = copy(home, directory);
        let restart = home.command(["restart", "other", "--as-is"]).begin();
        let list = home.command(["ls"]).begin();
        home.rpm(["update", "--program", program.to_str().unwrap()]).ok();
        restart.end().ok();
        list.end().ok();
        home.wait_run("other", round + 1);
    }
    assert_eq!((home.runs("other").len(), home.process("other").restarts), (4, 3));
    home.quiet(["app", "other"]);
    home.check_logs("other");
    home.check_logs("app");
}

#[test]
fn a_program_that_vanishes_from_the_disk_goes_on() {
    let home = Home::new();
    let program = copy(&home, "installed");
    home.command_of(&program, ["start", "sleep", "--", "1000"]).run().ok();
    let before = home.daemon();
    assert_eq!(executes(&before), program);
    let pid = home.pid("sleep");
    fs::remove_dir_all(program.parent().unwrap()).unwrap();
    for _ in 0..2 {
        let now = home.kill_daemon();
        assert_eq!(now.version, before.version);
        assert_eq!(home.pid("sleep"), pid);
    }
    // Its guardian is none of the files any more either.
    let before = home.daemon();
    signal(before.guardian.as_ref().unwrap().pid, Signal::SIGKILL);
    home.successor(&before);
    assert_eq!(home.pid("sleep"), pid);
    assert!(is_alive(home.guardian()));
}

#[test]
fn a_program_that_is_replaced_on_disk_is_not_taken_unasked() {
    let home = Home::new();
    let program = copy(&home, "installed");
    home.command_of(&program, ["start", "sleep", "--", "1000"]).run().ok();
    let pid = home.pid("sleep");
    // As npm does: another file under the same name; this one is none that would run.
    fs::remove_file(&program).unwrap();
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let before = home.daemon();
    let now = home.kill_daemon();
    assert_eq!((now.generation, &now.version), (before.generation + 1, &before.version));
    assert_eq!(home.pid("sleep"), pid);
    // The right one is there again, and is asked for.
    fs::remove_dir_all(program.parent().unwrap()).unwrap();
    assert_eq!(copy(&home, "installed"), program);
    home.command_of(&program, ["update"]).run().ok();
    let now = home.daemon();
    assert_eq!(executes(&now), program);
    assert_eq!((now.last_update.unwrap().failed, home.pid("sleep")), (None, pid));
}
