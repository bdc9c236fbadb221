//! Which program runs a script: asked at each start, in the app's own surroundings.

use crate::support::{Done, Home, Signal, eventually, signal};
use rpm_native::domain::Status;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const TELLS: &str = "console.log('version ' + process.env.FAKE); setInterval(() => {}, 1000)";

fn program(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.write(name, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The real node, by its path.
fn node() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|directory| directory.join("node")).find(|file| file.is_file()).unwrap()
}

/// A version in nvm's directory: the real node, which says that it is that one.
fn install(home: &Home, version: &str) -> PathBuf {
    let line = format!("#!/bin/sh\nexport FAKE={version}\nexec {} \"$@\"\n", node().display());
    program(home, &format!("nvm/versions/node/v{version}/bin/node"), &line)
}

fn start(home: &Home, args: &[&str]) -> Done {
    home.command(args.iter().copied()).env("NVM_DIR", home.work().join("nvm")).run()
}

#[test]
fn the_version_that_the_project_asks_for_is_taken_at_each_start() {
    let home = Home::new();
    install(&home, "18.1.0");
    install(&home, "18.2.0");
    home.write("app/src/app.js", TELLS);
    home.write("app/.nvmrc", "18\n");
    start(&home, &["start", "app/src/app.js"]).ok();
    assert_eq!(home.told("app-out.log", "version "), "18.2.0");
    // By the daemon, by itself.
    install(&home, "18.3.0");
    signal(home.pid("app"), Signal::SIGKILL);
    eventually("the newer one", || (home.told("app-out.log", "version ") == "18.3.0").then_some(()));
    home.write("app/.nvmrc", "v18.1.0");
    home.rpm(["restart", "app"]).ok();
    eventually("the one that is pinned now", || (home.told("app-out.log", "version ") == "18.1.0").then_some(()));
    fs::remove_file(home.work().join("app/.nvmrc")).unwrap();
    home.rpm(["restart", "app"]).ok();
    eventually("the one in PATH", || (home.told("app-out.log", "version ") == "undefined").then_some(()));
}

#[test]
fn a_version_that_only_the_program_knows_is_asked_once() {
    let home = Home::new();
    let asked = home.work().join("asked");
    let line = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo $PPID >> {}; echo v20.1.2; exit; fi\nexec {} \"$@\"\n",
        asked.display(),
        node().display()
    );
    let own = program(&home, "bin/node", &line);
    home.write("app/package.json", r#"{"engines": {"node": "^20.1"}}"#);
    home.write("app/app.js", "setInterval(() => {}, 1000)");
    let path = format!("{}:{}", own.parent().unwrap().display(), std::env::var("PATH").unwrap());
    home.command(["start", "app/app.js", "-i", "2", "-x"]).env("PATH", path).run().ok();
    let count = || fs::read_to_string(&asked).unwrap().lines().count();
    let before = count();
    assert!((2..=3).contains(&before), "the command, then the daemon, for both processes at the most: {before}");
    for process in home.named("app") {
        assert_eq!(process.status, Status::Online);
        signal(process.pid.unwrap(), Signal::SIGKILL);
        eventually("another run", || home.named("app").iter().all(|seen| seen.pid != process.pid).then_some(()));
    }
    assert_eq!(count(), before, "what is known is not asked again");
}

