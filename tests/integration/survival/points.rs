//! Every place at which the daemon can be cut off: it is killed exactly there, and all is exact afterwards.
//!
//! Each point belongs to a scenario that passes it. A point that was not passed fails the test.

use crate::support::{Home, Load, Signal, eventually, get, is_alive, numbered, signal};
use rpm_native::api::DaemonInfo;
use rpm_native::domain::{Outcome, Status};
use rpm_native::sys::fault::Point;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Spawn,
    Exit,
    Stop,
    Log,
    Accept,
    Listen,
    Channel,
    Panel,
    Adopt,
    Trial,
    Rename,
    List,
    Dump,
    Resurrect,
    Update,
}

/// A new point has to be given its scenario here.
fn scenario(point: Point) -> Scenario {
    match point {
        Point::SpawnRecorded
        | Point::SpawnPut
        | Point::SpawnSettled
        | Point::SpawnBorn
        | Point::SpawnCaptured
        | Point::SpawnPublished => Scenario::Spawn,
        Point::ExitReceived | Point::ExitApplied | Point::ExitForgotten | Point::ExitAcknowledged => Scenario::Exit,
        Point::StopRecorded | Point::StopAsked => Scenario::Stop,
        Point::LogPeeked
        | Point::LogRecorded
        | Point::LogHalfWritten
        | Point::LogWritten
        | Point::LogCommitted
        | Point::LogConsumed
        | Point::LogCleared
        | Point::LogForgotten => Scenario::Log,
        Point::AcceptMarked | Point::AcceptDone | Point::HandedOver => Scenario::Accept,
        Point::ListenBound | Point::ListenKept | Point::ListenAnswered => Scenario::Listen,
        Point::ChannelHandled => Scenario::Channel,
        Point::PanelWritten => Scenario::Panel,
        Point::AdoptBegun | Point::AdoptListed | Point::AdoptReady => Scenario::Adopt,
        Point::TrialSwapped | Point::TrialNoted | Point::TrialReturned => Scenario::Trial,
        Point::RenameStopped | Point::RenameExchanged => Scenario::Rename,
        Point::ListWritten => Scenario::List,
        Point::DumpWritten | Point::DumpBackedUp | Point::DumpReplaced => Scenario::Dump,
        Point::Resurrected => Scenario::Resurrect,
        Point::UpdateTried => Scenario::Update,
    }
}

/// The points of a scenario, with a name for their apps.
fn points(of: Scenario) -> impl Iterator<Item = (Point, String)> {
    let wanted = Point::ALL.iter().copied().filter(move |point| scenario(*point) == of);
    wanted.map(|point| (point, point.name().replace('.', "-")))
}

/// A home whose daemon can be killed at a point.
struct Mined {
    home: Home,
    file: PathBuf,
}

impl Mined {
    fn new() -> Self {
        let home = Home::new();
        let file = home.temporary().join("fault");
        Self { home: home.env("RPM_FAULT_FILE", &file), file }
    }

    /// From now on the daemon is killed when it comes to the point.
    fn arm(&self, point: Point) {
        // Never seen half-written.
        let half = self.file.with_extension("half");
        fs::write(&half, point.name()).unwrap();
        fs::rename(half, &self.file).unwrap();
    }

    /// What `act` does has the daemon killed there; a command in it goes on with the next one.
    #[track_caller]
    fn hit<T>(&self, point: Point, act: impl FnOnce() -> T) -> (T, DaemonInfo) {
        let before = self.home.daemon();
        self.arm(point);
        let done = act();
        eventually(&format!("{} is passed", point.name()), || (!self.file.exists()).then_some(()));
        let now = self.home.successor(&before);
        assert!(now.last_death.as_ref().is_some_and(|death| death.cause.contains("SIGKILL")), "{now:?}");
        assert_eq!(guardian_of(&now), guardian_of(&before));
        (done, now)
    }

    /// The app has had so many runs and runs, as the list and the logs say too.
    #[track_caller]
    fn check_running(&self, point: Point, name: &str, runs: usize) {
        let run = self.home.wait_run(name, runs - 1);
        let process = self.home.check_counts(name, 0);
        assert_eq!((process.status, process.pid), (Status::Online, Some(run.pid)), "{}: {process:?}", point.name());
        assert_eq!(self.home.runs(name).len(), runs, "{}", point.name());
    }

