//! Commands against a daemon of our own making: what they ask, and what they tell.

use super::fake::{Fake, Sink};
use crate::api::Request;
use crate::api::request::{Existing, Start};
use crate::api::{LogItem, OutputStream};
use crate::cli::render::Screen;
use crate::cli::render::outcome::Verb;
use crate::cli::render::progress::{Goal, Scope};
use crate::cli::session::Session;
use crate::domain::spec::Source;
use crate::domain::{AppSpec, ProcessId, Selector, Status};
use std::fs;
use std::path::Path;
use std::time::Duration;

const LIST: [(u32, &str, Status); 3] =
    [(0, "api", Status::Online), (1, "api", Status::Online), (2, "worker", Status::Stopped)];

fn started(request: &Request) -> (&[AppSpec], Existing) {
    match request {
        Request::Start(Start { apps, existing, .. }) => (apps, *existing),
        other => panic!("{other:?}"),
    }
}

/// An application file with one app, and the list of a daemon that started it before.
fn from_file(dir: &Path, file: &str) -> Fake {
    fs::write(dir.join("app.js"), "").unwrap();
    let path = dir.join("apps.json");
    fs::write(&path, file).unwrap();
    let fake = Fake::with(&LIST[..2]);
    for detail in fake.details.lock().unwrap().iter_mut() {
        detail.spec.source = Some(Source { file: path.clone(), profile: None });
        detail.spec.env.inherited = std::sync::Arc::new([("SHELL_THEN".to_owned(), "1".to_owned())].into());
    }
    fake
}

#[test]
fn stopping_tells_what_was_done_and_shows_the_list() {
    let fake = Fake::with(&LIST);
    let out = fake.run("stop all").succeeded();
    assert!(out.starts_with("stopped api (0, 1)\nwas not running: worker (2)\nid  name"), "{out}");
    assert_eq!(out.lines().filter(|line| line.contains("stopped  ")).count(), 3, "{out}");
}

#[test]
fn silence_and_json_replace_the_list() {
    let fake = Fake::with(&LIST);
    assert_eq!(fake.run("restart worker -s --as-is").succeeded(), "");
    let out = fake.run("--json stop worker").succeeded();
    let acted: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((acted.as_array().unwrap().len(), &acted[0]["name"]), (1, &"worker".into()));
    assert_eq!(fake.run("ls -s").succeeded(), "");
    assert!(fake.run("ls -m").succeeded().starts_with("+--- api\n"));
}

