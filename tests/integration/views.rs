//! What is shown of the list: PM2's forms of it, in its order, on terminals and in pipes.

use crate::support::{Done, Home, Program, Signal, eventually, signal};
use rpm_native::domain::Status;
use serde_json::Value;
use std::fs;
use std::path::Path;

const APP: &str = "setInterval(() => {}, 1000)";

/// Two processes of `api`, a stopped `worker` and an errored `crash`.
fn populated() -> Home {
    let home = Home::new();
    home.write("app.js", APP);
    home.write("crash.js", "console.error('DB_PASSWORD=hunter2 is wrong'); process.exit(3)");
    home.write("package.json", r#"{"version": "4.5.6"}"#);
    home.rpm(["start", "app.js", "--name", "api", "-i", "2"]).ok();
    home.rpm(["start", "app.js", "--name", "worker", "--namespace", "jobs"]).ok();
    home.rpm(["stop", "worker"]).ok();
    home.rpm(["start", "crash.js", "--max-restarts", "1"]);
    home.wait_status("crash", Status::Errored);
    home
}

fn node(script: &str, input: impl Into<Vec<u8>>) -> String {
    Program::new("node").args(["-e", script]).input(input).run().ok().text()
}

#[test]
fn prettylist_is_what_node_makes_of_jlist() {
    let home = populated();
    home.rpm(["stop", "all"]).ok();
    let json = home.rpm(["jlist"]).ok().out;
    let pretty = home.rpm(["prettylist"]).ok().text();
    let inspect =
        "process.stdout.write(require('util').inspect(JSON.parse(require('fs').readFileSync(0)), { depth: null }))";
    assert_eq!(pretty, node(inspect, json));
    assert!(pretty.contains("\n      name: 'api',\n") && !pretty.ends_with('\n'), "{pretty}");
    for line in ["jlist", "prettylist"] {
        let silent = home.command([line, "-s"]).env("PM2_SILENT", "1").run().ok();
        assert_eq!(silent.text(), home.rpm([line]).ok().text(), "what was asked for is printed all the same");
        home.rpm([line, "extra"]).fails(&["extra"]);
    }
}

#[test]
fn ids_and_pids_for_scripts() {
    let home = populated();
    let text = |args: &[&str]| home.rpm(args.iter().copied()).ok().text();
    assert_eq!(text(&["id", "api"]), "[ 0, 1 ]\n");
    assert_eq!(text(&["id", "nobody"]), "[]\n");
    assert_eq!(text(&["id", "0"]), "[]\n", "an id is no name");
    assert_eq!(text(&["id", "api", "--json"]), "[0,1]\n");
    let pids: Vec<i32> = home.named("api").iter().map(|process| process.pid.unwrap()).collect();
    assert_eq!(text(&["pid", "api"]), format!("{}\n{}\n", pids[0], pids[1]));
    assert_eq!(text(&["pid"]), format!("{}\n{}\n0\n0\n", pids[0], pids[1]));
    assert_eq!(text(&["pid", "worker"]), "0\n");
    assert_eq!(text(&["pid", "nobody"]), "");
}

#[test]
fn env_shows_fields_and_variables() {
    let home = Home::new();
    home.write("app.js", APP);
    let app = r#"[{"name": "a", "script": "app.js", "namespace": "ns", "max_restarts": 16, "env": {"N": 1, "B": true, "T": "2"}}]"#;
    home.write("app.json", app);
    home.rpm(["start", "app.json"]).ok();
    let text = eventually("the version of its Node", || {
        let text = home.rpm(["env", "0"]).ok().text();
        text.contains("\nnode_version: ").then_some(text)
    });
    let version = node("process.stdout.write(process.versions.node)", "");
    for line in ["N: 1", "B: true", "namespace: ns", "version: N/A", "max_restarts: 16", "km_link: false"] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(text.contains(&format!("\nnode_version: {version}\n")), "{text}");
    assert!(!text.contains("axm_actions") && !text.contains("pm_uptime:"), "{text}");
    let env = &home.jlist()[0]["pm2_env"];
    assert_eq!((&env["env"]["N"], &env["env"]["B"], &env["env"]["T"]), (&1.into(), &true.into(), &"2".into()));
    assert_eq!((&env["N"], &env["max_restarts"], &env["kill_timeout"]), (&1.into(), &16.into(), &Value::Null));
}

#[test]
fn a_mark_stays_whatever_becomes_of_the_daemon() {
    let home = populated();
    let marks = || -> Vec<Value> {
        home.jlist().into_iter().map(|mut element| element["pm2_env"]["_km_monitored"].take()).collect()
    };
    assert_eq!(marks(), [Value::Null, Value::Null, Value::Null, Value::Null]);
    home.rpm(["monitor", "api"]).ok();
    let text = home.rpm(["unmonitor", "worker"]).ok().text();
    assert!(text.contains("worker (2)"), "{text}");
    let marked = [Value::from(true), Value::from(true), Value::from(false), Value::Null];
    assert_eq!(marks(), marked);
    signal(home.daemon().pid, Signal::SIGKILL);
    assert_eq!(marks(), marked);
    home.rpm(["restart", "api"]).ok();
    assert_eq!(marks(), marked);
    let done = home.rpm(["monitor", "nobody"]).ok();
    assert!(done.err.contains("nobody"), "{}", done.told());
}

#[test]
fn figures_of_the_machine() {
    let home = Home::new();
    let text = home.rpm(["slist"]).ok().text();
    for name in ["CPU Usage", "RAM Usage", "RAM Total", "Load"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} in {text}");
    }
    for name in ["fs:use:/ ", "fs:size:/ "] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} in {text}");
    }
    let figures: Value = serde_json::from_slice(&home.rpm(["sysinfos", "--json"]).ok().out).unwrap();
    assert!(figures["memory_total"].as_u64().unwrap() > figures["memory_used"].as_u64().unwrap());
    let root = &figures["file_systems"][0];
    assert!(root["path"] == "/" && root["size"].as_u64() > root["used"].as_u64(), "{figures}");
    assert_eq!(figures["disks"].is_object(), Path::new("/proc/diskstats").exists());
    let names: Vec<_> = figures["network"].as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| text.contains(&format!("net:rx_5:{name} "))), "{names:?} in {text}");
}