    /// Stops it and holds everything against its journal.
    #[track_caller]
    fn check_end(&self, name: &str) {
        self.home.rpm(["stop", name]).ok();
        let process = self.home.check_counts(name, 0);
        assert_eq!((process.status, process.exit), (Status::Stopped, Some(Outcome::Code(5))), "{process:?}");
        self.home.check_logs(name);
    }
}

fn guardian_of(info: &DaemonInfo) -> i32 {
    info.guardian.as_ref().unwrap().pid
}

#[test]
fn while_it_starts_an_app() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Spawn) {
        // By a command, after an end, by a command that ends it first.
        mined.hit(point, || home.start_numbered(&[numbered(&name, "lines=3 errors=2", json!({}))]));
        mined.check_running(point, &name, 1);
        mined.hit(point, || signal(home.pid(&name), Signal::SIGINT));
        mined.check_running(point, &name, 2);
        mined.hit(point, || home.rpm(["restart", &name, "--as-is"]).ok());
        mined.check_running(point, &name, 3);
        mined.check_end(&name);
    }
    home.check_children();
}

#[test]
fn while_it_starts_a_worker() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Spawn) {
        home.write(&format!("{name}.js"), include_str!("../../fixtures/server.js"));
        mined.hit(point, || home.rpm(["start", &format!("{name}.js"), "-i", "2"]).ok());
        let port = home.wait_listening(&name, 2);
        let workers: BTreeSet<String> =
            home.named(&name).iter().map(|process| process.pid.unwrap().to_string()).collect();
        eventually(&format!("{}: both answer", point.name()), || {
            let answers: BTreeSet<String> = (0..6).map(|_| get(port, "/").unwrap().body).collect();
            (answers == workers).then_some(())
        });
        for process in home.named(&name) {
            assert_eq!((process.restarts, process.status), (0, Status::Online), "{}: {process:?}", point.name());
        }
        home.rpm(["delete", &name]).ok();
    }
    home.check_children();
}

#[test]
fn when_an_app_has_ended() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Exit) {
        let once = format!("{name}-once");
        home.start_numbered(&[
            numbered(&name, "lines=3 errors=2", json!({})),
            numbered(&once, "lines=30 pause=1", json!({"autorestart": false})),
        ]);
        let [again, once_pid] = [&name, &once].map(|name| home.wait_run(name, 0).pid);
        mined.hit(point, || signal(again, Signal::SIGINT));
        mined.check_running(point, &name, 2);
        mined.hit(point, || signal(once_pid, Signal::SIGINT));
        let ended = home.wait_status(&once, Status::Stopped);
        assert_eq!((ended.exit, ended.restarts), (Some(Outcome::Code(5)), 0), "{}", point.name());
        home.check_logs(&once);
        // Killed by a signal.
        mined.hit(point, || signal(home.pid(&name), Signal::SIGKILL));
        mined.check_running(point, &name, 3);
        mined.check_end(&name);
    }
    home.check_children();
}

#[test]
fn while_it_stops_an_app() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Stop) {
        home.start_numbered(&[numbered(&name, "grace=200", json!({}))]);
        home.wait_run(&name, 0);
        mined.hit(point, || home.rpm(["restart", &name, "--as-is"]).ok());
        mined.check_running(point, &name, 2);
        mined.hit(point, || home.rpm(["stop", &name]).ok());
        let process = home.check_counts(&name, 0);
        assert_eq!((process.status, process.exit), (Status::Stopped, Some(Outcome::Code(5))), "{}", point.name());
        home.check_logs(&name);
        // It is noted after it was done that an app was asked: better twice than never.
        let most = if point == Point::StopAsked { 2 } else { 1 };
        let asked: Vec<usize> = home.runs(&name).iter().map(|run| run.asked.len()).collect();
        assert_eq!(asked, [most, most], "{}", point.name());
        home.rpm(["start", &name]).ok();
        home.wait_run(&name, 2);
        mined.hit(point, || home.rpm(["delete", &name]).ok());
        assert!(home.named(&name).is_empty());
    }
    home.check_children();
}

