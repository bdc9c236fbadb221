//! What goes wrong by the user's hand: a message that says what to do, exit code 1, nothing else touched.

use crate::support::Home;
use std::os::unix::fs::PermissionsExt;

/// A home in which one app runs. What is asserted at the end: it still does, in the same daemon.
struct Calm {
    home: Home,
    daemon: i32,
    pid: i32,
}

impl Calm {
    fn new() -> Self {
        let home = Home::new();
        home.rpm(["start", "sleep", "--name", "bystander", "--", "1000"]).ok();
        let (daemon, pid) = (home.daemon().pid, home.pid("bystander"));
        Self { home, daemon, pid }
    }

    #[track_caller]
    fn fails(&self, args: &[&str], words: &[&str]) {
        let done = self.home.rpm(args.iter().copied());
        assert!(done.err.contains("error:"), "{}", done.told());
        assert!(!done.err.contains("panicked"), "{}", done.told());
        done.fails(words);
        let list = self.home.list();
        assert_eq!(list.len(), 1, "{args:?} left {list:?}");
        assert_eq!((list[0].pid, list[0].restarts), (Some(self.pid), 0), "{args:?}");
        assert_eq!(self.home.daemon().pid, self.daemon, "{args:?}");
    }
}

#[test]
fn scripts_that_cannot_be_run() {
    let calm = Calm::new();
    let home = &calm.home;
    std::fs::create_dir(home.work().join("folder.js")).unwrap();
    home.write("app.js", "setInterval(() => {}, 1000)");
    let closed = home.write("closed", "#!/bin/sh\nexec sleep 1000\n");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o644)).unwrap();
    calm.fails(&["start", "missing.js"], &["missing.js", "hint:"]);
    calm.fails(&["start", "./folder.js"], &["folder.js", "director"]);
    calm.fails(&["start", "."], &["director"]);
    calm.fails(&["start", "./closed", "--interpreter", "none"], &["closed", "chmod +x"]);
    calm.fails(&["start", "app.js", "--interpreter", "no-such-thing"], &["no-such-thing", "PATH"]);
    calm.fails(&["start", "app.js", "--cwd", "/no/such/directory"], &["/no/such/directory"]);
    calm.fails(&["start", "app.js", "-i", "2", "--interpreter", "no-such-thing"], &["no-such-thing"]);
}

#[test]
fn names_that_nobody_has() {
    let calm = Calm::new();
    for verb in ["stop", "restart", "reload", "delete", "reset", "describe"] {
        calm.fails(&[verb, "nobody"], &["nobody", "bystander"]);
        calm.fails(&[verb, "99"], &["99"]);
    }
    calm.fails(&["sendSignal", "SIGUSR1", "nobody"], &["nobody"]);
    calm.fails(&["stop", "/(/"], &["regular expression"]);
    calm.fails(&["start", "nobody"], &["nobody"]);
}

#[test]
fn an_empty_list() {
    let home = Home::new();
    for verb in ["stop", "restart", "reload", "delete", "reset"] {
        home.rpm([verb, "all"]).fails(&["there are no processes", "rpm start"]);
    }
    home.rpm(["ls"]).ok();
    assert_eq!(home.rpm(["jlist"]).ok().text(), "[]");
}

#[test]
fn broken_application_files() {
    let calm = Calm::new();
    let home = &calm.home;
    home.write("app.js", "setInterval(() => {}, 1000)");
    for (file, text, word) in [
        ("broken.json", "{ \"apps\": [ ", "broken.json"),
        ("broken.yml", "apps:\n  - name: [", "broken.yml"),
        ("throws.config.js", "throw new Error('my own words')", "my own words"),
        ("syntax.config.js", "module.exports = {{", "syntax.config.js"),
        ("module.config.mjs", "import 'no-such-package'; export default {}", "no-such-package"),
        ("nothing.json", "{}", "nothing.json"),
        ("type.json", r#"[{"script": "app.js", "instances": {}}]"#, "instances"),
        ("script.json", r#"[{"name": "a"}]"#, "script"),
        ("missing.json", r#"[{"name": "a", "script": "app.js"}, {"name": "b", "script": "gone.js"}]"#, "gone.js"),
    ] {
        home.write(file, text);
        calm.fails(&["start", file], &[word]);
    }
    calm.fails(&["start", "absent.json"], &["absent.json"]);
    calm.fails(&["restart", "absent.config.js"], &["absent.config.js"]);
}

#[test]
fn options_that_make_no_sense() {
    let calm = Calm::new();
    calm.home.write("app.js", "setInterval(() => {}, 1000)");
    for (flag, value) in [
        ("--max-restarts", "-1"),
        ("--min-uptime", "soon"),
        ("--kill-timeout", "x"),
        ("--restart-delay", "?"),
        ("--kill-signal", "SIGNOSUCH"),
        ("--stop-exit-codes", "abc"),
        ("--listen-timeout", "later"),
    ] {
        calm.fails(&["start", "app.js", flag, value], &[value]);
    }
    calm.fails(&["start", "app.js", "--nmae", "x"], &["--nmae", "--name"]);
    calm.fails(&["start", "app.js", "--name", "all"], &["all"]);
    calm.fails(&["start", "app.js", "--name", "a/b"], &["a/b"]);
    calm.fails(&["lst"], &["lst", "list"]);
    calm.fails(&["ls", "--sort", "colour"], &["colour"]);
    calm.fails(&["logs", "bystander", "--lines", "many"], &["many"]);
}

#[test]
fn several_targets_stop_at_the_first_failure() {
    let calm = Calm::new();
    calm.fails(&["stop", "nobody", "bystander"], &["nobody"]);
    calm.home.rpm(["stop", "bystander", "nobody"]).fails(&["nobody"]);
    assert_eq!(calm.home.process("bystander").status.as_str(), "stopped");
}
