//! The layers of an environment, as an app sees them: what it inherits, `.env` files, its own, profiles, secrets.

use crate::support::{Home, Signal, eventually, is_alive, is_root, signal};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

const SECRET: &str = "correct-horse-battery";

fn environment_of(pid: i32) -> BTreeMap<String, String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    text.split('\0').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn environment(home: &Home, name: &str) -> BTreeMap<String, String> {
    environment_of(home.pid(name))
}

/// An application file with one app `a` that sleeps, with these fields too.
#[expect(clippy::needless_pass_by_value, reason = "it is made where it is passed")]
fn file(home: &Home, fields: Value) {
    let mut app = json!({"name": "a", "script": "sleep", "args": "1000"});
    app.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    home.write("a.json", json!({ "apps": [app] }).to_string());
}

#[test]
fn each_layer_is_over_those_before() {
    let home = Home::new();
    home.write("conf/base.env", "ONE=base\nTWO=base\nTHREE=base\nFOUR=base\nEXPANDED=\"${SHELL_HAS}/${ONE}\"\n");
    home.write("conf/more.env", "# more\nexport TWO='more'\nTHREE=more\nFOUR=more\n");
    home.write(
        "conf/a.json",
        json!([{
            "name": "a", "script": "sleep", "args": "1000", "env_file": ["base.env", "more.env", "absent.env?"],
            "env": {"THREE": "env", "FOUR": "env"}, "env_p": {"FOUR": "profile"},
        }])
        .to_string(),
    );
    home.command(["start", "conf/a.json", "--env", "p"])
        .env("SHELL_HAS", "shell")
        .env("ONE", "shell")
        .env("ZERO", "shell")
        .run()
        .ok();
    let env = environment(&home, "a");
    let seen = ["ZERO", "ONE", "TWO", "THREE", "FOUR", "EXPANDED"].map(|name| env[name].as_str());
    assert_eq!(seen, ["shell", "base", "more", "env", "profile", "shell/base"]);

    let explained: Value = serde_json::from_slice(&home.rpm(["env", "a", "--explain", "--json"]).ok().out).unwrap();
    let variables = explained[0]["variables"].as_array().unwrap();
    let of = |name: &str| variables.iter().find(|variable| variable["name"] == name).unwrap().clone();
    let base = home.work().join("conf/base.env");
    assert_eq!(of("FOUR")["from"], json!({"layer": "profile", "name": "p"}));
    assert_eq!(of("FOUR")["hides"].as_array().unwrap().len(), 3);
    assert_eq!(of("ONE")["from"], json!({"layer": "env_file", "file": base, "line": 1}));
    assert_eq!(of("ONE")["hides"], json!([{"layer": "inherited"}]));
    assert_eq!(of("ZERO")["from"], json!({"layer": "inherited"}));
    assert_eq!(of("pm_id")["from"], json!({"layer": "ours"}));
    assert_eq!(of("ONE")["since"], Value::Null);

    home.write("conf/base.env", "ONE=other\nNEW=1\n");
    let text = home.rpm(["env", "a", "--explain"]).ok().text();
    let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name}\t"))).unwrap().to_owned();
    assert!(line("ONE").ends_with("changed") && line("EXPANDED").ends_with("removed"), "{text}");
    assert!(line("NEW").ends_with("added") && !line("TWO").ends_with("changed"), "{text}");
    assert_eq!(environment(&home, "a")["ONE"], "base", "looking changes nothing");
}

#[test]
fn env_prints_lines_as_pm2_does() {
    let home = Home::new();
    home.command(["start", "sleep", "--", "1000"]).env("PLAIN", "p").env("MY_TOKEN", SECRET).run().ok();
    let text = home.rpm(["env", "0"]).ok().text();
    assert!(text.lines().any(|line| line == "PLAIN: p") && text.lines().any(|line| line == "pm_id: 0"), "{text}");
    assert!(text.lines().any(|line| line == "MY_TOKEN: [redacted]"), "{text}");
    home.rpm(["env", "nobody"]).fails(&["nobody"]);
}

