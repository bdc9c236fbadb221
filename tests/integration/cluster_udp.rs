//! Datagrams: one socket, which all workers of an app receive from.

use crate::support::{Home, Signal, eventually};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

const ECHO: &str = "const socket = require('node:dgram').createSocket('udp4')
    socket.on('message', (message, from) => socket.send(process.pid + ' ' + message, from.port, from.address))
    socket.bind(Number(process.env.PORT || 0), '127.0.0.1', () => console.log('port ' + socket.address().port))";

/// Asks until there is an answer, as a datagram may be lost; gives who has answered.
fn ask(port: u16, text: &str) -> i32 {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    eventually(&format!("an answer to {text}"), || {
        client.send_to(text.as_bytes(), (Ipv4Addr::LOCALHOST, port)).ok()?;
        let mut buffer = [0; 64];
        let length = client.recv(&mut buffer).ok()?;
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let (pid, said) = answer.split_once(' ')?;
        assert_eq!(said, text);
        pid.parse().ok()
    })
}

fn pids(home: &Home) -> Vec<i32> {
    home.named("app").iter().filter_map(|process| process.pid).collect()
}

#[test]
fn a_datagram_socket_is_shared_and_stays() {
    let home = Home::new();
    home.write("app.js", ECHO);
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let port = home.wait_listening("app", 2);
    assert!(pids(&home).contains(&ask(port, "hello")));
    assert!(home.describe("app").to_string().contains(&format!("udp 127.0.0.1:{port}")));
    // Without a daemon, and with the next one.
    let before = pids(&home);
    home.end_daemon(Signal::SIGKILL);
    assert!(before.contains(&ask(port, "again")));
    assert_eq!(pids(&home), before);
    // A new worker has the same port, one alone goes on, and the last one gives it back.
    home.rpm(["restart", "0"]).ok();
    eventually("it has the port", || (home.port("app-out-0.log") == port).then_some(()));
    home.rpm(["stop", "1"]).ok();
    assert_eq!(ask(port, "alone"), home.named("app")[0].pid.unwrap());
    home.rpm(["stop", "0"]).ok();
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
}

#[test]
fn a_reload_keeps_the_port() {
    let home = Home::new();
    home.write("app.js", ECHO);
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let port = home.wait_listening("app", 2);
    let before = pids(&home);
    home.rpm(["reload", "app"]).ok();
    assert!(pids(&home).iter().all(|pid| !before.contains(pid)));
    assert!(pids(&home).contains(&ask(port, "new")));
}

#[test]
fn the_flags_of_a_datagram_socket() {
    let home = Home::new();
    home.write(
        "app.js",
        "const dgram = require('node:dgram')
         const bind = (options, word, port, host) => {
           const socket = dgram.createSocket(options)
           socket.on('error', (error) => console.log(word + ' ' + error.code))
           socket.bind(port, host, () => console.log(word + ' ' + socket.address().port))
         }
         bind({ type: 'udp4', reuseAddr: true }, 'shared', Number(process.env.SHARED), '127.0.0.1')
         bind({ type: 'udp4' }, 'taken', Number(process.env.TAKEN), '127.0.0.1')
         const six = dgram.createSocket({ type: 'udp6', ipv6Only: true })
         six.on('error', (error) => console.log('six ' + error.code))
         six.bind(0, () => {
           console.log('six bound')
           if (process.env.NODE_APP_INSTANCE === '0') {
             bind({ type: 'udp4' }, 'four', six.address().port, '0.0.0.0')
             const closed = dgram.createSocket('udp4').bind(0, () => {
               const port = closed.address().port
               closed.close(() => bind({ type: 'udp4' }, 'again', port, '0.0.0.0'))
             })
           }
         })",
    );
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port().to_string();
    let shared = reusable();
    let start = home.command(["start", "app.js", "-i", "2"]);
    start.env("SHARED", port(&shared)).env("TAKEN", port(&taken)).run().ok();
    for log in ["app-out-0.log", "app-out-1.log"] {
        assert_eq!(home.told(log, "shared "), port(&shared));
        assert_eq!(home.told(log, "taken "), "EADDRINUSE");
    }
    if home.told("app-out-0.log", "six ") == "bound" {
        assert!(home.told("app-out-0.log", "four ").parse::<u16>().is_ok());
        assert!(home.told("app-out-0.log", "again ").parse::<u16>().is_ok());
    } else {
        println!("half skipped: there is no IPv6 here");
    }
}

/// A port that others may bind, too.
fn reusable() -> UdpSocket {
    rpm_native::sys::socket::bind_udp("127.0.0.1:0".parse().unwrap(), false, true).unwrap().into()
}