/// Who asked is killed as well: nobody asks again.
#[test]
fn while_it_gives_an_app_another_name() {
    let mined = Mined::new();
    let home = &mined.home;
    home.write(
        "slow.sh",
        "trap 'until [ -e go ]; do sleep 0.05; done; exit 0' INT\necho up\nwhile :; do sleep 0.05; done\n",
    );
    for (point, name) in points(Scenario::Rename) {
        let renamed = format!("{name}-renamed");
        home.rpm(["start", "slow.sh", "--name", &name, "--kill-timeout", "60s"]).ok();
        home.told(&format!("{name}-out.log"), "up");
        let first = home.pid(&name);
        let client = home.command(["restart", &name, "--name", &renamed, "--as-is"]).begin();
        home.wait_status(&name, Status::Stopping);
        drop(client);
        mined.hit(point, || home.write("go", ""));
        fs::remove_file(home.work().join("go")).unwrap();
        let known = if point == Point::RenameStopped { &name } else { &renamed };
        let process = home.wait_status(known, Status::Online);
        assert_ne!(process.pid, Some(first), "{}", point.name());
        assert_eq!(home.list().len(), 1, "{}", point.name());
        // A stop is a stop again.
        home.write("go", "");
        home.rpm(["stop", known]).ok();
        let before = home.daemon();
        signal(before.pid, Signal::SIGKILL);
        home.successor(&before);
        assert_eq!(home.process(known).status, Status::Stopped, "{}", point.name());
        home.rpm(["delete", known]).ok();
        fs::remove_file(home.work().join("go")).unwrap();
    }
    home.check_children();
}

#[test]
fn while_it_writes_logs() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Log) {
        // Little and much at a time; its end is passed too.
        let names = [name.clone(), format!("{name}-much")];
        home.start_numbered(&[
            numbered(&names[0], "errors=1", json!({})),
            numbered(&names[1], "lines=30 pause=1 errors=3", json!({})),
        ]);
        for round in 0..3 {
            mined.hit(point, || {
                for name in &names {
                    signal(home.wait_run(name, round).pid, Signal::SIGINT);
                }
            });
        }
        for name in &names {
            mined.check_running(point, name, 4);
            mined.check_end(name);
        }
    }
    home.check_children();
}

#[test]
fn while_it_writes_lines_that_become_something_else() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Log) {
        let [dated, json] = ["dated", "json"].map(|kind| format!("{name}-{kind}"));
        home.start_numbered(&[
            numbered(&dated, "lines=20 errors=2", json!({"time": true})),
            numbered(&json, "lines=30 pause=1 errors=3", json!({"log_type": "json", "log_file": true})),
        ]);
        for round in 0..3 {
            mined.hit(point, || {
                for name in [&dated, &json] {
                    signal(home.wait_run(name, round).pid, Signal::SIGINT);
                }
            });
        }
        for name in [&dated, &json] {
            mined.check_running(point, name, 4);
            mined.check_end(name);
        }
        home.check_combined_log(&json);
    }
    home.check_children();
}

#[test]
fn while_it_hands_over_a_connection() {
    let mined = Mined::new();
    let home = &mined.home;
    let port = home.serve();
    let before: Vec<Option<i32>> = home.list().iter().map(|process| process.pid).collect();
    for (point, _) in points(Scenario::Accept) {
        let lost = home.daemon().lost_connections;
        let (answer, now) = mined.hit(point, || get(port, "/"));
        match answer {
            Ok(reply) => assert_eq!(reply.status, 200),
            Err(error) => {
                assert_eq!(point, Point::AcceptDone, "{}: {error}", point.name());
                assert_eq!(now.lost_connections, lost + 1);
            }
        }
        let load = [Load::of_new_connections(port, 2), Load::of_kept_connections(port, 1)];
        let (lost, now) = (now.lost_connections, mined.hit(point, || ()).1);
        let answered = load[0].answered();
        eventually("requests go on", || (load[0].answered() > answered + 50).then_some(()));
        let [new, kept] = load.map(Load::end);
        assert_eq!((new.refused(), kept.refused(), kept.reused), (0, 0, 0), "{}", point.name());
        let failed = (new.failures.len() + kept.failures.len()) as u64;
        assert!(failed <= now.lost_connections - lost, "{}: {failed} failed", point.name());
    }
    assert_eq!(home.list().iter().map(|process| process.pid).collect::<Vec<_>>(), before);
    assert!(home.list().iter().all(|process| process.restarts == 0));
}

