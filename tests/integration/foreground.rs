//! `runtime` and `dev`: apps in the foreground, without a daemon; also as the first process of a container.

use crate::support::{Done, Home, Program, Running, Signal, children, eventually, is_alive, is_root, signal};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What it has written so far.
fn said(running: &Running) -> String {
    String::from_utf8_lossy(&running.out()).into_owned()
}

#[track_caller]
fn wait_for(running: &Running, text: &str) {
    eventually(&format!("{text:?} is shown"), || said(running).contains(text).then_some(()));
}

/// In a PID namespace of its own, as its first process.
fn first(home: &Home, args: &[&str]) -> Running {
    let user: &[&str] = if is_root() { &[] } else { &["--user", "--map-root-user"] };
    let around = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    let program = Program::new("unshare").args(user).args(around).args([home.program().as_os_str()]);
    program.args(args).cwd(&home.work()).begin()
}

/// The first process of the namespace, by its number outside of it.
fn first_pid(around: &Running) -> i32 {
    eventually("there is a first process", || children(around.pid()).first().copied())
}

/// Neither home nor user is told: nothing of them is needed.
fn plain(home: &Home, args: &[&str]) -> Program {
    Program::new(home.program()).args(args).cwd(&home.work())
}

fn ended(done: &Done) -> (Option<i32>, String) {
    (done.code(), done.text())
}

#[test]
fn the_code_of_the_app_is_that_of_the_container() {
    let home = Home::new();
    for (line, code) in [("echo done; exit 0", 0), ("echo done; exit 7", 7), ("echo done; kill -9 $$", 137)] {
        let done = plain(&home, &["runtime", line, "--no-autorestart"]).run();
        assert_eq!(ended(&done), (Some(code), "done\n".to_owned()), "{}", done.told());
        let done = first(&home, &["runtime", line, "--no-autorestart"]).end();
        assert_eq!(ended(&done), (Some(code), "done\n".to_owned()), "as the first process: {}", done.told());
    }
    let gives_up = plain(&home, &["runtime", "echo no; exit 3", "--max-restarts", "2"]).run();
    assert_eq!(gives_up.code(), Some(3), "{}", gives_up.told());
    let missing = plain(&home, &["runtime", "none.js"]).run();
    assert_eq!(missing.code(), Some(1), "{}", missing.told());
    assert!(missing.err.contains("none.js"), "{}", missing.told());
}

#[test]
fn output_is_passed_on_byte_by_byte() {
    let home = Home::new();
    let script = "printf 'one\\n\\377\\000two'; printf 'err\\377' >&2; printf ' end'";
    let done = plain(&home, &["runtime", "start", script, "--no-autorestart", "-s"]).run();
    assert_eq!(done.out, b"one\n\xff\0two end", "{}", done.told());
    assert_eq!(done.err, "err\u{fffd}");
}

#[test]
fn output_goes_into_a_file_too_where_one_is_named() {
    let home = Home::new();
    let line = "echo out; echo err >&2";
    let done = plain(&home, &["runtime", line, "--no-autorestart", "--output", "out.log"]).run();
    assert_eq!(done.text(), "out\n", "{}", done.told());
    assert!(done.err.contains("err\n"), "{}", done.told());
    assert_eq!(fs::read_to_string(home.work().join("out.log")).unwrap(), "out\n");
}

#[test]
fn output_in_other_manners() {
    let home = Home::new();
    let run = |manner| {
        plain(&home, &["runtime", "echo out; echo err >&2", "--name", "app", "--no-autorestart", manner]).run().text()
    };
    assert_eq!(run("--formatted"), "0|app | out\n0|app | err\n");
    let pairs = run("--format");
    assert!(pairs.lines().any(|line| line.ends_with(" app=app id=0 type=error message=err")), "{pairs}");
    let objects = run("--json");
    let objects: Vec<Value> = objects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| objects.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of("out"), of("err")), (1, 1), "{objects:?}");
    assert!(objects.iter().any(|line| line["type"] == "process_event" && line["status"] == "online"), "{objects:?}");
    assert!(objects.iter().any(|line| line["message"] == "out" && line["app_name"] == "app"), "{objects:?}");
}

#[test]
fn all_of_much_output_is_there_at_the_end() {
    let home = Home::new();
    let line = "i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done";
    let expected = (0..20_000).fold(String::new(), |all, number| all + "line-" + &number.to_string() + "\n");
    let done = plain(&home, &["runtime", line, "--no-autorestart"]).run();
    assert!(done.text() == expected, "{} bytes of {}", done.out.len(), expected.len());
}

#[test]
fn an_orderly_end_on_a_signal() {
    let home = Home::new();
    let line = "trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.02; done";
    for number in [Signal::SIGTERM, Signal::SIGINT] {
        let running = plain(&home, &["runtime", line]).begin();
        wait_for(&running, "up");
        signal(running.pid(), number);
        let done = running.end();
        assert_eq!(ended(&done), (Some(0), "up\nbye\n".to_owned()), "{}", done.told());
    }
    let around = first(&home, &["runtime", line]);
    wait_for(&around, "up");
    signal(first_pid(&around), Signal::SIGTERM);
    let done = around.end();
    assert_eq!(ended(&done), (Some(0), "up\nbye\n".to_owned()), "{}", done.told());
}