#[test]
fn each_file_that_says_a_version_is_read() {
    let home = Home::new();
    for version in ["16.1.0", "18.2.0", "19.3.0"] {
        install(&home, version);
    }
    for (directory, file, text, expected) in [
        ("nvmrc", ".nvmrc", "lts/hydrogen", "18.2.0"),
        ("version", ".node-version", "v19.3.0", "19.3.0"),
        ("volta", "package.json", r#"{"volta": {"node": "16.1.0"}}"#, "16.1.0"),
        ("engines", "package.json", r#"{"engines": {"node": "<17"}}"#, "16.1.0"),
    ] {
        home.write(&format!("{directory}/{file}"), text);
        home.write(&format!("{directory}/app.js"), TELLS);
        start(&home, &["start", &format!("{directory}/app.js"), "--name", directory]).ok();
        assert_eq!(home.told(&format!("{directory}-out.log"), "version "), expected, "{directory}");
    }
    // What PATH has is good enough for engines, and the app's own word wins over all files.
    home.write("engines/package.json", r#"{"engines": {"node": ">=12"}}"#);
    home.rpm(["restart", "engines"]).ok();
    eventually("its PATH's", || (home.told("engines-out.log", "version ") == "undefined").then_some(()));
    for (name, interpreter, expected) in [("own", "node@^18", "18.2.0"), ("system", "node@system", "undefined")] {
        start(&home, &["start", "nvmrc/app.js", "--name", name, "--interpreter", interpreter]).ok();
        assert_eq!(home.told(&format!("{name}-out.log"), "version "), expected);
    }
    start(&home, &["start", "nvmrc/app.js", "--name", "many", "--interpreter", "node@19", "-i", "2"]).ok();
    assert!(home.named("many").iter().all(|process| process.mode == "cluster" && process.status == Status::Online));
}

#[test]
fn what_is_not_installed_is_an_error_with_the_way_out() {
    let home = Home::new();
    install(&home, "18.2.0");
    home.write("app.js", TELLS);
    let words = ["node@99", "asks for Node 99", "v18.2.0 (nvm)", "nvm install 99"];
    start(&home, &["start", "app.js", "--interpreter", "node@99"]).fails(&words[1..]);
    start(&home, &["start", "app.js", "--interpreter", "node@newest"]).fails(&["newest", "no version"]);
    home.write(".nvmrc", "v17.0.0");
    start(&home, &["start", "app.js"]).fails(&[".nvmrc", "asks for Node v17.0.0", "nvm install v17.0.0"]);
    assert!(home.list().is_empty());
    // It was there when it was started, and is not any more.
    install(&home, "17.0.0");
    start(&home, &["start", "app.js"]).ok();
    assert_eq!(home.told("app-out.log", "version "), "17.0.0");
    fs::remove_dir_all(home.work().join("nvm/versions/node/v17.0.0")).unwrap();
    home.rpm(["restart", "app", "--as-is"]).fails(&["did not start", "v17.0.0", "nvm install v17.0.0"]);
}

#[test]
fn drift_is_shown() {
    let home = Home::new();
    // A copy that can be taken away: what runs is the real program, and not a script.
    let copy = home.work().join("nvm/versions/node/v18.9.9/bin/node");
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    if fs::hard_link(fs::canonicalize(node()).unwrap(), &copy).is_err() {
        fs::copy(node(), &copy).unwrap();
    }
    home.write(".nvmrc", "18");
    home.write("app.js", TELLS);
    start(&home, &["start", "app.js"]).ok();
    home.told("app-out.log", "version ");
    let runs = |field: &str| home.describe("app")[0]["runs_on"][field].clone();
    assert_eq!(runs("version"), "v18.9.9");
    assert_eq!(runs("drift"), serde_json::json!([]));
    install(&home, "18.10.0");
    let drift = runs("drift")[0].as_str().unwrap().to_owned();
    assert!(drift.contains("it runs v18.9.9, a restart would run v18.10.0") && drift.contains(".nvmrc"), "{drift}");
    fs::remove_file(&copy).unwrap();
    let told = home.rpm(["describe", "app"]).ok().text();
    assert!(told.contains("it runs v18.9.9 from a path that is gone"), "{told}");
    home.rpm(["restart", "app"]).ok();
    eventually("the other one", || (home.told("app-out.log", "version ") == "18.10.0").then_some(()));
}

#[test]
fn shims_of_package_managers_are_what_they_execute() {
    let home = Home::new();
    home.write(
        "node_modules/tool/cli.js",
        "console.log('tool ' + [process.argv.slice(2), process.env.NODE_PATH, typeof process.send].join(' ')); setInterval(() => {}, 1000)",
    );
    let shim = "#!/bin/sh\nbasedir=$(dirname \"$0\")\nif [ -z \"$NODE_PATH\" ]; then\n  export NODE_PATH=\"/store\"\nfi\nexec node  \"$basedir/../tool/cli.js\" \"$@\"\n";
    program(&home, "node_modules/.bin/tool", shim);
    for (name, args) in [("plain", &[][..]), ("node", &["--interpreter", "node"]), ("many", &["-i", "1"])] {
        let args = [&["start", "node_modules/.bin/tool", "--name", name][..], args, &["--", "x"]].concat();
        home.rpm(args).ok();
        let log = if name == "many" { "many-out-2.log" } else { &format!("{name}-out.log") };
        assert_eq!(home.told(log, "tool "), "x /store function", "{name}");
        assert_eq!(home.process(name).restarts, 0);
    }
    // Any other script of a shell runs as it says, also when node is asked to.
    program(&home, "other", "#!/bin/sh\necho \"other $1\"\nexec sleep 1000\n");
    home.rpm(["start", "other", "--interpreter", "node", "--", "y"]).ok();
    assert_eq!(home.told("other-out.log", "other "), "y");
}

#[test]
fn other_interpreters() {
    let home = Home::new();
    let fake = |name: &str| {
        program(&home, name, &format!("#!/bin/sh\necho \"ran {name} $*\" | sed \"s,$PWD/,,g\"\nexec sleep 1000\n"));
    };
    for name in ["bin/deno", "bin/bun", "py/.venv/bin/python", "node_modules/.bin/ts-node", "bin/ruby"] {
        fake(name);
    }
    for script in ["a.js", "py/a.py", "a.rb", "a.tsx", "a.ts"] {
        home.write(script, "");
    }
    let path = format!("{}:{}", home.work().join("bin").display(), std::env::var("PATH").unwrap());
    for (script, interpreter, expected) in [
        ("a.js", "deno", "bin/deno run --allow-net a.js"),
        ("py/a.py", "", "py/.venv/bin/python py/a.py"),
        ("a.rb", "", "bin/ruby a.rb"),
        ("a.tsx", "", "bin/bun a.tsx"),
        ("a.ts", "ts-node", "node_modules/.bin/ts-node a.ts"),
    ] {
        let name = script.replace('/', "-");
        let mut args = vec!["start", script, "--name", &name];
        if !interpreter.is_empty() {
            args.extend(["--interpreter", interpreter]);
        }
        if interpreter == "deno" {
            args.extend(["--node-args", "--allow-net"]);
        }
        home.command(args).env("PATH", &path).run().ok();
        assert_eq!(home.told(&format!("{name}-out.log"), "ran "), expected, "{script}");
    }
}

#[test]
fn typescript_with_the_loader_of_the_project() {
    let home = Home::new();
    let strip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance/strip.mjs");
    home.write("node_modules/tsx/package.json", r#"{"exports": {".": "./dist/loader.mjs"}}"#);
    home.write("node_modules/tsx/dist/loader.mjs", fs::read(strip).unwrap());
    home.write(
        "src/app.ts",
        "const answer: number = 42; console.log('typed ' + answer + typeof process.send); setInterval(() => {}, 1000)",
    );
    for (name, args) in [("app", &[][..]), ("own", &["--interpreter", "tsx"])] {
        home.rpm([&["start", "src/app.ts", "--name", name][..], args].concat()).ok();
        assert_eq!(home.told(&format!("{name}-out.log"), "typed "), "42function");
    }
    let program = fs::read_link(format!("/proc/{}/exe", home.pid("app"))).unwrap();
    assert_eq!(program, fs::canonicalize(node()).unwrap(), "the app is the process that is watched");
}

#[test]
fn a_release_behind_a_link_is_switched_by_a_reload() {
    let home = Home::new();
    for version in ["1", "2"] {
        let server = "const http = require('node:http')
            http.createServer((_q, answer) => answer.end(require('./release.json').version)).listen(0, function () {
              console.log('serves ' + require('./release.json').version + ' ' + [process.argv[1], require.main.filename, process.cwd(), process.env.PWD].join(' '))
            })";
        home.write(&format!("releases/{version}/app.js"), server);
        home.write(&format!("releases/{version}/release.json"), format!("{{\"version\": \"{version}\"}}"));
    }
    let current = home.work().join("current");
    symlink("releases/1", &current).unwrap();
    home.write(
        "ecosystem.config.json",
        r#"{"apps": [{"name": "api", "cwd": "current", "script": "app.js", "instances": 2}]}"#,
    );
    home.rpm(["start", "ecosystem.config.json"]).ok();
    let real = |version: &str| home.work().join("releases").join(version).display().to_string();
    let link = home.work().join("current/app.js").display().to_string();
    let expected = |version: &str| {
        let pwd = home.work().display().to_string();
        // As under plain node: argv keeps the link, the module system and the kernel follow it.
        format!("{version} {link} {0}/app.js {0} {pwd}", real(version))
    };
    let told = |log: &str| home.told(log, "serves ").trim_end_matches(' ').to_owned();
    eventually("the first release", || {
        let told = told("api-out-0.log");
        told.starts_with("1 ").then_some(())
    });
    assert!(expected("1").starts_with(&told("api-out-0.log")), "{} {}", told("api-out-0.log"), expected("1"));
    fs::remove_file(&current).unwrap();
    symlink("releases/2", &current).unwrap();
    home.rpm(["reload", "api"]).ok();
    for log in ["api-out-0.log", "api-out-1.log"] {
        eventually("the second release", || told(log).starts_with("2 ").then_some(()));
        assert!(expected("2").starts_with(&told(log)));
    }
}