#[test]
fn while_a_worker_begins_to_listen() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Listen) {
        home.write(&format!("{name}.js"), include_str!("../../fixtures/server.js"));
        mined.hit(point, || home.rpm(["start", &format!("{name}.js"), "-i", "2"]).ok());
        let port = home.wait_listening(&name, 2);
        let pids: BTreeSet<i32> = home.named(&name).iter().filter_map(|process| process.pid).collect();
        let answers: BTreeSet<i32> = (0..12).map(|_| get(port, "/").unwrap().body.parse().unwrap()).collect();
        assert_eq!(answers, pids, "{}", point.name());
        for process in home.named(&name) {
            assert_eq!((process.restarts, process.status), (0, Status::Online), "{}: {process:?}", point.name());
        }
        // Nothing of it is kept for longer than it is used.
        home.rpm(["delete", &name]).ok();
        let refused = get(port, "/").unwrap_err().to_string();
        assert!(refused.contains("refused"), "{}: {refused}", point.name());
    }
    home.check_children();
}

#[test]
fn when_an_app_has_sent_a_message() {
    let mined = Mined::new();
    let home = &mined.home;
    home.write(
        "app.js",
        "process.send({ any: 'thing' }); process.send('ready')
         process.on('SIGINT', () => { console.log('asked'); process.exit(5) }); setInterval(() => {}, 1000)",
    );
    for (point, name) in points(Scenario::Channel) {
        let command = ["start", "app.js", "--name", &name, "--wait-ready", "--listen-timeout", "60000"];
        mined.hit(point, || home.rpm(command).ok());
        let process = home.wait_status(&name, Status::Online);
        assert_eq!((process.restarts, home.named(&name).len()), (0, 1), "{}", point.name());
        home.rpm(["stop", &name]).ok();
        assert_eq!(home.process(&name).exit, Some(Outcome::Code(5)));
        assert_eq!(home.lines(&format!("{name}-out.log")), ["asked"]);
    }
}

#[test]
fn when_an_app_has_announced_something() {
    let mined = Mined::new();
    let home = &mined.home;
    home.write(
        "app.js",
        "process.send({ type: 'axm:action', data: { action_name: 'first' } })
         process.send({ type: 'axm:monitor', data: { users: { value: 3 } } })
         process.send({ type: 'axm:action', data: { action_name: 'second' } })
         process.on('message', (name) => process.send({ type: 'axm:reply', data: { action_name: name, return: 'done' } }))
         process.send('ready')",
    );
    for (point, name) in points(Scenario::Panel) {
        let command = ["start", "app.js", "--name", &name, "--wait-ready", "--listen-timeout", "60000"];
        mined.hit(point, || home.rpm(command).ok());
        assert_eq!(home.process(&name).restarts, 0);
        for action in ["first", "second"] {
            let told = home.rpm(["trigger", &name, action]).ok().text();
            assert!(told.ends_with(":default]=\"done\"\n"), "{}: {told}", point.name());
        }
        assert_eq!(home.jlist()[0]["pm2_env"]["axm_monitor"], json!({ "users": { "value": 3 } }));
    }
}

