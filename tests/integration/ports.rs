//! A port in use: who has it, whether it is ours, and what to do.

use crate::support::{Home, Signal, eventually, signal};
use rpm_native::domain::Status;
use std::net::TcpListener;

/// Listens on `$PORT`, after a moment if it is told so.
const SERVER: &str = "
    const server = require('node:http').createServer().listen(process.env.AT || Number(process.env.PORT), () => console.log('listens ' + process.pid))
    if (process.send) server.on('listening', () => process.send('ready'))
";

fn home() -> Home {
    let home = Home::new();
    home.write("server.js", SERVER);
    home
}

/// Starts it so that it gives up soon, and says why.
#[track_caller]
fn why(home: &Home, name: &str, port: u16, args: &[&str]) -> String {
    let args = [&["start", "server.js", "--name", name, "--max-restarts", "2"][..], args].concat();
    home.command(args).env("PORT", port.to_string()).run();
    home.wait_status(name, Status::Errored).reason.unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_stranger_is_named() {
    let home = home();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for (name, args) in [("fork", &[][..]), ("cluster", &["-i", "1"])] {
        let why = why(&home, name, port, args);
        let holder = format!("port {port} is held by ");
        assert!(why.contains(&holder) && why.contains(&format!("(pid {}", std::process::id())), "{name}: {why}");
        assert!(why.contains("none of ours") && why.contains(&format!("kill {}", std::process::id())), "{why}");
        let told = home.rpm(["describe", name]).ok().text();
        assert!(told.contains(&holder), "{told}");
    }
    // What a start waits for is told by it, with the same words.
    let done = home.command(["start", "server.js", "--name", "waits", "--wait-ready", "--max-restarts", "1"]);
    let done = done.env("PORT", port.to_string()).run();
    assert!(done.err.contains(&format!("port {port} is held by ")), "{}", done.told());
}

#[test]
fn the_command_that_starts_it_tells_at_once() {
    let home = home();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    // It runs on: nothing but the variable tells.
    let sleeper = ["start", "sleep", "--name", "idle", "--", "1000"];
    let done = home.command(sleeper).env("PORT", &port).run().ok();
    let words = format!("idle: its PORT is not free: port {port} is held by ");
    assert!(done.err.contains(&words) && done.err.contains("none of ours"), "{}", done.told());
    assert!(home.rpm(["restart", "idle"]).ok().err.contains(&words));
    drop(listener);
    let done = home.rpm(["restart", "idle"]).ok();
    assert!(!done.err.contains("its PORT is not free"), "{}", done.told());
}

#[test]
fn our_own_apps_are_named_with_the_way_out() {
    let home = home();
    let port = free_port();
    home.command(["start", "server.js", "--name", "first"]).env("PORT", port.to_string()).run().ok();
    home.told("first-out.log", "listens ");
    let told = why(&home, "second", port, &[]);
    assert!(told.contains("which is first (0): stop it with rpm stop 0"), "{told}");
    home.command(["start", "server.js", "--name", "web", "-i", "1"]).env("PORT", "0").run().ok();
    let held = home.listening_port();
    let told = why(&home, "third", held, &[]);
    assert!(told.contains("for web, an app of this list: stop it with rpm stop web"), "{told}");
    let file = format!(
        r#"[{{"name": "twins", "script": "server.js", "exec_mode": "fork", "instances": 2, "max_restarts": 2, "env": {{"PORT": {}}}}}]"#,
        free_port()
    );
    home.write("twins.json", file);
    home.rpm(["start", "twins.json"]);
    let told = eventually("one of the twins gives up", || {
        home.named("twins").into_iter().find(|twin| twin.status == Status::Errored)?.reason
    });
    assert!(told.contains("another instance of twins") && told.contains("increment_var"), "{told}");
}

#[test]
fn what_an_earlier_run_has_left_is_named() {
    let home = Home::new();
    let port = free_port();
    home.write("server.js", SERVER);
    home.write(
        "leaves.js",
        "const { spawn } = require('node:child_process'); const fs = require('node:fs')
         if (fs.existsSync('left')) return require('./server.js')
         const child = spawn(process.execPath, ['server.js'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
         child.stdout.once('data', () => { fs.writeFileSync('left', String(child.pid)); process.exit(1) })",
    );
    let file = format!(
        r#"[{{"name": "api", "script": "leaves.js", "treekill": false, "max_restarts": 3, "env": {{"PORT": {port}}}}}]"#
    );
    home.write("api.json", file);
    home.rpm(["start", "api.json"]);
    let why = home.wait_status("api", Status::Errored).reason.unwrap();
    let left: i32 = std::fs::read_to_string(home.work().join("left")).unwrap().parse().unwrap();
    signal(left, Signal::SIGKILL);
    assert!(why.contains("which an earlier run of api has left") && why.contains(&format!("kill {left}")), "{why}");
}

#[test]
fn a_socket_that_nobody_listens_on() {
    let home = home();
    let path = home.work().join("app.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let args = ["start", "server.js", "--name", "app", "--max-restarts", "2"];
    home.command(args).env("AT", &path).run();
    let why = home.wait_status("app", Status::Errored).reason.unwrap();
    assert!(why.contains(&format!("nobody listens there; remove it: rm {}", path.display())), "{why}");
}

impl Home {
    /// The port that the one worker called `web` shares.
    fn listening_port(&self) -> u16 {
        self.told(&format!("web-out-{}.log", self.process("web").id), "listens ");
        let listens = self.describe("web")[0]["listens"][0].as_str().unwrap().to_owned();
        listens.rsplit(':').next().unwrap().parse().unwrap()
    }
}
