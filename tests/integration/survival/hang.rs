//! A daemon that hangs, a guardian that dies, both dead; what was in the middle then goes on.

use crate::support::{
    Home, Load, Program, Run, Signal, eventually, eventually_within, get, is_alive, numbered, parent, signal, watch_for,
};
use rpm_native::domain::{Outcome, Status};
use serde_json::json;
use std::time::Duration;

fn pids(home: &Home) -> Vec<Option<i32>> {
    home.list().iter().map(|process| process.pid).collect()
}

/// Kills both so that neither sees the other's death.
fn kill_both(home: &Home) -> [i32; 2] {
    let info = home.daemon();
    let guardian = info.guardian.unwrap().pid;
    signal(info.pid, Signal::SIGSTOP);
    signal(guardian, Signal::SIGKILL);
    signal(info.pid, Signal::SIGKILL);
    for pid in [guardian, info.pid] {
        eventually("both are dead", || (!is_alive(pid)).then_some(()));
    }
    [guardian, info.pid]
}

/// Whether this kernel tells how a process ended that is nobody's child any more.
fn tells_exits() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

#[test]
fn a_stopped_daemon_is_replaced() {
    let home = Home::new().env("RPM_HEARTBEAT", "100");
    home.start_numbered(&[numbered("app", "lines=3", json!({}))]);
    let (before, pids_before) = (home.daemon(), pids(&home));
    signal(before.pid, Signal::SIGSTOP);
    let now = home.successor(&before);
    let death = now.last_death.unwrap();
    assert_eq!((death.generation, now.generation), (before.generation, before.generation + 1));
    assert!(death.cause.contains("did not answer"), "{death:?}");
    assert!(!is_alive(before.pid));
    assert_eq!(pids(&home), pids_before);
    home.quiet(["app"]);
    home.check_logs("app");
}

#[test]
fn a_slow_daemon_is_not() {
    let home = Home::new().env("RPM_HEARTBEAT", "1000");
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let before = home.daemon();
    for _ in 0..3 {
        signal(before.pid, Signal::SIGSTOP);
        // Longer than a heartbeat, shorter than three.
        watch_for(Duration::from_millis(1500), || assert!(is_alive(before.pid)));
        signal(before.pid, Signal::SIGCONT);
        eventually("it answers", || home.answering());
    }
    assert_eq!((home.daemon().pid, home.daemon().generation), (before.pid, before.generation));
}

#[test]
fn without_its_guardian_a_daemon_brings_up_another() {
    let home = Home::new();
    let port = home.serve();
    home.start_numbered(&[
        numbered("app", "lines=3 errors=2 bursts=100000 code=21", json!({})),
        numbered("ending", "code=23", json!({"autorestart": false})),
    ]);
    home.wait_run("ending", 0);
    let (before, pids_before) = (home.daemon(), pids(&home));
    let old = before.guardian.clone().unwrap().pid;
    let load = [Load::of_new_connections(port, 1), Load::of_kept_connections(port, 1)];
    signal(old, Signal::SIGKILL);
    let now = home.successor(&before);
    assert_ne!(now.guardian.clone().unwrap().pid, old);
    assert_eq!(pids(&home), pids_before);
    assert!(home.list().iter().all(|process| process.restarts == 0 && process.status == Status::Online));
    let answered = load[0].answered();
    eventually("requests go on", || (load[0].answered() > answered + 50).then_some(()));
    for outcome in load.map(Load::end) {
        assert_eq!((outcome.refused(), outcome.reused), (0, 0), "{:?}", outcome.failures);
        assert!(outcome.failures.len() as u64 <= home.daemon().lost_connections, "{:?}", outcome.failures);
    }
    // How a process ends that is not the new guardian's child, and that the next one is.
    signal(home.pid("ending"), Signal::SIGINT);
    let ended = home.wait_until("ending", |process| process.pid.is_none());
    assert_eq!(ended.exit, Some(if tells_exits() { Outcome::Code(5) } else { Outcome::Unknown }));
    home.rpm(["restart", "app"]).ok();
    assert_eq!(parent(home.pid("app")), Some(home.guardian()));
    home.quiet(["app"]);
    home.check_logs("app");
    // The channels work: a reload talks to both workers.
    home.rpm(["reload", "web"]).ok();
    assert_eq!(get(port, "/").unwrap().status, 200);
    home.check_children();
}

