//! Lists that are saved, by hand, by the end, by PM2, and taken up again.

use crate::support::{Home, Program, Signal, eventually, is_alive, is_root, signal};
use proptest::prelude::*;
use rpm_native::api::pm2::Parts;
use rpm_native::api::{Process, SavedApp, dump};
use rpm_native::config::Caller;
use rpm_native::domain::panel::Panel;
use rpm_native::domain::spec::{Interpreter, Layer, Mode, Program as Script, SecretSource, WatchPolicy};
use rpm_native::domain::{AppSpec, Status};
use serde_json::{Map, Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const WAITS: &str = "setInterval(() => {}, 1000)";

fn dump_of(home: &Home) -> Vec<Map<String, Value>> {
    serde_json::from_slice(&fs::read(home.root().join("dump.pm2")).unwrap()).unwrap()
}

/// Name, mode, status and how often it was restarted, of each process.
fn told(home: &Home) -> Vec<(String, String, Status, u32)> {
    let mut list: Vec<_> =
        home.list().into_iter().map(|process| (process.name, process.mode, process.status, process.restarts)).collect();
    list.sort_by(|a, b| (&a.0, a.2.as_str()).cmp(&(&b.0, b.2.as_str())));
    list
}

/// A daemon that brings the list back is ready before all of it runs.
#[track_caller]
fn is_again(home: &Home, before: &[(String, String, Status, u32)], when: &str) {
    eventually(&format!("{when}: {before:?}"), || (told(home) == before).then_some(()));
}

fn specs(home: &Home) -> Vec<Value> {
    let mut specs: Vec<Value> =
        home.list().iter().map(|process| home.describe(&process.id.to_string())[0]["spec"].clone()).collect();
    specs.sort_by_key(Value::to_string);
    specs
}

/// A list with a bit of everything.
fn varied() -> Home {
    let home = Home::new();
    home.write("app.js", WAITS);
    home.write("web.js", include_str!("../fixtures/server.js"));
    home.write("w.sh", "sleep 1000");
    home.write("token", "s3cr3t");
    home.write(
        "apps.json",
        json!({"apps": [
            {"name": "web", "script": "web.js", "instances": 2, "env": {"A": "1", "DB_PASSWORD": "hunter2"}},
            {"name": "more", "script": "app.js", "cron_restart": "0 3 * * *", "watch": ["src"], "ignore_watch": ["x"],
             "max_memory_restart": "200M", "kill_timeout": 3000, "out_file": "./o.log", "args": ["a b", "-c"],
             "kill_signal": "SIGTERM", "restart_window": "1m", "job_timeout": 5, "live_probe": {"exec": ["true"]},
             "secrets": {"TOKEN": {"file": "token"}}, "env": {"PORT": 3000}, "increment_var": "PORT"},
            {"name": "job", "script": "app.js", "job": true, "cron_restart": "0 4 * * *"},
            {"name": "sh", "script": "w.sh", "namespace": "ns", "max_restarts": 3, "depends_on": ["web"]}
        ]})
        .to_string(),
    );
    home.rpm(["start", "apps.json"]).ok();
    home.rpm(["stop", "more"]).ok();
    home
}

#[test]
fn what_is_saved_comes_back_as_it_was() {
    let home = varied();
    let (before, were) = (told(&home), specs(&home));
    let saved = home.rpm(["save"]).ok();
    assert!(saved.text().starts_with("saved 4 apps (5 processes) in "), "{}", saved.told());
    assert_eq!(fs::metadata(home.root().join("dump.pm2")).unwrap().permissions().mode() & 0o777, 0o600);
    home.rpm(["kill"]).ok();
    assert_eq!(told(&home), []);
    let done = home.rpm(["resurrect"]).ok();
    assert!(
        done.text().contains("started web") && done.text().contains("listed, stopped as it was: more"),
        "{}",
        done.told()
    );
    assert_eq!(told(&home), before);
    assert_eq!(specs(&home), were);
    // Nobody is started twice.
    let pids: Vec<_> = home.list().iter().map(|process| process.pid).collect();
    let again = home.rpm(["resurrect"]).ok();
    assert!(again.err.contains("on the list already, and left as it is: web, more, job, sh"), "{}", again.told());
    assert_eq!(home.list().iter().map(|process| process.pid).collect::<Vec<_>>(), pids);
}

#[test]
fn the_file_is_pm2s() {
    let home = varied();
    home.rpm(["save"]).ok();
    let dump = dump_of(&home);
    assert_eq!(dump.len(), 5);
    for element in &dump {
        for key in ["instances", "pm_id", "prev_restart_delay"] {
            assert!(!element.contains_key(key), "{key}");
        }
        for key in
            ["name", "pm_exec_path", "pm_cwd", "exec_interpreter", "exec_mode", "env", "status", "pm_out_log_path"]
        {
            assert!(element.contains_key(key), "{key}");
        }
    }
    let more = dump.iter().find(|element| element["name"] == "more").unwrap();
    assert_eq!((&more["status"], &more["env"]["PORT"]), (&json!("stopped"), &json!(3000)));
    let text = fs::read_to_string(home.root().join("dump.pm2")).unwrap();
    assert!(text.starts_with("[\n  {\n    \""), "{text}");
    // What an app is given by value is in it, as it has to come back; what it is given by reference is not.
    assert!(text.contains("hunter2") && !text.contains("s3cr3t"));
}

#[test]
fn an_empty_list_is_saved_only_by_force() {
    let home = Home::new();
    home.write("app.js", WAITS);
    let refused = home.rpm(["save"]).ok();
    assert!(refused.err.contains("the list is empty, and was not saved"), "{}", refused.told());
    assert!(!home.root().join("dump.pm2").exists());
    home.rpm(["start", "app.js"]).ok();
    home.rpm(["dump"]).ok();
    home.rpm(["delete", "all"]).ok();
    let report: Value = serde_json::from_slice(&home.rpm(["save", "--json"]).ok().out).unwrap();
    assert_eq!((&report["written"], &report["apps"]), (&json!(false), &json!(0)));
    assert_eq!(dump_of(&home).len(), 1);
    home.rpm(["save", "--force"]).ok();
    assert_eq!(dump_of(&home).len(), 0);
    for verb in ["save", "dump", "cleardump", "resurrect"] {
        home.rpm([verb, "more"]).fails(&["more"]);
    }
    // What was emptied is still beside it.
    home.rpm(["resurrect", "--from", home.root().join("dump.pm2.bak").to_str().unwrap()]).ok();
    assert_eq!(home.process("app").status, Status::Online);
    home.rpm(["save"]).ok();
    home.rpm(["cleardump"]).ok();
    assert_eq!(fs::read_to_string(home.root().join("dump.pm2")).unwrap(), "[]");
    home.rpm(["resurrect"]).ok();
}

#[test]
fn garbage_is_told_and_kept() {
    let home = Home::new();
    home.write("app.js", WAITS);
    let (dump, backup) = (home.root().join("dump.pm2"), home.root().join("dump.pm2.bak"));
    let nothing = home.rpm(["resurrect"]).ok();
    assert!(nothing.err.contains("nothing was saved"), "{}", nothing.told());
    home.rpm(["start", "app.js"]).ok();
    home.rpm(["save"]).ok();
    home.rpm(["save"]).ok();
    home.rpm(["delete", "all"]).ok();
    for garbage in ["", "[{", "{}", "[1]", "\u{0}\u{0}", "process.exit(3)"] {
        fs::write(&dump, garbage).unwrap();
        let done = home.rpm(["resurrect"]).ok();
        assert!(done.err.contains("dump.pm2.bak is used"), "{garbage:?}: {}", done.told());
        assert_eq!(fs::read_to_string(&dump).unwrap(), garbage, "nothing of it is deleted");
        home.rpm(["delete", "app"]).ok();
    }
    fs::write(&backup, "[{").unwrap();
    let done = home.rpm(["resurrect"]).ok();
    assert!(done.err.contains("cannot be read, and stays where it is"), "{}", done.told());
    home.rpm(["resurrect", "--from", dump.to_str().unwrap()]).fails(&["is no saved list"]);
    home.rpm(["resurrect", "--from", "/no/such/file"]).fails(&["/no/such/file is not there"]);
    fs::write(
        &dump,
        format!("// a literal\n[{{name: 'lit', pm_exec_path: {:?}, pm_cwd: '/',}}]", home.work().join("app.js")),
    )
    .unwrap();
    home.rpm(["resurrect"]).ok();
    assert_eq!(home.process("lit").status, Status::Online);
}

#[test]
fn a_disk_that_is_full_leaves_what_was_saved() {
    if !is_root() {
        return eprintln!("skipped: only root can mount a small file system");
    }
    let home = Home::at("disk/home");
    let disk = home.temporary().join("disk");
    fs::create_dir_all(&disk).unwrap();
    let mounted = Program::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).args([&disk]).run();
    if !mounted.status.success() {
        return eprintln!("skipped: no file system can be mounted here");
    }
    home.write("app.js", WAITS);
    home.rpm(["start", "app.js"]).ok();
    home.rpm(["save"]).ok();
    let before = fs::read(home.root().join("dump.pm2")).unwrap();
    let filled = Program::new("sh").args(["-c", "cat /dev/zero > full"]).cwd(&disk).run();
    assert!(!filled.status.success());
    home.rpm(["save"]).fails(&["the list is not saved", "No space left", "what was saved before is as it was"]);
    assert_eq!(fs::read(home.root().join("dump.pm2")).unwrap(), before);
    fs::remove_file(disk.join("full")).unwrap();
    home.rpm(["save"]).ok();
    home.rpm(["kill"]).ok();
    drop(home);
    Program::new("umount").args(["-l"]).args([&disk]).run();
}

