//! `apply`: what the file says becomes so, and what is so already is not touched.

use crate::support::{Home, get};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

fn sleeper(name: &str) -> Value {
    json!({"name": name, "script": "sleep", "args": "1000"})
}

fn file(home: &Home, apps: &[Value]) {
    home.write("apps.json", json!({ "apps": apps }).to_string());
}

/// A change of a field of an app.
fn with(mut app: Value, field: &str, value: Value) -> Value {
    app[field] = value;
    app
}

fn actions(told: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told["plan"].as_array().unwrap().iter().map(|step| (text(&step["app"]), text(&step["action"]))).collect()
}

fn apply(home: &Home, flags: &[&str]) -> Value {
    let args = [&["apply", "apps.json", "--json"][..], flags].concat();
    serde_json::from_slice(&home.rpm(args).ok().out).unwrap()
}

fn expect(told: &Value, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|(app, action)| ((*app).to_owned(), (*action).to_owned())).collect();
    assert_eq!(actions(told), expected, "{told}");
}

#[test]
fn only_what_differs_is_touched() {
    let home = Home::new();
    file(&home, &[sleeper("a"), sleeper("b")]);
    expect(&apply(&home, &[]), &[("a", "create"), ("b", "create")]);
    let (a, b) = (home.pid("a"), home.pid("b"));
    // From any shell, as often as one likes.
    let again = home.command(["apply", "apps.json", "--json"]).env("ANOTHER_SHELL", "1").run().ok();
    expect(&serde_json::from_slice(&again.out).unwrap(), &[("a", "unchanged"), ("b", "unchanged")]);
    assert_eq!((home.pid("a"), home.pid("b")), (a, b));

    file(&home, &[sleeper("a"), with(sleeper("b"), "env", json!({"X": 1})), sleeper("c")]);
    let told = apply(&home, &["--dry-run"]);
    expect(&told, &[("a", "unchanged"), ("b", "restart"), ("c", "create")]);
    assert_eq!((&told["applied"], &told["plan"][1]["changes"]), (&json!(false), &json!(["X added"])));
    assert_eq!((home.pid("a"), home.pid("b"), home.named("c").len()), (a, b, 0));

    let text = home.rpm(["apply", "apps.json"]).ok().text();
    assert!(text.contains("= a (0): unchanged\n~ b (1): restart it; X added\n+ c: start it\n"), "{text}");
    assert_eq!(home.pid("a"), a);
    assert_ne!(home.pid("b"), b);
    assert_eq!((home.process("b").restarts, home.process("c").status), (1, Status::Online));
}

#[test]
fn settings_and_env_files_count() {
    let home = Home::new();
    home.write(".env", "A=1\n");
    let app = with(sleeper("a"), "env_file", json!(".env"));
    file(&home, std::slice::from_ref(&app));
    apply(&home, &[]);
    let pid = home.pid("a");
    // Another line for the same is the same.
    home.write(".env", "# a comment\nA=1\n");
    expect(&apply(&home, &[]), &[("a", "unchanged")]);
    assert_eq!(home.pid("a"), pid);
    home.write(".env", "A=2\n");
    expect(&apply(&home, &[]), &[("a", "restart")]);
    file(&home, &[with(app, "kill_timeout", json!(1234))]);
    let told = apply(&home, &[]);
    assert_eq!(told["plan"][0]["changes"], json!(["kill_timeout 5000 → 1234"]));
    assert_eq!(home.process("a").restarts, 2);
}

#[test]
fn clusters_are_reloaded_and_scaled() {
    let home = Home::new();
    home.write(
        "app.js",
        "const s = require('node:http').createServer((_, r) => r.end(process.env.V)).listen(0, () => console.log('port ' + s.address().port))",
    );
    let app = |instances: u32, version: &str| json!({"name": "w", "script": "app.js", "instances": instances, "env": {"V": version}});
    file(&home, &[app(2, "1")]);
    apply(&home, &[]);
    let port = home.wait_listening("w", 2);
    let pids = |home: &Home| home.named("w").iter().map(|process| process.pid.unwrap()).collect::<Vec<_>>();
    let before = pids(&home);
    file(&home, &[app(3, "1")]);
    expect(&apply(&home, &[]), &[("w", "scale")]);
    assert_eq!(pids(&home)[..2], before);
    assert_eq!(home.named("w").len(), 3);
    file(&home, &[app(2, "2")]);
    expect(&apply(&home, &[]), &[("w", "reload")]);
    assert_eq!(home.named("w").len(), 2);
    for _ in 0..4 {
        assert_eq!(get(port, "/").unwrap().body, "2");
    }
    expect(&apply(&home, &[]), &[("w", "unchanged")]);
    // Without a number it is no cluster.
    file(&home, &[json!({"name": "w", "script": "app.js", "env": {"V": "2"}})]);
    expect(&apply(&home, &[]), &[("w", "replace")]);
    assert_eq!(home.process("w").mode, "fork");
    expect(&apply(&home, &[]), &[("w", "unchanged")]);
}

