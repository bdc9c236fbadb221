//! Cluster mode: unmodified Node programs share what they listen on.

use crate::support::{Client, Home, Load, Signal, eventually, get, get_unix, signal};
use rpm_native::domain::Status;
use std::collections::BTreeMap;
use std::path::Path;

/// Starts the server fixture on two workers, and gives the port they share.
fn serve(home: &Home, flags: &[&str]) -> u16 {
    home.write("app.js", include_str!("../fixtures/server.js"));
    home.rpm([&["start", "app.js", "-i", "2"][..], flags].concat()).ok();
    let ports = [home.port("app-out-0.log"), home.port("app-out-1.log")];
    assert_eq!(ports[0], ports[1]);
    ports[0]
}

fn pids(home: &Home) -> Vec<String> {
    let mut pids: Vec<String> = home.named("app").iter().map(|process| process.pid.unwrap().to_string()).collect();
    pids.sort();
    pids
}

/// How many of `count` requests, each on its own connection, were answered by whom.
fn answers(port: u16, count: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        let reply = get(port, "/").unwrap();
        assert_eq!(reply.status, 200);
        *answers.entry(reply.body).or_default() += 1;
    }
    answers
}

#[test]
fn two_workers_share_a_port_evenly() {
    let home = Home::new();
    let port = serve(&home, &[]);
    let answers = answers(port, 100);
    assert_eq!(answers.keys().cloned().collect::<Vec<_>>(), pids(&home));
    assert!(answers.values().all(|count| (40..=60).contains(count)), "{answers:?}");
    let listens = home.describe("app").to_string();
    assert!(listens.contains(&port.to_string()), "{listens}");
}

#[test]
fn a_kept_connection_stays_with_its_worker() {
    let home = Home::new();
    let port = serve(&home, &[]);
    let mut client = Client::connect(port).unwrap();
    let first = client.get("/").unwrap().body;
    for _ in 0..20 {
        assert_eq!(client.get("/").unwrap().body, first);
    }
}

#[test]
fn a_fixed_port_and_a_host() {
    let home = Home::new();
    home.write(
        "app.js",
        "require('node:http').createServer((_, r) => r.end('ok')).listen(Number(process.env.PORT), '127.0.0.1', function () {
           console.log('address ' + this.address().address + ' ' + this.address().family + ' ' + this.address().port) })",
    );
    // A port that was free a moment ago: the only way to name one beforehand.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    home.command(["start", "app.js", "-i", "2"]).env("PORT", port.to_string()).run().ok();
    for log in ["app-out-0.log", "app-out-1.log"] {
        assert_eq!(home.told(log, "address "), format!("127.0.0.1 IPv4 {port}"));
    }
    assert_eq!(get(port, "/").unwrap().body, "ok");
}

#[test]
fn a_path_is_shared_and_removed_at_the_end() {
    let home = Home::new();
    let path = home.work().join("app.sock");
    // What a killed predecessor leaves.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    home.write(
        "app.js",
        "require('node:http').createServer((_, r) => r.end(`${process.pid}`)).listen('app.sock', () => console.log('up'))",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    home.told("app-out-0.log", "up");
    home.told("app-out-1.log", "up");
    let mut seen: Vec<String> = (0..20).map(|_| get_unix(&path, "/").unwrap().body).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, pids(&home));
    home.rpm(["stop", "app"]).ok();
    assert!(!path.exists());
    home.rpm(["start", "app"]).ok();
    eventually("it serves again", || get_unix(&path, "/").ok());
}

#[test]
fn a_killed_worker_is_back_and_the_others_serve_meanwhile() {
    let home = Home::new();
    let port = serve(&home, &[]);
    let load = Load::of_new_connections(port, 2);
    for round in 1..=3 {
        let victim = home.named("app")[0].clone();
        signal(victim.pid.unwrap(), Signal::SIGKILL);
        eventually("the worker is back", || {
            let now = home.named("app")[0].clone();
            (now.restarts == round && now.status == Status::Online && now.pid != victim.pid).then_some(())
        });
    }
    eventually("the new worker answers", || answers(port, 10).contains_key(&pids(&home)[1]).then_some(()));
    let outcome = load.end();
    // What was being answered by the killed one is lost; what waited for it, or comes later, is not.
    assert!(outcome.failures.len() <= 3 * 2 * 2, "{:?}", outcome.failures);
    assert!(outcome.failures.iter().all(|failure| !failure.contains("refused")), "{:?}", outcome.failures);
    assert!(outcome.total() > 50);
}

