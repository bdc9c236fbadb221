//! Bun's way of being a worker: it marks internal messages with a byte, binds by itself, and says only that it listens.

use crate::support::{Home, eventually, get};
use rpm_native::domain::Outcome;
use std::os::unix::fs::PermissionsExt;

/// As far as its primary can see it is Bun: a program of Node's that isn't told to be a worker, and speaks as Bun does.
const RUNTIME: &str = r#"#!/bin/sh
worker=$NODE_UNIQUE_ID
unset NODE_UNIQUE_ID NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE
exec node "$(dirname "$0")/runtime.cjs" "$worker" "$@"
"#;

const SPEECH: &str = r"const net = require('node:net'), http = require('node:http')
    const channel = new net.Socket({ fd: 3, readable: true, writable: true })
    const say = (message) => channel.write('\x02' + JSON.stringify({ cmd: 'NODE_CLUSTER', ...message }) + '\n')
    let text = ''
    channel.setEncoding('latin1')
    channel.on('data', (data) => {
      const lines = (text += data).split('\n')
      text = lines.pop()
      for (const line of lines) {
        console.log('hears ' + JSON.stringify(line))
        // It ignores what has no mark.
        if (line[0] !== '\x02') continue
        const message = JSON.parse(line.slice(1))
        if (message.act === 'disconnect') { server.close(); channel.end(); setTimeout(() => process.exit(0), 50) }
        if (message.cmd === 'NODE_HANDLE_ACK' || message.cmd === 'NODE_HANDLE_NACK') console.log('answer ' + message.cmd)
      }
    })
    channel.on('close', () => process.exit(0))
    say({ act: 'online', seq: 0 })
    const server = http.createServer((_, r) => r.end(process.argv[2]))
    server.listen(0, '127.0.0.1', () => {
      console.log('port ' + server.address().port)
      channel.write('\x02' + JSON.stringify({ cmd: 'NODE_HANDLE', type: 'net.Socket', msg: 1 }) + '\n')
      channel.write(JSON.stringify({ mine: true }) + '\n')
      say({ act: 'listening', address: null, port: server.address().port, addressType: 4, seq: 1 })
    })";

#[test]
fn a_worker_of_bun_listens_by_itself_and_is_asked_to_leave_with_a_mark() {
    let home = Home::new();
    let runtime = home.write("bun", RUNTIME);
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.write("runtime.cjs", SPEECH);
    home.write(
        "app.json",
        r#"{ "apps": [{ "name": "app", "script": "app.js", "interpreter": "./bun", "exec_mode": "cluster", "instances": 2 }] }"#,
    );
    home.write("app.js", "");
    home.rpm(["start", "app.json"]).ok();
    let before = home.named("app");
    for (process, log) in before.iter().zip(["app-out-0.log", "app-out-1.log"]) {
        assert!(process.pid.is_some() && get(home.port(log), "/").is_ok());
        assert_eq!(home.told(log, "answer "), "NODE_HANDLE_NACK");
    }
    // A reload finds it ready by its `listening`, and asks the old ones to leave.
    let ports = ["app-out-0.log", "app-out-1.log"].map(|log| home.port(log));
    home.rpm(["reload", "app"]).ok();
    for log in ["app-out-0.log", "app-out-1.log"] {
        assert!(
            home.told(log, "hears \"\\u0002{\\\"cmd\\\":\\\"NODE_CLUSTER\\\",\\\"act\\\":\\\"disconnect\\\"").len() > 1
        );
    }
    for (log, port) in ["app-out-0.log", "app-out-1.log"].into_iter().zip(ports) {
        eventually("the new one answers", || (home.port(log) != port).then_some(()));
        assert!(get(home.port(log), "/").is_ok() && get(port, "/").is_err());
    }
    let exits: Vec<_> = home.named("app").iter().map(|process| process.exit).collect();
    assert!(exits.iter().all(|exit| exit.is_none_or(|exit| exit == Outcome::Code(0))), "{exits:?}");
}

/// Asks for a server of its primary, tells what it hears, and takes what it is handed; it can't read descriptors.
const ASKING: &str = r"const net = require('node:net')
    const channel = new net.Socket({ fd: 3, readable: true, writable: true })
    const mark = String.fromCharCode(2)
    const say = (message) => channel.write(mark + JSON.stringify({ cmd: 'NODE_CLUSTER', ...message }) + '\n')
    let text = ''
    channel.setEncoding('latin1').on('data', (data) => {
      const lines = (text += data).split('\n')
      text = lines.pop()
      for (const line of lines) {
        console.log('hears ' + line.replace(mark, 'marked '))
        const message = JSON.parse(line.replace(mark, ''))
        if (message.ack === 1) console.log('port ' + (message.sockname ? message.sockname.port : 0))
        if (message.act === 'newconn') {
          channel.write(JSON.stringify({ cmd: 'NODE_HANDLE_ACK' }) + '\n')
          say({ ack: message.seq, accepted: true, seq: 3 })
        }
      }
    }).on('close', () => process.exit(0))
    say({ act: 'online', seq: 0 })
    const query = { address: null, port: 0, addressType: 4, index: 0, data: null, flags: 0, ...JSON.parse(process.env.QUERY) }
    say({ act: 'queryServer', ...query, seq: 1 })
    say({ act: 'listening', ...query, seq: 2 })";

fn asking(query: &str) -> Home {
    let home = Home::new();
    let runtime = home.write("bun", RUNTIME);
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.write("runtime.cjs", ASKING);
    home.write("app.js", "");
    home.write(
        "app.json",
        r#"{ "apps": [{ "name": "app", "script": "app.js", "interpreter": "./bun", "exec_mode": "cluster", "instances": 1 }] }"#,
    );
    home.command(["start", "app.json"]).env("QUERY", query).run().ok();
    home
}

#[test]
fn a_connection_for_bun_comes_with_a_word_and_in_no_envelope() {
    let home = asking("{}");
    let port = home.port("app-out-0.log");
    let _connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let told = home.told("app-out-0.log", "hears marked {\"cmd\":\"NODE_CLUSTER\",\"act\":\"newconn\"");
    assert!(told.contains("\"$hasHandle\":true"), "{told}");
}

#[test]
fn a_server_that_bun_has_to_accept_on_itself_comes_with_the_answer() {
    let home = asking(r#"{"sharedOnly":true}"#);
    let told = home.told("app-out-0.log", "hears marked {\"cmd\":\"NODE_CLUSTER\"");
    for word in ["\"ack\":1", "\"errno\":0", "\"$hasHandle\":true"] {
        assert!(told.contains(word), "{told}");
    }
}
