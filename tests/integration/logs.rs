//! Logs: every byte in the files, readers that see each line once.

use crate::support::{Home, Program, eventually};
use std::fs;
use std::io::Write;

#[test]
fn all_bytes_are_kept() {
    let home = Home::new();
    home.write(
        "app.js",
        "const all = Buffer.alloc(256 * 40); for (let i = 0; i < all.length; i++) all[i] = i % 256
         require('node:fs').writeSync(1, all); require('node:fs').writeSync(2, all.subarray(0, 1000))
         setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "app.js"]).ok();
    let wanted: Vec<u8> = (0..=255u8).cycle().take(256 * 40).collect();
    eventually("all is written", || (home.log("app-out.log").len() >= wanted.len()).then_some(()));
    eventually("all is written", || (home.log("app-error.log").len() >= 1000).then_some(()));
    assert_eq!(home.log("app-out.log"), wanted);
    assert_eq!(home.log("app-error.log"), wanted[..1000]);
}

#[test]
fn a_very_long_line() {
    let home = Home::new();
    let length = 3_000_000;
    home.write(
        "app.js",
        format!("process.stdout.write('x'.repeat({length}) + '\\nafter\\n'); setInterval(() => {{}}, 1000)"),
    );
    home.rpm(["start", "app.js"]).ok();
    eventually("all is written", || (home.log("app-out.log").len() >= length + 7).then_some(()));
    let log = home.log("app-out.log");
    assert!(log.ends_with(b"x\nafter\n") && log[..length].iter().all(|byte| *byte == b'x'));
    let told = home.rpm(["logs", "app", "--nostream", "--raw", "--lines", "1"]).ok().text();
    assert!(told.ends_with("after\n"), "{}", &told[told.len().saturating_sub(100)..]);
}

#[test]
fn the_last_words_of_an_app_that_ends() {
    let home = Home::new();
    home.rpm(["start", "echo first; seq 1 20000; printf 'no line break'", "--name", "a", "--no-autorestart"]).ok();
    eventually("all is written", || home.log("a-out.log").ends_with(b"20000\nno line break").then_some(()));
    assert_eq!(home.lines("a-out.log").len(), 20002);
}

#[test]
fn names_of_files() {
    let home = Home::new();
    let says = "console.log(process.env.pm_out_log_path); setInterval(() => {}, 1000)";
    home.write("app.js", says);
    home.write("my app.js", says);
    home.rpm(["start", "app.js", "--name", "plain"]).ok();
    home.rpm(["start", "app.js", "--name", "two", "-i", "2"]).ok();
    home.rpm(["start", "app.js", "--name", "merged", "-i", "2", "--merge-logs"]).ok();
    home.rpm(["start", "./my app.js", "--name", "odd name/".trim_end_matches('/')]).ok();
    home.rpm(["start", "app.js", "--name", "own", "--output", "logs/deep/own.log", "--error", "/dev/null"]).ok();
    home.rpm(["start", "app.js", "--name", "none", "--disable-logs"]).ok();
    for (log, lines) in [
        ("plain-out.log", 1),
        ("two-out-1.log", 1),
        ("two-out-2.log", 1),
        ("merged-out.log", 2),
        ("odd-name-out.log", 1),
    ] {
        let told = eventually(log, || Some(home.lines(log)).filter(|told| told.len() == lines));
        assert!(told.iter().all(|line| *line == home.log_path(log).display().to_string()), "{told:?}");
    }
    let own = home.work().join("logs/deep/own.log");
    eventually("its own file", || fs::read_to_string(&own).ok().filter(|text| text.contains("own.log")));
    for absent in ["own-out.log", "own-error.log", "none-out.log"] {
        assert!(!home.log_path(absent).exists(), "{absent}");
    }
}