#[test]
fn a_second_signal_kills() {
    let home = Home::new();
    let line = "trap '' INT TERM; echo $$; while :; do sleep 0.02; done";
    let running = plain(&home, &["runtime", line, "--kill-timeout", "1h"]).begin();
    wait_for(&running, "\n");
    let app: i32 = said(&running).trim().parse().unwrap();
    signal(running.pid(), Signal::SIGTERM);
    eventually("it is about to stop", || {
        // One that comes later hurries what the first one has begun.
        signal(running.pid(), Signal::SIGTERM);
        (!is_alive(app)).then_some(())
    });
    assert_eq!(running.end().code(), Some(143));
}

#[test]
fn as_the_first_process_it_buries_orphans() {
    let home = Home::new();
    // Each is left by the shell that has started it, and ends.
    let line = "for i in 1 2 3 4 5 6 7 8 9; do (setsid sh -c 'echo gone >> ends' &); done; echo up; while :; do sleep 0.05; done";
    let around = first(&home, &["runtime", line]);
    wait_for(&around, "up");
    let ends = || fs::read_to_string(home.work().join("ends")).unwrap_or_default().lines().count();
    eventually("all orphans have ended", || (ends() == 9).then_some(()));
    let pid = first_pid(&around);
    eventually("the first process has one child, the runtime", || (children(pid).len() == 1).then_some(()));
    signal(pid, Signal::SIGTERM);
    assert_eq!(around.end().code(), Some(0));
}

#[test]
fn nothing_of_an_app_is_left_behind() {
    let home = Home::new();
    let line = "setsid sh -c 'echo $$ > pid; exec sleep 1000' & echo up; wait";
    let running = plain(&home, &["runtime", line]).begin();
    wait_for(&running, "up");
    let detached = eventually("it has detached something", || {
        fs::read_to_string(home.work().join("pid")).ok()?.trim().parse::<i32>().ok()
    });
    // However the runtime ends.
    signal(running.pid(), Signal::SIGKILL);
    eventually("it has gone with the runtime", || (!is_alive(detached)).then_some(()));
}

#[test]
fn other_signals_go_to_who_handles_them() {
    let home = Home::new();
    let handles = "trap 'echo got' USR2; echo up; while :; do sleep 0.02; done";
    let plain_one = "echo ready; while :; do sleep 0.02; done";
    let apps = json!([
        {"name": "handles", "script": handles},
        {"name": "does-not", "script": plain_one, "autorestart": false},
    ]);
    home.write("eco.json", apps.to_string());
    let running = plain(&home, &["runtime", "eco.json"]).begin();
    wait_for(&running, "up");
    wait_for(&running, "ready");
    signal(running.pid(), Signal::SIGUSR2);
    wait_for(&running, "got");
    signal(running.pid(), Signal::SIGTERM);
    let done = running.end();
    assert!(!done.err.contains("has ended"), "the other one was left alone: {}", done.told());
}

#[test]
fn only_some_apps_of_a_file_and_workers_of_one() {
    let home = Home::new();
    home.write(
        "app.js",
        "require('node:http').createServer().listen(0, () => console.log('up', process.env.NODE_APP_INSTANCE))",
    );
    let apps = json!({"apps": [
        {"name": "api", "script": "app.js", "instances": 2},
        {"name": "other", "script": "echo other"},
    ]});
    home.write("eco.json", apps.to_string());
    let running = plain(&home, &["runtime", "eco.json", "--only", "api"]).begin();
    wait_for(&running, "up 0");
    wait_for(&running, "up 1");
    signal(running.pid(), Signal::SIGTERM);
    let done = running.end();
    assert_eq!(done.code(), Some(0), "{}", done.told());
    assert!(!done.text().contains("other"));
}