#[test]
fn files_are_read_again_by_each_command_and_by_nothing_else() {
    let home = Home::new();
    file(&home, json!({"env_file": ".env"}));
    home.write(".env", "A=1\nB=1\n");
    home.rpm(["start", "a.json"]).ok();
    home.write(".env", "A=2\nC=1\n");
    let first = home.pid("a");
    signal(first, Signal::SIGKILL);
    home.wait_until("a", |process| process.pid.is_some_and(|pid| pid != first) && process.status == Status::Online);
    assert_eq!(environment(&home, "a")["A"], "1", "a restart of its own has what was read last");
    let told = home.rpm(["restart", "a"]).ok().text();
    assert!(told.contains("A changed, C added, B removed"), "{told}");
    let env = environment(&home, "a");
    assert_eq!((env["A"].as_str(), env["C"].as_str(), env.get("B")), ("2", "1", None));

    home.write(".env", "A=3\n");
    let told = home.rpm(["restart", "a.json"]).ok().text();
    assert!(told.contains("A changed, C removed"), "{told}");
    assert_eq!(environment(&home, "a")["A"], "3");
    home.write(".env", "A=4\n");
    home.rpm(["restart", "a", "--as-is"]).ok();
    assert_eq!(environment(&home, "a")["A"], "3");

    // What is wrong leaves the last that was good.
    home.write(".env", "A=5\nnonsense\n");
    let done = home.rpm(["restart", "a"]).ok();
    assert!(done.err.contains("line 2") && done.err.contains("stays as it was"), "{}", done.told());
    assert_eq!(environment(&home, "a")["A"], "3");
    fs::remove_file(home.work().join(".env")).unwrap();
    let done = home.rpm(["restart", "a"]).ok();
    assert!(done.err.contains(".env cannot be read: there is no such file"), "{}", done.told());
    assert_eq!(environment(&home, "a")["A"], "3");
    home.rpm(["start", "a.json"]).fails(&["a.json", "app a", ".env", "no such file", ".env?"]);
    assert_eq!(home.process("a").status, Status::Online);
}

#[test]
fn an_app_without_an_application_file_has_env_files_too() {
    let home = Home::new();
    home.write("my.env", "A=1\n");
    home.rpm(["start", "sleep", "--env-file", "my.env", "--", "1000"]).ok();
    assert_eq!(environment(&home, "sleep")["A"], "1");
    home.write("my.env", "A=2\n");
    let told = home.rpm(["restart", "sleep"]).ok().text();
    assert!(told.contains("A changed"), "{told}");
    assert_eq!(environment(&home, "sleep")["A"], "2");
    home.write("deep/other.env", "B=3\n");
    let deep = home.work().join("deep");
    home.command(["restart", "sleep", "--env-file", "other.env"]).cwd(&deep).run().ok();
    let env = environment(&home, "sleep");
    assert_eq!((env.get("A"), env["B"].as_str()), (None, "3"));
    home.rpm(["restart", "sleep", "--env-file", "my.env"]).ok();
    fs::remove_file(home.work().join("my.env")).unwrap();
    let done = home.rpm(["restart", "sleep"]).ok();
    assert!(done.err.contains("my.env"), "{}", done.told());
    assert_eq!(environment(&home, "sleep")["A"], "2");
}

#[test]
fn what_is_inherited_can_be_a_list() {
    let home = Home::new();
    file(&home, json!({"env_inherit": ["PATH", "MY_*"]}));
    let with = |args: &[&str], value: &str| {
        home.command(args.iter().copied()).env("MY_ONE", value).env("OTHER", "1").run().ok();
    };
    with(&["start", "a.json"], "1");
    let env = environment(&home, "a");
    assert_eq!(env["MY_ONE"], "1");
    assert!(env.contains_key("PATH") && !env.contains_key("OTHER") && !env.contains_key("HOME"), "{env:?}");
    with(&["restart", "a"], "2");
    assert_eq!(environment(&home, "a")["MY_ONE"], "1");
    with(&["restart", "a", "--update-env"], "3");
    let env = environment(&home, "a");
    assert_eq!((env["MY_ONE"].as_str(), env.get("OTHER")), ("3", None), "the list holds for --update-env too");
    file(&home, json!({"env_inherit": false}));
    with(&["restart", "a"], "4");
    assert!(!environment(&home, "a").contains_key("MY_ONE"));
}