#[test]
fn targets_are_handled_in_turn_until_one_fails() {
    let fake = Fake::with(&LIST);
    let (message, _) = fake.run("stop api none worker").failed();
    assert_eq!(message, "nothing is called none");
    let texts: Vec<_> = fake
        .changes()
        .iter()
        .map(|request| match request {
            Request::Stop { selector, .. } => selector.text.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, ["api", "none"]);
}

#[test]
fn force_is_handed_on_whatever_it_means() {
    let fake = Fake::with(&LIST);
    for line in ["stop api --force", "restart worker -f", "restart api --kill-timeout 9s --force", "delete worker -f"] {
        fake.run(line).succeeded();
    }
    let forced = |request: &Request| match request {
        Request::Stop { force, .. } | Request::Restart { force, .. } | Request::Delete { force, .. } => *force,
        Request::Start(start) => start.force && start.existing == Existing::Restart,
        other => panic!("{other:?}"),
    };
    assert!(fake.changes().iter().all(forced), "{:?}", fake.changes());
    assert_eq!(fake.changes().len(), 4);
}

#[test]
fn starting_a_known_word_restarts_it_and_another_is_a_program() {
    let fake = Fake::with(&LIST);
    assert!(fake.run("start worker").succeeded().starts_with("started worker (2)\n"));
    assert_eq!(fake.changes(), [Request::Restart { selector: Selector::new("worker"), force: false }]);

    let fake = Fake::with(&LIST);
    assert!(fake.run("start sh --name shell -- -c true").succeeded().starts_with("started shell (3)\n"));
    let changes = fake.changes();
    let (apps, existing) = started(&changes[0]);
    assert_eq!((apps[0].name.as_str(), existing), ("shell", Existing::Refuse));
    assert_eq!(apps[0].args, ["-c", "true"]);

    let fake = Fake::with(&LIST);
    fake.run("start sh --name api -f").succeeded();
    assert_eq!(started(&fake.changes()[0]).1, Existing::Duplicate);
}

#[test]
fn starting_all_of_nothing_says_so() {
    let (message, hint) = Fake::with(&[]).run("start all").failed();
    assert!(message.contains("empty"), "{message}");
    assert!(hint.unwrap().contains("rpm start app.js"));
}

#[test]
fn a_file_starts_what_is_missing_and_restarts_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("app.js").display().to_string();
    let file = format!(r#"[{{"name": "api", "script": "{script}"}}, {{"name": "new", "script": "{script}"}}]"#);
    let fake = from_file(dir.path(), &file);
    let path = dir.path().join("apps.json").display().to_string();
    let out = fake.run(&format!("start {path}")).succeeded();
    assert!(out.starts_with("api (0, 1) changes: "), "{out}");
    assert!(out.contains("\nrestarted api (0, 1)\nstarted new (2)\n"), "{out}");
    assert_eq!(started(&fake.changes()[0]).1, Existing::Restart);

    let out = fake.run(&format!("reload {path} --only new")).succeeded();
    assert!(out.starts_with("reloaded new (2)\n"), "{out}");
    assert_eq!(started(&fake.changes()[1]).1, Existing::Reload);

    let ran = fake.run(&format!("delete {path}"));
    assert!(ran.err.is_empty(), "{}", ran.err);
    assert!(ran.succeeded().starts_with("deleted api (0, 1)\ndeleted new (2)\n"));
    let (message, _) = fake.run(&format!("stop {path}")).failed();
    assert!(message.ends_with("is in the list"), "{message}");
}

#[test]
fn a_restart_by_name_applies_what_the_file_says_now() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("app.js").display().to_string();
    let file = format!(r#"[{{"name": "api", "script": "{script}", "kill_timeout": 8000, "env": {{"A": "1"}}}}]"#);
    let fake = from_file(dir.path(), &file);
    let out = fake.run("restart api").succeeded();
    assert!(out.starts_with("api (0, 1) changes: "), "{out}");
    assert!(out.contains("kill_timeout 5000 → 8000") && out.contains("A added"), "{out}");
    let changes = fake.changes();
    let (apps, existing) = started(&changes[0]);
    assert_eq!((apps[0].stop.kill_timeout, existing), (8000, Existing::Restart));
    assert_eq!(apps[0].instances, 2, "a restart does not undo scale");
    assert_eq!(apps[0].env.inherited.keys().collect::<Vec<_>>(), ["SHELL_THEN"]);

    // Now it is as the file says, and nothing is left to tell.
    let out = fake.run("restart api").succeeded();
    assert!(out.starts_with("restarted api (0, 1)\n"), "{out}");
    assert!(matches!(&fake.changes()[1], Request::Restart { selector, .. } if selector.text == "api"));
}

#[test]
fn as_is_and_a_part_of_an_app_leave_the_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    let fake = from_file(dir.path(), "not even JSON [");
    for line in ["restart api --as-is", "reload 1"] {
        let ran = fake.run(line);
        assert_eq!(ran.err, "", "{line}");
        ran.succeeded();
    }
    let changes = fake.changes();
    assert!(matches!(&changes[0], Request::Restart { selector, .. } if selector.text == "api"));
    assert!(matches!(&changes[1], Request::Reload { selector, .. } if selector.text == "1"));
}

#[test]
fn an_unreadable_file_is_a_warning_and_the_app_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let fake = from_file(dir.path(), "[{");
    let ran = fake.run("restart api");
    assert!(ran.err.starts_with("warning: ") && ran.err.contains("stays as it was"), "{}", ran.err);
    ran.succeeded();
    assert!(matches!(&fake.changes()[0], Request::Restart { .. }));
}

#[test]
fn flags_on_a_restart_change_what_can_change() {
    let fake = Fake::with(&LIST);
    let out = fake.run("restart worker --kill-timeout 9s -- --verbose").succeeded();
    assert!(out.contains("kill_timeout 5000 → 9000") && out.contains("→ [--verbose]"), "{out}");
    let changes = fake.changes();
    let (apps, existing) = started(&changes[0]);
    assert_eq!((apps[0].stop.kill_timeout, existing), (9000, Existing::Restart));
    assert_eq!(apps[0].args, ["--verbose"]);

    let (message, _) = fake.run("restart 0 --kill-timeout 1s").failed();
    assert!(message.contains("all processes of an app"), "{message}");
    let (message, _) = fake.run("restart worker --env production").failed();
    assert!(message.contains("application file"), "{message}");
}

#[test]
fn update_env_takes_over_the_environment_of_the_caller() {
    let fake = Fake::with(&LIST);
    let out = fake.run("restart worker --update-env").succeeded();
    assert!(out.contains("more variables of the shell"), "{out}");
    let changes = fake.changes();
    let path = std::env::var("PATH").unwrap();
    assert_eq!(started(&changes[0]).0[0].env.inherited.get("PATH"), Some(&path));
}

