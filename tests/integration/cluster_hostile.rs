//! Workers that are out to harm. They are ended with a reason, memory stays bounded, and their peers serve on.

use crate::support::{Home, Load, Signal, eventually, get, is_alive, signal, status_field};
use rpm_native::domain::Status;
use serde_json::Value;

/// The first of three workers never serves: told by a signal it does what a file says. `raw` writes to the channel
/// whatever it likes.
const APP: &str = "const http = require('node:http'), fs = require('node:fs'), net = require('node:net')
    const raw = (data) => {
      let rest = Buffer.from(data)
      while (rest.length) {
        try { rest = rest.subarray(fs.writeSync(3, rest)) } catch (error) { if (error.code !== 'EAGAIN') throw error }
      }
    }
    const line = (message) => raw(JSON.stringify({ cmd: 'NODE_CLUSTER', ...message }) + '\\n')
    if (process.env.NODE_APP_INSTANCE === '0') {
      process.on('SIGUSR2', () => eval(fs.readFileSync('attack.js', 'utf8')))
      console.log('waits ' + process.pid)
    } else {
      const server = http.createServer((_, r) => r.end(`${process.pid}`))
      server.listen(0, () => console.log('port ' + server.address().port))
    }";

struct Siege {
    home: Home,
    load: Load,
}

impl Siege {
    fn begin() -> Self {
        let home = Home::new();
        home.write("app.js", APP);
        home.rpm(["start", "app.js", "-i", "3", "--min-uptime", "100"]).ok();
        let ports = ["app-out-1.log", "app-out-2.log"].map(|log| home.port(log));
        assert_eq!(ports[0], ports[1]);
        let load = Load::of_new_connections(ports[0], 2);
        Self { home, load }
    }

    /// The first worker does this. Gives its pid.
    fn attack(&self, text: &str) -> i32 {
        self.home.write("attack.js", text);
        let pid = self.attacker();
        signal(pid, Signal::SIGUSR2);
        pid
    }

    /// Once it minds its signal.
    fn attacker(&self) -> i32 {
        eventually("it waits for its signal", || {
            let process = self.home.named("app")[0].clone();
            let waits: i32 = self.home.told("app-out-0.log", "waits ").parse().unwrap();
            (process.pid == Some(waits) && process.status == Status::Online).then_some(waits)
        })
    }

    fn daemons_log(&self) -> String {
        std::fs::read_to_string(self.home.root().join("rpm.log")).unwrap()
    }

    /// Its memory in MiB, under a name of `/proc/<pid>/status`.
    fn memory(&self, name: &str) -> u64 {
        let field = status_field(self.home.daemon().pid, name).unwrap();
        field.strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() / 1024
    }

    /// Requests went on all the time, and none has failed.
    fn end(self) -> Home {
        let before = self.load.answered();
        eventually("the peers serve", || (self.load.answered() > before + 20).then_some(()));
        self.load.end().all_answered();
        self.home
    }
}

#[test]
fn who_breaks_a_rule_is_ended_and_its_peers_serve_on() {
    let siege = Siege::begin();
    let attacks = [
        ("raw('\"' + 'x'.repeat(100e6) + '\"\\n')", "it sent a line over 64 MiB"),
        ("raw('['.repeat(100e6))", "it sent a line over 64 MiB"),
        ("line({ act: 'close', key: 'k'.repeat(1e5) })", "it sent a message of Node's cluster over 64 KiB"),
        (
            "for (let i = 0; ; i++) line({ act: 'queryServer', seq: i, index: i, port: 0, addressType: 4 })",
            "it flooded",
        ),
        (
            "for (;;) line({ act: 'queryServer', seq: 1, port: 'x', data: 'x'.repeat(4000) })",
            "doesn't read the answers",
        ),
        ("for (;;) raw('garbage\\n')", "it flooded its channel"),
        ("for (;;) line({ ack: 7, accepted: false })", "it flooded its channel"),
        ("raw('{\"cmd\":\"NODE_HANDLE_NACK\"}\\n')", "could not be paired any more"),
    ];
    for (restarts, (attack, reason)) in (1..).zip(attacks) {
        let pid = siege.attack(attack);
        eventually(&format!("it is ended: {reason}"), || (!is_alive(pid)).then_some(()));
        let process = siege.home.named("app")[0].clone();
        let told = eventually(&format!("a line in the log: {reason}"), || {
            let log = siege.daemons_log();
            log.lines().rfind(|line| line.contains("cluster worker") && line.contains(reason)).map(str::to_owned)
        });
        assert!(told.contains("was ended: "), "{told}");
        eventually("another has taken its place", || {
            let now = siege.home.named("app")[0].clone();
            (now.restarts == restarts && now.pid != Some(pid)).then_some(())
        });
        let description: Value = siege.home.describe("0");
        assert!(description.to_string().contains(reason), "{reason} of {process:?}: {description}");
    }
    let (peak, now) = (siege.memory("VmHWM"), siege.memory("VmRSS"));
    assert!(peak < 180 && now < 60, "{peak} MiB at most, {now} MiB now");
    let home = siege.end();
    assert!(home.named("app")[1..].iter().all(|process| process.restarts == 0));
    home.kill_daemon();
    let told = home.describe("0")[0]["health"]["last_ended"].clone();
    assert!(told.as_str().is_some_and(|told| told.contains("could not be paired any more")), "{told}");
}

