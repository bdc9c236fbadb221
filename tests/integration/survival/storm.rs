//! The kill storm: random deaths of the daemon, under apps that come and go, under load, under commands.
//!
//! `RPM_STORM_SECONDS` says how long (20), `RPM_STORM_SEED` repeats the order of the blows.

use crate::support::{
    Home, Load, LoadOutcome, Signal, eventually, is_alive, is_root, numbered, parent, try_signal, watch_for,
};
use rpm_native::api::Process;
use rpm_native::clock;
use rpm_native::domain::{Outcome, Status};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Three of them missed, and a stopped daemon is replaced.
const HEARTBEAT: &str = "200";
/// Between two requests of a client: the apps and the daemon have the same two cores.
const PAUSE: Duration = Duration::from_millis(4);

/// Milliseconds between two blows, of which the shortest is 5. A debug build needs more to come to itself.
const LONGEST_PAUSE: u64 = if cfg!(debug_assertions) { 360 } else { 120 };

#[test]
fn nobody_notices() {
    storm(Home::new());
}

#[test]
fn nobody_notices_without_root() {
    if !is_root() {
        return eprintln!("skipped: the other storm is without root already");
    }
    storm(Home::of_nobody());
}

fn storm(home: Home) {
    let home = home.env("RPM_HEARTBEAT", HEARTBEAT);
    let apps = Apps::start(&home);
    let port = home.serve();
    let before = home.list();
    let guardian = home.guardian();
    let new = Load::of_new_connections_every(PAUSE, port, 2);
    let kept = Load::of_kept_connections_every(PAUSE, port, 2);
    let over = AtomicBool::new(false);
    let killer = std::thread::scope(|scope| {
        let commands: Vec<_> = apps.commands(&home, &over).into_iter().map(|work| scope.spawn(work)).collect();
        let killer = Killer::new(&home, guardian).rage();
        over.store(true, Ordering::Relaxed);
        for command in commands {
            command.join().unwrap();
        }
        killer
    });
    // Whatever was stopped last is replaced before the loads end.
    let info = eventually("the storm is over", || home.answering());
    let load = [new.end(), kept.end()];
    killer.tell(info.generation, &load);
    check_load(&load, home.daemon().lost_connections);
    apps.check(&home);
    check_untouched(&home, &before, guardian);
    home.check_children();
    home.rpm(["stop", "all"]).ok();
    apps.check_ends(&home);
}

fn check_load(load: &[LoadOutcome; 2], lost: u64) {
    for outcome in load {
        assert_eq!(outcome.refused(), 0, "{:?}", outcome.failures);
        assert!(outcome.total() > 20, "{outcome:?}");
        // A connection that a worker has is nobody else's.
        assert_eq!(outcome.reused, 0, "{:?}", outcome.failures);
    }
    let failures: Vec<&String> = load.iter().flat_map(|outcome| &outcome.failures).collect();
    assert!(failures.len() as u64 <= lost, "{} requests failed, of which {lost} may: {failures:?}", failures.len());
}

/// What ran all the time still does, as children of the same guardian.
fn check_untouched(home: &Home, before: &[Process], guardian: i32) {
    assert_eq!(home.guardian(), guardian);
    for old in before.iter().filter(|process| process.name.starts_with("steady") || process.name == "web") {
        let now = home.list().into_iter().find(|process| process.id == old.id).unwrap();
        assert_eq!((now.pid, now.restarts, now.started_at), (old.pid, 0, old.started_at), "{now:?}");
        assert_eq!(parent(old.pid.unwrap()), Some(guardian), "{now:?}");
        assert_eq!(now.status, Status::Online);
    }
}

/// The apps of a storm but its servers, and how often commands have begun them.
struct Apps {
    names: Vec<String>,
    restarts: [AtomicUsize; RESTARTED],
    starts: [AtomicUsize; SWITCHED],
}

const RESTARTED: usize = 5;
const SWITCHED: usize = 2;

