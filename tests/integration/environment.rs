//! What an app sees: the world of plain `node app.js`, the variables of PM2, and nothing else of ours.

use crate::support::{Home, Program, eventually, signal};
use rpm_native::domain::Status;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The environment of a process, from the kernel.
fn environment(pid: i32) -> BTreeMap<String, String> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    text.split('\0')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn world(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_node_app_sees_what_it_sees_under_plain_node() {
    let home = Home::new();
    std::fs::copy(fixture("world.js"), home.work().join("world.js")).unwrap();
    let script = home.work().join("world.js").to_str().unwrap().to_owned();
    let plain = Program::new("node").args([script.as_str(), "a", "b c"]).cwd(&home.work()).begin();
    let mut expected = eventually("plain node has told", || {
        let text = String::from_utf8(plain.out()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("world "))?;
        text.contains("link ").then(|| world(line))
    });
    drop(plain);
    expected["stdin"] = true.into();
    for (name, mode) in [("fork", &[][..]), ("cluster", &["-i", "1"][..])] {
        home.rpm([&["start", "world.js", "--name", name][..], mode, &["--", "a", "b c"]].concat()).ok();
        let log = if name == "fork" { "fork-out.log" } else { "cluster-out-1.log" };
        let mut seen = world(&home.told(log, "world "));
        let worker = seen["worker"].take();
        expected["worker"] = Value::Null;
        assert_eq!(seen, expected, "{name}");
        assert_eq!(worker, name == "cluster");
        assert_eq!(home.told(log, "link "), "function true");
    }
}

#[test]
fn an_es_module_is_one() {
    let home = Home::new();
    home.write("package.json", r#"{"type": "module", "version": "4.5.6"}"#);
    home.write(
        "app.js",
        "import fs from 'node:fs'; console.log('meta ' + import.meta.url); setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "app.js"]).ok();
    let path = home.work().join("app.js");
    assert_eq!(home.told("app-out.log", "meta "), format!("file://{}", path.display()));
    assert_eq!(home.process("app").version.as_deref(), Some("4.5.6"));
}

#[test]
fn arguments_of_the_interpreter() {
    let home = Home::new();
    home.write("app.js", "console.log('args ' + process.execArgv.join(' ')); setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "--node-args", "--max-old-space-size=111 --no-warnings"]).ok();
    assert_eq!(home.told("app-out.log", "args "), "--max-old-space-size=111 --no-warnings");
}

#[test]
fn the_variables_that_pm2s_programs_rely_on() {
    let home = Home::new();
    home.command(["start", "sleep", "--name", "first", "--", "1000"]).env("FROM_THE_SHELL", "ü=1").run().ok();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.rpm(["start", "app.js", "-i", "2", "--namespace", "web"]).ok();
    let first = environment(home.pid("first"));
    assert_eq!(first["FROM_THE_SHELL"], "ü=1");
    assert_eq!((first["name"].as_str(), first["namespace"].as_str()), ("first", "default"));
    assert_eq!((first["pm_id"].as_str(), first["exec_mode"].as_str()), ("0", "fork_mode"));
    assert_eq!(first["PM2_HOME"], home.root().to_str().unwrap());
    assert_eq!(first["pm_cwd"], home.work().to_str().unwrap());
    assert!(!first.contains_key("NODE_CHANNEL_FD"));
    let workers: Vec<_> = home.named("app").iter().map(|process| environment(process.pid.unwrap())).collect();
    let each = |name: &str| workers.iter().map(|env| env[name].clone()).collect::<Vec<_>>();
    assert_eq!(each("NODE_APP_INSTANCE"), ["0", "1"]);
    assert_eq!(each("pm_id"), ["1", "2"]);
    assert_eq!(each("exec_mode"), ["cluster_mode", "cluster_mode"]);
    assert_eq!(each("namespace"), ["web", "web"]);
    assert_ne!(each("unique_id")[0], each("unique_id")[1]);
    assert!(workers[0].values().all(|value| !value.contains("[object Object]")));
}

#[test]
fn a_restart_keeps_the_environment_unless_told() {
    let home = Home::new();
    home.command(["start", "sleep", "--", "1000"]).env("KEPT", "1").env("GONE", "1").run().ok();
    let see = || environment(home.pid("sleep"));
    home.command(["restart", "sleep"]).env("KEPT", "2").run().ok();
    assert_eq!((see()["KEPT"].as_str(), see()["GONE"].as_str()), ("1", "1"));
    home.command(["restart", "sleep", "--update-env"]).env("KEPT", "2").run().ok();
    assert_eq!(see()["KEPT"], "2");
    assert!(!see().contains_key("GONE"), "what the shell no longer has is gone");
    signal(home.pid("sleep"), crate::support::Signal::SIGKILL);
    home.wait_until("sleep", |process| process.restarts == 3 && process.status == Status::Online);
    assert_eq!(see()["KEPT"], "2");
}

#[test]
fn variables_of_the_shell_can_be_kept_away() {
    let home = Home::new();
    let start = |name: &str, flags: &[&str]| {
        let args = [&["start", "sleep", "--name", name][..], flags, &["--", "1000"]].concat();
        home.command(args.iter().map(|arg| &**arg))
            .env("AWS_KEY_ID", "1")
            .env("MY_AWS_X", "2")
            .env("PLAIN", "3")
            .run()
            .ok();
        environment(home.pid(name))
    };
    let full = start("full", &[]);
    assert!(full.contains_key("AWS_KEY_ID") && full.contains_key("PLAIN"));
    let some = start("some", &["--filter-env", "AWS"]);
    assert!(!some.contains_key("AWS_KEY_ID") && !some.contains_key("MY_AWS_X") && some.contains_key("PLAIN"));
}

#[test]
fn it_is_ready_when_it_says_so() {
    let home = Home::new();
    let go = home.work().join("go");
    home.write(
        "app.js",
        "const fs = require('node:fs'); const timer = setInterval(() => {
           if (fs.existsSync('go')) { clearInterval(timer); process.send('ready'); setInterval(() => {}, 1000) }
         }, 5)",
    );
    for mode in [&[][..], &["-i", "2"]] {
        let args = [&["start", "app.js", "--wait-ready", "--listen-timeout", "30000"][..], mode].concat();
        let start = home.command(args).begin();
        eventually("it is being launched", || {
            let list = home.named("app");
            (!list.is_empty() && list.iter().all(|process| process.pid.is_some())).then_some(())
        });
        assert!(home.named("app").iter().all(|process| process.status == Status::Launching));
        std::fs::write(&go, "").unwrap();
        start.end().ok();
        assert!(home.named("app").iter().all(|process| process.status == Status::Online));
        std::fs::remove_file(&go).unwrap();
        home.rpm(["delete", "app"]).ok();
    }
}

#[test]
fn the_channel_can_be_closed_and_flooded() {
    let home = Home::new();
    home.write(
        "leaves.js",
        "process.disconnect(); console.log('connected ' + process.connected); setInterval(() => {}, 1000)",
    );
    home.write(
        "talks.js",
        "let n = 0; const talk = () => { if (n++ < 20000) process.send({ n, pad: 'x'.repeat(200) }, talk); else console.log('said all') }; talk()
         setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "leaves.js"]).ok();
    home.rpm(["start", "talks.js"]).ok();
    assert_eq!(home.told("leaves-out.log", "connected "), "false");
    home.told("talks-out.log", "said all");
    for name in ["leaves", "talks"] {
        assert_eq!(home.process(name).status, Status::Online);
        assert_eq!(home.process(name).restarts, 0);
    }
}
