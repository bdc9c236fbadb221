//! Apps that say themselves when they are ready: over `sd_notify`, or by a line of output.

use crate::support::{Home, Running, Signal, eventually, never_within, signal};
use rpm_native::api::Process;
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

const PATIENT: &str = "100000";

/// Sends what stands in files, each when it is there, and lives on.
const SPEAKER: &str = r#"
use Socket; use IO::Handle; STDOUT->autoflush(1);
my $name = $ENV{NOTIFY_SOCKET} // ''; $name =~ s/^@/\0/;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
for my $file ('one', 'two') {
  select(undef, undef, undef, 0.01) until -e $file;
  open(my $in, '<', $file); my $text = join('', <$in>);
  print $text;
  send($socket, $text, 0, pack_sockaddr_un($name)) or die $! if $name;
  open(my $sent, '>', "$file.sent");
}
sleep 1000000;
"#;

fn put(home: &Home, file: &str, text: &str) {
    // Whole at once: the app reads it as soon as it is there.
    let new = home.write(&format!("{file}.new"), text);
    fs::rename(new, home.work().join(file)).unwrap();
}

fn write(home: &Home, settings: &Value) {
    home.write("speaker.pl", SPEAKER);
    let mut app = json!({ "name": "app", "script": "speaker.pl", "interpreter": "perl", "listen_timeout": PATIENT });
    app.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    home.write("apps.json", json!({ "apps": [app] }).to_string());
}

/// The speaker, on its way up.
fn speaker(home: &Home, settings: &Value) -> (Running, Process) {
    write(home, settings);
    let starting = home.command(["start", "apps.json"]).begin();
    let process = eventually("the app", || home.named("app").into_iter().find(|process| process.pid.is_some()));
    assert_eq!((process.status, process.ready), (Status::Launching, Some(false)));
    (starting, process)
}

#[test]
fn an_app_notifies_when_it_is_ready_and_how_it_is() {
    let home = Home::new();
    let (starting, _) = speaker(&home, &json!({ "notify": true }));
    let told = home.rpm(["describe", "app"]).ok().text();
    assert!(told.contains("waits for READY=1 on its NOTIFY_SOCKET"), "{told}");
    put(&home, "one", "STATUS=warming up\n");
    eventually("the status", || (home.describe("app")[0]["health"]["status"] == "warming up").then_some(()));
    assert_eq!(home.process("app").status, Status::Launching);
    put(&home, "two", "READY=1\nSTATUS=serves\n");
    starting.end().ok();
    let process = home.process("app");
    assert_eq!((process.status, process.ready), (Status::Online, Some(true)));
    eventually("the status", || (home.describe("app")[0]["health"]["status"] == "serves").then_some(()));
}

#[test]
fn what_is_said_while_no_daemon_hears_it_is_not_lost() {
    let home = Home::new();
    let (starting, before) = speaker(&home, &json!({ "notify": true }));
    let daemon = home.daemon();
    // It says so to a daemon that reads nothing any more.
    signal(daemon.pid, Signal::SIGSTOP);
    put(&home, "one", "READY=1\nSTATUS=up\n");
    eventually("the message", || home.work().join("one.sent").exists().then_some(()));
    signal(daemon.pid, Signal::SIGKILL);
    home.successor(&daemon);
    starting.end().ok();
    let process = home.process("app");
    assert_eq!((process.status, process.ready, process.pid), (Status::Online, Some(true), before.pid));
    eventually("the status", || (home.describe("app")[0]["health"]["status"] == "up").then_some(()));
    home.kill_daemon();
    let process = home.process("app");
    assert_eq!((process.status, process.ready, process.pid), (Status::Online, Some(true), before.pid));
    assert_eq!(home.describe("app")[0]["health"]["status"], "up", "the next daemon knows it too");
    put(&home, "two", "STOPPING=1\n");
    eventually("its leave", || (home.describe("app")[0]["health"]["leaving"] == true).then_some(()));
}

#[test]
fn nobody_else_speaks_for_an_app() {
    let home = Home::new();
    let (starting, process) = speaker(&home, &json!({ "notify": true }));
    let environment = fs::read(format!("/proc/{}/environ", process.pid.unwrap())).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let name = environment.split('\0').find_map(|entry| entry.strip_prefix("NOTIFY_SOCKET=@")).unwrap();
    let address = SocketAddr::from_abstract_name(name).unwrap();
    UnixDatagram::unbound().unwrap().send_to_addr(b"READY=1", &address).unwrap();
    never_within(Duration::from_millis(300), "it is ready", || {
        (home.process("app").status != Status::Launching).then_some(())
    });
    put(&home, "one", "READY=1\n");
    starting.end().ok();
}

#[test]
fn a_line_of_output_says_that_it_is_ready() {
    for logs in [json!({}), json!({ "disable_logs": true })] {
        let home = Home::new();
        let mut settings = json!({ "ready_log": "^listening on \\d+$" });
        settings.as_object_mut().unwrap().extend(logs.as_object().unwrap().clone());
        let (starting, process) = speaker(&home, &settings);
        put(&home, "one", "not listening on 80\n");
        assert!(process.reason.unwrap().contains("ready_log"));
        put(&home, "two", "listening on 80\n");
        starting.end().ok();
        let process = home.process("app");
        assert_eq!((process.status, process.ready), (Status::Online, Some(true)), "{logs}");
    }
}

#[test]
fn a_line_that_the_next_daemon_reads_counts_and_one_that_was_read_does_too() {
    let home = Home::new();
    let (starting, before) = speaker(&home, &json!({ "ready_log": "listening" }));
    let daemon = home.daemon();
    signal(daemon.pid, Signal::SIGSTOP);
    put(&home, "one", "listening\n");
    eventually("the line", || home.work().join("one.sent").exists().then_some(()));
    signal(daemon.pid, Signal::SIGKILL);
    home.successor(&daemon);
    starting.end().ok();
    for _ in 0..2 {
        let process = home.process("app");
        assert_eq!((process.status, process.ready, process.pid), (Status::Online, Some(true), before.pid));
        home.kill_daemon();
    }
}

#[test]
fn a_line_of_the_run_before_says_nothing_of_this_one() {
    let home = Home::new();
    put(&home, "one", "listening\n");
    write(&home, &json!({ "ready_log": "listening" }));
    home.rpm(["start", "apps.json"]).ok();
    fs::remove_file(home.work().join("one")).unwrap();
    let restarting = home.command(["restart", "app", "--as-is"]).begin();
    let again = home.wait_until("app", |process| process.restarts == 1 && process.pid.is_some());
    assert_eq!((again.status, again.ready), (Status::Launching, Some(false)));
    put(&home, "one", "listening\n");
    restarting.end().ok();
    assert_eq!(home.process("app").ready, Some(true));
}
