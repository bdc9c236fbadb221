//! Two hundred apps that crash all the time.

use crate::support::{Home, Signal, cpu_ticks, eventually, signal, watch_for};
use rpm_native::domain::Status;
use std::time::{Duration, SystemTime};

const APPS: usize = 200;
/// What is restarted at once, and how many in a second after that.
const AT_ONCE: u64 = 64;
const A_SECOND: u64 = 8;

fn start(home: &Home) {
    let apps: Vec<String> = (0..APPS)
        .map(|n| {
            format!(
                r#"{{"name": "app-{n:03}", "script": "/bin/false", "interpreter": "none", "max_restarts": 100000}}"#
            )
        })
        .collect();
    home.write("apps.json", format!("[{}]", apps.join(",")));
    home.rpm(["start", "apps.json"]).ok();
}

fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

fn since(from: Duration) -> Duration {
    now().saturating_sub(from)
}

fn restarts(home: &Home) -> u64 {
    home.list().iter().map(|process| u64::from(process.restarts)).sum()
}

#[test]
fn two_hundred_crash_loops_leave_the_machine_to_others() {
    let home = Home::new();
    let began = now();
    start(&home);
    // The crowd at once is through; what is left waits for its place.
    let waiting = eventually("all but a few wait", || {
        let list = home.list();
        let waiting = list.iter().filter(|process| process.status == Status::WaitingRestart).count();
        (waiting >= APPS - 20).then_some(list)
    });
    let told = |process: &&rpm_native::api::Process| {
        process.reason.as_deref().is_some_and(|reason| reason.starts_with("waiting restart (machine budget), in "))
    };
    assert!(waiting.iter().filter(told).count() >= APPS - 20, "{waiting:?}");

    let info = home.daemon();
    let daemons = [info.pid, home.guardian()];
    let cpu = || daemons.iter().map(|pid| cpu_ticks(*pid)).sum::<u64>();
    let (before, from, counted) = (cpu(), now(), restarts(&home));
    watch_for(Duration::from_secs(4), || ());
    let used = Duration::from_millis((cpu() - before) * 10);
    let (share, more) = (used.as_secs_f64() / (since(from)).as_secs_f64(), restarts(&home) - counted);
    // Of an unoptimised build, too.
    assert!(share < 0.1, "{:.0} % of a core", share * 100.0);
    let allowed = |time: Duration| (time.as_secs_f64() * A_SECOND as f64).ceil() as u64 + 1;
    assert!(more > 0 && more <= allowed(since(from)), "{more} restarts in {:?}", since(from));
    let all = restarts(&home);
    assert!(all <= AT_ONCE + allowed(since(began)), "{all} restarts in {:?}", since(began));

    // By hand there is no waiting, and nobody who waits is forgotten over it.
    home.rpm(["stop", "app-199"]).ok();
    assert_eq!(home.process("app-199").reason.as_deref(), Some("stopped by a command"));
    let runs = home.process("app-198").restarts;
    home.rpm(["restart", "app-198"]).ok();
    assert_eq!(home.process("app-198").restarts, runs + 1);
    home.rpm(["delete", "app-199", "app-198"]).ok();
    assert_eq!(home.list().len(), APPS - 2);
}

/// The next daemon neither begins with a full budget nor forgets anybody's place.
#[test]
fn a_crash_loop_outlives_the_daemon() {
    let home = Home::new();
    let began = now();
    start(&home);
    eventually("most wait", || {
        let waiting = home.list().iter().filter(|process| process.status == Status::WaitingRestart).count();
        (waiting >= APPS - 20).then_some(())
    });
    for _ in 0..3 {
        let before = home.daemon();
        signal(before.pid, Signal::SIGKILL);
        home.successor(&before);
        let list = home.list();
        assert_eq!(list.len(), APPS);
        assert!(list.iter().all(|process| process.status != Status::Errored && process.status != Status::Stopped));
    }
    let counted = restarts(&home);
    eventually("they are restarted further", || (restarts(&home) >= counted + 10).then_some(()));
    let (all, time) = (restarts(&home), since(began));
    let allowed = AT_ONCE + (time.as_secs_f64() * A_SECOND as f64).ceil() as u64 + 1;
    assert!(all <= allowed, "{all} restarts in {time:?}, {allowed} allowed");
}