impl Apps {
    fn start(home: &Home) -> Self {
        let mut apps: Vec<Value> = Vec::new();
        for n in 0..12 {
            let words = ["lines=10 pause=10", "pause=10 errors=7", "lines=20 pause=200 errors=1"][n % 3];
            apps.push(numbered(&format!("steady-{n}"), words, json!({})));
        }
        for n in 0..14 {
            let words = format!("lines={} bursts={} pause={} errors=3 code=run", 1 + n % 4, 15 + 12 * n, 5 + n);
            apps.push(numbered(&format!("coming-{n}"), &words, json!({})));
        }
        for n in 0..4 {
            let words = format!("bursts={} pause=2 code={}", 1 + n, 40 + n);
            apps.push(numbered(&format!("crashing-{n}"), &words, json!({"restart_delay": 60 * n})));
        }
        for n in 0..2 {
            let delay = json!({"exp_backoff_restart_delay": 10 + 10 * n});
            apps.push(numbered(&format!("backing-{n}"), "bursts=2 pause=2 code=9", delay));
        }
        apps.push(numbered("finishing", "bursts=8 code=run finish=9", json!({"stop_exit_codes": [77]})));
        // Long enough that no delay makes a run a stable one.
        let few = json!({"max_restarts": 6, "min_uptime": "10m"});
        apps.push(numbered("giving-up", "bursts=5 code=33", few));
        for n in 0..RESTARTED {
            // The last one does not end when asked, and is killed.
            let words = if n + 1 == RESTARTED { "deaf=1" } else { "grace=300" };
            apps.push(numbered(&format!("restarted-{n}"), words, json!({"kill_timeout": 2000})));
        }
        for n in 0..SWITCHED {
            apps.push(numbered(&format!("switched-{n}"), "grace=50 lines=3", json!({})));
        }
        home.start_numbered(&apps);
        let names = apps.iter().map(|app| app["name"].as_str().unwrap().to_owned()).collect();
        Self { names, restarts: Default::default(), starts: Default::default() }
    }

    /// Work for threads, until it is over: each command succeeds, and is carried out once.
    fn commands<'a>(&'a self, home: &'a Home, over: &'a AtomicBool) -> Vec<Box<dyn FnOnce() + Send + 'a>> {
        let goes_on = move || !over.load(Ordering::Relaxed);
        let switch = move || {
            for n in (0..SWITCHED).cycle().take_while(|_| goes_on()) {
                let name = format!("switched-{n}");
                home.wait_run(&name, self.starts[n].load(Ordering::Relaxed));
                home.rpm(["stop", &name]).ok();
                home.rpm(["start", &name]).ok();
                self.starts[n].fetch_add(1, Ordering::Relaxed);
            }
        };
        let look = move || {
            for command in [&["ls"][..], &["jlist"], &["describe", "all"], &["ping"]].iter().cycle() {
                if !goes_on() {
                    break;
                }
                home.rpm(command.iter().copied()).ok();
            }
        };
        let pass = move || {
            while goes_on() {
                home.rpm(["start", "sleep", "--name", "passing", "--", "1000"]).ok();
                let pid = home.pid("passing");
                home.rpm(["delete", "passing"]).ok();
                assert!(!is_alive(pid), "a deleted app lives");
            }
        };
        vec![Box::new(move || self.restart_each(home, goes_on)), Box::new(switch), Box::new(look), Box::new(pass)]
    }

    fn restart_each(&self, home: &Home, goes_on: impl Fn() -> bool) {
        for n in (0..RESTARTED).cycle().take_while(|_| goes_on()) {
            let name = format!("restarted-{n}");
            // A run that has begun can be asked to end.
            home.wait_run(&name, self.restarts[n].load(Ordering::Relaxed));
            home.rpm(["restart", &name, "--as-is"]).ok();
            self.restarts[n].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn check(&self, home: &Home) {
        for n in 0..2 {
            // It may be in the middle of a long delay.
            home.rpm(["restart", &format!("backing-{n}"), "--as-is"]).ok();
        }
        let ending = ["finishing", "giving-up"];
        home.quiet(self.names.iter().map(String::as_str).filter(|name| !ending.contains(name)));
        for name in &self.names {
            let number = || name.rsplit('-').next().unwrap().parse::<usize>().unwrap();
            let anew = if name.starts_with("switched") { self.starts[number()].load(Ordering::Relaxed) } else { 0 };
            home.check_counts(name, anew);
            home.check_logs(name);
            let runs = home.runs(name);
            if name.starts_with("switched") {
                assert_eq!(runs.len(), 1 + anew, "{name}: {runs:?}");
            }
            if name.starts_with("restarted") {
                assert_eq!(runs.len(), 1 + self.restarts[number()].load(Ordering::Relaxed), "{name}: {runs:?}");
                let often = runs.iter().filter(|run| run.asked.len() > 1).count();
                // Only where the daemon is killed between asking and noting it.
                assert!(often * 20 <= runs.len() + 20, "{often} runs of {name} were asked again: {runs:?}");
            }
        }
        let [finishing, giving_up] = ending.map(|name| home.process(name));
        assert_eq!((finishing.status, finishing.restarts), (Status::Stopped, 8), "{finishing:?}");
        assert_eq!((giving_up.status, giving_up.restarts), (Status::Errored, 5), "{giving_up:?}");
    }

    /// After all was stopped.
    fn check_ends(&self, home: &Home) {
        let deaf = format!("restarted-{}", RESTARTED - 1);
        for name in self.names.iter().filter(|name| !["finishing", "giving-up"].contains(&name.as_str())) {
            let wanted = if *name == deaf { Outcome::Signal(9) } else { Outcome::Code(5) };
            let process = home.process(name);
            assert_eq!((process.status, process.exit), (Status::Stopped, Some(wanted)), "{process:?}");
        }
    }
}

struct Killer<'a> {
    home: &'a Home,
    guardian: i32,
    seed: u64,
    random: u64,
    kills: usize,
    faults: usize,
    stops: usize,
}

