//! Application files: each format, profiles, and that a restart gets what the file says now.

use crate::support::{Home, eventually};
use rpm_native::domain::Status;
use std::collections::BTreeMap;
use std::fs;

const APP: &str = "setInterval(() => {}, 1000)";

fn environment(home: &Home, name: &str) -> BTreeMap<String, String> {
    let bytes = fs::read(format!("/proc/{}/environ", home.pid(name))).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    text.split('\0').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

#[test]
fn every_format() {
    let home = Home::new();
    home.write("app.js", APP);
    let files = [
        ("json.json", r#"{"apps": [{"name": "a-json", "script": "app.js", "env": {"COLOR": "json"}}]}"#),
        ("yaml.yml", "apps:\n  - name: a-yml\n    script: app.js\n    env:\n      COLOR: yml\n"),
        ("js.config.js", "module.exports = { apps: [{ name: 'a-js', script: 'app.js', env: { COLOR: 'j' + 's' } }] }"),
        ("cjs.config.cjs", "module.exports = { apps: [{ name: 'a-cjs', script: 'app.js', env: { COLOR: 'cjs' } }] }"),
        ("mjs.config.mjs", "export default { apps: [{ name: 'a-mjs', script: 'app.js', env: { COLOR: 'mjs' } }] }"),
    ];
    for (file, text) in files {
        home.write(file, text);
        home.rpm(["start", file]).ok();
        let kind = file.split('.').next_back().unwrap();
        let name = format!("a-{kind}");
        assert_eq!(environment(&home, &name)["COLOR"], kind);
        assert_eq!(home.process(&name).status, Status::Online);
    }
    // The same again restarts, it doesn't double.
    home.rpm(["start", "json.json"]).ok();
    assert_eq!(home.process("a-json").restarts, 1);
    home.rpm(["stop", "yaml.yml"]).ok();
    assert_eq!(home.process("a-yml").status, Status::Stopped);
    home.rpm(["delete", "js.config.js"]).ok();
    assert!(home.named("a-js").is_empty());
    assert_eq!(home.list().len(), 4);
}

#[test]
fn without_a_target_the_file_of_the_directory() {
    let home = Home::new();
    home.write("app.js", APP);
    home.rpm(["start"]).fails(&["ecosystem.config.js"]);
    home.write("ecosystem.config.js", "module.exports = [{ script: 'app.js' }]");
    home.rpm(["start"]).ok();
    assert_eq!(home.process("app").status, Status::Online);
    let stdin = r#"[{"name": "piped", "script": "app.js"}]"#;
    home.command(["start", "-"]).input(stdin).run().ok();
    assert_eq!(home.process("piped").status, Status::Online);
}

#[test]
fn what_the_file_says_now() {
    let home = Home::new();
    home.write("app.js", APP);
    let file = |env: &str| {
        let text = format!("module.exports = {{ apps: [{{ name: 'a', script: 'app.js', env: {env} }}] }}");
        home.write("app.config.js", text);
    };
    file("{ FIRST: 1, BOTH: 'old' }");
    home.rpm(["start", "app.config.js"]).ok();
    assert_eq!(environment(&home, "a")["BOTH"], "old");
    file("{ BOTH: 'new', SECOND: { deep: true } }");
    home.rpm(["restart", "app.config.js"]).ok();
    let env = environment(&home, "a");
    assert_eq!((env["BOTH"].as_str(), env["SECOND"].as_str()), ("new", r#"{"deep":true}"#));
    assert!(!env.contains_key("FIRST"), "a key that was removed is gone");

    file("{ THIRD: 3 }");
    let told = home.rpm(["restart", "a"]).ok().text();
    assert!(told.contains("changes"), "{told}");
    let env = environment(&home, "a");
    assert!(env.contains_key("THIRD") && !env.contains_key("BOTH"), "by name it is read again too");

    file("{ FOURTH: 4 }");
    home.rpm(["restart", "a", "--as-is"]).ok();
    let env = environment(&home, "a");
    assert!(env.contains_key("THIRD") && !env.contains_key("FOURTH"));
    home.rpm(["reload", "a"]).ok();
    assert!(environment(&home, "a").contains_key("FOURTH"));

    // A file that is broken now leaves what was good.
    home.write("app.config.js", "module.exports = {");
    let done = home.rpm(["restart", "a"]).ok();
    assert!(done.err.contains("app.config.js") && done.err.contains("stays as it was"), "{}", done.told());
    assert!(environment(&home, "a").contains_key("FOURTH"));
}

#[test]
fn settings_of_the_file_are_applied_too() {
    let home = Home::new();
    home.write("app.js", "console.log('args ' + process.argv.slice(2)); setInterval(() => {}, 1000)");
    home.write("other.json", r#"[{"name": "a", "script": "app.js", "args": "one", "kill_timeout": 1234}]"#);
    home.rpm(["start", "other.json"]).ok();
    assert_eq!(home.told("a-out.log", "args "), "one");
    home.write(
        "other.json",
        r#"[{"name": "a", "script": "app.js", "args": ["two", "three"], "kill_timeout": "4321"}]"#,
    );
    home.rpm(["restart", "a"]).ok();
    eventually("the new arguments", || (home.told("a-out.log", "args ") == "two,three").then_some(()));
    assert_eq!(home.jlist()[0]["pm2_env"]["kill_timeout"], 4321);
}

#[test]
fn profiles() {
    let home = Home::new();
    home.write("app.js", APP);
    home.write(
        "app.json",
        r#"{"apps": [{"name": "a", "script": "app.js", "env": {"MODE": "dev", "BASE": "1"},
            "env_production": {"MODE": "prod"}, "env_test": {"MODE": "test"}}]}"#,
    );
    home.rpm(["start", "app.json", "--env", "production"]).ok();
    let mode = || environment(&home, "a")["MODE"].clone();
    assert_eq!((mode().as_str(), environment(&home, "a")["BASE"].as_str()), ("prod", "1"));
    home.rpm(["restart", "a"]).ok();
    assert_eq!(mode(), "prod", "the profile is remembered");
    home.rpm(["restart", "a", "--env", "test"]).ok();
    assert_eq!(mode(), "test");
    let unknown = home.rpm(["restart", "app.json", "--env", "nonsense"]).ok();
    assert!(unknown.err.contains("nonsense"), "{}", unknown.told());
    assert_eq!(mode(), "dev");
}

#[test]
fn only_some_apps() {
    let home = Home::new();
    home.write("app.js", APP);
    let app = |name: &str| format!(r#"{{"name": "{name}", "script": "app.js"}}"#);
    home.write("all.json", format!("[{}, {}, {}]", app("a"), app("b"), app("c")));
    home.rpm(["start", "all.json", "--only", "a,c"]).ok();
    let names = || home.list().into_iter().map(|process| process.name).collect::<Vec<_>>();
    assert_eq!(names(), ["a", "c"]);
    home.rpm(["restart", "all.json", "--only", "b"]).ok();
    assert_eq!(names(), ["a", "b", "c"]);
    assert_eq!(home.process("a").restarts, 0);
    home.rpm(["start", "all.json", "--only", "nobody"]).fails(&["nobody"]);
}

#[test]
fn an_app_that_is_no_longer_in_its_file() {
    let home = Home::new();
    home.write("app.js", APP);
    home.write("a.json", r#"[{"name": "a", "script": "app.js", "env": {"X": "1"}}]"#);
    home.rpm(["start", "a.json"]).ok();
    home.write("a.json", r#"[{"name": "b", "script": "app.js"}]"#);
    let done = home.rpm(["restart", "a"]).ok();
    assert!(done.err.contains("no longer in"), "{}", done.told());
    assert_eq!(environment(&home, "a")["X"], "1");
}

#[test]
fn a_cluster_of_a_file_reloads_with_its_new_environment() {
    let home = Home::new();
    home.write(
        "app.js",
        "const s = require('node:http').createServer((_, r) => r.end(process.env.VERSION)).listen(0, () => console.log('port ' + s.address().port))",
    );
    let file = |version: u32| {
        home.write(
            "a.json",
            format!(r#"[{{"name": "a", "script": "app.js", "instances": 2, "env": {{"VERSION": "{version}"}}}}]"#),
        )
    };
    file(1);
    home.rpm(["start", "a.json"]).ok();
    let port = home.port("a-out-0.log");
    home.port("a-out-1.log");
    file(2);
    home.rpm(["reload", "a.json"]).ok();
    for _ in 0..4 {
        assert_eq!(crate::support::get(port, "/").unwrap().body, "2");
    }
    file(3);
    home.rpm(["reload", "a"]).ok();
    assert_eq!(crate::support::get(port, "/").unwrap().body, "3");
}
