//! What apps say over their channel, and what is said to them: the bus, actions, input, messages.

use crate::support::{Home, Listener, Signal, control, eventually, is_alive, signal, status_field};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::io::BufRead;

/// Speaks by hand as programs for PM2 do, with `@pm2/io` or without.
const TALKER: &str = "
    const say = (type, data) => process.send({ type, data })
    const actions = {
      hello: (got) => say('axm:reply', { at: 5, action_name: 'hello', return: got }),
      nothing: () => say('axm:reply', { action_name: 'nothing' }),
      mute: () => {},
      leave: () => process.exit(3),
    }
    for (const action_name of Object.keys(actions)) say('axm:action', { action_name, action_type: 'custom', arity: 0 })
    say('axm:action', { action_name: 'hello', arity: 7 })
    say('axm:monitor', { users: { value: 3, unit: 'u' } })
    say('axm:monitor', { requests: { value: '4 /s' } })
    say('axm:option:configuration', { module_version: '9', error: true })
    process.send({ node_version: 'v1.2.3' })
    process.on('message', (message) => {
      console.log('message ' + JSON.stringify(message))
      const name = typeof message === 'string' ? message : message.msg
      if (actions[name]) actions[name](message)
      if (message.topic === 'say') for (const one of message.data) process.send(one)
    })
    process.stdin.on('data', (text) => console.log('input ' + JSON.stringify(String(text))))
    process.send('ready')";

fn start(home: &Home, more: &[&str]) {
    home.write("app.js", TALKER);
    let command = ["start", "app.js", "--wait-ready", "--listen-timeout", "60000"];
    home.rpm(command.into_iter().chain(more.iter().copied())).ok();
}

/// Has the app say these things.
fn have_said(home: &Home, target: &str, messages: &Value) {
    let message = json!({ "topic": "say", "data": messages });
    ask(home, &json!({ "do": "message", "selector": { "text": target }, "message": message }));
}

#[track_caller]
fn ask(home: &Home, request: &Value) -> Value {
    let reply = control(&home.root().join("rpm.sock"), None, request).unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    serde_json::from_str(&reply.body).unwrap()
}

#[test]
fn what_apps_say_is_heard_as_under_pm2() {
    for mode in [&["--name", "app"][..], &["--name", "app", "-i", "1"]] {
        let home = Home::new();
        start(&home, mode);
        let listener = Listener::of_pm2(&home, &[]);
        let messages = json!([
            { "type": "mine", "data": { "x": 1 } },
            { "type": "process:msg", "data": { "x": 2 } },
            { "type": "human:event", "data": { "name": "n" } },
            { "topic": "whatever", "data": { "x": 3 } },
            { "type": "nodata" },
            "plain",
            42,
            { "type": "axm:monitor", "data": { "users": { "value": 4 } } },
            { "type": "process:exception", "data": { "message": "m", "stack": "s" } },
            { "type": "last", "data": true },
        ]);
        have_said(&home, "app", &messages);
        listener.wait("last", |_| true);
        let process = json!({ "pm_id": 0, "name": "app", "namespace": "default" });
        let heard = listener.heard().into_iter().filter(|(topic, _)| !topic.starts_with("log:"));
        let heard: Vec<(String, Value)> = heard
            .map(|(topic, mut packet)| {
                assert!(packet["at"].as_i64().is_some_and(|at| at > 1_600_000_000_000), "{packet}");
                packet.as_object_mut().unwrap().remove("at");
                (topic, packet)
            })
            .collect();
        let typed = |topic: &str, data: Value| (topic.to_owned(), json!({ "data": data, "process": process }));
        let raw = |raw: Value| ("process:msg".to_owned(), json!({ "raw": raw, "process": process }));
        let expected = [
            typed("mine", json!({ "x": 1 })),
            typed("process:msg", json!({ "x": 2 })),
            typed("human:event", json!({ "name": "n" })),
            raw(json!({ "topic": "whatever", "data": { "x": 3 } })),
            raw(json!({ "type": "nodata" })),
            raw(json!("plain")),
            raw(json!(42)),
            typed("process:exception", json!({ "message": "m", "stack": "s" })),
            typed("last", json!(true)),
        ];
        assert_eq!(heard, expected);
        let line = listener.wait("log:out", |packet| packet["data"].as_str().unwrap().starts_with("message "));
        assert_eq!(line["process"], json!({ "pm_id": 0, "name": "app", "namespace": "default", "rev": null }));
    }
}

