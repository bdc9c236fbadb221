//! The same programs under plain `node` and under us, in fork and in cluster mode: they tell all they can see, and the
//! differences are those of docs/conformance.md, no more and no less.

use crate::support::{Home, Program, Running, Signal, eventually, signal};
use rpm_native::domain::{Outcome, Status};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

const MODES: [&str; 2] = ["fork", "cluster"];

/// The variables that docs/conformance.md lists: what an app has beside its own.
const VARIABLES: [&str; 15] = [
    "NODE_APP_INSTANCE",
    "PM2_HOME",
    "RPM_HOME",
    "RPM_SPAWN_ID",
    "exec_mode",
    "instances",
    "name",
    "namespace",
    "pm_cwd",
    "pm_err_log_path",
    "pm_exec_path",
    "pm_id",
    "pm_out_log_path",
    "pm_pid_path",
    "unique_id",
];

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A home with the probes in its working directory, and a module that only `NODE_PATH` leads to.
struct Bench {
    home: Home,
}

impl Bench {
    fn new() -> Self {
        let home = Home::new();
        copy(&fixtures(), &home.work());
        home.write("modules/only-on-node-path/index.js", "module.exports = 'found'");
        Self { home }
    }

    /// With the environment that the apps inherit.
    fn dressed(&self, program: Program) -> Program {
        program
            .env("HOME", self.home.temporary())
            .env("PROBE", "a=b\nü")
            .env("NODE_PATH", self.home.work().join("modules"))
            .env("PWD", self.home.work())
            .cwd(&self.home.work())
    }

    fn plain(&self, args: &[&str]) -> Running {
        self.dressed(Program::new("node").args(args)).begin()
    }

    /// Starts it under the name of the mode, and gives its log of standard output.
    fn start(&self, mode: &str, script: &str, node_args: &[&str], args: &[&str]) -> String {
        let flags = node_args.join(" ");
        let mut words = vec!["start", script, "--name", mode, "--kill-timeout", "500"];
        if mode == "cluster" {
            words.extend(["-i", "1"]);
        }
        if !node_args.is_empty() {
            words.extend(["--node-args", &flags]);
        }
        words.push("--");
        words.extend(args);
        self.dressed(self.home.command(words)).run().ok();
        let id = self.home.process(mode).id;
        if mode == "cluster" { format!("cluster-out-{id}.log") } else { format!("{mode}-out.log") }
    }