/// How long the blows go on without a rest, and how long that is.
const GUST: Duration = Duration::from_secs(10);
const CALM: Duration = Duration::from_secs(2);

impl<'a> Killer<'a> {
    fn new(home: &'a Home, guardian: i32) -> Self {
        let seed = std::env::var("RPM_STORM_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(clock::unix_ms() as u64);
        eprintln!("RPM_STORM_SEED={seed}");
        Self { home, guardian, seed, random: seed | 1, kills: 0, faults: 0, stops: 0 }
    }

    /// Xorshift: as random as blows have to be.
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn rage(mut self) -> Self {
        let seconds = std::env::var("RPM_STORM_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(20);
        let end = clock::boot() + Duration::from_secs(seconds);
        while clock::boot() < end {
            let calm = clock::boot() + GUST;
            while clock::boot() < calm.min(end) {
                let pause = 5 + self.below(LONGEST_PAUSE - 4);
                watch_for(Duration::from_millis(pause), || {});
                self.strike();
            }
            // A command gives up after half a minute without an answer: now and then it gets one.
            eventually("the daemon answers between two gusts", || self.home.answering());
            watch_for(CALM, || {});
        }
        self
    }

    fn strike(&mut self) {
        let Some(daemon) = self.home.daemon_of(self.guardian) else { return };
        match self.below(10) {
            0..=5 => self.kills += usize::from(try_signal(daemon, Signal::SIGKILL)),
            // The first one goes to Rust's handler, which takes it for an overflow elsewhere and steps aside.
            6..=7 => {
                self.faults += usize::from(try_signal(daemon, Signal::SIGSEGV));
                try_signal(daemon, Signal::SIGSEGV);
            }
            // Killed by the next blow, most times.
            8 => self.stops += usize::from(try_signal(daemon, Signal::SIGSTOP)),
            _ => {
                self.stops += usize::from(try_signal(daemon, Signal::SIGSTOP));
                eventually("a stopped daemon is replaced", || (!is_alive(daemon)).then_some(()));
            }
        }
    }

    fn tell(&self, generation: u64, load: &[LoadOutcome; 2]) {
        let Self { seed, kills, faults, stops, .. } = self;
        let [new, kept] = load;
        eprintln!(
            "seed {seed}: {kills} SIGKILL, {faults} SIGSEGV, {stops} SIGSTOP; generation {generation}; {} answers on new \
             connections and {} on kept ones, {} and {} failed",
            new.total(),
            kept.total(),
            new.failures.len(),
            kept.failures.len(),
        );
        assert!(generation > 10, "the daemon was hardly ever killed");
    }
}
