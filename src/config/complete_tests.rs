use crate::config::{AppOptions, Caller, ConfigError, Loaded, from_target};
use crate::domain::AppSpec;
use crate::domain::log_line::LogType;
use crate::domain::spec::{
    CatchUp, Check, ClusterPolicy, CombinedLog, Condition, CpuQuota, Dependency, Interpreter, Limits, Listen, Mode,
    Overlap, Probe, ResourceLimit, RestartPolicy, RolloutPolicy, Sched, SecretSource, StopPolicy,
};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

/// A directory with files, and a `bin` in it that is the only `PATH`.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        for program in ["node", "bash", "sh", "python3", "ruby"] {
            site.program(&format!("bin/{program}"), "#!/bin/sh\necho v22.7.0\n");
        }
        site.file("app.js", "");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        self.file(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn caller(&self) -> Caller {
        let path = self.path("bin").to_str().unwrap().to_owned();
        let env = [("PATH".to_owned(), path), ("HOME".to_owned(), "/home/me".to_owned())].into();
        Caller { cwd: self.dir.path().to_owned(), env, username: Some("me".into()), cores: 4 }
    }

    fn load(&self, target: &str, options: Value) -> Result<Loaded, ConfigError> {
        let options: AppOptions = serde_json::from_value(options).unwrap();
        from_target(target, options, &self.caller())
    }

    fn start(&self, target: &str, options: Value) -> AppSpec {
        self.load(target, options).unwrap().apps.remove(0)
    }

    /// The message, with the site's directory as `SITE`, and the hint.
    fn fail(&self, target: &str, options: Value) -> (String, String) {
        let error = self.load(target, options).unwrap_err();
        let place = self.dir.path().to_str().unwrap();
        (error.to_string().replace(place, "SITE"), error.hint().unwrap().replace(place, "SITE"))
    }
}

fn named(name: &str) -> Interpreter {
    Interpreter::Named(name.to_owned())
}

fn pair(message: &str, hint: &str) -> (String, String) {
    (message.to_owned(), hint.to_owned())
}

#[test]
fn a_plain_start_has_every_default() {
    let site = Site::new();
    let app = site.start("app.js", json!({}));
    assert_eq!((app.name.as_str(), app.namespace.as_str()), ("app", "default"));
    assert_eq!(app.program.path, site.path("app.js"));
    assert_eq!(app.program.interpreter, named("node"));
    assert_eq!(app.cwd, site.path(""));
    assert_eq!((app.mode, app.instances), (Mode::Fork, 1));
    assert_eq!(app.restart, RestartPolicy::default());
    assert_eq!(app.stop, StopPolicy::default());
    assert_eq!(app.env.instance_var, "NODE_APP_INSTANCE");
    assert_eq!(*app.env.inherited, site.caller().env);
    assert!(app.logs.merge && !app.logs.disable && app.logs.out.is_none());
    assert!(app.autostart && app.pid_file.is_none() && app.source.is_none());
    assert_eq!(app.username.as_deref(), Some("me"));
}

#[test]
fn lines_and_files_of_logs() {
    let site = Site::new();
    let logs = |fields: Value| site.start("app.js", fields).logs;
    for (fields, combined) in [
        (json!({"log_file": true}), Some(CombinedLog::InHome)),
        (json!({"log": "logs/all.log"}), Some(CombinedLog::At(site.path("logs/all.log")))),
        (json!({"log_file": "NULL"}), Some(CombinedLog::At("/dev/null".into()))),
        (json!({"log_file": false}), None),
        (json!({"log_file": ""}), None),
    ] {
        assert_eq!(logs(fields.clone()).combined, combined, "{fields}");
    }
    let usual = "YYYY-MM-DDTHH:mm:ss";
    for (fields, log_type, format, time) in [
        (json!({}), LogType::Raw, None, false),
        (json!({"log_type": "json"}), LogType::Json, None, false),
        (json!({"log_type": "other"}), LogType::Raw, None, false),
        (json!({"log_date_format": "HH:mm"}), LogType::Raw, Some("HH:mm"), false),
        (json!({"time": true}), LogType::Raw, Some(usual), true),
        (json!({"time": true, "log_date_format": "HH", "log_type": "json"}), LogType::Json, Some(usual), true),
        (json!({"time": false, "log_date_format": "HH"}), LogType::Raw, Some("HH"), false),
    ] {
        let logs = logs(fields.clone());
        assert_eq!((logs.log_type, logs.date_format.as_deref(), logs.time), (log_type, format, time), "{fields}");
    }
    let form = site.start("app.js", json!({"time": true, "time_zone": "Asia/Kolkata"})).line_form().unwrap();
    assert_eq!((form.app.as_str(), form.time_zone.as_deref()), ("app", Some("Asia/Kolkata")));
    assert_eq!(site.start("app.js", json!({"log_file": true, "time_zone": "Asia/Kolkata"})).line_form(), None);
}

