//! What lines look like in logs, and the file that has both streams.

use crate::support::{Home, eventually};
use serde_json::{Value, json};
use std::fs;

/// Says something on both streams, and again whenever it gets SIGUSR2.
const APP: &str = "const say = () => {
       process.stdout.write('one\\n\\ntwo\\r\\n'); process.stderr.write(Buffer.from([0x62, 0xff, 0xfe, 0x0a])) }
     process.on('SIGUSR2', say); say(); setInterval(() => {}, 1000)";

/// The same home with such an app.
fn home() -> Home {
    let home = Home::new();
    home.write("app.js", APP);
    home
}

#[track_caller]
fn lines(home: &Home, file: &str, count: usize) -> Vec<Vec<u8>> {
    let path = if file.starts_with('/') { file.into() } else { home.log_path(file) };
    eventually(file, || {
        let lines: Vec<_> = fs::read(&path).ok()?.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        (lines.len() == count).then_some(lines)
    })
}

#[track_caller]
fn objects(home: &Home, file: &str, count: usize) -> Vec<Value> {
    lines(home, file, count).iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// What stands behind `<date>: `; digits of the date as `0`.
fn undated(line: &[u8]) -> (String, &[u8]) {
    let at = line.windows(2).position(|two| two == b": ").unwrap();
    let date: String = line[..at].iter().map(|&byte| if byte.is_ascii_digit() { '0' } else { byte.into() }).collect();
    (date, &line[at + 2..])
}

#[test]
fn a_date_before_each_line_or_an_object_of_each() {
    let home = home();
    let apps = json!({"apps": [
        {"name": "time", "script": "app.js", "time": true},
        {"name": "own", "script": "app.js", "log_date_format": "[in] Z", "time_zone": "Asia/Kolkata"},
        {"name": "json", "script": "app.js", "log_type": "json"},
        {"name": "both", "script": "app.js", "log_type": "json", "log_date_format": "HH:mm"},
    ]});
    home.write("eco.json", apps.to_string());
    let told = home.rpm(["start", "eco.json"]).ok().told();
    assert!(!told.contains("supported"), "{told}");

    let expected = [&b"one\n"[..], b"\n", b"two\r\n"];
    for (line, expected) in lines(&home, "time-out.log", 3).iter().zip(expected) {
        assert_eq!(undated(line), ("0000-00-00T00:00:00".to_owned(), expected));
    }
    assert_eq!(undated(&lines(&home, "time-error.log", 1)[0]).1, b"b\xff\xfe\n");
    assert_eq!(lines(&home, "own-out.log", 3)[0], b"in +05:30: one\n");

    let out = objects(&home, "json-out.log", 3);
    let messages: Vec<_> = out.iter().map(|object| object["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["one\n", "\n", "two\r\n"]);
    let id = home.process("json").id.0;
    for (object, stream) in [(&out[0], "out"), (&objects(&home, "json-error.log", 1)[0], "err")] {
        assert_eq!(
            (&object["type"], &object["process_id"], &object["app_name"]),
            (&json!(stream), &json!(id), &json!("json"))
        );
        let date: String = object["timestamp"].as_str().unwrap().chars().filter(|c| !c.is_ascii_digit()).collect();
        assert_eq!(date, "--T::.Z", "{object}");
    }
    assert_eq!(objects(&home, "json-error.log", 1)[0]["message"], "b\u{fffd}\u{fffd}\n");
    assert_eq!(objects(&home, "both-out.log", 3)[0]["timestamp"].as_str().unwrap().len(), 5);

    let list = home.jlist();
    let env = |name: &str| list.iter().find(|app| app["name"] == name).unwrap()["pm2_env"].clone();
    assert_eq!((&env("time")["time"], &env("time")["log_date_format"]), (&json!(true), &json!("YYYY-MM-DDTHH:mm:ss")));
    assert_eq!((&env("both")["log_type"], &env("both")["log_date_format"]), (&json!("json"), &json!("HH:mm")));
    assert!(env("json").get("log_date_format").is_none() && env("time").get("pm_log_path").is_none());
    let described = home.rpm(["describe", "both"]).ok().text();
    assert!(described.contains("JSON objects, date HH:mm"), "{described}");
}

#[test]
fn one_file_for_both_streams() {
    let home = home();
    let all = home.work().join("deep/all.log");
    home.rpm(["start", "app.js", "--name", "own", "--log", "deep/all.log", "--time"]).ok();
    home.rpm(["start", "app.js", "--name", "home", "-l"]).ok();
    home.rpm(["start", "app.js", "--name", "two", "-i", "2", "--log", "two.log"]).ok();
    home.rpm(["start", "app.js", "--name", "merged", "-i", "2", "-l", "--merge-logs", "--log-type", "json"]).ok();
    home.rpm(["start", "app.js", "--name", "none", "--disable-logs", "-l"]).ok();
    home.rpm(["start", "app.js", "--name", "alone", "-l", "-o", "/dev/null", "-e", "/dev/null"]).ok();

    let own = lines(&home, all.to_str().unwrap(), 4);
    assert!(
        own.iter().any(|line| line.ends_with(b": two\r\n")) && own.iter().any(|line| line.ends_with(b"b\xff\xfe\n"))
    );
    let mut parts = [lines(&home, "own-out.log", 3), lines(&home, "own-error.log", 1)].concat();
    let mut sorted = own.clone();
    parts.sort();
    sorted.sort();
    assert_eq!(parts, sorted, "the same lines in both files, times and all");
    lines(&home, "home.log", 4);
    lines(&home, "alone.log", 4);
    let merged = objects(&home, "merged.log", 8);
    let ids = |stream: &str| {
        let mut ids: Vec<_> = merged
            .iter()
            .filter(|line| line["type"] == stream)
            .filter_map(|line| line["process_id"].as_u64())
            .collect();
        ids.sort_unstable();
        ids
    };
    let [first, second] = [0, 1].map(|index| u64::from(home.named("merged")[index].id.0));
    assert_eq!((ids("out"), ids("err")), (vec![first, first, first, second, second, second], vec![first, second]));

    let list = home.jlist();
    for app in &list {
        let (name, path) = (app["name"].as_str().unwrap(), app["pm2_env"].get("pm_log_path"));
        let expected = match name {
            "own" => Some(all.clone()),
            "two" => Some(home.work().join(format!("two-{}.log", app["pm_id"]))),
            "none" => None,
            _ => Some(home.log_path(&format!("{name}.log"))),
        };
        assert_eq!(path, expected.map(|path| json!(path)).as_ref(), "{name}");
        if name == "two" {
            lines(&home, path.unwrap().as_str().unwrap(), 4);
        }
    }
    assert!(!home.log_path("none.log").exists() && !home.log_path("alone-out.log").exists());
    let described = home.rpm(["describe", "home"]).ok().text();
    assert!(described.contains("entire log path"), "{described}");

    home.rpm(["flush", "home"]).ok();
    assert_eq!((home.log("home.log").len(), home.log("home-out.log").len()), (0, 0));
    home.rpm(["sendSignal", "SIGUSR2", "home"]).ok();
    lines(&home, "home.log", 4);
    fs::rename(home.log_path("home.log"), home.log_path("old.log")).unwrap();
    home.rpm(["reloadLogs"]).ok();
    home.rpm(["sendSignal", "SIGUSR2", "home"]).ok();
    lines(&home, "home.log", 4);
    lines(&home, "home-out.log", 6);
    lines(&home, "old.log", 4);
}

#[test]
fn other_settings_count_from_the_next_run_on() {
    let home = home();
    home.rpm(["start", "app.js"]).ok();
    lines(&home, "app-out.log", 3);
    let told = home.rpm(["restart", "app", "--time"]).ok().told();
    assert!(told.contains("log_date_format none → YYYY-MM-DDTHH:mm:ss"), "{told}");
    assert_eq!(undated(&lines(&home, "app-out.log", 6)[3]).1, b"one\n");
    home.rpm(["restart", "app", "--log-date-format", "null", "--log-type", "json"]).ok();
    let log = lines(&home, "app-out.log", 9);
    assert!(log[6].starts_with(b"{\"message\":\"one\\n\",\"timestamp\":\"20"));
    home.rpm(["restart", "app", "--log-type", "null", "--log", "all.log"]).ok();
    assert_eq!(lines(&home, "app-out.log", 12)[9], b"one\n");
    lines(&home, home.work().join("all.log").to_str().unwrap(), 4);

    // A run writes on as it began, whoever reads its output.
    home.rpm(["start", "app.js", "--name", "web", "-i", "1", "--merge-logs", "--time"]).ok();
    lines(&home, "web-out.log", 3);
    home.kill_daemon();
    home.rpm(["sendSignal", "SIGUSR2", "web"]).ok();
    let log = lines(&home, "web-out.log", 6);
    assert!(log.iter().all(|line| undated(line).0 == "0000-00-00T00:00:00"), "{log:?}");
    home.rpm(["reload", "web", "--log-type", "json"]).ok();
    assert!(lines(&home, "web-out.log", 9)[6].starts_with(b"{"));
}

#[test]
fn what_cannot_be_kept_is_refused_before_it_runs() {
    let home = home();
    home.rpm(["start", "app.js", "--log-date-format", &"x".repeat(4000)]).fails(&["too long"]);
    home.rpm(["start", "app.js", "--name", "other", "--time"]).ok();
    lines(&home, "other-out.log", 3);
    assert!(!home.log_path("app-out.log").exists());
}

#[test]
fn a_reader_sees_what_is_in_the_file() {
    let home = home();
    home.rpm(["start", "app.js", "--time"]).ok();
    lines(&home, "app-out.log", 3);
    let past = home.rpm(["logs", "app", "--nostream", "--raw", "--out"]).ok().text();
    assert_eq!(past.as_bytes(), home.log("app-out.log"), "{past}");
    let follower = home.command(["logs", "app", "--raw", "--out", "--lines", "0"]).begin();
    let live = eventually("live lines", || {
        home.rpm(["sendSignal", "SIGUSR2", "app"]).ok();
        let seen = String::from_utf8(follower.out()).unwrap();
        seen.contains("two").then_some(seen)
    });
    let first = live.lines().find(|line| line.ends_with("one")).unwrap();
    assert_eq!(undated(format!("{first}\n").as_bytes()), ("0000-00-00T00:00:00".to_owned(), &b"one\n"[..]));
}
