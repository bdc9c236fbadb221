//! Application files of the shapes that projects have, written after none of them in particular: each is started as its users
//! would, and does what they expect.

use crate::support::{Home, Program, eventually, get};
use rpm_native::domain::Status;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A directory of `fixtures/ecosystems`, copied to where it may be written in.
struct Project {
    home: Home,
    directory: PathBuf,
}

impl Project {
    fn new(name: &str) -> Self {
        let home = Home::new();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ecosystems");
        let directory = home.work().join(name);
        copy(&fixtures.join(name), &directory);
        fs::copy(fixtures.join("tell.js"), home.work().join("tell.js")).unwrap();
        Self { home, directory }
    }

    /// Started as it stands there.
    #[track_caller]
    fn started(name: &str, args: &[&str]) -> Self {
        let project = Self::new(name);
        project.run(&[&["start"], args].concat());
        project
    }

    #[track_caller]
    fn run(&self, args: &[&str]) {
        self.home.command(args.iter().copied()).cwd(&self.directory).env("SECRET_KEY", "x").run().ok();
    }

    #[track_caller]
    fn elements(&self, name: &str) -> Vec<Value> {
        let found: Vec<_> = self.home.jlist().into_iter().filter(|element| element["name"] == name).collect();
        assert!(!found.is_empty(), "there is no {name}");
        found
    }

    #[track_caller]
    fn pm2_env(&self, name: &str) -> Value {
        self.elements(name)[0]["pm2_env"].clone()
    }

    fn log(&self, name: &str) -> String {
        let path = self.pm2_env(name)["pm_out_log_path"].as_str().unwrap().to_owned();
        fs::read_to_string(path).unwrap_or_default()
    }

    /// What so many runs of an app have told of themselves, in any order.
    #[track_caller]
    fn all_told(&self, name: &str, count: usize) -> Vec<Value> {
        eventually(&format!("{count} runs of {name} tell of themselves"), || {
            let mut logs: Vec<String> =
                self.elements(name).iter().map(|element| element["pm2_env"]["pm_out_log_path"].to_string()).collect();
            logs.dedup();
            let text: String = logs.iter().filter_map(|log| fs::read_to_string(log.trim_matches('"')).ok()).collect();
            let told: Vec<Value> =
                text.lines().filter_map(|line| serde_json::from_str(line.split_once("told ")?.1).ok()).collect();
            (told.len() == count).then_some(told)
        })
    }

    #[track_caller]
    fn told(&self, name: &str) -> Value {
        self.all_told(name, 1).remove(0)
    }

