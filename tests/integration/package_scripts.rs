//! `npm run x`: the app is the program at the end, not the package manager that leads to it.

use crate::support::{Home, parent};
use rpm_native::domain::{Outcome, Status};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const SERVER: &str = "
    process.on('SIGINT', () => { require('fs').writeFileSync('asked', ''); console.log('closing'); process.exit(6) })
    const env = (name) => process.env[name]
    console.log('told ' + JSON.stringify([process.argv.slice(2), env('PORT'), env('npm_lifecycle_event'), env('npm_package_name'), typeof process.send, require('cluster').isWorker]))
    if (process.send) process.send('ready')
    setInterval(() => {}, 1000)
";

const MANIFEST: &str = r#"{
    "name": "shop", "version": "3.2.1",
    "scripts": {
        "start": "npm run serve -- inner", "serve": "PORT=81 node server.js",
        "built": "node -e 0 && node server.js $PORT", "tool": "tool --flag",
        "prehooked": "echo before >> order; test -z \"$NODE_CHANNEL_FD\" || echo channel >> order",
        "hooked": "node server.js", "posthooked": "echo after >> order",
        "piped": "node server.js | cat", "fails": "node -e 'process.exit(5)'"
    }
}"#;

fn site() -> Home {
    let home = Home::new();
    home.write("package.json", MANIFEST);
    home.write("server.js", SERVER);
    home.write("src/deeper/x", "");
    let tool = home.write("node_modules/tool/cli.js", format!("#!/usr/bin/env node\n{SERVER}"));
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(home.work().join("node_modules/.bin")).unwrap();
    std::os::unix::fs::symlink("../tool/cli.js", home.work().join("node_modules/.bin/tool")).unwrap();
    home
}

/// The name of the program that a process runs.
fn runs(pid: i32) -> String {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn the_program_at_the_end_is_the_app() {
    let home = site();
    for (name, target, args, told) in [
        ("first", "npm", &["start"][..], r#"[["inner"],"81","serve","shop","function",false]"#),
        ("run", "npm", &["run", "serve", "--", "a b"], r#"[["a b"],"81","serve","shop","function",false]"#),
        ("form", "npm: run serve", &[], r#"[[],"81","serve","shop","function",false]"#),
        ("line", "npm run serve", &[], r#"[[],"81","serve","shop","undefined",false]"#),
        ("built", "npm: built", &[], r#"[["7"],"7","built","shop","function",false]"#),
        ("tool", "npm: tool", &[], r#"[["--flag"],"7","tool","shop","function",false]"#),
        ("npx", "npx", &["tool", "z"], r#"[["z"],"7","npx","shop","function",false]"#),
        ("hooked", "npm: hooked", &[], r#"[[],"7","hooked","shop","function",false]"#),
    ] {
        let args = [&["start", target, "--name", name][..], if args.is_empty() { &[] } else { &["--"] }, args].concat();
        home.command(args).env("PORT", "7").run().ok();
        assert_eq!(home.told(&format!("{name}-out.log"), "told "), told, "{name}");
        let pid = home.pid(name);
        if name == "hooked" {
            assert_ne!(runs(pid), "node", "a shell waits for what comes after it");
        } else {
            assert_eq!(runs(pid), "node", "{name}");
        }
        home.rpm(["stop", name]).ok();
        let process = home.process(name);
        assert_eq!(process.status, Status::Stopped);
        assert_eq!(process.exit, Some(Outcome::Code(6)), "{name}: signals and exit codes are the app's");
        assert_eq!(home.told(&format!("{name}-out.log"), "clos"), "ing");
    }
    assert_eq!(fs::read_to_string(home.work().join("order")).unwrap(), "before\n");
}

#[test]
fn it_may_be_a_worker_of_a_cluster_and_is_run_in_its_package() {
    let home = site();
    home.rpm(["start", "npm: run serve", "--name", "web", "-i", "2", "--cwd", "src/deeper"]).ok();
    for id in [0, 1] {
        let log = format!("web-out-{id}.log");
        assert_eq!(home.told(&log, "told "), r#"[[],"81","serve","shop","function",true]"#);
    }
    let cwd = fs::read_link(format!("/proc/{}/cwd", home.named("web")[0].pid.unwrap())).unwrap();
    assert_eq!(cwd, fs::canonicalize(home.work()).unwrap());
    let daemon = home.daemon();
    let guardian = daemon.guardian.map_or(daemon.pid, |guardian| guardian.pid);
    assert_eq!(parent(home.named("web")[0].pid.unwrap()), Some(guardian), "nothing stands between");
}

#[test]
fn what_comes_after_it_runs_when_it_has_ended_well() {
    let home = site();
    let script = "process.send('ready'); setTimeout(() => process.exit(0), 10)";
    home.write("server.js", script);
    home.rpm(["start", "npm: hooked", "--name", "hooked", "--no-autorestart"]).ok();
    home.wait_until("hooked", |process| process.exit == Some(Outcome::Code(0)));
    assert_eq!(fs::read_to_string(home.work().join("order")).unwrap(), "before\nafter\n");
    home.rpm(["start", "npm: fails", "--name", "fails", "--no-autorestart"]).ok();
    home.wait_until("fails", |process| process.exit == Some(Outcome::Code(5)));
}

#[test]
fn a_pipeline_is_stopped_as_a_whole() {
    let home = site();
    home.rpm(["start", "npm: piped", "--name", "piped"]).ok();
    let told = home.told("piped-out.log", "told ");
    assert!(told.contains("\"undefined\""), "no channel for any of them: {told}");
    home.rpm(["stop", "piped"]).ok();
    assert!(home.work().join("asked").exists(), "not only the shell");
}

#[test]
fn a_script_that_is_not_there_is_told_with_those_that_are() {
    let home = site();
    home.rpm(["start", "npm: run strat"]).fails(&["has no script \"strat\"", "start, serve, built"]);
    assert!(home.list().is_empty());
}