#[test]
fn a_report_can_be_shown_to_others() {
    let home = populated();
    let report = || home.command(["report"]).env("RPM_TOKEN", "hunter2").env("PM2_KILL_TIMEOUT", "1600").run().ok();
    let text = report().text();
    for word in [
        env!("CARGO_PKG_VERSION"),
        "--- daemon",
        "guardian",
        "PM2_KILL_TIMEOUT=1600",
        "crash (3)",
        "DB_PASSWORD=[redacted] is wrong",
        "--- the daemon's log",
        "kernel",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!text.contains('\x1b'), "it is pasted somewhere");
    let json: Value = serde_json::from_slice(&home.rpm(["report", "--json"]).ok().out).unwrap();
    assert_eq!(json["processes"].as_array().unwrap().len(), 4);
    assert!(json["runs_on"]["0"].as_str().unwrap().contains("node"), "{json}");
}

#[test]
fn a_report_needs_no_daemon() {
    let home = Home::new();
    let text = home.rpm(["report"]).ok().text();
    assert!(text.contains("none runs"), "{text}");
    assert_eq!(home.processes(), [], "and launches none");
}

#[test]
fn examples_are_about_us() {
    let home = Home::new();
    let text = home.rpm(["examples"]).ok().text();
    assert!(text.contains("  rpm start app.js\n") && !text.contains("pm2"), "{text}");
    assert_eq!(home.processes(), []);
}

#[test]
fn lists_in_any_order() {
    let home = populated();
    let order = |args: &[&str]| -> Vec<String> {
        let list: Vec<Value> = serde_json::from_slice(&home.rpm(args.iter().copied()).ok().out).unwrap();
        list.iter().map(|one| format!("{}{}", one["name"].as_str().unwrap(), one["id"])).collect()
    };
    assert_eq!(order(&["ls", "--json"]), ["api0", "api1", "crash3", "worker2"]);
    assert_eq!(order(&["ls", "--json", "--sort", "id:desc"]), ["crash3", "worker2", "api1", "api0"]);
    assert_eq!(order(&["--sort", "namespace:desc", "--json", "status"])[0], "worker2");
    let table = home.rpm(["monitor", "api", "--sort", "id:desc"]).ok().text();
    let first = table.lines().find(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit())).unwrap();
    assert!(first.contains("crash"), "a command that ends with the list has its order: {table}");
    home.rpm(["restart", "api", "--sort", "size"]).fails(&["size", "memory"]);
    assert!(home.named("api").iter().all(|process| process.restarts == 0), "and does nothing where there is none");
}