    #[track_caller]
    fn port(&self, name: &str) -> u16 {
        eventually("a port", || self.log(name).lines().find_map(|line| line.split_once("port ")?.1.parse().ok()))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn is_there(program: &str) -> bool {
    let found = Program::new("sh").args(["-c", &format!("command -v {program}")]).run().code() == Some(0);
    if !found {
        eprintln!("skipped: there is no {program}");
    }
    found
}

#[test]
fn the_smallest_one() {
    let project = Project::started("01-smallest", &[]);
    assert_eq!(project.home.process("tell").status, Status::Online);
    assert_eq!(project.told("tell")["args"], json!([]));
    assert_eq!(project.told("tell")["cwd"], json!(fs::canonicalize(&project.directory).unwrap()));
}

#[test]
fn one_with_a_deploy_section() {
    let project = Project::started("02-with-deploy", &["ecosystem.config.js", "--env", "production"]);
    let told = project.told("API");
    assert_eq!((&told["args"], &told["env"]["NODE_ENV"]), (&json!(["one", "two"]), &json!("production")));
    let env = project.pm2_env("API");
    assert_eq!((&env["max_memory_restart"], &env["exec_mode"]), (&json!(1 << 30), &json!("cluster_mode")));
    project.run(&["reload", "ecosystem.config.js"]);
    assert_eq!(project.home.process("API").restarts, 1);
}

#[test]
fn a_monorepo_under_one_namespace() {
    let project = Project::started("03-monorepo", &["ecosystem.config.js"]);
    for (name, version) in [("web", "2.0.0"), ("worker", "2.1.0"), ("mailer", "2.2.0")] {
        let told = project.told(&format!("shop-{name}"));
        let cwd = fs::canonicalize(project.directory.join("packages").join(name)).unwrap();
        assert_eq!((&told["cwd"], &told["env"]["SERVICE"]), (&json!(cwd), &json!(name)));
        assert_eq!(project.pm2_env(&format!("shop-{name}"))["version"], version);
    }
    assert_eq!(get(project.port("shop-web"), "/").unwrap().status, 200);
    project.run(&["restart", "shop"]);
    assert!(project.home.list().iter().all(|process| process.restarts == 1 && process.namespace == "shop"));
    project.run(&["start", "ecosystem.config.js", "--only", "shop-worker,shop-mailer"]);
    let restarts: Vec<u32> = project.home.list().iter().map(|process| process.restarts).collect();
    assert_eq!(restarts, [2, 1, 2], "of mailer, web and worker");
}

#[test]
fn a_cluster_a_schedule_and_a_watched_app() {
    let project = Project::started("04-cluster-cron-watch", &["ecosystem.config.js"]);
    assert_eq!(project.home.wait_listening("site", 2), project.port("site"));
    assert!(project.home.process("nightly").next_run.is_some());
    eventually("its files are watched", || project.home.describe("dev")[0]["watch"]["directories"].as_u64());
    assert_eq!(project.pm2_env("dev")["ignore_watch"], json!(["node_modules", "src/*.log"]));
    fs::write(project.directory.join("src/part.js"), "// changed").unwrap();
    project.home.wait_until("dev", |process| process.restarts == 1);
    project.run(&["reload", "site"]);
    assert!(project.home.named("site").iter().all(|process| process.status == Status::Online));
    assert_eq!(get(project.port("site"), "/").unwrap().status, 200);
}

#[test]
fn profiles_in_a_name_from_package_json() {
    let project = Project::started("05-profiles", &["ecosystem.config.js", "--env", "staging"]);
    let env = &project.told("profiled-staging")["env"];
    assert_eq!(
        (&env["LEVEL"], &env["RETRIES"], &env["FLAGS"]),
        (&json!("info"), &json!("3"), &json!(r#"{"beta":true}"#))
    );
    let shown = project.pm2_env("profiled-staging");
    assert_eq!((&shown["RETRIES"], &shown["version"]), (&json!(3), &json!("0.3.1")));
    project.run(&["start", "ecosystem.config.js", "--env", "production"]);
    assert_eq!(project.told("profiled-production")["env"]["RETRIES"], "5");
}

#[test]
fn typescript_by_a_loader() {
    let project = Project::started("06-ts-node", &["ecosystem.config.js"]);
    let told = project.told("typed");
    assert_eq!(told["env"]["GREETING"], "typed");
    assert_eq!(told["execArgv"], json!(["-r", "./register.js"]));
}

#[test]
fn workers_in_python() {
    if !is_there("python3") {
        return;
    }
    let project = Project::started("07-python-workers", &["ecosystem.config.json"]);
    let told = project.all_told("celery", 3);
    for one in &told {
        assert_eq!(one["args"], json!(["--queue", "mail", "--concurrency=2"]));
        assert_eq!(one["env"]["BROKER"], "redis://localhost:6379/0");
    }
    let mut instances: Vec<_> = told.iter().map(|one| one["env"]["NODE_APP_INSTANCE"].to_string()).collect();
    instances.sort();
    assert_eq!(instances, ["\"0\"", "\"1\"", "\"2\""]);
    assert_eq!(project.pm2_env("celery")["exec_mode"], "fork_mode");
}

#[test]
fn arguments_as_text_and_as_lists() {
    let project = Project::started("08-args", &["ecosystem.config.js"]);
    let args = |name: &str| project.told(name)["args"].clone();
    assert_eq!(args("text"), json!(["serve", "--title", "two words", "--filter=\"a b\"", "-p", "80"]));
    assert_eq!(args("list"), json!(["serve", "--title", "two words", "--", "-x"]));
    assert_eq!(args("number"), json!(["--port", "8080"]));
    assert_eq!(project.told("node")["execArgv"], json!(["--max-old-space-size=256", "--no-warnings"]));
}

#[test]
fn yaml() {
    let project = Project::started("09-yaml", &["process.yml"]);
    for told in project.all_told("yaml-app", 2) {
        let env = &told["env"];
        assert_eq!((&env["NODE_ENV"], &env["PORT"], &env["EMPTY"]), (&json!("staging"), &json!("3000"), &json!("")));
    }
    let env = &project.told("yaml-other")["env"];
    assert_eq!((&env["NODE_ENV"], &env["OTHER"]), (&json!("production"), &json!("yes")));
}

#[test]
fn apps_of_a_package_json() {
    let project = Project::started("10-package", &["package.json"]);
    assert_eq!(project.told("packaged")["env"]["FROM"], "package.json");
    assert_eq!(project.pm2_env("packaged")["version"], "7.1.0");
}

#[test]
fn json_that_is_javascript() {
    let project = Project::started("11-comments", &["process.json"]);
    project.told("old");
    let env = project.pm2_env("old");
    assert_eq!((&env["min_uptime"], &env["max_restarts"]), (&json!(20_000), &json!(7)));
    assert_eq!(env["pm_out_log_path"], json!(project.directory.join("logs/out.log")));
    let pid_file = project.directory.join(format!("logs/app-{}.pid", env["pm_id"]));
    assert_eq!(fs::read_to_string(pid_file).unwrap(), project.home.pid("old").to_string());
}

#[test]
fn scripts_of_npm() {
    let project = Project::started("12-npm", &["ecosystem.config.js"]);
    assert_eq!(project.told("run")["args"], json!(["from-package", "--flag"]));
    assert_eq!(get(project.port("next"), "/").unwrap().status, 200);
    project.run(&["stop", "all"]);
    assert!(get(project.port("next"), "/").is_err(), "nothing of it is left");
}

#[test]
fn lines_for_a_shell_and_programs() {
    let project = Project::started("13-shell", &["ecosystem.config.js"]);
    let line = project.told("line");
    assert_eq!((&line["args"], &line["env"]["FROM"]), (&json!(["via", "shell"]), &json!("line")));
    assert_eq!(project.told("bash")["args"], json!(["a", "b"]));
    assert_eq!(project.pm2_env("binary")["exec_interpreter"], "none");
    assert!(project.home.list().iter().all(|process| process.status == Status::Online));
}

#[test]
fn modules() {
    let project = Project::started("14-modules", &["ecosystem.config.mjs"]);
    for name in ["one", "two"] {
        assert_eq!(project.told(&format!("esm-{name}"))["args"], json!([name]));
    }
}

#[test]
fn commonjs_in_a_package_of_modules() {
    let project = Project::started("15-commonjs", &[]);
    assert_eq!(project.told("cjs")["args"], json!([]));
    let env = project.pm2_env("cjs");
    assert_eq!((&env["version"], env["exec_interpreter"].as_str().unwrap().starts_with('/')), (&json!("3.0.0"), true));
}

#[test]
fn a_port_for_each_instance() {
    let project = Project::started("16-ports", &["ecosystem.config.js"]);
    let told = project.all_told("ports", 3);
    let mut seen: Vec<_> = told
        .iter()
        .map(|one| format!("{} {}", one["env"]["PORT"].as_str().unwrap(), one["env"]["INSTANCE_ID"].as_str().unwrap()))
        .collect();
    seen.sort();
    assert_eq!(seen, ["3000 0", "3001 1", "3002 2"]);
    assert!(told.iter().all(|one| one["env"].get("NODE_APP_INSTANCE").is_none()));
    let shown: Vec<_> = project.elements("ports").iter().map(|one| one["pm2_env"]["PORT"].clone()).collect();
    assert_eq!(shown, [3000, 3001, 3002]);
}

#[test]
fn what_ends_and_what_is_not_started() {
    let project = Project::new("17-jobs");
    // Something in it fails, and the command may say so.
    project.home.command(["start", "ecosystem.config.js"]).cwd(&project.directory).run();
    let crashes = project.home.wait_status("crashes", Status::Errored);
    assert_eq!(crashes.restarts, 2);
    for name in ["migrate", "done"] {
        assert_eq!(project.home.wait_status(name, Status::Stopped).restarts, 0);
    }
    assert_eq!(
        (&project.pm2_env("done")["exit_code"], &project.pm2_env("done")["stop_exit_codes"]),
        (&json!(7), &json!([0, 7]))
    );
    let later = project.home.process("later");
    assert_eq!((later.status, later.started_at, later.exit), (Status::Stopped, None, None));
    assert_eq!(project.pm2_env("later")["autostart"], false);
}

#[test]
fn asked_to_leave_in_its_own_way() {
    let project = Project::started("18-graceful", &["ecosystem.config.js"]);
    for name in ["by-signal", "by-message"] {
        eventually("it runs", || project.log(name).contains("runs").then_some(()));
    }
    project.run(&["stop", "all"]);
    assert!(project.log("by-signal").contains("left by SIGINT"));
    assert!(project.log("by-message").contains("left by message"));
    assert_eq!(project.pm2_env("by-signal")["kill_timeout"], 10_000);
}

#[test]
fn every_spelling_of_a_field() {
    let project = Project::started("19-spellings", &["ecosystem.config.js"]);
    project.told("spelled");
    let env = project.pm2_env("spelled");
    for (field, expected) in [
        ("node_args", json!(["--no-warnings"])),
        ("max_memory_restart", json!(250 << 20)),
        ("kill_timeout", json!(2500)),
        ("max_restarts", json!(4)),
        ("merge_logs", json!(true)),
        ("exec_mode", json!("fork_mode")),
        ("pm_out_log_path", json!(project.directory.join("spelled-out.log"))),
        ("pm_err_log_path", json!(project.directory.join("spelled-err.log"))),
    ] {
        assert_eq!(env[field], expected, "{field}");
    }
}

#[test]
fn one_that_is_computed() {
    let project = Project::started("20-computed", &["ecosystem.config.js"]);
    for told in project.all_told("gateway", 2) {
        assert_eq!(told["env"]["UPSTREAM"], "http://localhost:8080");
        assert_eq!(told["env"].get("SECRET_KEY"), None, "its filter is applied");
    }
    let hooks = project.pm2_env("hooks");
    assert_eq!(
        (&hooks["namespace"], &hooks["RETRY"], &hooks["filter_env"]),
        (&json!("edge"), &json!(false), &json!(["SECRET_"]))
    );
    assert_eq!((&hooks["vizion"], &hooks["pmx"]), (&json!(false), &json!(false)));
    assert_eq!(project.told("hooks")["env"]["RETRY"], "false");
}