#[test]
fn while_it_takes_over() {
    let mined = Mined::new();
    let home = &mined.home;
    let port = home.serve();
    home.start_numbered(&[
        numbered("staying", "lines=5 errors=2", json!({})),
        numbered("coming", "bursts=30 pause=3 code=run", json!({})),
        numbered("stopping", "grace=1500", json!({})),
    ]);
    let (web, staying) = (home.named("web"), home.pid("staying"));
    let load = [Load::of_new_connections(port, 1), Load::of_kept_connections(port, 1)];
    home.wait_run("stopping", 0);
    let stop = home.command(["stop", "stopping"]).begin();
    eventually("it is asked to end", || home.runs("stopping")[0].asked.first().copied());
    for (point, _) in points(Scenario::Adopt) {
        let generation = home.daemon().generation;
        let ((), now) = mined.hit(point, || signal(home.answering().unwrap().pid, Signal::SIGKILL));
        assert!(now.generation >= generation + 2, "{}", point.name());
        for old in &web {
            let now = home.named("web").into_iter().find(|process| process.id == old.id).unwrap();
            assert_eq!((now.pid, now.restarts), (old.pid, 0), "{}", point.name());
        }
        assert_eq!(home.pid("staying"), staying);
    }
    stop.end().ok();
    let stopped = home.check_counts("stopping", 0);
    assert_eq!((stopped.status, stopped.exit), (Status::Stopped, Some(Outcome::Code(5))));
    assert_eq!(home.runs("stopping")[0].asked.len(), 1);
    let [new, kept] = load.map(Load::end);
    assert_eq!((new.refused(), kept.refused(), kept.reused), (0, 0, 0));
    assert!((new.failures.len() + kept.failures.len()) as u64 <= home.daemon().lost_connections);
    home.quiet(["staying", "coming"]);
    for name in ["staying", "coming", "stopping"] {
        home.check_logs(name);
    }
    home.check_counts("coming", 0);
    home.check_children();
}

#[test]
fn while_it_binds_a_socket_for_an_app() {
    let mined = Mined::new();
    let home = &mined.home;
    let text =
        "require('node:http').createServer((_, r) => r.end('here')).listen({ fd: 3 }, () => process.send('ready'))";
    home.write("app.js", text);
    for point in [Point::ListenBound, Point::ListenKept] {
        let name = point.name().replace('.', "-");
        let app = json!({"name": name, "script": "app.js", "listen": [0, "./app.sock"], "wait_ready": true});
        home.write("eco.json", json!({"apps": [app]}).to_string());
        mined.hit(point, || home.rpm(["start", "eco.json"]).ok());
        let listens = home.describe(&name)[0]["listens"].clone();
        let port = listens[0].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        assert_eq!(get(port, "/").unwrap().body, "here", "{listens}");
        assert_eq!((listens.as_array().unwrap().len(), home.process(&name).restarts), (2, 0));
        home.rpm(["delete", &name]).ok();
        assert!(!home.work().join("app.sock").exists());
    }
}

#[test]
fn while_a_version_is_on_trial() {
    let mined = Mined::new();
    let home = &mined.home;
    let version = |text: &str, more: &str| {
        let text = format!(
            "require('node:http').createServer((_, r) => r.end('{text}'))
               .listen(0, function () {{ console.log('port ' + this.address().port) }}); {more}"
        );
        home.write("app.js", text);
    };
    for (point, name) in points(Scenario::Trial) {
        let app = json!({"name": name, "script": "app.js", "instances": 2, "health_window": "2s"});
        home.write("eco.json", json!({"apps": [app]}).to_string());
        version("old", "");
        home.rpm(["start", "eco.json"]).ok();
        let port = home.wait_listening(&name, 2);
        let old = home.named(&name);
        let returns = point == Point::TrialReturned;
        version("new", if returns { "setTimeout(() => process.exit(1), 1000)" } else { "" });
        let (done, _) = mined.hit(point, || home.rpm(["reload", &name]));
        // Where it was cut off it is begun anew, or was through but for its answer.
        assert_eq!(done.code(), Some(i32::from(returns)), "{}: {}", point.name(), done.told());
        let expected = if returns { "old" } else { "new" };
        for _ in 0..6 {
            assert_eq!(get(port, "/").unwrap().body, expected, "{}", point.name());
        }
        for (before, now) in old.iter().zip(home.named(&name)) {
            assert_eq!((before.pid == now.pid, now.status), (returns, Status::Online), "{}", point.name());
            assert_eq!(is_alive(before.pid.unwrap()), returns, "{}", point.name());
        }
        home.rpm(["delete", &name]).ok();
    }
    home.check_children();
}