#[test]
fn what_an_app_announces_is_listed_until_it_stops() {
    let home = Home::new();
    start(&home, &[]);
    let env = || home.jlist()[0]["pm2_env"].clone();
    let announced = env();
    let names: Vec<&str> =
        announced["axm_actions"].as_array().unwrap().iter().map(|a| a["action_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["hello", "nothing", "mute", "leave"]);
    assert_eq!(announced["axm_actions"][0], json!({ "action_name": "hello", "action_type": "custom", "arity": 0 }));
    let metrics = json!({ "users": { "value": 3, "unit": "u" }, "requests": { "value": "4 /s" } });
    assert_eq!(announced["axm_monitor"], metrics);
    assert_eq!(announced["axm_options"]["module_version"], "9");
    assert_eq!(announced["node_version"], "v1.2.3");
    let told = home.rpm(["describe", "app"]).ok().text();
    for part in ["users", "3 u", "4 /s", "rpm trigger 0 hello"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // Apps say it once: each daemon has to know.
    home.kill_daemon();
    assert_eq!(env()["axm_actions"], announced["axm_actions"]);
    assert_eq!(env()["axm_monitor"], metrics);
    assert!(home.rpm(["trigger", "app", "hello"]).ok().text().ends_with("=\"hello\"\n"));
    home.rpm(["stop", "app"]).ok();
    assert_eq!((&env()["axm_actions"], &env()["axm_monitor"]), (&json!([]), &json!({})));
    home.rpm(["start", "app"]).ok();
    assert_eq!(env()["axm_monitor"], metrics);
}

#[test]
fn an_app_may_call_itself_something() {
    let home = Home::new();
    start(&home, &["--name", "one"]);
    start(&home, &["--name", "two", "-i", "1"]);
    for app in ["one", "two"] {
        let name = json!([{ "type": "axm:option:configuration", "data": { "name": "both" } }]);
        have_said(&home, app, &name);
    }
    let names =
        || home.jlist().iter().map(|app| app["pm2_env"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    eventually("PM2's view calls them so", || (names() == ["both", "both"]).then_some(()));
    assert_eq!(home.jlist()[0]["name"], "both");
    home.kill_daemon();
    assert_eq!(names(), ["both", "both"], "the next daemon knows");
    // Both names mean them, and the one that was given is still theirs.
    assert_eq!(home.rpm(["id", "both"]).ok().text(), "[ 0, 1 ]\n");
    assert_eq!(home.rpm(["id", "one"]).ok().text(), "[ 0 ]\n");
    assert!(home.rpm(["describe", "one"]).ok().text().contains("both"));
    home.rpm(["save"]).ok();
    let saved = std::fs::read_to_string(home.root().join("dump.pm2")).unwrap();
    let saved: Vec<Value> = serde_json::from_str(&saved).unwrap();
    assert_eq!(
        saved.iter().map(|app| &app["name"]).collect::<Vec<_>>(),
        ["one", "two"],
        "they are saved as they were given"
    );
    home.rpm(["restart", "both"]).ok();
    let restarted: Vec<_> = home.list().iter().map(|app| (app.name.clone(), app.restarts)).collect();
    assert_eq!(restarted, [("one".to_owned(), 1), ("two".to_owned(), 1)]);
}

#[test]
fn actions_are_answered() {
    let home = Home::new();
    start(&home, &["--name", "app"]);
    start(&home, &["--name", "pair", "-i", "2"]);
    let told = |args: &[&str]| home.rpm(["trigger"].into_iter().chain(args.iter().copied())).ok().text();
    assert_eq!(told(&["app", "hello"]), "[app:0:default]=\"hello\"\n");
    assert_eq!(told(&["app", "nothing"]), "[app:0:default]=undefined\n");
    let by = |who: Value| format!("[app:0:default]={who}\n");
    assert_eq!(told(&["app", "hello", "5"]), by(json!({ "msg": "hello", "opts": "5", "name": "app" })));
    assert_eq!(told(&["0", "hello", "5"]), by(json!({ "msg": "hello", "opts": "5", "id": "0" })));
    for everybody in ["all", "default"] {
        assert_eq!(told(&[everybody, "hello"]).lines().count(), 3);
    }
    let replies: Value = serde_json::from_str(&told(&["pair", "hello", "--json"])).unwrap();
    let ids: Vec<&Value> = replies.as_array().unwrap().iter().map(|reply| &reply["process"]["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!(2)]);
    assert_eq!(replies[0]["data"]["return"], "hello");
}

#[test]
fn whoever_cannot_or_does_not_answer_is_named() {
    let home = Home::new();
    start(&home, &["--name", "app"]);
    home.rpm(["trigger", "app", "dance"]).fails(&["app has announced no action called dance", "hello, leave, mute"]);
    home.rpm(["trigger", "nobody", "hello"]).fails(&["nobody"]);
    home.rpm(["trigger", "app", "mute", "--timeout", "100ms"]).fails(&["[app:0:default] no answer within 0.1 s"]);
    home.rpm(["trigger", "app", "leave"]).fails(&["[app:0:default] it ended before it answered"]);
    home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    home.rpm(["inspect", "app"]).fails(&["internal:inspect", "sendSignal SIGUSR1 app"]);
    home.rpm(["stop", "app"]).ok();
    home.rpm(["trigger", "app", "hello"]).fails(&["nothing of app runs", "rpm start app"]);
    home.rpm(["send", "app", "x"]).fails(&["app (0) does not run"]);
}

#[test]
fn lines_reach_the_input_of_an_app() {
    let home = Home::new();
    start(&home, &["--name", "app"]);
    home.rpm(["send", "0", "a line"]).ok();
    assert_eq!(home.told("app-out.log", "input "), "\"a line\\n\"");
    home.kill_daemon();
    home.rpm(["send", "app", "-x"]).ok();
    eventually("the second line", || home.lines("app-out.log").contains(&"input \"-x\\n\"".to_owned()).then_some(()));
    let attached = home.command(["attach", "app", ";"]).input("one\ntwo\n").begin();
    eventually("what it prints is shown", || {
        let shown = String::from_utf8(attached.out()).unwrap();
        // They may be read in one go.
        (shown.contains("one;") && shown.contains("two;")).then_some(())
    });
    home.write("deaf.js", "setInterval(() => {}, 1000); console.log('up')");
    home.rpm(["start", "deaf.js"]).ok();
    home.told("deaf-out.log", "up");
    home.rpm(["send", "deaf", &"x".repeat(100_000)]).fails(&["deaf (1) does not read its input, which is full"]);
}

#[test]
fn messages_reach_an_app() {
    let home = Home::new();
    start(&home, &["--name", "app"]);
    home.rpm(["start", "sleep", "--name", "plain", "--", "1000"]).ok();
    let packet = json!({ "id": 0, "type": "process:msg", "topic": "t", "data": { "a": [1] } });
    ask(&home, &json!({ "do": "message", "selector": { "text": "app" }, "message": packet }));
    let told: Value = serde_json::from_str(&home.told("app-out.log", "message ")).unwrap();
    assert_eq!(told, packet);
    let to_plain = json!({ "do": "message", "selector": { "text": "plain" }, "message": 1 });
    let reply = control(&home.root().join("rpm.sock"), None, &to_plain).unwrap();
    assert!(reply.status == 400 && reply.body.contains("plain (1) has no channel"), "{reply:?}");
}

#[test]
fn workers_hear_that_logs_were_opened_anew() {
    let home = Home::new();
    start(&home, &["--name", "app", "-i", "1"]);
    signal(home.daemon().pid, Signal::SIGUSR2);
    assert_eq!(home.told("app-out-0.log", "message "), r#"{"type":"log:reload"}"#);
}

#[test]
fn events_are_told_as_pm2_tells_them() {
    let home = Home::new();
    home.daemon();
    let listener = Listener::of_pm2(&home, &["process:event", "pm2:*"]);
    start(&home, &["--name", "app"]);
    home.rpm(["restart", "app"]).ok();
    home.rpm(["stop", "app"]).ok();
    let is = |name: &'static str| move |packet: &Value| packet["event"] == name;
    let stop = listener.wait("process:event", is("stop"));
    assert_eq!((&stop["manually"], &stop["process"]["status"]), (&json!(true), &json!("stopped")));
    assert_eq!((&stop["process"]["name"], &stop["process"]["pm_id"]), (&json!("app"), &json!(0)));
    assert!(stop["process"].get("env").is_none() && stop["process"]["pm_exec_path"].is_string());
    let told: Vec<String> =
        listener.heard().iter().map(|(_, packet)| packet["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, ["online", "start", "exit", "online", "restart", "exit", "exit", "stop"]);
    home.rpm(["kill"]).ok();
    assert_eq!(listener.wait("pm2:kill", |_| true)["status"], "killed");
}

#[test]
fn an_error_that_ends_an_app_is_told() {
    let home = Home::new();
    home.daemon();
    let listener = Listener::of_pm2(&home, &["process:exception", "process:msg"]);
    let program = |end: &str| format!("process.on('message', () => {{}}); setTimeout(() => {{ {end} }}, 10)");
    for (name, end, code) in [
        ("throws", "throw new TypeError('boom')", 1),
        ("rejects", "Promise.reject(new RangeError('boom'))", 1),
        ("catches", "process.on('uncaughtException', () => process.exit(7)); throw new Error('caught')", 7),
        ("exits", "process.exit(4)", 4),
        ("text", "throw 'words'", 1),
    ] {
        home.write(&format!("{name}.js"), program(end));
        home.rpm(["start", &format!("{name}.js"), "--no-autorestart"]).ok();
        let ended = home.wait_status(name, Status::Stopped);
        assert_eq!(ended.exit, Some(rpm_native::domain::Outcome::Code(code)), "{name}");
    }
    let of = |name: &'static str| move |packet: &Value| packet["process"]["name"] == name;
    let thrown = listener.wait("process:exception", of("throws"));
    assert_eq!((&thrown["data"]["name"], &thrown["data"]["message"]), (&json!("TypeError"), &json!("boom")));
    assert!(thrown["data"]["stack"].as_str().unwrap().contains("throws.js"), "{thrown}");
    assert_eq!(listener.wait("process:exception", of("rejects"))["data"]["name"], "RangeError");
    assert_eq!(listener.wait("process:exception", of("text"))["data"]["message"], "words");
    assert_eq!(listener.heard().len(), 3, "{:?}", listener.heard());
}

#[test]
fn the_daemons_own_log_can_be_heard() {
    let home = Home::new();
    home.daemon();
    let listener = Listener::of_pm2(&home, &["log:PM2"]);
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let line = listener.wait("log:PM2", |packet| packet["data"].as_str().unwrap().contains("sleep (0): online"));
    assert_eq!(line["process"], json!({ "pm_id": "PM2", "name": "PM2", "rev": null }));
}

#[test]
fn an_app_that_floods_is_nobody_elses_trouble() {
    let home = Home::new();
    start(&home, &["--name", "app"]);
    let pid = home.daemon().pid;
    home.write(
        "flood.js",
        "let count = 0
         for (let i = 0; i < 10000; i++) process.send({ type: 'axm:action', data: { action_name: 'action ' + i } })
         const flood = () => {
           for (let i = 0; i < 200; i++) {
             count++
             process.send({ type: 'axm:monitor', data: { ['metric ' + count]: { value: 'x'.repeat(1000) }, count: { value: count } } })
             process.send({ type: 'noise', data: 'x'.repeat(2000) })
           }
           process.send({ type: 'noise', data: 'y' }, () => setImmediate(flood))
         }
         flood()",
    );
    // One that reads nothing, and one that does.
    let all = json!({});
    let (_lazy, mut lazy) = Listener::open(&home, &all);
    let listener = Listener::new(&home, &json!({ "topics": ["human:*"] }));
    home.rpm(["start", "flood.js"]).ok();
    let panel = || home.describe("flood")[0]["panel"].clone();
    eventually("it has announced too much", || (panel()["left_out"].as_u64()? > 9744).then_some(()));
    let (actions, metrics) =
        (panel()["actions"].as_array().unwrap().len(), panel()["metrics"].as_object().unwrap().len());
    assert!(actions <= 256 && metrics <= 512, "{actions} {metrics}");
    let memory = || -> u64 { status_field(pid, "VmHWM").unwrap().trim_end_matches(" kB").parse().unwrap() };
    let before = memory();
    for round in 0..20 {
        have_said(&home, "app", &json!([{ "type": "human:event", "data": { "round": round } }]));
        let heard = listener.wait("human:event", |packet| packet["data"]["round"] == round);
        assert_eq!(heard["process"], json!({ "id": 0, "name": "app", "namespace": "default" }));
        assert!(home.rpm(["trigger", "app", "hello"]).ok().text().contains("hello"));
    }
    assert!(memory() < before + 16 * 1024, "{before} kB before, {} kB at its highest", memory());
    assert!(is_alive(home.pid("flood")) && home.process("flood").restarts == 0);
    assert_eq!(home.daemon().pid, pid);
    home.rpm(["delete", "flood"]).ok();
    // Whoever reads at last finds what fitted, and how much did not.
    let mut line = String::new();
    while !line.contains(r#"{"dropped":{"packets":"#) {
        line.clear();
        assert!(lazy.read_line(&mut line).unwrap() > 0, "it has ended without a word");
    }
}
