//! `rpm validate` and `rpm init`: no daemon, nothing started.

use crate::support::Home;
use serde_json::Value;

#[test]
fn a_file_is_checked_as_start_would_read_it() {
    let home = Home::new();
    home.write("app.js", "");
    home.write("eco.json", r#"{"apps": [{"name": "a", "script": "app.js", "instances": 2, "vizion": false}]}"#);
    let done = home.rpm(["validate", "eco.json"]).ok();
    let script = home.work().join("app.js");
    let expected = format!(
        "eco.json is valid: 1 app\n  a: 2 cluster workers of node {}; without effect: vizion\n",
        script.display()
    );
    assert_eq!((done.text(), done.err.as_str()), (expected, ""));

    home.write(
        "eco.json",
        "{apps: [{script: 'app.js', wtach: 1,\n kill_timeout: 'soon', env: 'TOKEN=abc'},\n{script: 'ap.js'}]}",
    );
    let done = home.rpm(["validate", "eco.json"]);
    assert_eq!(done.code(), Some(1));
    let expected = format!(
        "error: eco.json: line 2: app app: kill_timeout cannot be \"soon\"
hint: kill_timeout is a time: milliseconds, or a number with ms, s, m, h or d
error: eco.json: line 2: app app: env cannot be text
hint: env is an object of variables
error: eco.json: line 3: app ap: script not found: {}
hint: did you mean app.js?
warning: eco.json: line 1: app app: unknown field \"wtach\" was ignored; did you mean watch?
",
        home.work().join("ap.js").display()
    );
    assert_eq!(done.err, expected);
    assert_eq!(done.text(), "eco.json is not valid: 3 problems, 1 warning\n");

    let done = home.rpm(["start", "eco.json"]).fails(&["eco.json: 3 problems", "  line 3: app ap: script not found"]);
    assert!(!done.err.contains("abc"), "{}", done.told());
    home.rpm(["validate", "missing.json"]).fails(&["there is no such file"]);
    home.rpm(["validate"]).fails(&["there is no ecosystem.config.js in", "rpm init"]);
    assert!(!home.root().join("rpm.sock").exists(), "no daemon was needed");
}

#[test]
fn programs_get_json() {
    let home = Home::new();
    home.write("app.js", "");
    home.write(
        "eco.yml",
        "apps:\n  - script: app.js\n    env: {TOKEN: abc}\n    wtach: 1\n  - script: app.js\n    port: x\n",
    );
    let done = home.rpm(["validate", "eco.yml", "--json"]);
    assert_eq!(done.code(), Some(1));
    assert!(!done.text().contains("abc"));
    let report: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!((&report["file"], &report["valid"]), (&"eco.yml".into(), &false.into()));
    assert_eq!((&report["apps"][0]["name"], &report["apps"][0]["interpreter"]), (&"app".into(), &"node".into()));
    let problem = &report["problems"][0];
    assert_eq!((&problem["line"], &problem["app"]), (&6.into(), &"app".into()));
    assert_eq!(
        (&problem["message"], &problem["hint"]),
        (&"port cannot be \"x\"".into(), &"port is a number from 0 to 65535".into())
    );
    assert_eq!(report["warnings"][0]["line"], 4);

    let done = home.command(["validate", "-", "--json"]).input("[{script: 'app.js'}]").run().ok();
    let report: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!((&report["file"], &report["valid"]), (&"standard input".into(), &true.into()));
    let schema: Value = serde_json::from_slice(&home.rpm(["validate", "--schema"]).ok().out).unwrap();
    assert!(schema["definitions"]["app"]["properties"]["kill_timeout"].is_object());
}

#[test]
fn a_sample_is_written_once_and_can_be_started() {
    let home = Home::new();
    home.write("index.js", "setInterval(() => {}, 1000)");
    let done = home.rpm(["init"]).ok();
    assert_eq!(done.text(), "ecosystem.config.js written\n");
    home.rpm(["validate"]).ok();
    home.rpm(["ecosystem", "simple"]).fails(&["ecosystem.config.js is here already"]);
    home.rpm(["start"]).ok();
    assert_eq!(home.list().len(), 1);
}

#[test]
fn recorded_fields_reach_jlist() {
    let home = Home::new();
    home.write("app.js", "setInterval(() => {}, 1000)");
    home.write(
        "eco.json",
        r#"[{"name": "a", "script": "app.js", "vizion": false, "pmx": "x", "kill_retry_time": 50, "watch_options": {"usePolling": true},
            "automation": false, "windows_hide": false, "force": false, "write": true, "trace": true, "disableTrace": false, "v8": true,
            "event_loop_inspector": true, "deep_monitoring": true, "post_update": ["npm install"], "install_url": "x", "io": {"a": 1}}]"#,
    );
    let done = home.rpm(["start", "eco.json"]).ok();
    assert!(!done.err.contains("ignored"), "{}", done.told());
    let shown = &home.jlist()[0]["pm2_env"];
    let expected = serde_json::json!({
        "vizion": false, "pmx": "x", "kill_retry_time": 50, "watch_options": {"usePolling": true}, "automation": false,
        "windowsHide": false, "force": false, "write": true, "trace": true, "disable_trace": false, "v8": true,
        "event_loop_inspector": true, "deep_monitoring": true, "post_update": ["npm install"], "install_url": "x", "io": {"a": 1},
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(shown[field], *value, "{field}");
    }
}