#[test]
fn what_is_only_odd_is_answered_or_ignored() {
    let siege = Siege::begin();
    let pid = siege.attack(
        "process.on('internalMessage', (message) => { if (message.ack >= 1000) console.log(`answer ${message.ack} ${message.errno}`) })
         line({ act: 'nonsense', seq: 1 })
         line({ act: 7, key: {}, seq: [] })
         line({ act: 'close', key: 'nobody' })
         line({ act: 'listening', address: [], port: {} })
         for (let i = 0; i < 100; i++) { line({ ack: i, accepted: true }); line({ ack: i, accepted: false }) }
         raw('{\"cmd\":\"NODE_CLUSTER\",\"data\":' + '['.repeat(3e4) + '\\n')
         raw('[' .repeat(1e6) + ']'.repeat(1e6) + '\\n')
         raw('[' + '1,'.repeat(3e7) + '1]\\n')
         raw('\\n\\n\\u0000\\n\\xff\\xfe\\n')
         for (let i = 0; i < 1e5; i++) raw('1\\n')
         line({ act: 'queryServer', seq: 1000, address: '/' + 'x'.repeat(1e4), port: -1, addressType: -1 })
         line({ act: 'queryServer', seq: 1001, address: '127.0.0.1', port: 1, addressType: 'udp5' })
         line({ act: 'queryServer', seq: 1002, address: 'host', port: 80, addressType: 4 })
         line({ act: 'queryServer', seq: 1003, address: null, port: null, addressType: null, fd: 12345 })
         line({ act: 'queryServer', seq: 1004, address: 'relative.sock', port: -1, addressType: -1 })
         line({ act: 'queryServer' })
         // Half a line, for as long as it takes.
         raw('{\"cmd\":\"NODE_CLU')
         setTimeout(() => {
           raw('STER\",\"act\":\"queryServer\",\"seq\":1005,\"address\":\"10\",\"port\":1,\"addressType\":6}\\n')
           const server = http.createServer((_, r) => r.end('at last')).listen(0, '127.0.0.1', () => console.log('own ' + server.address().port))
         }, 300)",
    );
    let port = siege.home.told("app-out-0.log", "own ").parse().unwrap();
    assert_eq!(get(port, "/").unwrap().body, "at last");
    let answers = [(1000, -36), (1001, -95), (1002, -22), (1003, -9), (1004, -22), (1005, -22)];
    for (ack, errno) in answers {
        assert_eq!(siege.home.told("app-out-0.log", &format!("answer {ack} ")), errno.to_string());
    }
    let peak = siege.memory("VmHWM");
    assert!(peak < 180, "{peak} MiB");
    let home = siege.end();
    let workers = home.named("app");
    assert!(workers.iter().all(|process| process.restarts == 0) && workers[0].pid == Some(pid));
}

#[test]
fn a_child_that_writes_on_for_a_dead_worker_stops_nobody() {
    let siege = Siege::begin();
    // It has the worker's channel, and is of its group: it ends with it, after it.
    let pid = siege.attack(
        "require('node:child_process').spawn('sh', ['-c', 'trap \"\" INT TERM; while :; do echo 1; done >&3'],
           { stdio: ['ignore', 'ignore', 'ignore', 3] })
         setTimeout(() => process.exit(1), 200)",
    );
    eventually("it has gone", || (!is_alive(pid)).then_some(()));
    siege.attacker();
    siege.end();
}
