//! The control socket under clients that misbehave, and requests that come twice.

use crate::support::{Client, Home, control, eventually, get_unix, status_field};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[test]
fn curl_can_read_the_list() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let socket = home.root().join("rpm.sock");
    let list: Value = serde_json::from_str(&get_unix(&socket, "/v1/processes").unwrap().body).unwrap();
    assert_eq!(list[0]["name"], "sleep");
    let pm2: Value = serde_json::from_str(&get_unix(&socket, "/v1/pm2/processes").unwrap().body).unwrap();
    assert_eq!(pm2[0]["pm2_env"]["status"], "online");
    let nothing = get_unix(&socket, "/v1/nothing").unwrap();
    assert_eq!(nothing.status, 404);
    assert!(nothing.body.contains("NOT_FOUND"), "{}", nothing.body);
}

#[test]
fn the_same_key_is_carried_out_once() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let socket = home.root().join("rpm.sock");
    let scale = json!({"do": "scale", "name": "a", "count": 1, "relative": true});
    let first = control(&socket, Some("once"), &scale).unwrap();
    let second = control(&socket, Some("once"), &scale).unwrap();
    assert_eq!((first.status, &first), (200, &second));
    assert_eq!(home.named("a").len(), 2);
    control(&socket, Some("twice"), &scale).unwrap();
    assert_eq!(home.named("a").len(), 3);
}

#[test]
fn the_same_key_at_the_same_time_is_carried_out_once() {
    let home = Home::new();
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    let socket = home.root().join("rpm.sock");
    let scale = json!({"do": "scale", "name": "a", "count": 1, "relative": true});
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(|| control(&socket, Some("k"), &scale).unwrap())).collect();
        for reply in asking {
            assert_eq!(reply.join().unwrap().status, 200);
        }
    });
    assert_eq!(home.named("a").len(), 2);
}

#[test]
fn what_is_no_request_is_refused_in_words() {
    let home = Home::new();
    home.daemon();
    let socket = home.root().join("rpm.sock");
    for wrong in [json!({"do": "dance"}), json!({}), json!("stop"), json!({"do": "stop"})] {
        let reply = control(&socket, None, &wrong).unwrap();
        assert_eq!(reply.status, 400, "{wrong}: {reply:?}");
        assert!(reply.body.contains("INVALID"), "{wrong}: {reply:?}");
    }
    home.rpm(["ls"]).ok();
}

#[test]
fn ten_megabytes_of_junk_cost_nothing() {
    let home = Home::new();
    let pid = home.daemon().pid;
    let memory = || -> u64 { status_field(pid, "VmHWM").unwrap().trim_end_matches(" kB").parse().unwrap() };
    let before = memory();
    let mut stream = UnixStream::connect(home.root().join("rpm.sock")).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    let junk: Vec<u8> = (0..=255u8).filter(|byte| *byte != b'\n').cycle().take(64 * 1024).collect();
    let mut sent = 0;
    while sent < 10 * 1024 * 1024 {
        match stream.write(&junk) {
            Ok(count) => sent += count,
            // Refused before the end: as it should be.
            Err(_) => break,
        }
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(home.daemon().pid, pid);
    assert!(memory() < before + 4 * 1024, "{before} kB before, {} kB at its highest", memory());
}

#[test]
fn half_a_request_keeps_nobody_waiting() {
    let home = Home::new();
    let pid = home.daemon().pid;
    let socket = home.root().join("rpm.sock");
    let halves: Vec<UnixStream> = (0..20)
        .map(|_| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.write_all(b"POST /v1/request HTTP/1.1\r\nContent-Length: 100\r\n\r\n{\"do\":").unwrap();
            stream
        })
        .collect();
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    assert_eq!(home.daemon().pid, pid);
    // Nor does it keep the daemon from ending.
    home.rpm(["kill"]).ok();
    eventually("the daemon has gone", || (!crate::support::is_alive(pid)).then_some(()));
    drop(halves);
}

#[test]
fn a_client_that_leaves_half_way_takes_nothing_with_it() {
    let home = Home::new();
    home.write("slow.js", "process.on('SIGINT', () => {}); setInterval(() => {}, 1000); console.log('up')");
    home.rpm(["start", "slow.js", "--kill-timeout", "300"]).ok();
    home.told("slow-out.log", "up");
    let before = home.pid("slow");
    let mut client = UnixStream::connect(home.root().join("rpm.sock")).unwrap();
    let body = r#"{"do":"restart","selector":{"text":"slow"}}"#;
    write!(client, "POST /v1/request HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    home.wait_until("slow", |process| process.status.as_str() == "stopping");
    drop(client);
    let after = home.wait_until("slow", |process| process.status.as_str() == "online");
    assert_ne!(after.pid, Some(before));
    assert_eq!(after.restarts, 1);
}

#[test]
fn connections_can_be_used_again() {
    let home = Home::new();
    home.daemon();
    let mut client = Client::connect_unix(&home.root().join("rpm.sock")).unwrap();
    for _ in 0..3 {
        assert_eq!(client.get("/v1/daemon").unwrap().status, 200);
    }
}