#[test]
fn connections_that_a_worker_has_not_taken_go_to_another() {
    let home = Home::new();
    home.write(
        "app.js",
        "const http = require('node:http')
         const server = http.createServer((q, r) => {
           if (q.url === '/hang') { r.end(`${process.pid}`, () => { const end = Date.now() + 60000; while (Date.now() < end); }) }
           else r.end(`${process.pid}`) })
         server.listen(0, () => console.log(`port ${server.address().port}`))",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let port = home.port("app-out-0.log");
    home.port("app-out-1.log");
    let stuck: i32 = get(port, "/hang").unwrap().body.parse().unwrap();
    // Some of these wait for the one that hangs; when it is gone, all are answered by the other or the new one.
    let asking: Vec<_> = (0..12).map(|_| std::thread::spawn(move || get(port, "/"))).collect();
    eventually("some are answered", || asking.iter().filter(|one| one.is_finished()).nth(3));
    signal(stuck, Signal::SIGKILL);
    for one in asking {
        let reply = one.join().unwrap().unwrap();
        assert_ne!(reply.body, stuck.to_string());
    }
}

#[test]
fn servers_as_people_write_them() {
    let home = Home::new();
    // In the manner of a web framework: listens through app.listen, answers late, streams.
    home.write(
        "app.js",
        "const http = require('node:http')
         function application() {
           const routes = new Map()
           const app = (q, r) => (routes.get(q.url) || ((_, r) => { r.statusCode = 404; r.end() }))(q, r)
           app.get = (path, work) => routes.set(path, work)
           app.listen = (...args) => http.createServer(app).listen(...args)
           return app
         }
         const app = application()
         app.get('/late', (_, r) => setTimeout(() => r.end('late'), 30))
         app.get('/stream', (_, r) => { r.write('one '); setImmediate(() => r.end('two')) })
         const server = app.listen(0, () => console.log('port ' + server.address().port))",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    let port = home.port("app-out-0.log");
    home.port("app-out-1.log");
    for _ in 0..4 {
        assert_eq!(get(port, "/late").unwrap().body, "late");
        assert_eq!(get(port, "/stream").unwrap().body, "one two");
        assert_eq!(get(port, "/").unwrap().status, 404);
    }
}

#[test]
fn the_api_of_nodes_cluster_inside_a_worker() {
    let home = Home::new();
    home.write(
        "app.js",
        "const cluster = require('node:cluster')
         console.log('worker ' + [cluster.isWorker, cluster.isPrimary, cluster.worker.isConnected(), cluster.worker.id > 0])
         setInterval(() => {}, 1000)",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    for log in ["app-out-0.log", "app-out-1.log"] {
        assert_eq!(home.told(log, "worker "), "true,false,true,true");
    }
}

#[test]
fn a_worker_that_disconnects_itself_ends_and_is_started_again() {
    let home = Home::new();
    home.write(
        "app.js",
        "const http = require('node:http'), fs = require('node:fs')
         const server = http.createServer((_, r) => r.end('ok')).listen(0, () => console.log('port ' + server.address().port))
         if (!fs.existsSync('done')) setTimeout(() => { fs.writeFileSync('done', ''); require('node:cluster').worker.disconnect() }, 50)",
    );
    home.rpm(["start", "app.js", "-i", "1"]).ok();
    home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    assert_eq!(home.process("app").exit, Some(rpm_native::domain::Outcome::Code(0)));
    eventually("it serves again", || get(home.port("app-out-0.log"), "/").ok());
}

#[test]
fn handles_sent_to_the_primary_wedge_nothing() {
    let home = Home::new();
    home.write(
        "app.js",
        "const http = require('node:http'), net = require('node:net')
         const server = http.createServer((_, r) => r.end(`${process.pid}`)).listen(0, () => {
           console.log('port ' + server.address().port)
           const other = net.createServer().listen({ port: 0, exclusive: true }, () => {
             for (let i = 0; i < 3; i++) process.send({ i }, other)
             process.send({ last: true }, () => console.log('sent all'))
           })
         })",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    for log in ["app-out-0.log", "app-out-1.log"] {
        home.told(log, "sent all");
    }
    let answers = answers(home.port("app-out-0.log"), 20);
    assert_eq!(answers.len(), 2, "{answers:?}");
}

#[test]
fn a_worker_without_a_channel_is_no_member() {
    let home = Home::new();
    home.write(
        "app.js",
        "const http = require('node:http')
         const server = http.createServer((_, r) => r.end(`${process.pid}`)).listen(0, () => {
           console.log('port ' + server.address().port)
           if (process.env.NODE_APP_INSTANCE === '0') { process.disconnect(); setInterval(() => {}, 1000); console.log('left') }
         })",
    );
    home.rpm(["start", "app.js", "-i", "2"]).ok();
    home.told("app-out-0.log", "left");
    let port = home.port("app-out-1.log");
    let other = home.named("app")[1].pid.unwrap().to_string();
    eventually("the other serves alone", || {
        let answers = answers(port, 6);
        (answers.keys().eq([&other])).then_some(())
    });
    home.rpm(["stop", "app"]).ok();
}

#[test]
fn a_relative_path_is_meant_from_the_apps_directory() {
    let home = Home::new();
    home.write(
        "deep/app.js",
        "require('node:http').createServer((_, r) => r.end('ok')).listen('./in.sock', () => console.log('up'))",
    );
    home.rpm(["start", "app.js", "--cwd", "deep", "-i", "1"]).ok();
    home.told("app-out-0.log", "up");
    let path = home.work().join("deep/in.sock");
    assert!(Path::new(&path).exists());
    assert_eq!(get_unix(&path, "/").unwrap().body, "ok");
}