#[test]
fn every_option_arrives() {
    let site = Site::new();
    let app = site.start(
        "app.js",
        json!({
            "name": "n", "name_prefix": "p-", "namespace": "ns", "args": "--a 'b c'", "node_args": ["--x"],
            "instance_var": "I", "increment_var": "P", "out_file": "~/o.log", "error_file": "NULL", "pid_file": "run/x.pid",
            "disable_logs": true, "autostart": false, "autorestart": false, "max_restarts": 3, "min_uptime": "2s",
            "restart_delay": 4, "exp_backoff_restart_delay": 5, "stop_exit_codes": [6], "kill_timeout": "7s",
            "kill_signal": "TERM", "wait_ready": true, "listen_timeout": 8, "shutdown_with_message": true,
            "treekill": false, "username": "you", "port": 9,
        }),
    );
    assert_eq!((app.name.as_str(), app.namespace.as_str()), ("p-n", "ns"));
    assert_eq!(app.args, ["--a", "b c"]);
    assert_eq!(app.program.interpreter_args, ["--x"]);
    assert_eq!((app.env.instance_var.as_str(), app.env.increment_var.as_deref()), ("I", Some("P")));
    assert_eq!(app.env.app["PORT"], "9");
    assert_eq!(app.logs.out, Some("/home/me/o.log".into()));
    assert_eq!(app.logs.error, Some("/dev/null".into()));
    assert_eq!(app.pid_file, Some(site.path("run/x.pid")));
    assert!(app.logs.disable && !app.autostart);
    assert_eq!(
        app.restart,
        RestartPolicy {
            autorestart: false,
            max_restarts: 3,
            min_uptime: 2000,
            restart_delay: 4,
            exp_backoff_restart_delay: 5,
            stop_exit_codes: vec![6],
            ..RestartPolicy::default()
        }
    );
    let stop = StopPolicy { kill_signal: 15, kill_timeout: 7000, shutdown_with_message: true, treekill: false };
    assert_eq!(app.stop, stop);
    assert_eq!((app.ready.wait_ready, app.ready.listen_timeout), (true, Some(8)));
    assert_eq!(app.username.as_deref(), Some("you"));
}

#[test]
fn every_setting_of_a_cluster_arrives() {
    let site = Site::new();
    let app = site.start(
        "app.js",
        json!({
            "sched": "ip-hash", "drain_timeout": "5s", "agent": false, "reload_parallel": 2, "health_window": "1m",
            "listen": [80, "81", "127.0.0.1:82", "[::1]:83", "./run/a.sock", "/run/b.sock"],
        }),
    );
    assert_eq!(app.cluster, ClusterPolicy { sched: Sched::IpHash, drain_timeout: 5000, agent: false });
    assert_eq!(app.rollout, RolloutPolicy { parallel: 2, health_window: Some(60_000) });
    let tcp = |address: &str| Listen::Tcp(address.parse().unwrap());
    let unix = Listen::Unix;
    let expected = [
        Listen::Port(80),
        Listen::Port(81),
        tcp("127.0.0.1:82"),
        tcp("[::1]:83"),
        unix(site.path("run/a.sock")),
        unix("/run/b.sock".into()),
    ];
    assert_eq!(app.listen, expected);
}

