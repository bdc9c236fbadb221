//! The list over HTTP: `rpm web`, and `rpm runtime --web`.

use crate::support::{Home, Running, Signal, eventually, signal};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// The port that it has told.
fn port(told: impl Fn() -> String) -> u16 {
    eventually("it tells where it listens", || {
        let told = told();
        told.split("http://127.0.0.1:").nth(1)?.split('/').next()?.parse().ok()
    })
}

/// The status, and the body.
fn ask(port: u16, request: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[track_caller]
fn listing(port: u16) -> Value {
    let (status, body) = ask(port, "GET /", "localhost");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn said(running: &Running) -> String {
    String::from_utf8_lossy(&running.out()).into_owned()
}

#[test]
fn the_list_can_be_looked_at_and_nothing_more() {
    let home = Home::new().env("DB_HOST", "db.internal");
    home.rpm(["start", "sleep 1000", "--name", "app"]).ok();
    let running = home.command(["web", "0"]).begin();
    let port = port(|| said(&running));
    let (host, body) = ("127.0.0.1", ask(port, "GET /", "localhost").1);
    let listing: Value = serde_json::from_str(&body).unwrap();
    let element = &listing["processes"][0];
    assert_eq!((&element["name"], &element["pm2_env"]["status"]), (&"app".into(), &"online".into()));
    assert_eq!(element["pid"], home.pid("app"));
    assert!(element["pm2_env"].get("env").is_none() && !body.contains("db.internal"), "{body}");
    assert!(listing["system_info"]["hostname"].is_string());
    assert!(listing["monit"]["total_mem"].as_u64() > listing["monit"]["free_mem"].as_u64(), "{listing}");
    for (request, host, status) in [
        ("HEAD /", host, 200),
        ("GET /", host, 200),
        ("GET /processes", host, 404),
        ("POST /", host, 405),
        ("DELETE /", host, 405),
        ("GET /", "evil.example", 403),
    ] {
        assert_eq!(ask(port, request, host).0, status, "{request} of {host}");
    }
    // Looking starts no daemon.
    home.rpm(["kill"]).ok();
    assert_eq!(ask(port, "GET /", host).0, 503);
    assert!(!home.root().join("rpm.pid").exists());
    home.rpm(["web", &port.to_string()]).fails(&["cannot be listened on"]);
    home.rpm(["web", "http"]).fails(&["\"http\" is no port"]);
}

#[test]
fn apps_of_a_container_can_be_looked_at() {
    let home = Home::new();
    let running = home.command(["runtime", "echo up; sleep 1000", "--name", "app", "--web", "0"]).begin();
    let port = port(|| String::from_utf8_lossy(&running.err()).into_owned());
    eventually("it runs", || (listing(port)["processes"][0]["pm2_env"]["status"] == "online").then_some(()));
    signal(running.pid(), Signal::SIGTERM);
    let done = running.end().ok();
    assert_eq!(done.text(), "up\n", "output is the apps' alone");
}