#[test]
fn a_filter_holds_for_update_env() {
    let home = Home::new();
    let with = |args: &[&str]| {
        home.command(args.iter().copied()).env("AWS_KEY_ID", "1").env("PLAIN", "2").run().ok();
        environment(&home, "sleep")
    };
    let first = with(&["start", "sleep", "--filter-env", "AWS", "--", "1000"]);
    let second = with(&["restart", "sleep", "--update-env"]);
    for env in [first, second] {
        assert!(!env.contains_key("AWS_KEY_ID") && env["PLAIN"] == "2", "{env:?}");
    }
}

#[test]
fn instances_keep_their_numbers_however_they_are_scaled() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    let app = json!([{"name": "w", "script": "app.js", "exec_mode": "fork", "instances": 3, "increment_var": "PORT",
        "env": {"PORT": 4000}}]);
    home.write("w.json", app.to_string());
    home.rpm(["start", "w.json"]).ok();
    let seen = || {
        let mut seen: Vec<_> = home
            .named("w")
            .iter()
            .map(|process| {
                let env = environment_of(process.pid.unwrap());
                (process.id.0, env["NODE_APP_INSTANCE"].clone(), env["PORT"].clone())
            })
            .collect();
        seen.sort();
        seen
    };
    let of = |id: u32, instance: u32| (id, instance.to_string(), (4000 + instance).to_string());
    assert_eq!(seen(), [of(0, 0), of(1, 1), of(2, 2)]);
    home.rpm(["scale", "w", "2"]).ok();
    assert_eq!(seen(), [of(1, 1), of(2, 2)], "the oldest went");
    home.rpm(["scale", "w", "4"]).ok();
    assert_eq!(seen(), [of(1, 1), of(2, 2), of(3, 0), of(4, 3)], "its number is used again, and so is its port");
    home.rpm(["restart", "w"]).ok();
    assert_eq!(seen(), [of(1, 1), of(2, 2), of(3, 0), of(4, 3)]);
}

#[test]
fn secrets_are_read_at_each_start_and_shown_nowhere() {
    let home = Home::new();
    let key = home.write("key", format!("{SECRET}-1\n"));
    file(
        &home,
        json!({
            "env": {"DB": "hidden"},
            "secrets": {"DB": {"file": "key"}, "FROM": {"command": "printf '%s of %s' \"$(cat key)\" \"$pm_id\""}},
        }),
    );
    home.rpm(["start", "a.json"]).ok();
    let env = environment(&home, "a");
    assert_eq!((env["DB"].clone(), env["FROM"].clone()), (format!("{SECRET}-1"), format!("{SECRET}-1 of 0")));

    fs::write(&key, format!("{SECRET}-2")).unwrap();
    let first = home.pid("a");
    signal(first, Signal::SIGKILL);
    let second = eventually("another run", || home.process("a").pid.filter(|pid| *pid != first));
    assert_eq!(environment_of(second)["DB"], format!("{SECRET}-2"), "also by a restart of its own");

    for command in [
        &["describe", "a"][..],
        &["describe", "a", "--json"],
        &["env", "a"],
        &["env", "a", "--explain"],
        &["env", "a", "--explain", "--json"],
        &["jlist"],
        &["apply", "a.json"],
        &["restart", "a.json"],
        &["restart", "a", "--json"],
    ] {
        let done = home.rpm(command.iter().copied()).ok();
        assert!(!done.text().contains(SECRET) && !done.err.contains(SECRET), "{}", done.told());
    }
    assert!(home.rpm(["env", "a"]).ok().text().contains("DB: [redacted]"));
    let explained = home.rpm(["env", "a", "--explain"]).ok().text();
    assert!(explained.contains("secret file"), "{explained}");
    let mut left = vec![home.root().to_path_buf()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if meta.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(SECRET), "{}", path.display());
        }
    }
}