    /// What the script sees under plain node, and in each mode.
    fn compare(&self, script: &str, node_args: &[&str], args: &[&str]) -> (Value, Vec<(&'static str, Value)>) {
        // The logical form, as a user types it.
        let path = self.home.work().join(script).to_str().unwrap().to_owned();
        let plain = self.plain(&[node_args, &[path.as_str()], args].concat());
        let expected = seen(&plain);
        drop(plain);
        let ours = MODES.map(|mode| {
            let log = self.start(mode, script, node_args, args);
            (mode, serde_json::from_str(&self.home.told(&log, "seen ")).unwrap())
        });
        (expected, ours.into())
    }
}

fn seen(running: &Running) -> Value {
    eventually("plain node has told", || {
        let out = String::from_utf8(running.out()).unwrap();
        let whole = &out[..=out.rfind('\n')?];
        whole.lines().find_map(|line| serde_json::from_str(line.strip_prefix("seen ")?).ok())
    })
}

fn names(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// What `ours` has more than `plain`; nothing is missing.
#[track_caller]
fn added(plain: &Value, ours: &Value) -> Vec<String> {
    let (plain, ours) = (names(plain), names(ours));
    assert_eq!(plain.difference(&ours).collect::<Vec<_>>(), [""; 0], "missing");
    ours.difference(&plain).cloned().collect()
}

/// What is different, field by field: as it is under plain node, and as it is here.
fn differences(plain: &Value, ours: &Value) -> Map<String, Value> {
    let (plain, ours) = (plain.as_object().unwrap(), ours.as_object().unwrap());
    let mut all = Map::new();
    for field in plain.keys().chain(ours.keys()) {
        if plain.get(field) != ours.get(field) {
            all.insert(field.clone(), json!([plain.get(field), ours.get(field)]));
        }
    }
    all
}

/// The differences of docs/conformance.md, and no other.
#[track_caller]
fn same_world(bench: &Bench, script: &str, node_args: &[&str], args: &[&str]) {
    let (plain, ours) = bench.compare(script, node_args, args);
    for (mode, seen) in ours {
        let mut found = differences(&plain, &seen);
        let mut both = |field: &str| {
            let pair =
                found.remove(field).unwrap_or_else(|| panic!("{script} in {mode} mode: {field} is no different"));
            (pair[0].clone(), pair[1].clone())
        };
        let (before, after) = both("env");
        assert_eq!(added(&before, &after), VARIABLES, "{mode}");
        // The channel: what has an underscore is Node's own.
        let (before, after) = both("process");
        let public = added(&before, &after).into_iter().filter(|name| !name.starts_with('_')).collect::<Vec<_>>();
        assert_eq!(public, ["channel", "connected", "disconnect", "send"], "{mode}");
        let channel = [("send", "function"), ("disconnect", "function"), ("channel", "object"), ("connected", "true")];
        for (field, value) in channel {
            assert_eq!(both(field), (json!("undefined"), json!(value)), "{mode} {field}");
        }
        let (before, after) = both("listeners");
        let events = |value: &Value| json!(value.as_object().unwrap().keys().collect::<Vec<_>>());
        let of_channel: &[&str] = if mode == "cluster" {
            &["disconnect", "error", "internalMessage", "message", "uncaughtExceptionMonitor"]
        } else {
            &["internalMessage", "uncaughtExceptionMonitor"]
        };
        assert_eq!(added(&events(&before), &events(&after)), of_channel, "{mode}");
        // Pipes, where the test gives files to plain node.
        for field in ["stdin", "stdout", "stderr"] {
            assert_eq!(both(field), (json!("File"), json!("FIFO")), "{mode} {field}");
        }
        assert_eq!(both("stdio").1, json!(["Socket", "Socket", "Socket"]), "{mode}");
        if mode == "cluster" {
            assert_eq!(both("isWorker"), (json!(false), json!(true)));
            assert_eq!(both("isPrimary"), (json!(true), json!(false)));
            assert_eq!(both("worker"), (json!("undefined"), json!("object")));
        }
        assert_eq!(found, Map::new(), "{script} in {mode} mode");
    }
}

#[test]
fn a_commonjs_module_sees_the_world_of_plain_node() {
    same_world(&Bench::new(), "main.cjs", &[], &["a", "b c", "--flag=ü", ""]);
}

#[test]
fn an_es_module_sees_it_too() {
    same_world(&Bench::new(), "main.mjs", &["--no-warnings", "--stack-trace-limit=20"], &["a"]);
}

#[test]
fn so_does_what_a_loader_compiles() {
    let bench = Bench::new();
    let loader = format!("--import=file://{}", bench.home.work().join("strip.mjs").display());
    same_world(&bench, "main.ts", &[&loader], &[]);
}

#[test]
fn children_and_threads_see_what_they_see_under_plain_node() {
    let bench = Bench::new();
    let (plain, ours) = bench.compare("children.cjs", &["--no-deprecation"], &[]);
    for (mode, seen) in ours {
        for (number, (plain, ours)) in
            plain["children"].as_array().unwrap().iter().zip(seen["children"].as_array().unwrap()).enumerate()
        {
            let mut ours = ours.clone();
            let mut plain = plain.clone();
            let more = added(&plain["env"].take(), &ours["env"].take());
            let all = if number == 4 { &[][..] } else { &VARIABLES };
            assert_eq!(more, all, "{mode}: variables of child {number}");
            for field in ["stdin", "stdout", "stderr", "stdio", "process", "isTTY"] {
                // Inherited from us, or of a thread.
                (plain[field], ours[field]) = (Value::Null, Value::Null);
            }
            for (field, value) in plain.as_object().unwrap() {
                assert_eq!(&ours[field], value, "{mode}: {field} of child {number}");
            }
        }
        assert_eq!(seen["spawned"][0], plain["spawned"][0]);
        assert_eq!(seen["spawned"][1], "undefined");
        assert_eq!(added(&plain["spawned"][2], &seen["spawned"][2]), VARIABLES);
    }
}

#[test]
fn signals_arrive() {
    const SENT: [Signal; 9] = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGUSR2,
        Signal::SIGPIPE,
        Signal::SIGALRM,
        Signal::SIGTERM,
        Signal::SIGCONT,
        Signal::SIGWINCH,
    ];
    let bench = Bench::new();
    let home = &bench.home;
    for mode in MODES {
        let log = bench.start(mode, "signals.cjs", &[], &[]);
        home.told(&log, "seen ");
        let pid = home.pid(mode);
        for sent in SENT {
            signal(pid, sent);
            let line = json!([sent.as_str(), sent as i32]).to_string();
            eventually(&format!("{mode} got {line}"), || (home.told(&log, "got ") == line).then_some(()));
        }
        signal(pid, Signal::SIGKILL);
        home.wait_until(mode, |process| process.restarts == 1);
    }
}

#[test]
fn standard_input_is_open_and_silent() {
    let bench = Bench::new();
    for mode in MODES {
        let log = bench.start(mode, "input.cjs", &[], &[]);
        assert_eq!(home_told(&bench, &log), json!({"readable": true, "fd": 0}), "{mode}");
        assert_eq!(bench.home.process(mode).restarts, 0);
    }
}

fn home_told(bench: &Bench, log: &str) -> Value {
    serde_json::from_str(&bench.home.told(log, "seen ")).unwrap()
}

/// How a program ended: by code or signal, and what it said.
#[derive(Debug, Clone)]
struct End {
    outcome: Outcome,
    out: String,
    err: String,
}

/// They end because nothing is left to do. A worker of Node's cluster never does: its channel keeps it alive, as it does
/// under a primary of Node.
const NOTHING_LEFT: [&str; 6] =
    ["before-exit.cjs", "code.cjs", "exception-handled.cjs", "never.mjs", "warns.cjs", "zero.cjs"];

/// The pid that Node puts before its warnings.
fn without_pid(text: &str) -> String {
    let mut out = text.to_owned();
    while let Some(start) = out.find("(node:") {
        let end = start + out[start..].find(')').unwrap();
        out.replace_range(start..=end, "(node)");
    }
    out
}

#[test]
fn programs_end_as_under_plain_node_and_say_the_same() {
    let bench = Bench::new();
    let home = &bench.home;
    let mut scripts: Vec<String> = fs::read_dir(home.work().join("ends"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_none_or(|extension| extension != "map"))
        .collect();
    scripts.sort();
    let app = |script: &String, mode: &str, node_args: &[&str]| {
        json!({
            "name": format!("{mode} {script}"), "script": format!("ends/{script}"), "exec_mode": mode,
            "autorestart": false, "node_args": node_args, "merge_logs": true,
        })
    };
    let flags = |script: &str| -> &[&str] { if script == "mapped.cjs" { &["--enable-source-maps"] } else { &[] } };
    let mut apps = Vec::new();
    for mode in MODES {
        apps.extend(scripts.iter().map(|script| app(script, mode, flags(script))));
    }
    home.write("ends.json", json!({ "apps": apps }).to_string());
    bench.dressed(home.command(["start", "ends.json"])).run();
    for script in &scripts {
        let path = home.work().join("ends").join(script);
        let done = bench.plain(&[flags(script), &[path.to_str().unwrap()]].concat()).end();
        let outcome = done.status.signal().map_or_else(|| Outcome::Code(done.code().unwrap()), Outcome::Signal);
        let expected = End { outcome, out: done.text(), err: without_pid(&done.err) };
        for mode in MODES {
            let name = format!("{mode} {script}");
            let stays = mode == "cluster" && NOTHING_LEFT.contains(&script.as_str());
            let process = home.wait_until(&name, |process| stays || process.exit.is_some());
            let mut expected = expected.clone();
            match script.as_str() {
                // What Node does when nothing is left to do, it doesn't do.
                "before-exit.cjs" if stays => expected.out.clear(),
                "never.mjs" if stays => expected.err.clear(),
                _ => {}
            }
            let file = name.replace(' ', "-");
            let text = |kind: &str| String::from_utf8_lossy(&home.log(&format!("{file}-{kind}.log"))).into_owned();
            eventually(&format!("{name} says {:?} and {:?}", expected.out, expected.err), || {
                (text("out") == expected.out && without_pid(&text("error")) == expected.err).then_some(())
            });
            if stays {
                assert_eq!((home.process(&name).status, process.exit), (Status::Online, None), "{name}");
            } else {
                assert_eq!(process.exit, Some(expected.outcome), "{name}");
            }
        }
    }
}
