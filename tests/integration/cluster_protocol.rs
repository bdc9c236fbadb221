//! What workers ask of their primary beside one port: several servers, other kinds of socket, messages, leaving.

use crate::support::{Client, Home, Program, eventually, get, get_unix};
use rpm_native::domain::{Outcome, Status};
use std::collections::BTreeSet;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;

fn pids(home: &Home) -> BTreeSet<String> {
    home.named("app").iter().map(|process| process.pid.unwrap().to_string()).collect()
}

/// Who answers, of enough requests that both of two workers are among them.
fn answers(port: u16) -> BTreeSet<String> {
    (0..8).map(|_| get(port, "/").unwrap().body).collect()
}

/// What the two workers have told under a word, which has to be the same.
#[track_caller]
fn both(home: &Home, word: &str) -> String {
    let [one, other] = ["app-out-0.log", "app-out-1.log"].map(|log| home.told(log, word));
    assert_eq!(one, other, "under {word}");
    one
}

/// Two workers of this program.
fn start(home: &Home, program: &str) {
    home.write("app.js", program);
    home.rpm(["start", "app.js", "-i", "2"]).ok();
}

#[test]
fn each_listen_on_port_0_is_a_server_of_its_own() {
    let home = Home::new();
    start(
        &home,
        "const http = require('node:http')
         for (const name of ['first', 'second']) {
           const server = http.createServer((_, r) => r.end(name + process.pid))
           server.listen(0, () => console.log(name + ' ' + server.address().port))
         }",
    );
    let [first, second] = ["first ", "second "].map(|word| both(&home, word).parse().unwrap());
    assert_ne!(first, second);
    for (port, name) in [(first, "first"), (second, "second")] {
        let wanted = pids(&home).into_iter().map(|pid| format!("{name}{pid}")).collect();
        assert_eq!(answers(port), wanted);
    }
}