#[test]
fn a_stopped_guardian_is_replaced() {
    let home = Home::new();
    home.start_numbered(&[numbered("app", "lines=3", json!({}))]);
    let app = home.wait_run("app", 0).pid;
    let before = home.daemon();
    let old = before.guardian.clone().unwrap().pid;
    signal(old, Signal::SIGSTOP);
    // It needs the guardian, and is the one that finds out.
    home.start_numbered(&[numbered("other", "lines=3", json!({}))]);
    let other = home.wait_run("other", 0).pid;
    assert!(!is_alive(old));
    let now = home.daemon();
    assert_ne!(now.guardian.unwrap().pid, old);
    assert!(now.last_death.unwrap().cause.contains("its guardian was killed"));
    assert_eq!((home.pid("app"), home.pid("other")), (app, other));
    for name in ["app", "other"] {
        let process = home.process(name);
        assert_eq!((process.status, process.restarts), (Status::Online, 0), "{process:?}");
        assert_eq!(home.runs(name).len(), 1);
    }
    home.quiet(["app", "other"]);
    for name in ["app", "other"] {
        home.check_logs(name);
    }
}

#[test]
fn a_daemon_without_a_guardian_from_its_beginning_brings_one() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let pid = home.pid("sleep");
    kill_both(&home);
    // As its guardian has left it: with the lock, and with a parent that is another.
    let line = "exec 6<>\"$RPM_HOME/lock\"; flock -n 6 && RPM_GUARDIAN=1 \"$0\" daemon & wait $!";
    let daemon = Program::new("sh").args(["-c", line]).args([home.program()]).env("RPM_HOME", home.root()).begin();
    let info = eventually("it serves", || home.answering());
    let guardian = info.guardian.unwrap().pid;
    assert_eq!(std::fs::read_to_string(home.root().join("lock")).unwrap(), guardian.to_string());
    assert_eq!(home.pid("sleep"), pid);
    home.rpm(["kill"]).ok();
    daemon.end().ok();
}

#[test]
fn the_new_guardian_is_one() {
    let home = Home::new();
    home.start_numbered(&[numbered("app", "", json!({}))]);
    let pid = home.wait_run("app", 0).pid;
    for _ in 0..3 {
        let before = home.daemon();
        signal(before.guardian.clone().unwrap().pid, Signal::SIGKILL);
        home.successor(&before);
        let guardian = home.guardian();
        home.kill_daemon();
        assert_eq!((home.pid("app"), home.guardian()), (pid, guardian));
        // By it people find whom to end.
        let lock = std::fs::read_to_string(home.root().join("lock")).unwrap();
        assert_eq!(lock, guardian.to_string());
    }
    home.quiet(["app"]);
    home.check_logs("app");
}

#[test]
fn the_next_command_adopts_what_outlives_both() {
    let home = Home::new();
    home.serve();
    home.start_numbered(&[
        numbered("app", "lines=3 errors=2", json!({})),
        numbered("ending", "code=23", json!({"autorestart": false})),
    ]);
    let [app, ending] = ["app", "ending"].map(|name| home.wait_run(name, 0).pid);
    let before = home.list();
    kill_both(&home);
    assert!(is_alive(app) && is_alive(ending));
    let runs = before.iter().filter(|process| process.name != "web");
    for old in runs {
        let now = home.process(&old.name);
        assert_eq!((now.pid, now.restarts, now.status), (old.pid, old.restarts, Status::Online), "{now:?}");
    }
    signal(ending, Signal::SIGINT);
    let ended = home.wait_until("ending", |process| process.pid.is_none());
    assert_eq!(ended.exit, Some(if tells_exits() { Outcome::Code(5) } else { Outcome::Unknown }));
    // Without its channel a worker is none: others come for them.
    let old: Vec<Option<i32>> =
        before.iter().filter(|process| process.name == "web").map(|process| process.pid).collect();
    eventually("both workers are new ones", || {
        let new = home.named("web");
        let replaced = new.iter().all(|now| now.status == Status::Online && !old.contains(&now.pid));
        (replaced && new.len() == 2).then_some(())
    });
    for pid in old.into_iter().flatten() {
        eventually("the old ones have gone", || (!is_alive(pid)).then_some(()));
    }
    // Online is before it listens.
    let answer = eventually("the new ones serve", || get(home.port("web-out-0.log"), "/").ok());
    assert_eq!(answer.status, 200);
    home.quiet(["app"]);
    home.check_logs("app");
    home.rpm(["restart", "app"]).ok();
    assert_eq!(parent(home.pid("app")), Some(home.guardian()));
    home.check_children();
}