#[test]
fn every_setting_of_a_life_arrives() {
    let site = Site::new();
    site.file(".env", "");
    let probe = |port: u16| json!({"tcp": port, "period": "2s"});
    let app = site.start(
        "app.js",
        json!({
            "autorestart": "on-failure", "restart_window": "1m", "depends_on": {"db": "started"}, "notify": true,
            "ready_log": "^up", "startup_probe": probe(1), "readiness_probe": probe(2), "live_probe": probe(3),
            "max_memory_restart": "1G", "memory_max": "2K", "memory_high": 3, "cpu": "50%", "pids_max": 4,
            "rlimits": {"NOFILE": [5, "unlimited"]}, "nice": -5, "cpu_affinity": "0-1,3", "oom_score_adj": 6,
            "umask": "027", "cron": "0 4 * * *", "tz": "Europe/Vienna", "job": true, "overlap": "queue",
            "catch_up": true, "job_timeout": "1h", "watch": ["src"], "ignore_watch": "a b", "watch_delay": "7",
            "env_file": ".env?", "secrets": {"A": {"command": "x"}}, "uid": 8, "gid": "staff",
        }),
    );
    assert!(app.restart.on_failure && !app.restart.autorestart, "the end of a job's run is its result");
    assert_eq!(app.restart.restart_window, Some(60_000));
    assert_eq!(app.depends_on, [Dependency { app: "db".into(), condition: Condition::Started }]);
    assert_eq!((app.ready.notify, app.ready.log_line.as_deref()), (true, Some("^up")));
    let probes = app.ready.probes;
    for (probe, expected) in [(probes.startup, 1), (probes.ready, 2), (probes.live, 3)] {
        let check = Check::Tcp { host: "127.0.0.1".into(), port: expected };
        assert_eq!(probe, Some(Box::new(Probe { period: 2000, ..Probe::of(check) })));
    }
    let limits = Limits {
        max_memory_restart: Some(1 << 30),
        memory_max: Some(2048),
        memory_high: Some(3),
        cpu: Some(CpuQuota(500)),
        pids_max: Some(4),
        rlimits: [("nofile".to_owned(), ResourceLimit { soft: Some(5), hard: None })].into(),
        nice: Some(-5),
        cpu_affinity: vec![0, 1, 3],
        oom_score_adj: Some(6),
        umask: Some(0o27),
    };
    assert_eq!(app.limits, limits);
    let job = app.schedule.job.unwrap();
    assert_eq!((job.cron.as_deref(), app.schedule.restart), (Some("0 4 * * *"), None));
    assert_eq!((job.overlap, job.catch_up, job.timeout), (Overlap::Queue, CatchUp::Once, Some(3_600_000)));
    assert_eq!(app.schedule.time_zone.as_deref(), Some("Europe/Vienna"));
    let watch = app.watch.unwrap();
    assert_eq!((watch.paths, watch.delay), (vec![site.path("src")], 7));
    assert_eq!(watch.ignore, Some(vec!["a".into(), "b".into()]));
    assert_eq!(app.env.secrets["A"], SecretSource::Command("x".into()));
    assert_eq!((app.uid.as_deref(), app.gid.as_deref()), (Some("8"), Some("staff")));
}

#[test]
fn source_maps_are_for_who_asks() {
    let site = Site::new();
    let flags = |options: Value| site.start("app.js", options).program.interpreter_args;
    assert_eq!(flags(json!({})), [""; 0]);
    assert_eq!(flags(json!({"source_map_support": true, "node_args": "--x"})), ["--x", "--enable-source-maps"]);
    assert_eq!(
        flags(json!({"source_map_support": true, "node_args": "--enable-source-maps"})),
        ["--enable-source-maps"]
    );
    assert_eq!(flags(json!({"source_map_support": true, "disable_source_map_support": true})), [""; 0]);
    assert_eq!(flags(json!({"source_map_support": true, "interpreter": "ruby"})), [""; 0]);
}

#[test]
fn mode_instances_and_merged_logs() {
    let site = Site::new();
    site.file("app.py", "");
    for (target, options, mode, instances, merge) in [
        ("app.js", json!({}), Mode::Fork, 1, true),
        ("app.js", json!({"instances": 1}), Mode::Cluster, 1, false),
        ("app.js", json!({"instances": "max"}), Mode::Cluster, 4, false),
        ("app.js", json!({"instances": 0}), Mode::Cluster, 4, false),
        ("app.js", json!({"instances": "words"}), Mode::Cluster, 4, false),
        ("app.js", json!({"instances": -1}), Mode::Cluster, 3, false),
        ("app.js", json!({"instances": -9}), Mode::Cluster, 1, false),
        ("app.js", json!({"instances": 2, "exec_mode": "fork"}), Mode::Fork, 2, false),
        ("app.js", json!({"instances": 2, "execute_command": true}), Mode::Fork, 2, false),
        ("app.js", json!({"instances": 2, "merge_logs": true}), Mode::Cluster, 2, true),
        ("app.js", json!({"exec_mode": "cluster_mode"}), Mode::Cluster, 1, false),
        ("app.js", json!({"merge_logs": false}), Mode::Fork, 1, false),
        ("app.py", json!({"instances": 4}), Mode::Fork, 4, false),
    ] {
        let app = site.start(target, options.clone());
        assert_eq!((app.mode, app.instances, app.logs.merge), (mode, instances, merge), "{target} {options}");
    }
    let loaded = site.load("app.py", json!({"exec_mode": "cluster"})).unwrap();
    assert_eq!(loaded.apps[0].mode, Mode::Fork);
    assert_eq!(loaded.warnings, ["only Node and bun apps can be cluster workers; started in fork mode"]);
}