#[test]
fn the_compact_list_of_every_command() {
    let home = populated();
    let text = home.rpm(["ls", "-m"]).ok().text();
    let (api, worker) = (home.named("api"), home.process("worker"));
    for line in [
        "+--- api",
        "namespace : jobs",
        "version : 4.5.6",
        &format!("pid : {}", api[0].pid.unwrap()),
        "pm2 id : 2",
        "status : stopped",
        "mode : cluster",
        "restarted : 0",
        "uptime : 0",
        "watching : no",
        &format!("error log : {}", home.log_path("worker-error.log").display()),
        &format!("PID file : {}", home.root().join(format!("pids/worker-{}.pid", worker.id)).display()),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    let acted = home.rpm(["-m", "reset", "worker"]).ok().text();
    assert!(acted.contains("\n+--- worker\n") && !acted.contains("↺"), "{acted}");
    assert_eq!(home.rpm(["reset", "worker", "-m", "-s"]).ok().text(), "");
}

#[test]
fn silence_and_discretion_by_variables() {
    let home = Home::new();
    home.write("app.js", APP);
    let quiet = |args: &[&str], name: &str| home.command(args.iter().copied()).env(name, "1").run();
    let done = quiet(&["start", "app.js"], "PM2_SILENT").ok();
    assert_eq!((done.text().as_str(), done.err.as_str()), ("", ""));
    let done = quiet(&["restart", "app"], "RPM_SILENT").ok();
    assert_eq!((done.text().as_str(), done.err.as_str()), ("", ""));
    assert_eq!(quiet(&["stop", "nobody"], "PM2_SILENT").code(), Some(1));
    // An empty one says nothing.
    assert!(home.command(["ls"]).env("PM2_SILENT", "").run().ok().text().contains("app"));
    let done = home.rpm(["restart", "app", "--no-color"]).ok();
    assert!(!done.text().contains('\x1b') && done.text().contains("restarted app (0)"), "{}", done.told());
}

#[test]
fn describe_has_the_rows_of_pm2() {
    let home = populated();
    let text = home.command(["describe", "api"]).env("NODE_ENV", "here").run().ok().text();
    #[rustfmt::skip] // a list
    let rows = [
        "status", "name", "namespace", "version", "restarts", "uptime", "script path", "script args", "error log path",
        "out log path", "pid path", "interpreter", "interpreter args", "script id", "exec cwd", "exec mode",
        "node.js version", "node env", "watch & reload", "unstable restarts", "created at",
    ];
    for row in rows {
        let found =
            text.lines().any(|line| line.trim_start().strip_prefix(row).is_some_and(|rest| rest.starts_with("  ")));
        assert!(found, "{row} in {text}");
    }
    assert!(text.contains("cluster_mode, instance 0 of 2"), "{text}");
}

/// At a terminal of its own, until a word appears and keys are pressed. `None` where there is no Python.
fn at_terminal(home: &Home, size: (u32, u32), until: &str, keys: &str, args: &[&str]) -> Option<Done> {
    let terminal = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/terminal.py");
    if Program::new("sh").args(["-c", "command -v python3"]).run().code() != Some(0) {
        eprintln!("skipped: there is no python3");
        return None;
    }
    let (columns, rows) = (size.0.to_string(), size.1.to_string());
    let program = home.program().display().to_string();
    let python = Program::new("python3").args([terminal, &columns, &rows, until, keys, "--", &program]).args(args);
    let python = python.env("RPM_HOME", home.root()).env("TERM", "xterm-256color").cwd(&home.work());
    Some(python.run())
}

#[test]
fn a_watched_list_gives_the_terminal_back() {
    let home = populated();
    for keys in ["q", "\x03"] {
        let Some(done) = at_terminal(&home, (90, 24), "crash", keys, &["ls", "--watch"]) else { return };
        let text = done.ok().text();
        let frames = text.split("\x1b[?1049h").nth(1).unwrap().split("\x1b[?1049l").next().unwrap();
        assert!(frames.contains("worker") && frames.contains("host  load"), "{text:?}");
        assert!(text.trim_end().ends_with("\x1b[?25h\x1b[?1049l"), "{text:?}");
    }
    // Low and narrow: no frame has more lines than there are rows.
    let Some(done) = at_terminal(&home, (40, 3), "api", "q", &["--watch", "ls", "--sort", "id"]) else { return };
    let text = done.ok().text();
    let frame = text.split("\x1b[H").nth(1).unwrap().split("\x1b[?").next().unwrap();
    assert_eq!(frame.matches("\r\n").count(), 2, "{text:?}");
}

#[test]
fn the_board_shows_the_chosen_one_and_gives_the_terminal_back() {
    let home = populated();
    let Some(done) = at_terminal(&home, (120, 30), "processes (4)", "j\x1b[Bkq", &["monit"]) else { return };
    let text = done.ok().text();
    for part in ["processes (4)", "worker", "output of", "metrics", "host  load"] {
        assert!(text.contains(part), "{part}: {text:?}");
    }
    assert!(text.trim_end().ends_with("\x1b[?25h\x1b[?1049l"), "{text:?}");
    home.rpm(["monit"]).fails(&["needs a terminal", "rpm jlist"]);
}

#[test]
fn a_watched_list_in_a_pipe_is_printed_once() {
    let home = populated();
    let done = home.rpm(["ls", "--watch"]).ok();
    assert_eq!(done.text().matches("crash").count(), home.rpm(["ls"]).ok().text().matches("crash").count());
    assert!(done.err.contains("terminal"), "{}", done.told());
    let list: Vec<Value> = serde_json::from_slice(&home.rpm(["ls", "--watch", "--json"]).ok().out).unwrap();
    assert_eq!(list.len(), 4);
}

/// Section by section what scripts rely on: a command line, and its code.
#[test]
fn exit_codes() {
    let home = populated();
    fs::write(home.work().join("broken.json"), "[{").unwrap();
    home.write("empty.json", "[]");
    #[rustfmt::skip] // a table
    let table: &[(i32, &[&str])] = &[
        // what succeeds
        (0, &["ls"]), (0, &["jlist"]), (0, &["prettylist"]), (0, &["describe", "api"]), (0, &["env", "0"]),
        (0, &["-v"]), (0, &["--version"]), (0, &["-h"]), (0, &["start", "--help"]), (0, &["ping"]),
        (0, &["stop", "worker"]), (0, &["start", "worker"]), (0, &["flush"]), (0, &["reset", "all"]),
        // what is missing, and no failure
        (0, &["id", "nobody"]), (0, &["pid", "nobody"]), (0, &["logs", "nobody", "--nostream"]),
        (0, &["monitor", "nobody"]), (0, &["unmonitor", "nobody"]), (0, &["flush", "nobody"]),
        // what makes no sense
        (1, &[]), (1, &["nonsense"]), (1, &["ls", "--sort", "size"]), (1, &["start", "app.js", "--no-such-option"]),
        (1, &["jlist", "extra"]), (1, &["prettylist", "extra"]), (1, &["kill", "extra"]), (1, &["id"]), (1, &["env"]),
        (1, &["start", "app.js", "--name", "x", "--cron", "no pattern"]),
        (1, &["start", "app.js", "--name", "x", "--kill-timeout", "soon"]),
        (1, &["start", "app.js", "--name", "x", "--interpreter", "no-such-interpreter"]),
        // what is unknown, or there already
        (1, &["start", "missing.js"]), (1, &["start", "app.js", "--name", "api"]),
        (1, &["stop", "nobody"]), (1, &["restart", "nobody"]), (1, &["reload", "nobody"]), (1, &["delete", "nobody"]),
        (1, &["reset", "nobody"]), (1, &["describe", "nobody"]), (1, &["env", "nobody"]),
        (1, &["sendSignal", "SIGUSR2", "nobody"]), (1, &["sendSignal", "SIGNONE", "api"]),
        (1, &["scale", "nobody", "2"]), (1, &["scale", "api", "2"]),
        // application files
        (1, &["start", "missing.json"]), (1, &["start", "broken.json"]), (1, &["start", "empty.json"]),
        (1, &["restart", "broken.json"]), (1, &["delete", "missing.config.js"]), (1, &["start", "broken.json", "--env", "x"]),
        (1, &["restart", "api", "--env", "production"]),
        // the first failure ends it
        (1, &["stop", "nobody", "api"]),
    ];
    for (code, args) in table {
        for silent in [&[][..], &["-s"]] {
            let line: Vec<&str> = args.iter().chain(silent).copied().collect();
            let done = home.rpm(line);
            assert_eq!(done.code(), Some(*code), "{}", done.told());
        }
    }
    assert!(home.named("api").iter().all(|process| process.status == Status::Online), "what failed did nothing");
    home.rpm(["delete", "all"]).ok();
    for verb in ["stop", "restart", "reload", "delete", "reset"] {
        assert_eq!(home.rpm([verb, "all"]).code(), Some(1), "{verb} all, of an empty list");
    }
    assert_eq!(home.rpm(["start", "all"]).code(), Some(1));
    for line in [&["ls"][..], &["pid"], &["ls", "-m"], &["kill"], &["kill"]] {
        assert_eq!(home.rpm(line.iter().copied()).code(), Some(0), "{line:?}");
    }
}
