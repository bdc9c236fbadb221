//! Commands on real processes, sent without waiting for each other, in any order and at any moment.

use super::*;
use crate::api::request::Start as StartRequest;
use crate::api::{Process, Request, Response};
use crate::domain::spec::{Interpreter, Mode, Program};
use crate::domain::{AppSpec, Selector};
use crate::supervisor::Handle;
use crate::supervisor::resume::tests::{TestHome, list};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinHandle;

type Answer = Result<Response, ApiError>;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Sleeper,
    /// Minds no SIGINT.
    Deaf,
    /// Ends by itself, again and again.
    Crasher,
}

fn app(program: Kind, mode: Mode) -> AppSpec {
    let line = match program {
        Kind::Sleeper => "exec sleep 1000",
        Kind::Deaf => "trap '' INT; exec sleep 1000",
        Kind::Crasher => "exit 1",
    };
    let shell = Program { path: "/bin/sh".into(), interpreter: Interpreter::None, interpreter_args: Vec::new() };
    let mut spec = AppSpec::new("a", shell);
    spec.args = vec!["-c".into(), line.into()];
    spec.mode = mode;
    spec.stop.kill_timeout = 30;
    // A replacement that has stayed up for so long is ready.
    spec.restart.min_uptime = 5;
    spec.restart.max_restarts = 1_000_000;
    spec.restart.restart_delay = 10;
    spec
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Verb {
    Start,
    Stop,
    Restart,
    Reload,
    Delete,
    Scale(i32),
    Signal,
    Reset,
}

fn verbs() -> impl Strategy<Value = Verb> {
    prop_oneof![
        3 => Just(Verb::Start),
        3 => Just(Verb::Stop),
        3 => Just(Verb::Restart),
        4 => Just(Verb::Reload),
        1 => Just(Verb::Delete),
        2 => (1..4i32).prop_map(Verb::Scale),
        1 => Just(Verb::Signal),
        1 => Just(Verb::Reset),
    ]
}

fn request(verb: Verb, spec: &AppSpec) -> Request {
    let selector = Selector::new("a");
    match verb {
        Verb::Start => {
            Request::Start(StartRequest { apps: vec![spec.clone()], existing: Existing::Restart, force: false })
        }
        Verb::Stop => Request::Stop { selector, force: false },
        Verb::Restart => Request::Restart { selector, force: false },
        Verb::Reload => Request::Reload { selector },
        Verb::Delete => Request::Delete { selector, force: false },
        Verb::Scale(count) => Request::Scale { name: "a".into(), count, relative: false },
        Verb::Signal => Request::Signal { selector, signal: libc::SIGUSR1 },
        Verb::Reset => Request::Reset { selector },
    }
}

/// Our children that have not ended.
fn living() -> usize {
    let me = std::process::id().to_string();
    let stat =
        |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok();
    let lives = |stat: &String| {
        let mut fields = stat.rsplit(')').next().unwrap().split_whitespace();
        fields.next() != Some("Z") && fields.next() == Some(&me)
    };
    std::fs::read_dir("/proc").unwrap().filter_map(stat).filter(lives).count()
}

/// What is seen on the way.
#[derive(Default)]
struct Watch {
    is_reset: bool,
    restarts: BTreeMap<ProcessId, u32>,
}

impl Watch {
    fn look(&mut self, list: &[Process], most: usize) -> Result<(), TestCaseError> {
        for process in list {
            let before = self.restarts.insert(process.id, process.restarts).unwrap_or(0);
            prop_assert!(
                self.is_reset || process.restarts >= before,
                "{} restarts of {} were {before}",
                process.restarts,
                process.id
            );
        }
        // One current and one outgoing of each.
        let living = living();
        prop_assert!(living <= 2 * most, "{living} processes of {most}");
        Ok(())
    }
}

/// Each is answered, with what is in the table.
async fn answers(calls: Vec<(Verb, JoinHandle<Answer>)>) -> Result<Vec<(Verb, Answer)>, TestCaseError> {
    let mut answers = Vec::new();
    for (verb, call) in calls {
        let Ok(answer) = tokio::time::timeout(PATIENCE, call).await else {
            return Err(TestCaseError::fail(format!("{verb:?} is not answered")));
        };
        let answer = answer.unwrap();
        if let Err(error) = &answer {
            let known = match verb {
                Verb::Stop | Verb::Restart => matches!(error.code, Code::Superseded | Code::NotFound),
                Verb::Start => matches!(error.code, Code::Superseded),
                Verb::Reload => matches!(
                    error.code,
                    Code::Superseded | Code::NotFound | Code::ReloadInProgress | Code::ReloadFailed
                ),
                Verb::Scale(_) => matches!(error.code, Code::Superseded | Code::NotFound | Code::SameSize),
                // It may not run just now.
                Verb::Signal => matches!(error.code, Code::NotFound | Code::Invalid),
                Verb::Delete | Verb::Reset => error.code == Code::NotFound,
            };
            prop_assert!(known, "{verb:?} is answered by {error:?}");
        }
        answers.push((verb, answer));
    }
    Ok(answers)
}

/// The end is what was asked for last; a reload or scale leaves alone what is stopped.
fn check_end(program: Kind, answers: &[(Verb, Answer)], list: &[Process]) -> Result<(), TestCaseError> {
    let decides = |verb: &Verb| !matches!(verb, Verb::Signal | Verb::Reset);
    let Some((verb, answer)) = answers.iter().rev().find(|(verb, _)| decides(verb)) else { return Ok(()) };
    // A signal ends it too.
    let crashes = program == Kind::Crasher || answers.iter().any(|(verb, _)| matches!(verb, Verb::Signal));
    let runs = |process: &Process| process.status == Status::Online || crashes && process.status != Status::Stopped;
    match verb {
        Verb::Delete => prop_assert!(list.is_empty(), "{list:?}"),
        Verb::Stop => prop_assert!(list.iter().all(|process| process.status == Status::Stopped), "{list:?}"),
        Verb::Start => prop_assert!(!list.is_empty() && list.iter().all(runs), "{answer:?} {list:?}"),
        Verb::Restart => prop_assert!(list.iter().all(runs), "{answer:?} {list:?}"),
        Verb::Reload if answer.is_ok() => prop_assert!(list.iter().all(runs), "{list:?}"),
        Verb::Scale(count) if answer.is_ok() => prop_assert_eq!(list.len(), *count as usize),
        _ => {}
    }
    let alive = list.iter().filter(|process| process.pid.is_some()).count();
    prop_assert!(crashes || living() == alive, "{} live: {list:?}", living());
    Ok(())
}

fn play(program: Kind, mode: Mode, steps: &[(Verb, u64)]) -> Result<(), TestCaseError> {
    let spec = app(program, mode);
    let home = TestHome::new();
    home.generation(async |_, handle: Handle| {
        handle.call(request(Verb::Start, &spec), None).await.unwrap();
        let (mut calls, mut watch, mut most) = (Vec::new(), Watch::default(), 1);
        for (verb, pause) in steps {
            if let Verb::Scale(count) = verb {
                most = most.max(*count as usize);
            }
            let (door, request) = (handle.clone(), request(*verb, &spec));
            calls.push((*verb, tokio::task::spawn_local(async move { door.call(request, None).await })));
            // Counters, and ids, may begin anew.
            watch.is_reset |= matches!(verb, Verb::Reset | Verb::Delete);
            // Often none: it comes while the one before is on its way.
            tokio::time::sleep(Duration::from_millis(pause.saturating_sub(20))).await;
            watch.look(&list(&handle).await, 2 * most)?;
        }
        let answers = answers(calls).await?;
        check_end(program, &answers, &list(&handle).await)
    })
}

fn steps(most: usize) -> impl Strategy<Value = Vec<(Verb, u64)>> {
    prop::collection::vec((verbs(), 0..45u64), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_meets_is_answered_and_the_last_word_counts(
        program in prop_oneof![2 => Just(Kind::Sleeper), 1 => Just(Kind::Deaf), 1 => Just(Kind::Crasher)],
        cluster: bool,
        steps in steps(14),
    ) {
        play(program, if cluster { Mode::Cluster } else { Mode::Fork }, &steps)?;
    }
}

/// The stop comes while the first worker is replaced: the second one must not be.
#[test]
fn a_stop_ends_a_reload_that_has_more_to_do() {
    let spec = app(Kind::Deaf, Mode::Cluster);
    let home = TestHome::new();
    home.generation(async |world, handle: Handle| {
        handle.call(request(Verb::Start, &spec), None).await.unwrap();
        handle.call(request(Verb::Scale(2), &spec), None).await.unwrap();
        let call = |verb| {
            let (door, request) = (handle.clone(), request(verb, &spec));
            tokio::task::spawn_local(async move { door.call(request, None).await })
        };
        let reload = call(Verb::Reload);
        // The first one has its replacement, and the old one is on its way out.
        while world.registry.borrow().get(ProcessId(0)).unwrap().handle.observed().state.restarts == 0 {
            tokio::task::yield_now().await;
        }
        handle.call(request(Verb::Stop, &spec), None).await.unwrap();
        assert_eq!(reload.await.unwrap().unwrap_err().code, Code::Superseded);
        let list = list(&handle).await;
        assert!(list.iter().all(|process| process.status == Status::Stopped && process.pid.is_none()), "{list:?}");
        assert_eq!(living(), 0);
    });
}

#[test]
fn a_start_waits_for_a_delete_that_is_on_its_way() {
    let spec = app(Kind::Deaf, Mode::Fork);
    let home = TestHome::new();
    home.generation(async |_, handle: Handle| {
        handle.call(request(Verb::Start, &spec), None).await.unwrap();
        let (one, two) = tokio::join!(
            handle.call(request(Verb::Delete, &spec), None),
            handle.call(request(Verb::Start, &spec), None)
        );
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        let list = list(&handle).await;
        assert_eq!((list.len(), list[0].status, living()), (1, Status::Online, 1), "{list:?}");
    });
}