#[test]
fn interpreters_by_extension_and_content() {
    let site = Site::new();
    site.program("shim", "#!/bin/sh\nexec node x\n");
    site.program("tool", "#!/usr/bin/env node\n");
    site.program("binary", "\x7fELF\x02\x01\x01\0");
    for (target, interpreter) in [
        ("a.js", named("node")),
        ("a.mjs", named("node")),
        ("a.cjs", named("node")),
        ("a.sh", named("bash")),
        ("a.py", named("python3")),
        ("a.rb", named("ruby")),
        ("plain", named("node")),
        ("a.v2", named("node")),
        ("shim", Interpreter::None),
        ("tool", named("node")),
        ("binary", Interpreter::None),
    ] {
        if !site.path(target).exists() {
            site.file(target, "text");
        }
        assert_eq!(site.start(target, json!({})).program.interpreter, interpreter, "{target}");
    }
    assert_eq!(site.start("a.py", json!({})).env.app["PYTHONUNBUFFERED"], "1");
    assert_eq!(site.start("a.py", json!({"env": {"PYTHONUNBUFFERED": 0}})).env.app["PYTHONUNBUFFERED"], "0");
    assert!(!site.start("a.js", json!({})).env.app.contains_key("PYTHONUNBUFFERED"));
}

#[test]
fn interpreters_by_choice() {
    let site = Site::new();
    site.program("venv/python", "");
    site.program("nvm/versions/node/v18.2.0/bin/node", "");
    let interpreter = |options| site.start("app.js", options).program.interpreter;
    let absolute = |name: &str| named(site.path(name).to_str().unwrap());
    assert_eq!(interpreter(json!({"interpreter": "ruby"})), named("ruby"));
    assert_eq!(interpreter(json!({"interpreter": "./venv/python"})), absolute("venv/python"));
    site.program("app.js", "");
    assert_eq!(interpreter(json!({"interpreter": "none"})), Interpreter::None);

    let mut caller = site.caller();
    caller.env.insert("NVM_DIR".into(), site.path("nvm").to_str().unwrap().into());
    let chosen = |version: &str| {
        let options = AppOptions { interpreter: Some(version.into()), ..AppOptions::default() };
        from_target("app.js", options, &caller).map(|loaded| loaded.apps[0].program.clone())
    };
    let program = chosen("node@18.2.0").unwrap();
    assert_eq!(program.interpreter, named("node@18.2.0"), "each start looks for it");
    assert!(program.is_node());
    assert_eq!(chosen("node@19.0.0").unwrap_err().hint().unwrap(), "run nvm install 19.0.0");
}

#[test]
fn settings_of_the_caller_are_below_what_is_written() {
    let site = Site::new();
    let mut caller = site.caller();
    caller.env.insert("RPM_KILL_TIMEOUT".into(), "9s".into());
    caller.env.insert("PM2_NODE_OPTIONS".into(), "--a --b".into());
    let start = |target: &str, options: Value| {
        from_target(target, serde_json::from_value(options).unwrap(), &caller).unwrap().apps.remove(0)
    };
    let app = start("app.js", json!({"node_args": "--own"}));
    assert_eq!(app.stop.kill_timeout, 9000);
    assert_eq!(app.program.interpreter_args, ["--own", "--a", "--b"]);
    assert_eq!(start("app.js", json!({"kill_timeout": 1})).stop.kill_timeout, 1);
    site.file("app.rb", "");
    assert_eq!(start("app.rb", json!({})).program.interpreter_args, [""; 0]);
}

#[test]
fn the_path_is_the_apps() {
    let site = Site::new();
    site.program("other/special", "");
    let path = site.path("other");
    let app = site.start("app.js", json!({"interpreter": "special", "env": {"PATH": path}}));
    assert_eq!(app.program.interpreter, named("special"));
    let (message, _) = site.fail("app.js", json!({"env": {"PATH": path}}));
    assert_eq!(message, "interpreter \"node\" is not in PATH");
}

#[test]
fn typescript_takes_bun_or_a_node_that_strips_types() {
    let site = Site::new();
    site.file("a.ts", "");
    site.file("a.tsx", "");
    let program = site.start("a.ts", json!({"node_args": "--x"})).program;
    // What it takes depends on the version that a start finds.
    assert_eq!((program.interpreter, program.interpreter_args), (named("node"), vec!["--x".to_owned()]));
    site.program("bin/node", "#!/bin/sh\necho v22.18.0\n");
    let program = site.start("a.ts", json!({})).program;
    assert_eq!((program.interpreter, program.interpreter_args), (named("node"), vec![]));
    assert_eq!(site.fail("a.tsx", json!({})).0, "nothing here runs TypeScript: SITE/a.tsx");
    site.program("bin/node", "#!/bin/sh\necho v20.20.2\n");
    let hint =
        "install Node 22.18 or later (this is v20.20.2), tsx in the project, or bun; .tsx files need one of these two";
    assert_eq!(site.fail("a.ts", json!({})), pair("nothing here runs TypeScript: SITE/a.ts", hint));
    site.program("bin/bun", "");
    assert_eq!(site.start("a.ts", json!({})).program.interpreter, named("bun"));
    assert_eq!(site.start("a.tsx", json!({"instances": 2})).mode, Mode::Cluster);
}