#[test]
fn a_secret_that_is_not_there_is_an_error_of_the_start() {
    let home = Home::new();
    file(&home, json!({"secrets": {"DB": {"file": "key"}}}));
    let why = ["a (0) did not start", "secret DB", "key: there is no such file"];
    home.rpm(["start", "a.json"]).fails(&why);
    assert!(home.list().is_empty(), "nothing is left on the list");
    file(&home, json!({"secrets": {"DB": {"command": "echo hunter2; echo 'vault is sealed' >&2; exit 4"}}}));
    let done = home.rpm(["start", "a.json"]).fails(&["secret DB", "exit code 4", "vault is sealed"]);
    assert!(!done.told().contains("hunter2"));
    let log = fs::read_to_string(home.root().join("rpm.log")).unwrap();
    assert!(log.contains("vault is sealed") && !log.contains("hunter2"), "{log}");
}

#[test]
fn a_secret_that_comes_back_lets_the_app_go_on() {
    let home = Home::new();
    let key = home.write("key", "one");
    file(&home, json!({"secrets": {"DB": {"file": "key"}}}));
    home.rpm(["start", "a.json"]).ok();
    fs::remove_file(&key).unwrap();
    signal(home.pid("a"), Signal::SIGKILL);
    let waiting = home.wait_status("a", Status::WaitingRestart);
    assert!(waiting.reason.as_ref().is_some_and(|why| why.contains("secret DB")), "{waiting:?}");
    fs::write(&key, "two").unwrap();
    home.wait_status("a", Status::Online);
    assert_eq!(environment(&home, "a")["DB"], "two");
}

/// A secret whose command waits until a file is there, and notes its pid.
fn waiting_for(home: &Home, go: &str) {
    let line = format!("echo $$ > asked.new; mv asked.new asked; until [ -e {go} ]; do sleep 0.05; done; echo value");
    file(home, json!({"secrets": {"DB": {"command": line}}}));
}

fn asked(home: &Home) -> i32 {
    eventually("the secret is asked for", || fs::read_to_string(home.work().join("asked")).ok()?.trim().parse().ok())
}

#[test]
fn a_stop_does_not_wait_for_secrets() {
    let home = Home::new();
    waiting_for(&home, "never");
    let start = home.command(["start", "a.json"]).begin();
    let asked = asked(&home);
    let process = home.process("a");
    assert_eq!((process.status, process.pid), (Status::Launching, None));
    assert!(process.reason.is_some_and(|why| why.contains("secrets")));
    home.rpm(["stop", "a"]).ok();
    start.end();
    assert_eq!(home.process("a").status, Status::Stopped);
    eventually("the command has ended", || (!is_alive(asked)).then_some(()));
    // Deleting is no other.
    fs::remove_file(home.work().join("asked")).unwrap();
    let start = home.command(["start", "a"]).begin();
    self::asked(&home);
    home.rpm(["delete", "a"]).ok();
    start.end();
    assert!(home.list().is_empty());
}

#[test]
fn the_daemon_serves_while_secrets_are_read_and_its_death_is_no_matter() {
    let home = Home::new();
    waiting_for(&home, "go");
    let start = home.command(["start", "a.json"]).begin();
    let first = asked(&home);
    home.rpm(["start", "sleep", "--name", "b", "--", "1000"]).ok();
    fs::remove_file(home.work().join("asked")).unwrap();
    signal(home.daemon().pid, Signal::SIGKILL);
    let second = asked(&home);
    assert_ne!(first, second, "the next daemon asks anew");
    eventually("the command of the dead daemon has ended with it", || (!is_alive(first)).then_some(()));
    assert_eq!(home.process("a").status, Status::Launching);
    home.write("go", "");
    start.end().ok();
    let process = home.wait_status("a", Status::Online);
    assert_eq!((environment(&home, "a")["DB"].as_str(), process.restarts), ("value", 0));
}

