//! Ports: taken by somebody else, given back, closed and opened again.

use crate::support::{Home, eventually, get};
use rpm_native::domain::Status;
use std::net::TcpListener;

#[test]
fn a_port_of_somebody_else() {
    let home = Home::new();
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    home.write(
        "app.js",
        "require('node:http').createServer().listen(Number(process.env.PORT), '0.0.0.0', () => console.log('up'))",
    );
    home.command(["start", "app.js", "-i", "1", "--max-restarts", "2"]).env("PORT", port.to_string()).run().ok();
    let process = home.wait_status("app", Status::Errored);
    let reason = process.reason.unwrap();
    assert!(reason.contains(&port.to_string()) && reason.contains("in use"), "{reason}");
    let error = String::from_utf8(home.log("app-error-0.log")).unwrap();
    assert!(error.contains(&format!("EADDRINUSE 0.0.0.0:{port}")), "{error}");
    // Free again: a start is all it takes.
    drop(taken);
    home.rpm(["start", "app"]).ok();
    home.told("app-out-0.log", "up");
    assert_eq!(home.wait_status("app", Status::Online).reason, None);
}

#[test]
fn a_stopped_app_gives_its_port_back() {
    let home = Home::new();
    home.write("app.js", include_str!("../fixtures/server.js"));
    for verb in ["stop", "delete"] {
        home.rpm(["start", "app.js", "-i", "2"]).ok();
        let logs: Vec<String> = home.named("app").iter().map(|process| format!("app-out-{}.log", process.id)).collect();
        let ports: Vec<u16> = logs.iter().map(|log| home.port(log)).collect();
        assert!(get(ports[0], "/").is_ok());
        home.rpm([verb, "app"]).ok();
        home.rpm(["flush"]).ok();
        drop(TcpListener::bind(("0.0.0.0", ports[0])).expect("the port is free"));
    }
}

#[test]
fn one_of_two_workers_stopped_keeps_the_port_open() {
    let home = Home::new();
    home.write("app.js", include_str!("../fixtures/server.js"));
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let port = home.port("app-out-0.log");
    home.port("app-out-1.log");
    home.rpm(["stop", "0"]).ok();
    let left = home.named("app")[1].pid.unwrap().to_string();
    for _ in 0..10 {
        assert_eq!(get(port, "/").unwrap().body, left);
    }
    home.rpm(["start", "0"]).ok();
    eventually("both answer", || {
        let mut seen: Vec<String> = (0..6).map(|_| get(port, "/").unwrap().body).collect();
        seen.sort();
        seen.dedup();
        (seen.len() == 2).then_some(())
    });
}

#[test]
fn a_server_may_close_and_listen_again() {
    let home = Home::new();
    home.write(
        "app.js",
        "const http = require('node:http')
         let round = 0
         function open(port) {
           const server = http.createServer((_, r) => r.end(`${round}`))
           server.listen(port, () => {
             const { port } = server.address()
             if (++round < 5) server.close(() => open(port))
             else console.log('port ' + port)
           })
         }
         open(0)",
    );
    home.rpm(["start", "app.js", "-i", "1"]).ok();
    let port = home.port("app-out-0.log");
    assert_eq!(get(port, "/").unwrap().body, "5");
    assert_eq!(home.process("app").restarts, 0);
}

#[test]
fn two_ports_of_one_app() {
    let home = Home::new();
    home.write(
        "app.js",
        "const http = require('node:http')
         const listen = (text) => new Promise((done) => {
           const server = http.createServer((_, r) => r.end(text)).listen(0, () => done(server.address().port)) })
         listen('a').then(async (a) => console.log('ports ' + a + ' ' + await listen('b')))",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let told = home.told("app-out-0.log", "ports ");
    assert_eq!(told, home.told("app-out-1.log", "ports "));
    let (a, b) = told.split_once(' ').unwrap();
    assert_eq!(get(a.parse().unwrap(), "/").unwrap().body, "a");
    assert_eq!(get(b.parse().unwrap(), "/").unwrap().body, "b");
}

#[test]
fn two_apps_on_one_port_is_told() {
    let home = Home::new();
    home.write("app.js", include_str!("../fixtures/server.js"));
    home.rpm(["start", "app.js", "-i", "1", "--name", "a"]).ok();
    let port = home.port("a-out-0.log").to_string();
    home.command(["start", "app.js", "-i", "1", "--name", "b", "--max-restarts", "2"]).env("PORT", &port).run().ok();
    let reason = home.wait_status("b", Status::Errored).reason.unwrap();
    assert!(reason.contains(&port), "{reason}");
    assert_eq!(home.process("a").status, Status::Online);
}