#[test]
fn programs_and_shell_lines() {
    let site = Site::new();
    site.program("bin/npm", "#!/usr/bin/env node\n");
    let app = site.start("npm", json!({"args": "run start"}));
    assert_eq!((app.name.as_str(), app.program.path), ("npm", site.path("bin/npm")));
    assert_eq!((app.program.interpreter, app.args), (named("node"), vec!["run".to_owned(), "start".to_owned()]));
    assert_eq!(site.start("sh", json!({})).program.interpreter, Interpreter::None);

    let line = "echo 'a b' && node x.js --port 80";
    let app = site.start(line, json!({}));
    assert_eq!((app.name.as_str(), app.program.path), ("echo 'a b' && node x", site.path("bin/bash")));
    assert_eq!((app.program.interpreter, app.args), (Interpreter::None, vec!["-c".to_owned(), line.to_owned()]));
    let shell = site.path("bin/bash").to_str().unwrap().to_owned();
    assert_eq!(site.start("echo $1", json!({"args": ["x"]})).args, ["-c", "echo $1", shell.as_str(), "x"]);
    fs::remove_file(site.path("bin/bash")).unwrap();
    assert_eq!(site.start("exec sleep 1", json!({})).program.path, site.path("bin/sh"));

    site.file("with space.js", "");
    assert_eq!(site.start("with space.js", json!({})).program.path, site.path("with space.js"));
}

#[test]
fn a_link_stays_a_link() {
    let site = Site::new();
    site.file("releases/1/app.js", "");
    symlink(site.path("releases/1"), site.path("current")).unwrap();
    let app = site.start("./current/../current/app.js", json!({}));
    assert_eq!(app.program.path, site.path("current/app.js"));
    let app = site.start("app.js", json!({"cwd": "releases/../current/."}));
    assert_eq!(app.cwd, site.path("current"));
    assert_eq!(app.program.path, site.path("current/app.js"));
}

#[test]
fn what_cannot_run_says_why_and_what_to_do() {
    let site = Site::new();
    site.file("lib/index.js", "");
    site.file("elf", "\x7fELF\x02\x01\x01\0");
    site.file("script", "#!/bin/sh\n");
    site.file("a.php", "");
    for (target, options, message, hint) in [
        ("ap.js", json!({}), "script not found: SITE/ap.js", "did you mean app.js?"),
        (
            "zzzzzzzz",
            json!({}),
            "script not found: SITE/zzzzzzzz",
            "check the path: it is no file, and no program in PATH has that name",
        ),
        ("app .js", json!({"interpreter": "node"}), "script not found: SITE/app .js", "did you mean app.js?"),
        ("lib", json!({}), "SITE/lib is a directory", "name the file in it to run, for example SITE/lib/index.js"),
        ("elf", json!({}), "SITE/elf is not executable", "run chmod +x SITE/elf, or name an interpreter"),
        ("script", json!({}), "SITE/script is not executable", "run chmod +x SITE/script, or name an interpreter"),
        (
            "app.js",
            json!({"interpreter": "none"}),
            "SITE/app.js is not executable",
            "run chmod +x SITE/app.js, or name an interpreter",
        ),
        ("a.php", json!({}), "interpreter \"php\" is not in PATH", "install it, or correct the PATH of the app"),
        (
            "app.js",
            json!({"interpreter": "./bun"}),
            "interpreter SITE/bun is not an executable file",
            "correct the path, or give a program's name to look up in PATH",
        ),
        ("app.js", json!({"cwd": "none"}), "there is no directory SITE/none to run in", "create it, or correct cwd"),
        (" ", json!({}), "there is no script to run", "say what to run, for example \"script\": \"app.js\""),
    ] {
        assert_eq!(site.fail(target, options.clone()), pair(message, hint), "{target} {options}");
    }
    for shell in ["bash", "sh"] {
        fs::remove_file(site.path("bin").join(shell)).unwrap();
    }
    assert_eq!(site.fail("a b", json!({})).0, "neither bash nor sh is in PATH to run this line: a b");
}