#[test]
fn a_cluster_reloads_with_the_secret_of_now_or_not_at_all() {
    let home = Home::new();
    home.write(
        "app.js",
        "const s = require('node:http').createServer((_, r) => r.end(process.env.KEY)).listen(0, () => console.log('port ' + s.address().port))",
    );
    home.write("key", "one");
    home.write(
        "w.json",
        json!([{"name": "w", "script": "app.js", "instances": 2, "secrets": {"KEY": {"file": "key"}}}]).to_string(),
    );
    home.rpm(["start", "w.json"]).ok();
    let port = home.wait_listening("w", 2);
    home.write("key", "two");
    home.rpm(["reload", "w"]).ok();
    assert_eq!(crate::support::get(port, "/").unwrap().body, "two");
    fs::remove_file(home.work().join("key")).unwrap();
    home.rpm(["reload", "w"]).fails(&["secret KEY", "the old one goes on"]);
    assert_eq!(crate::support::get(port, "/").unwrap().body, "two");
}

#[test]
fn a_worker_that_never_listens_is_not_replaced_by_one_that_was_not_executed() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    let file = |line: &str| {
        let secrets = json!({"KEY": {"command": line}});
        let app = json!({"name": "w", "script": "app.js", "instances": 1, "min_uptime": 100, "secrets": secrets});
        home.write("w.json", json!([app]).to_string());
    };
    file("echo one");
    home.rpm(["start", "w.json"]).ok();
    let old = home.pid("w");
    file("sleep 1; exit 5");
    home.rpm(["reload", "w"]).fails(&["secret KEY", "exit code 5", "the old one goes on"]);
    assert_eq!(home.pid("w"), old);
}

#[test]
fn secrets_are_read_by_the_user_of_the_app() {
    if !is_root() {
        return eprintln!("skipped: only root can act as somebody else");
    }
    let home = Home::new();
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(home.temporary(), 0o755);
    let key = home.write("key", "k");
    open(&key, 0o600);
    file(&home, json!({"uid": 65534, "secrets": {"KEY": {"file": "key"}, "WHO": {"command": "id -u"}}}));
    home.rpm(["start", "a.json"]).fails(&["secret KEY", "may not read it"]);
    chown(&key, Some(65534), None).unwrap();
    home.rpm(["start", "a.json"]).ok();
    let env = environment(&home, "a");
    assert_eq!((env["KEY"].as_str(), env["WHO"].as_str()), ("k", "65534"));
}

#[test]
fn messages_about_a_file_do_not_tell_what_is_secret_in_it() {
    let home = Home::new();
    for (fields, words) in [
        (json!({"secrets": {"DB": SECRET}}), &["secrets cannot be", "DB"][..]),
        (json!({"env": [{"DB_PASSWORD": SECRET}]}), &["env cannot be"]),
    ] {
        file(&home, fields);
        let done = home.rpm(["start", "a.json"]).fails(words);
        assert!(!done.told().contains(SECRET), "{}", done.told());
    }
    file(&home, json!({"env_file": ".env"}));
    home.write(".env", format!("DB_PASSWORD {SECRET}\n"));
    let done = home.rpm(["start", "a.json"]).fails(&["line 1"]);
    assert!(!done.told().contains(SECRET), "{}", done.told());
    home.write(".env", format!("DATABASE_URL=postgres://me:{SECRET}@db/x\n"));
    home.rpm(["start", "a.json"]).ok();
    assert!(environment(&home, "a")["DATABASE_URL"].contains(SECRET));
    let text = home.rpm(["env", "a"]).ok().text();
    assert!(text.contains("DATABASE_URL: postgres://me:[redacted]@db/x"), "{text}");
}