#[test]
fn the_list_of_the_last_end_is_not_lost() {
    let home = varied();
    let before = told(&home);
    let killed = home.rpm(["kill"]).ok();
    assert!(killed.err.contains("rpm resurrect --last"), "{}", killed.told());
    assert_eq!(told(&home), []);
    // Daemons that come and go with nothing on their lists don't count.
    home.rpm(["kill"]).ok();
    assert_eq!(told(&home), []);
    home.rpm(["resurrect", "--last"]).ok();
    assert_eq!(told(&home), before);
    let again = home.rpm(["resurrect", "--last"]).ok();
    assert!(again.err.contains("nothing to take up"), "{}", again.told());
    // Whoever removes everything wants nothing back.
    home.rpm(["kill"]).ok();
    home.rpm(["resurrect", "--last"]).ok();
    home.rpm(["delete", "all"]).ok();
    home.rpm(["resurrect", "--last"]).ok();
    assert_eq!(told(&home), []);
}

/// As when the machine goes down, or its service manager ends us.
fn ended_by_system(home: &Home) {
    let (daemon, guardian) = (home.daemon().pid, home.guardian());
    signal(daemon, Signal::SIGTERM);
    eventually("all of it is gone", || (!is_alive(daemon) && !is_alive(guardian)).then_some(()));
}