#[test]
fn the_last_lines_without_following() {
    let home = Home::new();
    home.rpm(["start", "seq 1 100; echo bad >&2; exec sleep 1000", "--name", "a"]).ok();
    eventually("all is written", || {
        (home.lines("a-out.log").len() == 100 && home.lines("a-error.log").len() == 1).then_some(())
    });
    let logs = |flags: &[&'static str]| {
        home.rpm([&["logs", "a", "--nostream"][..], flags].concat())
            .ok()
            .text()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(logs(&["--raw", "--out", "--lines", "3"]), ["98", "99", "100"]);
    assert_eq!(logs(&["--out", "--lines", "2"]), ["0|a | 99", "0|a | 100"]);
    assert_eq!(logs(&["--raw", "--err"]), ["bad"]);
    assert_eq!(logs(&["--raw", "--out"]).len(), 15);
    assert_eq!(logs(&["--raw", "--out", "--lines", "0"]).len(), 0);
    assert_eq!(logs(&["--raw", "--lines", "100000"]).len(), 101);
    for line in logs(&["--json", "--lines", "2"]) {
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((object["app_name"].as_str(), object["process_id"].as_u64()), (Some("a"), Some(0)));
    }
    home.rpm(["logs", "nobody", "--nostream"]).ok();
    home.rpm(["logs", "nobody"]).fails(&["nobody"]);
}

#[test]
fn the_ways_to_show_lines() {
    let home = Home::new().env("RPM_LOG_DATE_FORMAT", "[then] YYYY");
    home.rpm(["start", "while read line; do echo $line; done; exec sleep 1000", "--name", "a", "--namespace", "n"])
        .ok();
    home.rpm(["start", "echo a word of b; exec sleep 1000", "--name", "b"]).ok();
    eventually("it is written", || (home.lines("b-out.log").len() == 1).then_some(()));
    let all = home.rpm(["logs", "--nostream"]).ok().text();
    assert!(all.lines().any(|line| line.starts_with("rpm | then 20")), "the daemon's log, with its own times: {all}");
    assert!(all.contains("1|b | a word of b\n"), "{all}");
    let some = home.rpm(["logs", "--nostream", "--out"]).ok().text();
    assert!(!some.contains("rpm | "), "{some}");
    let pairs = home.rpm(["logs", "b", "--nostream", "--format"]).ok().text();
    assert_eq!(pairs, "timestamp=- app=b id=1 type=out message=a word of b\n");
    let marked = home.rpm(["logs", "b", "--nostream", "--highlight", "word"]).ok().text();
    assert_eq!(marked, "1|b | a word of b\n", "no colours into a pipe");
    home.rpm(["logs", "--raw", "--json"]).fails(&["--json"]);

    // What comes live has its time; targets are namespaces and expressions too.
    home.rpm(["start", "while :; do echo tick; read -t 0.05 nothing; done", "--name", "ticker", "--namespace", "n"])
        .ok();
    for (target, flags, wanted) in [
        ("n", &["--timestamp", "[at] YYYY"][..], "at 20"),
        ("/^tick/", &["--format"][..], "timestamp=20"),
        ("ticker", &["--json"][..], "{\"message\":\"tick\",\"timestamp\":\"20"),
    ] {
        let follower = home.command([&["logs", target, "--lines", "0"][..], flags].concat()).begin();
        eventually(&format!("{wanted} of {target}"), || {
            let text = String::from_utf8(follower.out()).unwrap();
            assert!(!text.contains("word of b"), "{text}");
            text.starts_with(wanted).then_some(())
        });
    }
    // Of those that are meant, process events are told too.
    let follower = home.command(["logs", "/^tick/", "--lines", "0", "--json"]).begin();
    eventually("it follows", || (!follower.out().is_empty()).then_some(()));
    home.rpm(["restart", "b"]).ok();
    home.rpm(["restart", "ticker"]).ok();
    let event = eventually("an event", || {
        let text = String::from_utf8(follower.out()).unwrap();
        text.lines().find(|line| line.contains("process_event")).map(str::to_owned)
    });
    assert!(event.ends_with("\"app_name\":\"ticker\"}"), "{event}");
}

#[test]
fn a_start_may_end_with_its_logs() {
    let home = Home::new();
    let follower = home.command(["start", "echo hello; exec sleep 1000", "--name", "a", "--attach"]).begin();
    eventually("what it said", || String::from_utf8(follower.out()).unwrap().contains("0|a | hello\n").then_some(()));
}

#[test]
fn a_follower_sees_each_line_once() {
    let home = Home::new();
    home.write(
        "app.js",
        "let n = 0; const say = () => { for (let i = 0; i < 100; i++) console.log('line ' + n++)
           if (n < 20000) setTimeout(say, 1); else console.log('end') }
         say(); setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "app.js"]).ok();
    let follower = home.command(["logs", "app", "--raw", "--lines", "100000"]).begin();
    eventually("all is written", || (home.lines("app-out.log").last()? == "end").then_some(()));
    let text = eventually("it has seen as much as was written", || {
        let text = String::from_utf8(follower.out()).unwrap();
        (text.len() >= home.log("app-out.log").len() || text.contains("left out here")).then_some(text)
    });
    drop(follower);
    let wanted: Vec<String> = (0..20000).map(|n| format!("line {n}")).chain(["end".to_owned()]).collect();
    assert_eq!(home.lines("app-out.log"), wanted);
    // On a machine with no time for it, it may miss some: it says so, and what it got is in order and once.
    let complete = !text.contains("left out here");
    let mut rest = wanted.iter();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.lines().filter(|line| !line.contains("left out here")) {
        let skipped = rest.by_ref().take_while(|next| *next != line).count();
        assert!(skipped == 0 || !complete, "{skipped} lines are missing before {line:?}");
        assert!(line == "end" || rest.len() > 0, "{line:?} came again, or late");
    }
    assert!(!complete || rest.len() == 0, "the last {} lines are missing", rest.len());
}