#[test]
fn what_ends_while_both_are_dead_is_started_again() {
    let home = Home::new();
    home.start_numbered(&[numbered("app", "", json!({}))]);
    let pid = home.wait_run("app", 0).pid;
    kill_both(&home);
    signal(pid, Signal::SIGINT);
    eventually("it has gone", || (!is_alive(pid)).then_some(()));
    let process = home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    assert_eq!(process.exit, Some(Outcome::Unknown));
    assert_eq!(home.wait_run("app", 1).pid, process.pid.unwrap());
}

#[test]
fn commands_in_the_gap_share_what_comes() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let pid = home.pid("sleep");
    for both in [false, true] {
        if both {
            kill_both(&home);
        } else {
            signal(home.daemon().pid, Signal::SIGKILL);
        }
        let commands: Vec<_> = (0..4).map(|_| home.command(["ping", "--json", "-s"]).begin()).collect();
        let told: Vec<rpm_native::api::DaemonInfo> =
            commands.into_iter().map(|command| serde_json::from_slice(&command.end().ok().out).unwrap()).collect();
        assert!(told.iter().all(|info| info.pid == told[0].pid && info.guardian == told[0].guardian), "{told:?}");
        assert_eq!(home.pid("sleep"), pid);
    }
}

#[test]
fn a_command_that_changes_something_is_carried_out_once() {
    let home = Home::new();
    home.start_numbered(&[numbered("app", "grace=400", json!({}))]);
    for round in 1..=4 {
        home.wait_run("app", round - 1);
        let command = home.command(["restart", "app", "--as-is"]).begin();
        eventually("it is asked to end", || home.runs("app")[round - 1].asked.first().copied());
        signal(home.daemon().pid, Signal::SIGKILL);
        command.end().ok();
        home.wait_run("app", round);
        assert_eq!(home.process("app").restarts as usize, round);
    }
    assert_eq!(home.runs("app").len(), 5);
    assert!(home.runs("app").iter().all(|run: &Run| run.asked.len() <= 1), "{:?}", home.runs("app"));
}

#[test]
fn a_stop_goes_on_to_its_end() {
    let home = Home::new();
    home.start_numbered(&[
        numbered("tidy", "grace=1500", json!({})),
        numbered("deaf", "deaf=1", json!({"kill_timeout": 4000})),
    ]);
    let [tidy, deaf] = ["tidy", "deaf"].map(|name| home.wait_run(name, 0));
    let command = home.command(["stop", "all"]).begin();
    let asked = eventually("both are asked", || {
        (!home.runs("tidy")[0].asked.is_empty()).then_some(())?;
        home.runs("deaf")[0].asked.first().copied()
    });
    home.kill_daemon();
    eventually("the tidy one has ended", || home.runs("tidy")[0].end);
    // So late that a deadline that began again would be seen.
    watch_for(Duration::from_millis(1200), || assert!(is_alive(deaf.pid)));
    home.kill_daemon();
    eventually_within(Duration::from_secs(10), "the deaf one is killed", || (!is_alive(deaf.pid)).then_some(()));
    let took = rpm_native::clock::boot_ms() / 10 - asked;
    assert!((380..580).contains(&took), "killed {took} hundredths after it was asked");
    command.end().ok();
    let ends = ["tidy", "deaf"].map(|name| {
        let process = home.process(name);
        assert_eq!((process.status, process.restarts), (Status::Stopped, 0), "{process:?}");
        process.exit.unwrap()
    });
    assert_eq!(ends, [Outcome::Code(5), Outcome::Signal(9)]);
    assert!(!is_alive(tidy.pid));
    assert!(home.runs("tidy")[0].asked.len() == 1 && home.runs("deaf")[0].asked.len() == 1);
    for name in ["tidy", "deaf"] {
        home.check_logs(name);
    }
}