#[test]
fn both_families_or_one() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("skipped: there is no IPv6 here");
        return;
    }
    let home = Home::new();
    start(
        &home,
        "const net = require('node:net')
         const both = net.createServer(s => s.end()).listen(0, () => console.log('both ' + both.address().port))
         const one = net.createServer(s => s.end())
         one.listen({ port: 0, host: '::', ipv6Only: true }, () => console.log('one ' + one.address().port))
         const local = net.createServer(s => s.end())
         local.listen(0, '::1', () => console.log('local ' + JSON.stringify(local.address())))",
    );
    let [all, one] = ["both ", "one "].map(|word| both(&home, word).parse::<u16>().unwrap());
    assert!(TcpStream::connect(("127.0.0.1", all)).is_ok() && TcpStream::connect(("::1", all)).is_ok());
    assert!(TcpStream::connect(("127.0.0.1", one)).is_err() && TcpStream::connect(("::1", one)).is_ok());
    assert!(both(&home, "local ").starts_with(r#"{"address":"::1","family":"IPv6","port":"#));
}

#[test]
fn a_path_that_everybody_may_use_and_one_that_is_long() {
    let home = Home::new();
    let deep = "d".repeat(100);
    std::fs::create_dir(home.work().join(&deep)).unwrap();
    start(
        &home,
        "const http = require('node:http')
         const server = () => http.createServer((_, r) => r.end(`${process.pid}`))
         server().listen({ path: 'open.sock', readableAll: true, writableAll: true }, () => console.log('open'))
         server().listen('d'.repeat(100) + '/app.sock', () => console.log('deep'))
         server().listen('n'.repeat(200), () => {}).on('error', (error) => console.log('error ' + error.code))",
    );
    both(&home, "open");
    both(&home, "deep");
    assert_eq!(both(&home, "error "), "ENAMETOOLONG");
    let path = home.work().join("open.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o666, 0o666);
    let seen: BTreeSet<String> = (0..8).map(|_| get_unix(&path, "/").unwrap().body).collect();
    assert_eq!(seen, pids(&home));
    assert!(home.work().join(deep).join("app.sock").exists());
}

#[test]
fn a_server_that_is_refused_is_told_so_with_its_keys() {
    let home = Home::new();
    home.write("localhost.pem", include_str!("../fixtures/localhost.pem"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    home.write(
        "app.js",
        "const https = require('node:https'), fs = require('node:fs'), net = require('node:net')
         const pem = fs.readFileSync('localhost.pem')
         https.createServer({ key: pem, cert: pem }).listen(Number(process.env.TAKEN), '127.0.0.1')
           .on('error', (error) => console.log('tls ' + error.code + ' ' + error.syscall))
         const one = net.createServer().listen(0, '127.0.0.1', () => {
           net.createServer().listen(one.address().port, '127.0.0.1').on('error', (error) => console.log('twice ' + error.code))
         })
         net.createServer().listen(0, '192.0.2.1').on('error', (error) => console.log('far ' + error.code))
         net.createServer().listen('/no/such/directory/s').on('error', (error) => console.log('nowhere ' + error.code))",
    );
    let port = taken.local_addr().unwrap().port().to_string();
    home.command(["start", "app.js", "-i", "2"]).env("TAKEN", port).run().ok();
    assert_eq!(both(&home, "tls "), "EADDRINUSE bind");
    assert_eq!(both(&home, "twice "), "EADDRINUSE");
    assert_eq!(both(&home, "far "), "EADDRNOTAVAIL");
    assert_eq!(both(&home, "nowhere "), "EACCES");
    assert!(home.named("app").iter().all(|process| process.restarts == 0));
}

#[test]
fn a_socket_that_the_worker_has_bound_itself() {
    let home = Home::new();
    start(
        &home,
        "const http = require('node:http'), net = require('node:net')
         const { TCP, constants } = process.binding('tcp_wrap')
         const own = new TCP(constants.SERVER)
         own.bind('127.0.0.1', 0)
         const server = http.createServer((_, r) => r.end(`${process.pid}`))
         server.listen({ fd: own.fd }, () => console.log('port ' + server.address().port))
         net.createServer().listen({ fd: 0 }).on('error', (error) => console.log('error ' + error.code))",
    );
    // Each has its own, and answers there.
    for process in home.named("app") {
        let log = format!("app-out-{}.log", process.id);
        assert_eq!(answers(home.port(&log)), [process.pid.unwrap().to_string()].into());
        assert!(["EINVAL", "ENOTSOCK"].contains(&home.told(&log, "error ").as_str()));
    }
    // What it has bound is free again when it is gone, so that the next one can bind it.
    let before = home.port("app-out-0.log");
    home.rpm(["restart", "0"]).ok();
    eventually("the new one has its own", || (home.port("app-out-0.log") != before).then_some(()));
    assert!(get(before, "/").is_err());
}

#[test]
fn what_a_worker_binds_by_itself_is_its_own_business() {
    let home = Home::new();
    home.write(
        "app.js",
        "const server = require('node:http').createServer((_, r) => r.end(`${process.pid}`))
         server.listen({ port: Number(process.env.PORT || 0), exclusive: true }, () => console.log('port ' + server.address().port))",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let ports = ["app-out-0.log", "app-out-1.log"].map(|log| home.port(log));
    assert_ne!(ports[0], ports[1]);
    // It never says that it listens: it has to stay up for its min_uptime.
    let before = pids(&home);
    home.rpm(["reload", "app"]).ok();
    assert!(pids(&home).is_disjoint(&before));
    let now = eventually("the new ones answer", || {
        let now = ["app-out-0.log", "app-out-1.log"].map(|log| home.port(log));
        now.iter().zip(ports).all(|(now, before)| *now != before).then_some(now)
    });
    for (port, process) in now.iter().zip(home.named("app")) {
        assert_eq!(answers(*port), [process.pid.unwrap().to_string()].into());
    }
}

#[test]
fn a_port_that_is_one_workers_own_is_taken_for_its_replacement() {
    let home = Home::new();
    home.write(
        "app.js",
        "const server = require('node:http').createServer((_, r) => r.end(`${process.pid}`))
         server.listen({ port: Number(process.env.PORT), exclusive: true }, () => console.log('port ' + server.address().port))",
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    home.command(["start", "app.js", "-i", "1"]).env("PORT", port.to_string()).run().ok();
    assert_eq!(home.port("app-out-0.log"), port);
    let before = pids(&home);
    home.rpm(["reload", "app"]).fails(&["old one goes on"]);
    assert_eq!((pids(&home), answers(port)), (before.clone(), before));
}

#[test]
fn ports_that_the_kernel_shares_go_by_us_or_not_at_all() {
    let home = Home::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    home.write(
        "app.js",
        "const server = require('node:http').createServer((_, r) => r.end(`${process.pid}`))
         server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', reusePort: true }, () => console.log('port ' + server.address().port))",
    );
    home.command(["start", "app.js", "-i", "2"]).env("PORT", port.to_string()).run().ok();
    assert_eq!(both(&home, "port "), port.to_string());
    assert!(answers(port).is_subset(&pids(&home)));
    let before = pids(&home);
    home.rpm(["reload", "app"]).ok();
    assert!(pids(&home).is_disjoint(&before));
    eventually("the new ones serve", || answers(port).is_subset(&pids(&home)).then_some(()));
}

#[test]
fn any_message_may_be_sent() {
    let home = Home::new();
    start(
        &home,
        "const http = require('node:http')
         let deep = 1
         for (let i = 0; i < 2000; i++) deep = [deep]
         const messages = ['text', '', 0, -1.5, true, [], {}, [null], { cmd: 'NODE_' }, { cmd: 7 }, { cmd: 'NODE_MINE', x: 1 },
           { act: 'queryServer' }, '\\u2028\\n\\u0000', deep, 'x'.repeat(3e6), { list: Array(1e5).fill({}) }]
         const server = http.createServer((_, r) => r.end(`${process.pid}`)).listen(0, () => {
           console.log('port ' + server.address().port)
           let sent = 0
           for (const message of messages) {
             process.send(message, (error) => { if (!error && ++sent === messages.length) console.log('sent all') })
           }
         })",
    );
    both(&home, "sent ");
    assert_eq!(answers(both(&home, "port ").parse().unwrap()), pids(&home));
    assert!(home.named("app").iter().all(|process| process.restarts == 0));
}

#[test]
fn handles_of_every_kind_are_taken_and_closed() {
    let home = Home::new();
    start(
        &home,
        "const net = require('node:net'), dgram = require('node:dgram'), http = require('node:http')
         const server = http.createServer((q, r) => {
           if (q.url !== '/send') return r.end(`${process.pid}`)
           const other = net.createServer().listen({ port: 0, exclusive: true }, () => {
             const udp = dgram.createSocket('udp4').bind({ port: 0, exclusive: true }, () => {
               const client = net.connect(other.address().port, () => {
                 let left = 30
                 const sent = () => { if (--left === 0) { udp.close(); other.close(); r.end('sent') } }
                 for (let i = 0; i < 10; i++) {
                   process.send({ i }, other, sent)
                   process.send({ i }, udp, sent)
                   process.send({ i }, client, { keepOpen: true }, sent)
                 }
               })
             })
           })
         }).listen(0, () => console.log('port ' + server.address().port))",
    );
    let port = both(&home, "port ").parse().unwrap();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", home.daemon().pid)).unwrap().count();
    let before = open();
    for _ in 0..6 {
        assert_eq!(get(port, "/send").unwrap().body, "sent");
    }
    eventually("what was sent is closed", || (open() <= before + 4).then_some(()));
    assert_eq!(answers(port), pids(&home));
}

#[test]
fn workers_leave_in_their_own_ways() {
    let ways = [
        "require('node:cluster').worker.disconnect()",
        "require('node:cluster').worker.kill()",
        "require('node:cluster').worker.destroy()",
        "process.disconnect()",
    ];
    let home = Home::new();
    start(
        &home,
        "const http = require('node:http'), fs = require('node:fs')
         const server = http.createServer((q, r) => {
           if (q.url === '/leave') r.end(`${process.pid}`, () => eval(fs.readFileSync('way', 'utf8')))
           else r.end(`${process.pid}`)
         }).listen(0, () => console.log('port ' + server.address().port))",
    );
    let port = both(&home, "port ").parse().unwrap();
    for (restarts, way) in (1..).zip(ways) {
        home.write("way", way);
        let leaving = get(port, "/leave").unwrap().body;
        eventually(&format!("it has left by {way}"), || {
            let now = home.named("app");
            let sum: u32 = now.iter().map(|process| process.restarts).sum();
            let is_up = now.iter().all(|process| process.status == Status::Online);
            (is_up && sum == restarts && !pids(&home).contains(&leaving)).then_some(())
        });
        for process in home.named("app").iter().filter(|process| process.restarts > 0) {
            assert_eq!(process.exit, Some(Outcome::Code(0)), "{way}");
        }
        eventually("both serve", || (answers(port) == pids(&home)).then_some(()));
    }
}

#[test]
fn tls_sessions_go_on_with_another_worker() {
    let home = Home::new();
    home.write("localhost.pem", include_str!("../fixtures/localhost.pem"));
    start(
        &home,
        "const https = require('node:https'), pem = require('node:fs').readFileSync('localhost.pem')
         const server = https.createServer({ key: pem, cert: pem }, (_, r) => r.end(`<${process.pid}>`))
         server.listen(0, () => console.log('port ' + server.address().port))",
    );
    let port = both(&home, "port ");
    home.write(
        "client.js",
        "const tls = require('node:tls')
         const ask = (session, maxVersion) => new Promise((resolve, reject) => {
           const socket = tls.connect({ port: Number(process.argv[2]), host: '127.0.0.1', rejectUnauthorized: false, session, maxVersion })
           let ticket, reused, text = ''
           socket.on('secureConnect', () => { reused = socket.isSessionReused() })
           socket.on('session', (session) => { ticket = session })
           socket.on('data', (data) => { text += data }).on('error', reject)
           socket.on('close', () => resolve({ ticket, reused, pid: text.match(/<(\\d+)>/)[1] }))
           socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
         })
         async function main() {
           for (const version of ['TLSv1.2', 'TLSv1.3']) {
             const first = await ask(undefined, version), pids = new Set()
             if (first.reused) throw Error('of nothing')
             for (let i = 0; i < 8; i++) {
               const next = await ask(first.ticket, version)
               if (!next.reused) throw Error(version + ': worker ' + next.pid + ' does not know the session of ' + first.pid)
               pids.add(next.pid)
             }
             if (pids.size !== 2) throw Error('one worker alone answers')
           }
           console.log('resumed')
         }
         main()",
    );
    let client = Program::new("node").args(["client.js", &port]).cwd(&home.work()).run().ok();
    assert!(client.text().contains("resumed"));
}

#[test]
fn who_is_full_is_asked_less_often_until_there_is_room() {
    let home = Home::new();
    home.write(
        "app.js",
        "const http = require('node:http')
         const server = http.createServer((_, r) => r.end(`${process.pid}`)).listen(0, () => console.log('port ' + server.address().port))
         server.maxConnections = 1
         let tries = 0, began
         process.on('internalMessage', (message) => {
           if (message.act !== 'newconn') return
           if (++tries === 2) began = Date.now()
           if (tries === 8) console.log('tried ' + (Date.now() - began))
         })",
    );
    home.rpm(["start", "app.js", "-i", "1"]).ok();
    let port = home.port("app-out-0.log");
    let mut first = Client::connect(port).unwrap();
    let served = first.get("/").unwrap().body;
    let waiting = std::thread::spawn(move || get(port, "/").unwrap().body);
    // 20, 40, 80, 160, 160 and 160 ms between the tries; timers are never early.
    let took: u64 = home.told("app-out-0.log", "tried ").parse().unwrap();
    assert!(took >= 600, "six tries within {took} ms");
    assert!(!waiting.is_finished());
    drop(first);
    assert_eq!(waiting.join().unwrap(), served);
}