#[test]
fn a_follower_sees_runs_and_apps_that_come_later() {
    let home = Home::new();
    home.rpm(["start", "echo one; exec sleep 1000", "--name", "a"]).ok();
    home.told("a-out.log", "one");
    let follower = home.command(["logs", "--lines", "0"]).begin();
    let sees = |what: &str| {
        eventually(what, || String::from_utf8_lossy(&follower.out()).contains(what).then_some(()));
    };
    // It is there when it sees what is written now.
    eventually("it follows", || {
        home.rpm(["restart", "a"]).ok();
        String::from_utf8_lossy(&follower.out()).contains("0|a | one").then_some(())
    });
    home.rpm(["start", "echo two; exec sleep 1000", "--name", "b"]).ok();
    sees("1|b | two");
    home.rpm(["kill"]).ok();
    let done = follower.end();
    assert_eq!(done.code(), Some(0), "{}", done.told());
    assert!(done.err.contains("the daemon has ended"), "{}", done.told());
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let home = Home::new();
    home.rpm(["start", "while :; do seq 1 1000; sleep 0.01; done", "--name", "a", "--kill-timeout", "200"]).ok();
    eventually("it writes", || (home.lines("a-out.log").len() > 100).then_some(()));
    let line = "set -o pipefail; \"$0\" logs a --raw | head -n 3";
    let done = Program::new("bash").args(["-c", line]).args([home.program()]).env("RPM_HOME", home.root()).run().ok();
    assert_eq!(done.text().lines().count(), 3);
    assert_eq!(done.err, "");
}

#[test]
fn flush_empties_the_files_and_they_go_on() {
    let home = Home::new();
    home.write(
        "app.js",
        "process.on('SIGUSR2', () => console.log('again')); console.log('first'); setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "app.js", "--name", "a"]).ok();
    home.rpm(["start", "app.js", "--name", "b"]).ok();
    home.told("a-out.log", "first");
    home.told("b-out.log", "first");
    home.rpm(["flush", "a"]).ok();
    assert_eq!((home.log("a-out.log"), home.lines("b-out.log")), (vec![], vec!["first".to_owned()]));
    home.rpm(["sendSignal", "SIGUSR2", "a"]).ok();
    home.told("a-out.log", "again");
    assert_eq!(home.log("a-out.log"), b"again\n");
    home.rpm(["flush"]).ok();
    assert_eq!((home.log("a-out.log").len(), home.log("b-out.log").len()), (0, 0));
    home.rpm(["flush", "nobody"]).ok();
}

#[test]
fn files_that_were_moved_away_are_opened_anew() {
    let home = Home::new();
    home.write(
        "app.js",
        "process.on('SIGUSR2', () => console.log('again')); console.log('first'); setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "app.js"]).ok();
    home.told("app-out.log", "first");
    fs::rename(home.log_path("app-out.log"), home.log_path("old.log")).unwrap();
    crate::support::signal(home.daemon().pid, crate::support::Signal::SIGUSR2);
    eventually("a new file", || home.log_path("app-out.log").exists().then_some(()));
    home.rpm(["sendSignal", "SIGUSR2", "app"]).ok();
    home.told("app-out.log", "again");
    assert_eq!(home.log("old.log"), b"first\n");
}

#[test]
fn an_app_never_waits_for_a_reader() {
    let home = Home::new();
    home.write(
        "app.js",
        "let n = 0; const say = () => { if (n++ < 300) process.stdout.write('y'.repeat(99999) + '\\n', say); else console.error('done') }
         say(); setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "app.js", "--no-autostart"]).ok();
    // Connected, and reading nothing.
    let socket = home.root().join("rpm.sock");
    let mut idle = std::os::unix::net::UnixStream::connect(socket).unwrap();
    let query = r#"{"selector":{"text":"all"},"lines":0,"follow":true}"#;
    write!(idle, "POST /v1/logs HTTP/1.1\r\nContent-Length: {}\r\n\r\n{query}", query.len()).unwrap();
    let resident = || {
        let resident = crate::support::status_field(home.daemon().pid, "VmRSS").unwrap();
        resident.trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = resident();
    home.rpm(["start", "app"]).ok();
    home.told("app-error.log", "done");
    eventually("all is written", || (home.log("app-out.log").len() == 300 * 100_000).then_some(()));
    let grown = resident().saturating_sub(before);
    assert!(grown < 10_000, "{grown} kB more than the {before} before");
}

#[test]
fn the_last_words_before_the_daemon_ends() {
    let home = Home::new();
    home.write(
        "app.js",
        "process.on('SIGINT', () => { require('node:fs').writeSync(1, 'w'.repeat(900000) + '\\nend\\n'); process.exit(0) })
         setInterval(() => {}, 1000); console.log('up')",
    );
    home.rpm(["start", "app.js", "-i", "3"]).ok();
    let logs = ["app-out-0.log", "app-out-1.log", "app-out-2.log"];
    for log in logs {
        home.told(log, "up");
    }
    let daemon = home.daemon().pid;
    home.rpm(["kill"]).ok();
    eventually("the daemon has gone", || (!crate::support::is_alive(daemon)).then_some(()));
    for log in logs {
        assert_eq!(home.log(log).len(), 3 + 900_000 + 5, "{log}");
    }
}