/// As if the machine had been started anew since the daemon was here.
fn reboot(home: &Home) {
    let state = home.root().join("state.json");
    let mut saved: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    saved["boot"] = json!("another boot");
    fs::write(&state, saved.to_string()).unwrap();
    // What processes were doing is of that boot, too.
    fs::remove_file(home.root().join("run/slots")).unwrap();
}

#[test]
fn after_a_reboot_what_ran_waits_for_a_word() {
    let home = varied();
    let before = told(&home);
    // The system ends everything in order.
    ended_by_system(&home);
    reboot(&home);
    let listed = home.rpm(["ls"]).ok();
    assert!(listed.err.contains("3 processes ran until the machine was started anew"), "{}", listed.told());
    assert!(home.list().iter().all(|process| process.pid.is_none()));
    // A daemon that is killed meanwhile changes nothing of that, and whoever is stopped now stays so.
    home.kill_daemon();
    home.rpm(["stop", "sh"]).ok();
    home.rpm(["resurrect"]).ok();
    let after: Vec<_> = told(&home);
    let expected: Vec<_> = before
        .into_iter()
        .map(|(name, mode, status, restarts)| {
            let status = if name == "sh" { Status::Stopped } else { status };
            (name, mode, status, restarts)
        })
        .collect();
    assert_eq!(after, expected);
    assert!(!home.rpm(["ls"]).ok().err.contains("started anew"));
}

