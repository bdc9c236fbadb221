//! A worker that leaves finishes what it has: no request of anybody is lost, and nobody notices how it is done.

use crate::support::{Client, Home, Load, eventually, is_alive, never_within, stopwatch};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Two workers that answer after so many milliseconds.
fn serve(home: &Home, delay: u32) -> u16 {
    home.write(
        "app.js",
        format!(
            "const server = require('node:http').createServer((_, r) => setTimeout(() => r.end('ok'), {delay}))
             server.listen(0, () => console.log('port ' + server.address().port))"
        ),
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    home.wait_listening("app", 2)
}

fn reload_under(home: &Home, load: Load, times: u32) {
    for _ in 0..times {
        let answered = load.answered();
        eventually("requests are answered", || (load.answered() > answered + 20).then_some(()));
        home.rpm(["reload", "app"]).ok();
    }
    load.end().all_answered();
}

#[test]
fn kept_connections_lose_no_request() {
    let home = Home::new();
    let port = serve(&home, 0);
    reload_under(&home, Load::of_kept_connections(port, 8), 2);
}

#[test]
fn neither_do_new_ones() {
    let home = Home::new();
    let port = serve(&home, 0);
    reload_under(&home, Load::of_new_connections(port, 4), 2);
}

#[test]
fn slow_requests_are_answered() {
    let home = Home::new();
    let port = serve(&home, 400);
    reload_under(&home, Load::of_kept_connections(port, 12), 2);
}

/// One worker, whose settings are these.
fn one(home: &Home, program: &str, settings: &Value) -> u16 {
    home.write("app.js", program);
    let mut app = json!({"name": "app", "script": "app.js", "instances": 1, "exec_mode": "cluster"});
    app.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    home.write("app.json", json!({"apps": [app]}).to_string());
    home.rpm(["start", "app.json"]).ok();
    home.wait_listening("app", 1)
}

const PLAIN: &str = "
const server = require('node:http').createServer((q, r) => {
  if (q.url === '/kept') r.writeHead(200, { Connection: 'keep-alive' })
  if (q.url === '/set') r.setHeader('Connection', 'keep-alive')
  if (q.url === '/list') r.writeHead(200, ['Connection', 'keep-alive', 'X-A', 'b'])
  r.end(String(process.pid))
})
process.on('rpm:drain', ({ timeout }) => console.log(`drains ${timeout}`))
server.listen(0, () => console.log('port ' + server.address().port))";

#[test]
fn an_idle_connection_has_time_for_one_more_request() {
    let home = Home::new();
    let port = one(&home, PLAIN, &json!({}));
    let old = home.pid("app").to_string();
    // However the app says that it wants to keep them.
    let mut clients = ["/", "/kept", "/set", "/list"].map(|path| (path, Client::connect(port).unwrap()));
    for (path, client) in &mut clients {
        let reply = client.get(path).unwrap();
        assert_eq!((reply.body, reply.last), (old.clone(), false), "{path}");
    }
    let reload = home.command(["reload", "app"]).begin();
    let time: u32 = home.told("app-out-0.log", "drains ").parse().unwrap();
    // Of 30 s one is left for who is told to go, and some are gone by now.
    assert!((20_000..=29_000).contains(&time), "{time}");
    for (path, client) in &mut clients {
        let reply = client.get(path).unwrap();
        assert_eq!((reply.body, reply.last), (old.clone(), true), "{path}");
    }
    reload.end().ok();
}

#[test]
fn a_connection_on_which_nothing_comes_is_closed_when_it_has_been_quiet() {
    let home = Home::new();
    let port = one(&home, PLAIN, &json!({}));
    let (unused, mut used) = (TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap(), Client::connect(port).unwrap());
    used.get("/").unwrap();
    let begun = stopwatch();
    home.rpm(["reload", "app"]).ok();
    assert!(begun() > Duration::from_millis(1900), "closed in no time");
    assert_eq!((&unused).read(&mut [0]).unwrap(), 0);
    assert_eq!(used.get("/").unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}

/// Upgrades whoever asks. With `known` its connections are marked as a well-known library does.
const UPGRADES: &str = r"
const server = require('node:http').createServer((_, r) => r.end('ok'))
server.on('upgrade', (q, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  if (q.url === '/known') {
    socket[Symbol('websocket')] = { close: (code) => socket.end(Buffer.from([0x88, 2, code >> 8, code & 255])) }
  }
  socket.on('data', (data) => socket.write(data))
})
process.on('SIGINT', () => { console.log('asked'); process.exit() })
server.listen(0, () => console.log('port ' + server.address().port))";

struct WebSocket(TcpStream);

impl WebSocket {
    fn connect(port: u16, path: &str) -> Self {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    fn echo(&mut self) {
        self.0.write_all(b"hello").unwrap();
        let mut back = [0; 5];
        self.0.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"hello");
    }

    /// All that comes before the end, which is no reset.
    fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        rest
    }
}

#[test]
fn web_sockets_stay_until_the_end_and_are_closed_properly() {
    let home = Home::new();
    let port = one(&home, UPGRADES, &json!({"drain_timeout": 3000}));
    let (mut known, mut unknown) = (WebSocket::connect(port, "/known"), WebSocket::connect(port, "/other"));
    let old = home.pid("app");
    let begun = stopwatch();
    let reload = home.command(["reload", "app"]).begin();
    let draining = eventually("it drains", || {
        let draining = home.describe("app")[0]["draining"].clone();
        (draining["open"] == 2).then_some(draining)
    });
    assert_eq!(draining["pid"], old);
    let text = home.rpm(["describe", "app"]).ok().text();
    assert!(text.contains(&format!("{old} finishes its connections (2 open), ")), "{text}");
    known.echo();
    unknown.echo();
    // Going away, as RFC 6455 numbers it.
    assert_eq!(known.rest(), [0x88, 2, 0x03, 0xe9]);
    assert!(begun() > Duration::from_millis(1900), "they had no time");
    assert_eq!(unknown.rest(), [0; 0]);
    reload.end().ok();
    assert!(!is_alive(old));
    assert_eq!(home.describe("app")[0]["draining"], Value::Null);
}

#[test]
fn what_never_ends_is_asked_to_at_the_end_of_its_time() {
    let home = Home::new();
    let program =
        "const server = require('node:http').createServer((_, r) => { r.write('never'); console.log('begun') })
        process.on('SIGINT', () => { console.log('asked'); process.exit() })
        server.listen(0, () => console.log('port ' + server.address().port))";
    let port = one(&home, program, &json!({"drain_timeout": 1500}));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    home.told("app-out-0.log", "begun");
    let begun = stopwatch();
    home.rpm(["reload", "app"]).ok();
    assert!(begun() > Duration::from_millis(1400), "it had no time");
    home.told("app-out-0.log", "asked");
}

/// What the process was executed with.
fn options(pid: i32) -> Option<String> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let mut variables = environ.split(|byte| *byte == 0).map(|variable| String::from_utf8_lossy(variable).into_owned());
    variables.find_map(|variable| variable.strip_prefix("NODE_OPTIONS=").map(str::to_owned))
}