#[test]
fn when_the_list_is_written() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::List) {
        mined.hit(point, || home.start_numbered(&[numbered(&name, "", json!({}))]));
        mined.check_running(point, &name, 1);
        let pid = home.pid(&name);
        mined.hit(point, || home.rpm(["delete", &name]).ok());
        assert!(home.named(&name).is_empty() && !is_alive(pid));
        assert_eq!(home.runs(&name).len(), 1);
        home.kill_daemon();
        assert!(home.list().is_empty());
    }
    home.check_children();
}

#[test]
fn while_it_makes_room_for_an_update() {
    let mined = Mined::new();
    let home = &mined.home;
    let port = home.serve();
    home.start_numbered(&[numbered("app", "lines=3", json!({}))]);
    home.wait_run("app", 0);
    let pids = || home.list().iter().map(|process| process.pid).collect::<Vec<_>>();
    let before = pids();
    let load = Load::of_new_connections(port, 1);
    for (point, name) in points(Scenario::Update) {
        let directory = home.temporary().join(name);
        fs::create_dir(&directory).unwrap();
        let program = home.copy_programs(&directory);
        let update = || home.rpm(["update", "--program", program.to_str().unwrap()]);
        let before_it = home.daemon();
        mined.arm(point);
        let done = update();
        assert!(!mined.file.exists(), "{} was not passed", point.name());
        assert!(matches!(done.code(), Some(0 | 1)), "{}", done.told());
        let now = home.successor(&before_it);
        let runs = fs::read_link(format!("/proc/{}/exe", now.pid)).unwrap();
        assert_eq!(runs == program, done.code() == Some(0), "{}", done.told());
        update().ok();
        assert_eq!(fs::read_link(format!("/proc/{}/exe", home.daemon().pid)).unwrap(), program);
        assert_eq!(pids(), before, "{}", point.name());
    }
    let outcome = load.end();
    assert!(outcome.failures.len() as u64 <= home.daemon().lost_connections, "{:?}", outcome.failures);
    home.quiet(["app"]);
    home.check_logs("app");
}

#[test]
fn while_it_saves_the_list() {
    let mined = Mined::new();
    let home = &mined.home;
    let names = |file: &str| {
        let text = fs::read_to_string(home.root().join(file)).unwrap();
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        list.iter().map(|element| element["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    home.rpm(["save", "--force"]).ok();
    let mut saved: Vec<String> = Vec::new();
    for (point, name) in points(Scenario::Dump) {
        home.start_numbered(&[numbered(&name, "", json!({}))]);
        let before = saved.clone();
        saved.push(name);
        mined.hit(point, || home.rpm(["save"]).ok());
        assert_eq!(names("dump.pm2"), saved, "{}", point.name());
        // What was there before, or what a save that was carried out twice had written.
        assert!([before, saved.clone()].contains(&names("dump.pm2.bak")), "{}", point.name());
    }
    let left = fs::read_dir(home.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let dumps: BTreeSet<String> = left.filter(|name| name.starts_with("dump")).collect();
    assert_eq!(dumps, ["dump.pm2", "dump.pm2.bak"].map(str::to_owned).into());
    home.check_children();
}

#[test]
fn while_it_takes_up_a_saved_list() {
    let mined = Mined::new();
    let home = &mined.home;
    for (point, name) in points(Scenario::Resurrect) {
        let stopped = format!("{name}-stopped");
        home.start_numbered(&[numbered(&name, "", json!({})), numbered(&stopped, "", json!({}))]);
        home.rpm(["stop", &stopped]).ok();
        home.rpm(["save"]).ok();
        let (runs, stopped_runs) = (home.runs(&name).len(), home.runs(&stopped).len());
        home.rpm(["delete", &name, &stopped]).ok();
        mined.hit(point, || home.rpm(["resurrect"]).ok());
        home.wait_run(&name, runs);
        let process = home.process(&name);
        // Counted anew, and begun once.
        assert_eq!((process.status, process.restarts), (Status::Online, 0), "{}: {process:?}", point.name());
        assert_eq!(home.runs(&name).len(), runs + 1, "{}", point.name());
        assert_eq!(home.process(&stopped).status, Status::Stopped, "{}", point.name());
        assert_eq!(home.runs(&stopped).len(), stopped_runs, "{}", point.name());
    }
    home.check_children();
}