#[test]
fn the_start_of_the_machine_brings_the_list_back() {
    let home = Home::new();
    home.write("app.js", WAITS);
    home.rpm(["start", "app.js", "--name", "saved"]).ok();
    home.rpm(["save"]).ok();
    home.rpm(["delete", "all"]).ok();
    // Nothing ran: what was saved.
    ended_by_system(&home);
    reboot(&home);
    home.rpm(["resurrect", "--boot"]).ok();
    assert_eq!(home.process("saved").status, Status::Online);
    home.rpm(["delete", "saved"]).ok();
    home.rpm(["start", "app.js", "--name", "ran"]).ok();
    // As `systemctl restart` does: the same boot.
    ended_by_system(&home);
    home.rpm(["resurrect", "--boot"]).ok();
    assert_eq!(home.list().len(), 1);
    assert_eq!(home.process("ran").status, Status::Online);
    // Once more is no more.
    let pid = home.pid("ran");
    home.rpm(["resurrect", "--boot"]).ok();
    assert_eq!((home.pid("ran"), home.list().len()), (pid, 1));
    ended_by_system(&home);
    reboot(&home);
    home.rpm(["resurrect", "--boot"]).ok();
    assert_eq!(home.process("ran").status, Status::Online);
}

#[test]
fn what_cannot_run_any_more_stays_on_the_list() {
    let home = Home::new();
    home.write("app.js", WAITS);
    home.write("gone.sh", "sleep 1000");
    fs::set_permissions(home.work().join("gone.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    home.rpm(["start", "gone.sh", "--interpreter", "none"]).fails(&[]);
    home.write("gone.sh", "#!/bin/sh\nsleep 1000");
    home.rpm(["start", "gone.sh", "--interpreter", "none"]).ok();
    home.rpm(["start", "app.js"]).ok();
    home.rpm(["save"]).ok();
    home.rpm(["kill"]).ok();
    fs::remove_file(home.work().join("gone.sh")).unwrap();
    home.rpm(["resurrect"]).fails(&["gone", "1 of 2 apps were started"]);
    assert_eq!(home.process("app").status, Status::Online);
    assert_eq!(home.process("gone").status, Status::Errored);
}

#[test]
fn a_daemon_that_starts_with_the_machine_goes_on_with_the_list() {
    let home = varied().env("RPM_BOOT", "1");
    let before = told(&home);
    ended_by_system(&home);
    is_again(&home, &before, "restarted by a service manager");
    ended_by_system(&home);
    reboot(&home);
    is_again(&home, &before, "started anew");
    // Another one after it takes over what lives, as ever.
    let pids: Vec<_> = home.list().iter().map(|process| process.pid).collect();
    home.kill_daemon();
    assert_eq!(home.list().iter().map(|process| process.pid).collect::<Vec<_>>(), pids);
    // The power went: nothing was closed.
    let state = fs::read(home.root().join("state.json")).unwrap();
    ended_by_system(&home);
    fs::write(home.root().join("state.json"), state).unwrap();
    reboot(&home);
    is_again(&home, &before, "after a power cut");
}

fn process(spec: &AppSpec, ran: bool) -> Process {
    let status = if ran { "online" } else { "stopped" };
    let value = json!({
        "id": 3, "name": spec.name, "namespace": spec.namespace, "version": null, "mode": "fork", "instance": 0,
        "pid": null, "status": status, "restarts": 2, "unstable_restarts": 0, "started_at": 5, "created_at": 4,
        "cpu": 0.0, "memory": 0, "username": null, "exit": null, "reason": null
    });
    serde_json::from_value(value).unwrap()
}

/// As `save` makes it of a process whose id is 3.
fn element(spec: &AppSpec, ran: bool) -> Map<String, Value> {
    let env = spec.env.inherited.iter().chain(&spec.env.app);
    let env = env.map(|(name, value)| (name.as_str(), value.as_str().into())).collect();
    let log = |path: &Option<std::path::PathBuf>, default: &str| {
        path.as_ref()
            .map_or_else(|| default.into(), |path| if spec.logs.merge { path.clone() } else { with_id(path, 3) })
    };
    let (out, error) = (log(&spec.logs.out, "/h/logs/x-out.log"), log(&spec.logs.error, "/h/logs/x-error-3.log"));
    let pid_file = spec.pid_file.as_ref().map_or_else(|| "/h/pids/x-3.pid".into(), |path| with_id(path, 3));
    let parts = Parts {
        process: &process(spec, ran),
        spec,
        panel: &Panel::default(),
        unique_id: "u",
        out_log: Some(&out),
        error_log: Some(&error),
        combined_log: None,
        pid_file: &pid_file,
        env,
        backoff: 0,
        node_version: None,
        monitored: None,
    };
    let Value::Object(element) = dump::element(&parts, ran) else { unreachable!() };
    element
}

fn with_id(path: &Path, id: u32) -> std::path::PathBuf {
    rpm_native::paths::with_id(path, id)
}

fn read(elements: &[Map<String, Value>]) -> Vec<SavedApp> {
    let caller = Caller { cwd: "/".into(), env: [("PATH".to_owned(), String::new())].into(), username: None, cores: 2 };
    rpm_native::dump::apps(elements, Path::new("/h"), &caller).into_iter().flat_map(|taken| taken.apps).collect()
}

fn variables() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    prop::collection::btree_map("[A-Z][A-Z_]{0,6}", ".{0,12}", 0..4)
}

prop_compose! {
    /// An app that says only what PM2 has a word for.
    fn known_to_pm2()(
        name in "[a-z][a-z0-9 ._-]{0,10}", args in prop::collection::vec(".{0,8}", 0..4), cluster: bool,
        app in variables(), flags: [bool; 6], times in prop::array::uniform4(0_u64..100_000),
        codes in prop::collection::vec(0_i32..256, 0..3), memory in prop::option::of(1_u64..1 << 40),
        cron in prop::option::of(Just("0 3 * * *".to_owned())), logs in prop::option::of("/[a-z]{1,8}[.]log"),
        paths in prop::collection::vec("/[a-z]{1,6}", 0..3), max_restarts in 0_u32..100,
    ) -> AppSpec {
        let program = Script {
            path: "/bin/sh".into(),
            interpreter: if cluster { Interpreter::Named("node".into()) } else { Interpreter::None },
            interpreter_args: args.clone(),
        };
        let mut spec = AppSpec::new(name, program);
        spec.mode = if cluster { Mode::Cluster } else { Mode::Fork };
        spec.args = args;
        for (name, value) in app {
            spec.env.set(name, value, Layer::Env);
        }
        let [merge, autostart, autorestart, wait_ready, treekill, watched] = flags;
        spec.logs.merge = merge;
        spec.logs.out = logs.map(Into::into);
        spec.autostart = autostart;
        spec.restart.autorestart = autorestart;
        spec.restart.max_restarts = max_restarts;
        spec.restart.min_uptime = times[0].max(100);
        spec.restart.restart_delay = times[1];
        spec.restart.stop_exit_codes = codes;
        spec.stop.kill_timeout = times[2];
        spec.stop.treekill = treekill;
        spec.ready.wait_ready = wait_ready;
        spec.limits.max_memory_restart = memory;
        spec.schedule.restart = cron;
        spec.watch = watched.then(|| WatchPolicy {
            paths: paths.iter().map(Into::into).collect(),
            ignore: Some(paths),
            delay: times[3],
        });
        spec
    }
}

prop_compose! {
    fn anything()(mut spec in known_to_pm2(), inherited in variables(), signal in 1..32_i32, instances in 1..5_u32) -> AppSpec {
        spec.env.inherited = inherited.into();
        spec.env.increment_var = Some("PORT".into());
        spec.env.secrets.insert("TOKEN".into(), SecretSource::Command("pass x".into()));
        spec.stop.kill_signal = signal;
        spec.instances = instances;
        spec.schedule.time_zone = Some("Europe/Vienna".into());
        spec
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_saved_is_read(spec in anything(), ran: [bool; 2]) {
        let elements = [element(&spec, ran[0]), element(&spec, ran[1])];
        let text = serde_json::to_string(&elements).unwrap();
        let found = read(&serde_json::from_str::<Vec<_>>(&text).unwrap());
        prop_assert_eq!(found, vec![SavedApp { spec: spec.clone(), ran: ran.to_vec() }]);
    }

    /// Without our own part: as if PM2 had written it.
    #[test]
    fn what_pm2_has_a_word_for_is_read_from_pm2s_part(spec in known_to_pm2(), ran: bool) {
        let mut first = element(&spec, ran);
        first.remove("rpm");
        let found = read(std::slice::from_ref(&first));
        prop_assert_eq!(found.len(), 1);
        let [SavedApp { spec: read, ran: running }] = &found[..] else { unreachable!() };
        prop_assert_eq!(running, &vec![ran]);
        let mut second = element(read, ran);
        second.remove("rpm");
        // A time that was never written is PM2's default there, and ours here; all else is the same.
        for key in ["vizion", "pmx", "automation", "windowsHide", "kill_retry_time"] {
            first.remove(key);
            second.remove(key);
        }
        prop_assert_eq!(second, first);
    }
}

/// As PM2 7 saved it, with the places of this test.
fn pm2s_dump(home: &Home) -> std::path::PathBuf {
    let text = include_str!("../fixtures/pm2/dump.pm2")
        .replace("@HOME@", home.work().join(".pm2").to_str().unwrap())
        .replace("@DIR@", home.work().to_str().unwrap());
    home.write(".pm2/dump.pm2", text)
}

#[test]
fn each_app_of_a_pm2_is_read() {
    let home = Home::new();
    let dump = pm2s_dump(&home);
    let caller = Caller { cwd: "/".into(), env: [("PATH".to_owned(), String::new())].into(), username: None, cores: 2 };
    let elements = rpm_native::dump::read(&dump, &caller).unwrap();
    let all = rpm_native::dump::apps(&elements, &home.work().join(".pm2"), &caller);
    let of = |name: &str| {
        let taken = all.iter().find(|taken| taken.name == name).unwrap();
        assert_eq!(taken.apps.len(), 1, "{name}: {:?}", taken.apps);
        (&taken.apps[0].spec, taken.apps[0].ran.as_slice(), taken.notes.join("; "))
    };
    let place = |file: &str| Some(home.work().join(file));
    let (web, ran, _) = of("web");
    assert_eq!((web.mode, web.instances, ran), (Mode::Cluster, 2, &[true, true][..]));
    let app: Vec<_> = web.env.app.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(app, ["A=2", "AWS_X=1", "B=true", "N=5", "NODE_ENV=production", "O={\"x\":1}", "PORT=0"]);
    assert_eq!(web.env.inherited["PATH"], "/usr/bin:/bin");
    assert_eq!((web.logs.out.as_ref(), web.logs.merge), (None, false));
    let (cron, ..) = of("cron");
    assert_eq!((cron.logs.out.clone(), cron.logs.error.clone()), (place("logs/o.log"), place("logs/e.log")));
    assert_eq!((cron.pid_file.clone(), cron.schedule.restart.as_deref()), (place("x.pid"), Some("0 3 * * *")));
    assert_eq!(cron.watch.as_ref().unwrap().paths, [home.work().join("src")]);
    let (py, ran, _) = of("py");
    assert_eq!((&py.program.interpreter, ran.len()), (&Interpreter::Named("python3".into()), 2));
    assert_eq!((py.env.app["PORT"].as_str(), py.env.app["PYTHONUNBUFFERED"].as_str()), ("3000", "1"));
    assert_eq!((py.env.increment_var.as_deref(), py.env.instance_var.as_str()), (Some("PORT"), "INST"));
    let (sh, ..) = of("sh");
    assert_eq!((sh.args.as_slice(), sh.stop.treekill), (&["one".to_owned(), "two three".to_owned()][..], false));
    let (line, ..) = of("line");
    assert!(line.is_shell_line() && line.args[1] == "sleep 500", "{line:?}");
    let (renamed, ..) = of("renamed");
    assert_eq!((renamed.logs.out.as_ref(), renamed.env.app.contains_key("plain")), (None, false));
    assert_eq!(of("stopped").1, [false]);
    assert_eq!(of("scaled").0.instances, 2);
    let (custom, ..) = of("cus");
    assert_eq!((custom.logs.out.clone(), custom.logs.error.clone()), (place("logs/c.log"), place("x/e.log")));
    assert_eq!((custom.ready.wait_ready, custom.ready.listen_timeout), (true, Some(100)));
    assert!(of("files").2.contains("PM2's own file server"));
    assert!(of("sh").2.contains("s.sh is not there"), "{}", of("sh").2);
}

/// A PM2 with a server and an app that is stopped.
struct OtherManager {
    home: Home,
    running: crate::support::Running,
}

impl OtherManager {
    fn new(script: &str) -> Self {
        let home = Home::new();
        let file = home.write("web.js", script);
        home.write("other.js", WAITS);
        let app = |name: &str, script: &Path, status: &str| {
            json!({"name": name, "pm_exec_path": script, "pm_cwd": home.work(), "exec_interpreter": "node",
                "exec_mode": "fork_mode", "merge_logs": true, "status": status, "env": {"WHO": name}})
        };
        let other = home.work().join("other.js");
        let apps = [app("web", &file, "online"), app("other", &other, "online"), app("idle", &other, "stopped")];
        home.write("apps.pm2", json!(apps).to_string());
        home.write(".pm2/manager.js", include_str!("../fixtures/pm2/manager.js"));
        let program = home.write("bin/pm2", "#!/bin/sh\nexec node \"$PM2_HOME/manager.js\" \"$@\"\n");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let running = Program::new("node")
            .args(["manager.js", "daemon", "../apps.pm2"])
            .env("PM2_HOME", home.work().join(".pm2"))
            .cwd(&home.work().join(".pm2"))
            .begin();
        eventually("it is there", || (running.out() == b"ready\n").then_some(()));
        let path = format!("{}:{}", home.work().join("bin").display(), std::env::var("PATH").unwrap());
        Self { home: home.env("PATH", path), running }
    }

    fn told(&self) -> Vec<String> {
        let told = fs::read_to_string(self.home.work().join(".pm2/told")).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }

    fn migrate(&self, flags: &[&str]) -> crate::support::Done {
        self.home.rpm(["migrate", "--from", ".pm2"].into_iter().chain(flags.iter().copied()))
    }

    fn end(self) {
        self.home.rpm(["kill"]).ok();
        let pid = fs::read_to_string(self.home.work().join(".pm2/pm2.pid")).unwrap().parse().unwrap();
        signal(pid, Signal::SIGTERM);
        self.running.end();
    }
}

#[test]
fn a_pm2_that_runs_is_taken_over() {
    let other = OtherManager::new(include_str!("../fixtures/server.js"));
    let planned = other.migrate(&["--dry-run", "--json"]).ok();
    let plan: Value = serde_json::from_slice(&planned.out).unwrap();
    assert_eq!((&plan["applied"], &plan["plan"][0]["action"]), (&json!(false), &json!("take")));
    assert_eq!(other.told(), ["jlist"]);
    let done = other.migrate(&[]).ok();
    assert!(done.text().contains("ms between its end there and its start here"), "{}", done.told());
    assert_eq!(other.told(), ["jlist", "jlist", "stop 0", "stop 1", "delete 0 1 2"]);
    let statuses: Vec<_> = told(&other.home).into_iter().map(|(name, _, status, _)| (name, status)).collect();
    let expected = [("idle", Status::Stopped), ("other", Status::Online), ("web", Status::Online)];
    assert_eq!(statuses, expected.map(|(name, status)| (name.to_owned(), status)));
    assert_eq!(other.home.describe("web")[0]["env"]["WHO"], "web");
    // Nothing is left to take, and that is no failure.
    let again = other.migrate(&[]).ok();
    assert!(again.err.contains("there is nothing to take over"), "{}", again.told());
    other.end();
}

#[test]
fn all_go_back_where_one_does_not_stay() {
    let other = OtherManager::new("if (process.env.RPM_HOME) process.exit(3); setInterval(() => {}, 1000)");
    let failed = other.migrate(&[]).fails(&["web did not stay up here", "all apps are back where they were"]);
    assert_eq!(told(&other.home), [], "{}", failed.told());
    assert_eq!(other.told(), ["jlist", "stop 0", "stop 1", "restart 1", "restart 0"]);
    let listed = Program::new(other.home.work().join("bin/pm2"))
        .args(["jlist"])
        .env("PM2_HOME", other.home.work().join(".pm2"))
        .run()
        .ok();
    let list: Vec<Value> = serde_json::from_slice(&listed.out).unwrap();
    let statuses: Vec<_> = list.iter().map(|element| element["pm2_env"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["online", "online", "stopped"]);
    assert!(!other.home.root().join("run/migration.json").exists());
    other.end();
}

#[test]
fn a_takeover_that_was_cut_off_goes_on() {
    let other = OtherManager::new(include_str!("../fixtures/server.js"));
    let pm2 = other.home.work().join(".pm2");
    let pid: i32 = fs::read_to_string(pm2.join("pm2.pid")).unwrap().parse().unwrap();
    // As it is when the command is killed after PM2 has stopped an app.
    fs::create_dir_all(other.home.root().join("run")).unwrap();
    fs::write(other.home.root().join("run/migration.json"), json!({"pm2": pm2, "pid": pid, "ran": [0, 1]}).to_string())
        .unwrap();
    Program::new(other.home.work().join("bin/pm2")).args(["stop", "0"]).env("PM2_HOME", &pm2).run().ok();
    other.migrate(&["--keep"]).ok();
    assert_eq!(other.home.process("web").status, Status::Online);
    assert_eq!(other.home.process("idle").status, Status::Stopped);
    assert!(!other.told().iter().any(|told| told.starts_with("delete")));
    other.end();
}

#[test]
fn what_is_no_pm2_of_ours_is_left_alone() {
    let home = Home::new();
    home.rpm(["migrate", "--from", "/no/such"]).fails(&["/no/such is no home of PM2's"]);
    fs::create_dir(home.work().join("empty")).unwrap();
    home.rpm(["migrate", "--from", "empty"]).fails(&["no PM2 runs in", "is not there"]);
    // One that doesn't run has a saved list.
    home.write("app.js", WAITS);
    let app = json!([{"name": "app", "pm_exec_path": home.work().join("app.js"), "pm_cwd": home.work()}]);
    home.write("empty/dump.pm2", app.to_string());
    let done = home.rpm(["migrate", "--from", "empty"]).ok();
    assert!(done.text().contains("it doesn't run; as saved in"), "{}", done.told());
    assert_eq!(home.process("app").status, Status::Online);
    if is_root() {
        let nobodys = home.work().join("nobodys");
        fs::create_dir(&nobodys).unwrap();
        std::os::unix::fs::chown(&nobodys, Some(65534), None).unwrap();
        home.rpm(["migrate", "--from", "nobodys"]).fails(&["belongs to nobody, and is left alone"]);
    }
}