#[test]
fn an_app_may_do_without() {
    let home = Home::new();
    let port = one(&home, PLAIN, &json!({"agent": false}));
    assert_eq!(options(home.pid("app")), None);
    let mut client = Client::connect(port).unwrap();
    client.get("/").unwrap();
    home.rpm(["reload", "app"]).ok();
    // Node's own way.
    client.get("/").unwrap_err();
}

#[test]
fn apps_start_without_it_where_it_cannot_be_had() {
    let home = Home::new().env("RPM_AGENT_DIR", "/proc/self");
    one(&home, PLAIN, &json!({}));
    let options = options(home.pid("app")).unwrap();
    let run = home.root().join("run");
    assert!(options.contains(run.to_str().unwrap()), "{options} is not in the home, the next best place");
    for file in std::fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "cjs") {
            std::fs::remove_file(file).unwrap();
        }
    }
    home.rpm(["restart", "app"]).ok();
    home.wait_listening("app", 1);
    never_within(Duration::from_millis(300), "it ends", || (home.process("app").restarts != 1).then_some(()));
}

#[test]
fn nobody_notices_it() {
    let home = Home::new();
    let program = "
        const { Worker, isMainThread, parentPort } = require('node:worker_threads')
        const { fork } = require('node:child_process')
        const see = () => JSON.stringify([process.env.NODE_OPTIONS ?? null, process.execArgv, Object.keys(require.cache).length,
          process.listenerCount('message'), typeof process.channel])
        if (process.argv[2] === 'child') { process.send(see()); process.disconnect() }
        else {
          console.log('main ' + see())
          fork(__filename, ['child']).once('message', (seen) => console.log('child ' + seen))
          new Worker('require(\"node:worker_threads\").parentPort.postMessage([process.env.NODE_OPTIONS ?? null, process.execArgv])',
            { eval: true, env: { A: '1' } }).once('message', (seen) => console.log('thread ' + JSON.stringify(seen)))
          const server = require('node:http').createServer((_, r) => r.end('ok'))
          server.listen(0, () => console.log('port ' + server.address().port))
        }";
    one(&home, program, &json!({"env": {"NODE_OPTIONS": "--no-deprecation  --stack-trace-limit=20"}}));
    assert_eq!(home.told("app-out-0.log", "main "), r#"["--no-deprecation  --stack-trace-limit=20",[],1,1,"object"]"#);
    assert_eq!(home.told("app-out-0.log", "child "), r#"["--no-deprecation  --stack-trace-limit=20",[],1,0,"object"]"#);
    assert_eq!(home.told("app-out-0.log", "thread "), "[null,[]]");
}