#[test]
fn a_delay_is_as_long_as_it_was() {
    let home = Home::new();
    home.start_numbered(&[numbered("app", "bursts=2 code=3", json!({"restart_delay": 3000}))]);
    for round in 0..2 {
        let end = eventually("it ends", || home.runs("app").get(round)?.end);
        home.wait_status("app", Status::WaitingRestart);
        home.kill_daemon();
        assert_eq!(home.process("app").status, Status::WaitingRestart);
        watch_for(Duration::from_millis(1500), || {});
        home.kill_daemon();
        let next = home.wait_run("app", round + 1);
        let waited = next.began - end.at;
        assert!((290..420).contains(&waited), "{waited} hundredths of a second");
    }
}

#[test]
fn a_delay_that_is_over_meanwhile_ends_once() {
    let home = Home::new();
    home.start_numbered(&[numbered(
        "app",
        "bursts=2 code=3 finish=2",
        json!({"restart_delay": 300, "stop_exit_codes": [77]}),
    )]);
    home.wait_status("app", Status::WaitingRestart);
    let before = home.daemon();
    signal(before.pid, Signal::SIGSTOP);
    watch_for(Duration::from_millis(500), || {});
    signal(before.pid, Signal::SIGKILL);
    home.successor(&before);
    home.wait_status("app", Status::Stopped);
    assert_eq!((home.runs("app").len(), home.process("app").restarts), (2, 1));
}

#[test]
fn a_growing_delay_goes_on_growing() {
    let home = Home::new();
    home.start_numbered(&[numbered("app", "bursts=1 code=3", json!({"exp_backoff_restart_delay": 100}))]);
    for round in 1..=5 {
        home.wait_run("app", round);
        home.kill_daemon();
    }
    let runs = home.runs("app");
    let waits: Vec<u64> = runs.windows(2).filter_map(|pair| Some(pair[1].began - pair[0].end?.at)).collect();
    // 100 ms, 150, 225, 337, 506, less a fifth of chance: each at least that, as a daemon that comes late may only make
    // it longer.
    for (wait, least) in waits.iter().zip([8, 12, 18, 27, 40]) {
        assert!(*wait + 1 >= least, "{waits:?}");
    }
}

#[test]
fn a_run_that_is_short_stays_short() {
    // The daemon is dead at its end, and for longer than a run has to last.
    let home = Home::new();
    home.start_numbered(&[numbered("app", "bursts=40 code=3", json!({"max_restarts": 3, "min_uptime": 2000}))]);
    home.wait_run("app", 0);
    let before = home.daemon();
    signal(before.pid, Signal::SIGSTOP);
    let end = eventually("it ends", || home.runs("app")[0].end);
    eventually("so late that it would look long", || (rpm_native::clock::boot_ms() / 10 > end.at + 250).then_some(()));
    signal(before.pid, Signal::SIGKILL);
    home.successor(&before);
    home.wait_status("app", Status::Errored);
    assert_eq!((home.runs("app").len(), home.process("app").restarts), (3, 2));
}

#[test]
fn kill_in_the_gap_ends_everything() {
    for both in [false, true] {
        let home = Home::new();
        home.start_numbered(&[numbered("app", "grace=100", json!({}))]);
        let app = home.wait_run("app", 0).pid;
        let info = home.daemon();
        let guardian = info.guardian.unwrap().pid;
        if both {
            kill_both(&home);
            // It finds what lives, as every command does, and ends it.
            home.rpm(["ls"]).ok();
        } else {
            signal(info.pid, Signal::SIGKILL);
        }
        home.rpm(["kill"]).ok();
        eventually("the guardian has gone", || (!is_alive(guardian)).then_some(()));
        assert!(!is_alive(app));
        assert!(home.runs("app")[0].end.is_some(), "it was asked, and waited for");
        assert!(home.list().is_empty());
    }
}