#[test]
fn what_did_not_come_up_fails_the_command() {
    let fake = Fake::with(&LIST);
    fake.run("stop worker").succeeded();
    // Starting doesn't change a status in the fake: this app stays errored.
    let errored = Fake::with(&[(2, "worker", Status::Errored)]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("worker.js"), "").unwrap();
    let ran = errored.run(&format!("start {}/worker.js", dir.path().display()));
    assert!(ran.err.contains("error: worker (2) is errored") && ran.err.contains("rpm logs worker"), "{}", ran.err);
    assert!(ran.told_failure());
}

#[test]
fn killing_nothing_is_no_failure_and_launches_nothing() {
    let fake = Fake { absent: true, ..Fake::default() };
    assert!(fake.run("kill").succeeded().starts_with("no daemon is running"));
    assert!(fake.asked.lock().unwrap().is_empty());
    let fake = Fake::with(&LIST);
    assert_eq!(fake.run("kill").succeeded(), "stopped api (0, 1)\nthe daemon has ended\n");
}

#[test]
fn machine_readable_answers() {
    let fake = Fake::with(&LIST);
    assert_eq!(fake.run("jlist").succeeded(), "[{\"pm_id\":0}]");
    assert_eq!(fake.run("jlist -s").succeeded(), "[{\"pm_id\":0}]");
    assert_eq!(fake.run("prettylist -s").succeeded(), "[ { pm_id: 0 } ]");
    assert_eq!(fake.run("id api -s").succeeded(), "[ 0, 1 ]\n");
    assert_eq!(fake.run("id none").succeeded(), "[]\n");
    assert_eq!(fake.run("pid").succeeded(), "8000\n8001\n0\n");
    assert_eq!(fake.run("pid --json").succeeded(), "[8000,8001,0]\n");
    let env = fake.run("env 0").succeeded();
    assert!(env.starts_with("HOME: /root\n") && env.ends_with("\nnode_version: 20.20.2\n"), "{env}");
    assert_eq!(fake.run("ping").succeeded(), "{ msg: 'pong' }\n");
    let info: serde_json::Value = serde_json::from_str(&fake.run("ping --json").succeeded()).unwrap();
    assert_eq!(info["pid"], 7);
    let list: serde_json::Value = serde_json::from_str(&fake.run("ls --json --sort id:desc").succeeded()).unwrap();
    assert_eq!(list.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 1, 0]);
}

#[test]
fn what_is_unknown_fails_where_pm2_fails() {
    let fake = Fake::with(&LIST);
    for line in
        ["describe none", "stop none", "restart none", "reload none", "delete none", "reset none", "signal hup none"]
    {
        let (message, _) = fake.run(line).failed();
        assert!(message.contains("none"), "{line}: {message}");
    }
    for line in ["monitor none", "unmonitor none"] {
        let ran = fake.run(line);
        assert!(ran.err.contains("nothing is called none"), "{line}: {}", ran.err);
        ran.succeeded();
    }
    let ran = fake.run("flush none");
    assert!(ran.err.contains("nothing is called none"), "{}", ran.err);
    ran.succeeded();
    assert!(fake.run("signal bogus api").failed().0.contains("bogus"));
    assert!(fake.run("ls --sort size").failed().1.unwrap().contains("memory"));
}

#[test]
fn logs_are_told_with_their_process() {
    let line = |id, line: &str| LogItem::Line {
        id: ProcessId(id),
        name: "api".into(),
        stream: OutputStream::Out,
        line: line.into(),
        at: None,
    };
    let fake =
        Fake { logs: vec![vec![line(0, "a"), line(1, "b")], vec![LogItem::Dropped { bytes: 9 }]], ..Fake::default() };
    let out = fake.run("logs").succeeded();
    assert!(out.starts_with("0|api | a\n1|api | b\n[9b left out here"), "{out}");
    assert!(fake.run("logs --raw").succeeded().starts_with("a\nb\n["));
    assert!(fake.run("logs --json").succeeded().starts_with("{\"message\":\"a\","));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_long_shows_what_it_waits_for() {
    let fake = Fake::with(&LIST);
    let (out, err) = (Sink::default(), Sink::default());
    let screen = Screen::captured(Box::new(out.clone()), Box::new(err.clone()), false, false).live();
    let mut session = Session::new(&fake, screen, false);
    let scope = Scope::Ids((0..3).map(ProcessId).collect());
    let goal = Goal { verb: Verb::Stop, scope, total: 3, since: 0 };

    session.watched(&goal, tokio::time::sleep(Duration::from_millis(900))).await;
    assert_eq!(err.text(), "", "under a second there is nothing to see");
    session.watched(&goal, tokio::time::sleep(Duration::from_millis(1900))).await;
    assert_eq!(err.text().matches("stopping: 1 of 3, waiting for api (0, 1)").count(), 4, "{}", err.text());
    assert_eq!(out.text(), "");
}
