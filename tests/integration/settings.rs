//! The settings store: its file, its commands, and the variables that apps have from it.

use crate::support::{Home, Signal, signal};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

fn variables(home: &Home, name: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{}/environ", home.pid(name))).unwrap();
    text.split('\0').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn stored(home: &Home) -> Value {
    serde_json::from_str(&fs::read_to_string(home.root().join("module_conf.json")).unwrap()).unwrap()
}

#[test]
fn an_app_has_what_is_set_for_it() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "api", "--", "1000"]).ok();
    let first = home.pid("api");
    let told = home.rpm(["set", "api:LEVEL", "debug"]).ok();
    assert!(told.text().starts_with("api:LEVEL is set\nrestarted api (0)\n"), "{}", told.told());
    assert_ne!(home.pid("api"), first);
    assert_eq!(home.process("api").restarts, 1);
    let env = variables(&home, "api");
    assert_eq!(env["LEVEL"], "debug");
    assert!(!env.contains_key("api"), "no variable is called as the app");

    home.rpm(["multiset", "api:LEVEL info api:deep.er 'a b'"]).ok();
    let env = variables(&home, "api");
    assert_eq!((env["LEVEL"].as_str(), env.get("deep")), ("info", None), "dots win: that one is of api:deep");
    home.rpm(["multiset", "api:LEVEL info api:TITLE 'a b'"]).ok();
    home.rpm(["set", "api.deep.er", "x"]).ok();
    let env = variables(&home, "api");
    assert_eq!((env["LEVEL"].as_str(), env["TITLE"].as_str(), env["deep"].as_str()), ("info", "a b", "{\"er\":\"x\"}"));
    assert_eq!(home.process("api").restarts, 4);
    // The same again is no reason to restart.
    home.rpm(["set", "api:LEVEL", "info"]).ok();
    assert_eq!(home.process("api").restarts, 4);

    let explained: Value = serde_json::from_slice(&home.rpm(["env", "api", "--explain", "--json"]).ok().out).unwrap();
    let level =
        explained[0]["variables"].as_array().unwrap().iter().find(|one| one["name"] == "LEVEL").unwrap().clone();
    assert_eq!((level["from"].clone(), level["value"].clone()), (json!({"layer": "setting"}), json!("info")));

    home.rpm(["unset", "api:LEVEL"]).ok();
    assert_eq!(variables(&home, "api")["LEVEL"], "info", "taken with the next restart");
    let text = home.rpm(["env", "api", "--explain"]).ok().text();
    assert!(text.lines().any(|line| line.starts_with("LEVEL\t") && line.ends_with("removed")), "{text}");
    let told = home.rpm(["restart", "api"]).ok().text();
    assert!(told.contains("LEVEL removed"), "{told}");
    assert!(!variables(&home, "api").contains_key("LEVEL"));
}

#[test]
fn settings_are_there_from_the_first_start_and_outlive_the_daemon() {
    let home = Home::new();
    home.rpm(["set", "api.PORT", "81"]).ok();
    assert!(!home.root().join("rpm.pid").exists(), "nothing is launched for a file");
    home.write(
        "a.json",
        json!([{"name": "api", "script": "sleep", "args": "1000", "env": {"PORT": "80"}}]).to_string(),
    );
    home.rpm(["start", "a.json"]).ok();
    assert_eq!(variables(&home, "api")["PORT"], "81", "over what the file says");
    signal(home.daemon().pid, Signal::SIGKILL);
    let pid = home.pid("api");
    signal(pid, Signal::SIGKILL);
    home.wait_until("api", |process| process.pid.is_some_and(|now| now != pid) && process.status == Status::Online);
    assert_eq!(variables(&home, "api")["PORT"], "81");
    home.rpm(["stop", "api"]).ok();
    let told = home.rpm(["set", "api.PORT", "82"]).ok().text();
    assert!(told.contains("api has it when it is started"), "{told}");
    assert_eq!(home.process("api").status, Status::Stopped, "what is stopped stays so");
    home.rpm(["start", "api"]).ok();
    assert_eq!(variables(&home, "api")["PORT"], "82");
}

#[test]
fn commands_and_their_exit_codes() {
    let home = Home::new();
    assert_eq!(home.rpm(["get"]).ok().text(), "");
    home.rpm(["get", "nope"]).fails(&["nope is not set"]);
    home.rpm(["set", "plain", "12"]).ok();
    home.rpm(["config", "a.\"x.y\".c", "-5"]).ok();
    home.rpm(["set", "a:b.c", "1"]).ok();
    assert_eq!(stored(&home), json!({"plain": "12", "a": {"x.y": {"c": "-5"}}, "a:b": {"c": "1"}}));
    assert_eq!(home.rpm(["get", "plain"]).ok().text(), "12\n");
    assert_eq!(home.rpm(["conf", "a.\"x.y\".c"]).ok().text(), "-5\n");
    assert_eq!(home.rpm(["get", "a"]).ok().text(), "rpm set 'a:\"x.y\":c' -5\n");
    assert_eq!(home.rpm(["get"]).ok().text().lines().count(), 3);
    assert_eq!(home.rpm(["get", "a", "--json"]).ok().text(), "{\"x.y\":{\"c\":\"-5\"}}\n");
    home.rpm(["set", "__proto__.x", "1"]).fails(&["__proto__"]);
    home.rpm(["set", "a..b", "1"]).fails(&["empty part"]);
    home.rpm(["multiset", "odd 1 two"]).fails(&["nothing was set", "two"]);
    home.rpm(["set"]).fails(&[]);
    home.rpm(["unset", "nope"]).ok();
    home.rpm(["unset", "a"]).ok();
    home.rpm(["unset", "all"]).ok();
    assert_eq!(fs::read_to_string(home.root().join("module_conf.json")).unwrap(), "{}");

    fs::write(home.root().join("module_conf.json"), "{ nonsense").unwrap();
    home.rpm(["set", "a", "1"]).fails(&["module_conf.json", "correct it"]);
    let done = home.rpm(["start", "sleep", "--", "1000"]).ok();
    assert!(done.err.contains("module_conf.json"), "{}", done.told());
    assert_eq!(fs::read_to_string(home.root().join("module_conf.json")).unwrap(), "{ nonsense");
}