#[test]
fn what_has_left_the_file_goes_only_when_asked() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "mine", "--", "1000"]).ok();
    home.write("other.json", json!([sleeper("other")]).to_string());
    home.rpm(["start", "other.json"]).ok();
    file(&home, &[sleeper("a"), sleeper("b")]);
    apply(&home, &[]);
    file(&home, &[sleeper("a")]);
    let done = home.rpm(["apply", "apps.json"]).ok();
    assert!(done.err.contains("no longer in the file: b"), "{}", done.told());
    assert_eq!(home.process("b").status, Status::Online);
    expect(&apply(&home, &["--prune", "--dry-run"]), &[("a", "unchanged"), ("b", "remove")]);
    expect(&apply(&home, &["--prune"]), &[("a", "unchanged"), ("b", "remove")]);
    let names: Vec<_> = home.list().into_iter().map(|process| process.name).collect();
    assert_eq!(names, ["a", "mine", "other"]);
    home.rpm(["apply", "apps.json", "--prune", "--only", "a"]).fails(&["--only"]);
    home.command(["apply", "-", "--prune"]).input("[{script: 'sleep', args: '1000'}]").run().fails(&["standard input"]);
}

#[test]
fn an_app_that_was_started_by_hand_becomes_the_files() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let pid = home.pid("a");
    file(&home, &[sleeper("a")]);
    expect(&apply(&home, &[]), &[("a", "unchanged")]);
    assert_eq!(home.pid("a"), pid);
    assert_eq!(home.describe("a")[0]["spec"]["source"]["file"], json!(home.work().join("apps.json")));
    file(&home, &[sleeper("b")]);
    expect(&apply(&home, &["--prune"]), &[("a", "remove"), ("b", "create")]);
}

#[test]
fn what_is_stopped_stays_so() {
    let home = Home::new();
    file(&home, &[sleeper("a")]);
    apply(&home, &[]);
    home.rpm(["stop", "a"]).ok();
    file(&home, &[with(sleeper("a"), "env", json!({"X": 1}))]);
    expect(&apply(&home, &[]), &[("a", "settings")]);
    assert_eq!(home.process("a").status, Status::Stopped);
    expect(&apply(&home, &[]), &[("a", "unchanged")]);
    home.rpm(["start", "a", "--silent"]).ok();
    let env = fs::read(format!("/proc/{}/environ", home.pid("a"))).unwrap();
    assert!(String::from_utf8_lossy(&env).contains("\0X=1\0"));
}

#[test]
fn what_is_stopped_has_another_number_without_a_start() {
    let home = Home::new();
    let app = |count: u32| json!({"name": "w", "script": "sleep", "args": "1000", "instances": count});
    file(&home, &[app(2)]);
    apply(&home, &[]);
    home.rpm(["stop", "w"]).ok();
    let rest = |home: &Home| home.named("w").iter().filter(|process| process.status == Status::Stopped).count();
    for count in [4, 1] {
        file(&home, &[app(count)]);
        let told = apply(&home, &[]);
        expect(&told, &[("w", "settings")]);
        assert_eq!(told["plan"][0]["to"], json!(count));
        assert_eq!((home.named("w").len(), rest(&home)), (count as usize, count as usize));
        expect(&apply(&home, &[]), &[("w", "unchanged")]);
    }
    home.rpm(["start", "w", "--silent"]).ok();
    assert_eq!((home.named("w").len(), home.process("w").status), (1, Status::Online));
    let env = fs::read(format!("/proc/{}/environ", home.pid("w"))).unwrap();
    assert!(String::from_utf8_lossy(&env).contains("\0instances=1\0"));
}

#[test]
fn what_does_nothing_is_taken_over_without_a_restart() {
    let home = Home::new();
    file(&home, &[with(sleeper("a"), "vizion", json!(true))]);
    apply(&home, &[]);
    let pid = home.pid("a");
    let recorded = |home: &Home| home.describe("a")[0]["spec"]["recorded"].clone();
    file(&home, &[with(sleeper("a"), "vizion", json!(false))]);
    expect(&apply(&home, &[]), &[("a", "unchanged")]);
    assert_eq!((home.pid("a"), recorded(&home)), (pid, json!({"vizion": false})));
    file(&home, &[with(sleeper("a"), "pmx", json!(false))]);
    let told = home.rpm(["restart", "a"]).ok().text();
    assert!(!told.contains("changes"), "{told}");
    assert_eq!(recorded(&home), json!({"pmx": false}));
}

#[test]
fn a_part_of_the_file_and_a_profile() {
    let home = Home::new();
    let app = with(with(sleeper("a"), "env", json!({"X": "dev"})), "env_prod", json!({"X": "prod"}));
    file(&home, &[app, sleeper("b")]);
    expect(&apply(&home, &["--only", "a"]), &[("a", "create")]);
    expect(&apply(&home, &["--env", "prod"]), &[("a", "restart"), ("b", "create")]);
    let told = home.rpm(["env", "a", "--explain"]).ok().text();
    assert!(told.contains("env_prod"), "{told}");
}

#[test]
fn nothing_is_done_when_any_of_it_is_wrong() {
    let home = Home::new();
    file(&home, &[sleeper("a")]);
    apply(&home, &[]);
    let pid = home.pid("a");
    let changed = with(sleeper("a"), "env", json!({"X": 1}));
    for (other, words) in [
        (json!({"name": "b", "script": "nowhere.js"}), &["apps.json", "app b", "nowhere.js"][..]),
        (with(sleeper("b"), "kill_timeout", json!("soon")), &["kill_timeout"]),
        (with(sleeper("b"), "env_file", json!("none.env")), &["none.env"]),
        (sleeper("a"), &["two apps are called a"]),
    ] {
        file(&home, &[changed.clone(), sleeper("c"), other]);
        home.rpm(["apply", "apps.json"]).fails(words);
        home.rpm(["apply", "apps.json", "--prune"]).fails(words);
        assert_eq!((home.list().len(), home.pid("a")), (1, pid));
    }
    home.rpm(["apply", "none.json"]).fails(&["none.json", "no such file"]);
}