#[test]
fn a_daemon_killed_in_an_orderly_end_ends_all_the_same() {
    let home = Home::new();
    home.start_numbered(&[numbered("app", "grace=700", json!({}))]);
    let app = home.wait_run("app", 0).pid;
    let info = home.daemon();
    let command = home.command(["kill"]).begin();
    eventually("it is asked to end", || home.runs("app")[0].asked.first().copied());
    signal(info.pid, Signal::SIGKILL);
    command.end();
    // Whether or not the command could wait for it: the next one does.
    home.rpm(["kill"]).ok();
    eventually("the app has gone", || (!is_alive(app)).then_some(()));
    assert_eq!(home.runs("app").len(), 1);
    eventually("the guardian has gone", || (!is_alive(info.guardian.as_ref().unwrap().pid)).then_some(()));
}

#[test]
fn signals_to_the_guardian_end_everything_in_order() {
    for number in [Signal::SIGTERM, Signal::SIGINT] {
        let home = Home::new();
        home.start_numbered(&[numbered("app", "grace=100", json!({}))]);
        let app = home.wait_run("app", 0).pid;
        let info = home.daemon();
        let guardian = info.guardian.unwrap().pid;
        signal(guardian, number);
        eventually("all have gone", || (![app, info.pid, guardian].into_iter().any(is_alive)).then_some(()));
        let run = home.runs("app").remove(0);
        assert_eq!((run.asked.len(), run.end.map(|end| end.code)), (1, Some(5)));
        assert!(!home.root().join("rpm.sock").exists());
        assert!(!home.root().join("rpm.pid").exists());
        assert!(home.list().is_empty());
    }
}

#[test]
fn a_daemon_that_ends_in_order_has_the_time_that_its_apps_need() {
    // More than a guardian waits for a daemon that never comes.
    let home = Home::new().env("RPM_END_TIMEOUT", "300");
    home.start_numbered(&[numbered("app", "grace=1500", json!({"kill_timeout": 10_000}))]);
    let app = home.wait_run("app", 0).pid;
    let info = home.daemon();
    let guardian = info.guardian.unwrap().pid;
    signal(guardian, Signal::SIGTERM);
    eventually("the app has gone", || {
        let watched = is_alive(guardian);
        (!is_alive(app)).then_some(()).or_else(|| {
            assert!(watched, "the guardian has left before the daemon was through");
            None
        })
    });
    eventually("all have gone", || (![info.pid, guardian].into_iter().any(is_alive)).then_some(()));
    let run = home.runs("app").remove(0);
    assert_eq!((run.asked.len(), run.end.map(|end| end.code)), (1, Some(5)));
    assert!(home.list().is_empty());
}

#[test]
fn what_apps_leave_behind_is_waited_for() {
    let home = Home::new();
    // A grandchild in a session of its own, which ends after its parent.
    let line = "setsid sh -c 'sleep 0.3; echo gone > orphan' & sleep 0.1";
    home.rpm(["start", line, "--name", "app", "--no-autorestart", "--no-treekill"]).ok();
    eventually("it has ended", || home.work().join("orphan").exists().then_some(()));
    // A daemon knows what was so when it began.
    eventually("it is counted", || (home.kill_daemon().guardian.unwrap().orphans > 0).then_some(()));
    home.check_children();
}

#[test]
fn an_interrupt_at_the_terminal_reaches_neither() {
    let home = Home::new();
    // The whole group of the command that launches them, as a terminal would.
    let line = "\"$0\" ping >/dev/null; kill -INT 0";
    let done =
        Program::new("setsid").args(["-w", "sh", "-c", line]).args([home.program()]).env("RPM_HOME", home.root()).run();
    assert!(!done.status.success(), "{}", done.told());
    let info = home.answering().unwrap();
    assert!(is_alive(info.pid) && is_alive(info.guardian.unwrap().pid));
}