/// Without a home, without anything that may be written, as a user who owns nothing.
#[test]
fn nothing_may_be_written_anywhere() {
    if !is_root() {
        eprintln!("skipped: it takes root to take everything away");
        return;
    }
    let home = Home::new();
    let place = Path::new("/opt").join(format!("rpm-test-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let program = home.copy_programs(&place);
    let closed = ["/tmp", "/dev/shm", "/run", "/var/tmp"].map(|path| format!("mount -t tmpfs -o ro none {path}"));
    let script = format!(
        "{} && exec setpriv --reuid 65534 --regid 65534 --clear-groups {} runtime 'echo works; exit 5' --no-autorestart",
        closed.join(" && "),
        program.display()
    );
    let done = Program::new("unshare").args(["--mount", "sh", "-c", &script]).cwd(Path::new("/")).run();
    fs::remove_dir_all(&place).unwrap();
    assert_eq!(ended(&done), (Some(5), "works\n".to_owned()), "{}", done.told());
}

/// What `docker exec` does: into the namespaces of a container, with an environment and as a user of its own.
fn beside(container: &Running, user: u32, program: &Path, env: &[&str], args: &[&str]) -> Done {
    let target = first_pid(container).to_string();
    let enter = ["--target", &target, "--pid", "--mount", "--", "env", "-i", "PATH=/usr/bin:/bin"];
    let user = [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()];
    let program = Program::new("nsenter").args(enter).args(env).args(["setpriv"]).args(user).args([program]).args(args);
    program.cwd(Path::new("/")).run()
}

#[test]
fn commands_beside_the_runtime_of_a_container() {
    if !is_root() {
        eprintln!("skipped: it takes root to enter namespaces");
        return;
    }
    let home = Home::new();
    home.write("app.js", "console.log('up', process.pid); setInterval(() => {}, 1000)");
    let empty = home.temporary().join("empty");
    let env = format!("RPM_HOME={}", empty.display());
    let running = first(&home, &["runtime", "app.js"]);
    wait_for(&running, "up");
    let program = home.program().to_owned();
    let ask = |args: &[&str]| beside(&running, 0, &program, &[&env], args);
    let list: Value = serde_json::from_str(&ask(&["jlist"]).ok().text()).unwrap();
    assert_eq!(
        (list[0]["name"].as_str(), list[0]["pm2_env"]["status"].as_str()),
        (Some("app"), Some("online")),
        "{list}"
    );
    let pid = list[0]["pid"].as_i64().unwrap();
    ask(&["restart", "app"]).ok();
    let restarted = eventually("it runs again", || {
        said(&running)
            .split("up ")
            .skip(1)
            .filter_map(|rest| rest.trim().parse().ok())
            .find(|other: &i64| *other != pid)
    });
    assert_eq!(ask(&["pid", "app"]).ok().text().trim(), restarted.to_string());
    ask(&["logs", "--nostream"]).ok();
    ask(&["update"]).fails(&["no guardian"]);
    // Without any home, and as somebody else.
    let other = home.temporary().join("other");
    fs::create_dir(&other).unwrap();
    let copy = home.copy_programs(&other);
    open_to_all(home.temporary());
    open_to_all(&other);
    beside(&running, 4242, &copy, &[], &["ls"]).fails(&["those of root", "--user 0"]);
    assert!(!empty.exists(), "no daemon was started");
    // The kernel ends it with the container, as soon as that has ended.
    ask(&["kill"]);
    assert!(!empty.exists(), "no daemon has taken its place");
    let done = running.end();
    assert_eq!(done.code(), Some(130), "the app's: {}", done.told());
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// It may be root in another one, too.
#[test]
fn a_user_without_a_home_finds_the_runtime_of_that_user() {
    if !is_root() {
        eprintln!("skipped: it takes root to be somebody else");
        return;
    }
    let home = Home::new();
    let folder = home.temporary().join("programs");
    fs::create_dir(&folder).unwrap();
    let program = home.copy_programs(&folder);
    open_to_all(home.temporary());
    open_to_all(&folder);
    let user = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"];
    let container = Program::new("unshare").args(["--pid", "--fork", "--mount-proc", "--kill-child"]).args(user);
    let line = "echo up; while :; do sleep 0.02; done";
    let running =
        container.args([program.as_os_str()]).args(["runtime", line, "--name", "app"]).cwd(Path::new("/")).begin();
    wait_for(&running, "up");
    let ids = [4242, 0];
    for user in ids {
        assert_eq!(beside(&running, user, &program, &[], &["id", "app"]).ok().text(), "[ 0 ]\n");
    }
    // The last that runs: the end of the container, with its exit code.
    beside(&running, 4242, &program, &[], &["stop", "app"]);
    let done = running.end();
    assert_eq!(done.code(), Some(130), "{}", done.told());
}

/// An app talks to the supervisor that runs it, wherever that is.
#[test]
fn apps_find_their_runtime() {
    let home = Home::new();
    let line = format!("{} jlist; exit 3", home.program().display());
    let done = plain(&home, &["runtime", &line, "--name", "asks", "--no-autorestart"]).run();
    assert_eq!(done.code(), Some(3), "{}", done.told());
    let list: Value = serde_json::from_str(&done.text()).unwrap();
    assert_eq!(list[0]["name"], "asks");
}

#[test]
fn a_change_restarts_what_is_being_written() {
    let home = Home::new();
    home.write("app.js", "console.log('one'); setInterval(() => {}, 1000)");
    let running = plain(&home, &["dev", "app.js", "--post-exec", "echo after", "--ignore", "data"]).begin();
    wait_for(&running, "0|app | one\n");
    home.write("data/x", "nobody minds");
    home.write("app.js", "console.log('two'); setInterval(() => {}, 1000)");
    wait_for(&running, "0|app | two\n");
    wait_for(&running, "post-exec | after\n");
    signal(running.pid(), Signal::SIGINT);
    let done = running.end();
    assert_eq!(done.code(), Some(0), "{}", done.told());
    assert!(done.err.contains("app.js"), "what has changed is told: {}", done.told());
    assert!(!done.err.contains("has ended"), "nothing has ended by itself: {}", done.told());
}
