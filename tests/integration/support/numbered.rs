//! Apps that keep a journal of their own, and what the logs and the list say held against it.

use super::home::Home;
use super::proc::is_alive;
use super::wait::{PATIENCE, eventually, poll};
use rpm_native::api::Process;
use rpm_native::domain::Outcome;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};

/// A run of such an app, as it has told it itself. Times are hundredths of a second since boot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) began: u64,
    /// When it was asked to end, each time.
    pub(crate) asked: Vec<u64>,
    /// Lines of both streams when it came to rest.
    rest: Option<[u64; 2]>,
    pub(crate) end: Option<End>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    lines: [u64; 2],
    pub(crate) code: i32,
    pub(crate) at: u64,
}

impl Run {
    /// How many lines it has written; unknown for one that was killed, or goes on.
    fn lines(&self) -> Option<[u64; 2]> {
        self.end.map(|end| end.lines).or(self.rest)
    }
}

/// An entry of an application file; `words` as `fixtures/numbered.pl` tells them, `fields` of the app beside them.
/// However often it ends, it is started again.
pub(crate) fn numbered(name: &str, words: &str, fields: Value) -> Value {
    let mut app = json!({
        "name": name,
        "script": "numbered.pl",
        "interpreter": "perl",
        "args": format!("name={name} {words}"),
        "max_restarts": 1_000_000,
    });
    let Value::Object(fields) = fields else { panic!("{fields} are no fields") };
    app.as_object_mut().unwrap().extend(fields);
    app
}

impl Home {
    /// Starts such apps with one command.
    #[track_caller]
    pub(crate) fn start_numbered(&self, apps: &[Value]) {
        self.write("numbered.pl", include_str!("../../fixtures/numbered.pl"));
        let file = format!("{}.json", apps[0]["name"].as_str().unwrap());
        self.write(&file, json!({ "apps": apps }).to_string());
        self.rpm(["start", &file]).ok();
    }

    /// The runs that an app has had.
    #[track_caller]
    pub(crate) fn runs(&self, name: &str) -> Vec<Run> {
        let journal = fs::read_to_string(self.work().join(format!("{name}.journal"))).unwrap_or_default();
        let mut runs: Vec<Run> = Vec::new();
        // A line that is being written has no end yet.
        for line in journal.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let (kind, numbers) = line.split_once(' ').unwrap_or_else(|| panic!("{name}: {line:?}"));
            let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
            let index = numbers[0] as usize - 1;
            if runs.len() <= index {
                runs.resize(index + 1, Run::default());
            }
            let run = &mut runs[index];
            match (kind, &numbers[1..]) {
                ("begin", [pid, parent, at]) => {
                    assert_eq!(run.number, 0, "{name}: a run that began twice:\n{journal}");
                    (run.number, run.pid, run.parent, run.began) = (index as u64 + 1, *pid as i32, *parent as i32, *at);
                }
                ("asked", [at]) => run.asked.push(*at),
                ("rest", [out, err, _]) => run.rest = Some([*out, *err]),
                ("end", [out, err, code, at]) => {
                    run.end = Some(End { lines: [*out, *err], code: *code as i32, at: *at });
                }
                _ => panic!("{name}: {line:?}, two at once?\n{journal}"),
            }
        }
        runs
    }

    /// Waits until the app has begun a run after the first `known`.
    #[track_caller]
    pub(crate) fn wait_run(&self, name: &str, known: usize) -> Run {
        eventually(&format!("run {} of {name}", known + 1), || {
            self.runs(name).get(known).filter(|run| run.number != 0).cloned()
        })
    }

    /// Has all such apps stop writing; those that end are started once more, and rest then.
    #[track_caller]
    pub(crate) fn quiet<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        self.write("quiet", "");
        for name in names {
            let rests = |run: &Run| run.rest.is_some() && run.end.is_none();
            eventually(&format!("{name} rests"), || self.runs(name).last().filter(|run| rests(run)).map(|_| ()));
        }
    }

    /// Each line of each run stands in the logs once and in order.
    #[track_caller]
    pub(crate) fn check_logs(&self, name: &str) {
        let runs = self.runs(name);
        for (stream, file) in [format!("{name}-out.log"), format!("{name}-error.log")].iter().enumerate() {
            let mut wrong = String::new();
            let right = poll(PATIENCE, || self.hold(name, file, stream, &runs).map_err(|what| wrong = what).ok());
            assert!(right.is_some(), "{file}: {wrong}\n{runs:?}");
        }
    }

    /// The same of the log of both streams, whose lines are JSON.
    #[track_caller]
    pub(crate) fn check_combined_log(&self, name: &str) {
        let runs = self.runs(name);
        for (stream, kind) in STREAMS.into_iter().enumerate() {
            let mut wrong = String::new();
            let file = format!("{name}.log");
            let right = poll(PATIENCE, || self.hold(name, &file, stream, &runs).map_err(|what| wrong = what).ok());
            assert!(right.is_some(), "{file}, {kind}: {wrong}\n{runs:?}");
        }
    }

    /// Holds a log against the runs; the error says what is wrong with it.
    fn hold(&self, name: &str, file: &str, stream: usize, runs: &[Run]) -> Result<(), String> {
        let Ok(log) = File::open(self.log_path(file)) else {
            let silent = runs.iter().all(|run| run.lines().is_none_or(|lines| lines[stream] == 0));
            return if silent { Ok(()) } else { Err("it is missing".to_owned()) };
        };
        let mut reader = BufReader::with_capacity(1 << 20, log);
        let mut at = Place { runs, stream, run: 0, next: 0 };
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if reader.read_until(b'\n', &mut line).unwrap() == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            let Some(text) = undressed(&text, STREAMS[stream]) else { continue };
            let taken = match numbers(name, &text) {
                None => Err("it is none of the app's".to_owned()),
                Some((run, count)) => at.take(run, count),
            };
            taken.map_err(|what| format!("line {number}, {text:?}: {what}"))?;
        }
        at.finish(runs.len()).map_err(|what| format!("at its end: {what}"))
    }

    /// The list knows how often the app began, and how it ended last. `anew` counts the starts of it that were asked
    /// for while it was stopped: these are no restarts.
    #[track_caller]
    pub(crate) fn check_counts(&self, name: &str, anew: usize) -> Process {
        let runs = self.runs(name);
        let last = runs.iter().rev().find(|run| run.end.is_some() || !is_alive(run.pid));
        let wanted = last.map(|run| run.end.map_or(Outcome::Signal(9), |end| Outcome::Code(end.code)));
        let restarts = (runs.len() - 1 - anew) as u32;
        let found = poll(PATIENCE, || {
            let process = self.process(name);
            (process.restarts == restarts && process.exit == wanted).then_some(process)
        });
        found.unwrap_or_else(|| {
            let process = self.process(name);
            panic!("{name} has {restarts} restarts, and ended with {wanted:?}: {process:?}\n{runs:#?}")
        })
    }
}

/// As they are in JSON.
const STREAMS: [&str; 2] = ["out", "err"];

/// A line as it was before a date was put before it, or it became an object; nothing where that is of another stream.
fn undressed(line: &str, stream: &str) -> Option<String> {
    if line.starts_with('{') {
        // What is no object stays to be found wrong.
        let object: Value = serde_json::from_str(line).unwrap_or_default();
        return (object["type"] == stream || object.is_null())
            .then(|| object["message"].as_str().unwrap_or(line).to_owned());
    }
    let dated = line.split_once(": ").filter(|(date, _)| date.len() == 19 && date.starts_with("20"));
    Some(dated.map_or(line, |(_, line)| line).to_owned())
}

/// Run and number that a whole line tells.
fn numbers(name: &str, line: &str) -> Option<(u64, u64)> {
    let mut words = line.strip_suffix('\n')?.strip_prefix(name)?.strip_prefix(' ')?.split(' ');
    let numbers = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let padding = words.next()?;
    (padding.len() == 90 && padding.bytes().all(|byte| byte == b'-') && words.next().is_none()).then_some(numbers)
}

/// How far a log was found right.
struct Place<'a> {
    runs: &'a [Run],
    stream: usize,
    run: usize,
    next: u64,
}

impl Place<'_> {
    fn take(&mut self, run: u64, count: u64) -> Result<(), String> {
        self.finish(run as usize - 1)?;
        if self.runs.get(self.run).is_none_or(|known| known.number != run) || count != self.next {
            return Err(format!("the line {} of run {} is due", self.next, self.run + 1));
        }
        self.next += 1;
        Ok(())
    }

    /// Every run before the one at `until` is complete.
    fn finish(&mut self, until: usize) -> Result<(), String> {
        while self.run < until.min(self.runs.len()) {
            let run = &self.runs[self.run];
            if let Some(wanted) = run.lines().map(|lines| lines[self.stream]).filter(|wanted| *wanted != self.next) {
                return Err(format!("run {} has {} lines of {wanted}", run.number, self.next));
            }
            (self.run, self.next) = (self.run + 1, 0);
        }
        Ok(())
    }
}

/// The checks see what they are for.
mod tests {
    use super::*;

    fn run(number: u64, lines: Option<[u64; 2]>) -> Run {
        let end = lines.map(|lines| End { lines, code: 0, at: 0 });
        Run { number, end, ..Run::default() }
    }

    /// Whether a log of these lines (run, number) is right for these runs.
    fn holds(runs: &[Run], lines: &[(u64, u64)]) -> bool {
        let mut at = Place { runs, stream: 0, run: 0, next: 0 };
        lines.iter().all(|(run, count)| at.take(*run, *count).is_ok()) && at.finish(runs.len()).is_ok()
    }

    #[test]
    fn a_log_is_right_or_wrong() {
        let runs = [run(1, Some([2, 0])), run(2, Some([0, 0])), run(3, None), run(4, Some([1, 0]))];
        assert!(holds(&runs, &[(1, 0), (1, 1), (3, 0), (3, 1), (4, 0)]));
        assert!(holds(&runs, &[(1, 0), (1, 1), (4, 0)]), "of a killed run nobody knows how much");
        for wrong in [
            &[(1, 0), (3, 0), (4, 0)][..],
            &[(1, 0), (1, 1), (1, 2), (4, 0)],
            &[(1, 0), (1, 0), (1, 1), (4, 0)],
            &[(1, 1), (1, 0), (4, 0)],
            &[(1, 0), (1, 1), (2, 0), (4, 0)],
            &[(1, 0), (1, 1), (3, 1), (4, 0)],
            &[(1, 0), (1, 1)],
            &[(1, 0), (1, 1), (4, 0), (3, 0)],
            &[(1, 0), (1, 1), (4, 0), (5, 0)],
        ] {
            assert!(!holds(&runs, wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_line_is_whole_or_none() {
        let whole = format!("app 3 14 {}\n", "-".repeat(90));
        assert_eq!(numbers("app", &whole), Some((3, 14)));
        let broken = [whole.trim_end().to_owned(), whole.replacen('-', "", 1), whole.replacen("app", "ap", 1)];
        for line in broken.iter().chain(&[whole.replacen("3 ", "3 3 ", 1), whole.repeat(2)]) {
            assert_eq!(numbers("app", line), None, "{line:?}");
        }
    }

    #[test]
    fn without_a_death_they_agree() {
        let home = Home::new();
        home.start_numbered(&[
            numbered("staying", "lines=5 pause=2 errors=3", json!({})),
            numbered("coming", "lines=2 bursts=9 errors=2 code=run", json!({})),
            numbered("deaf", "deaf=1", json!({"kill_timeout": 200})),
        ]);
        for run in 0..5 {
            home.wait_run("coming", run);
        }
        home.wait_run("deaf", 0);
        home.rpm(["restart", "deaf"]).ok();
        home.quiet(["staying", "coming", "deaf"]);
        for name in ["staying", "coming", "deaf"] {
            home.check_counts(name, 0);
            home.check_logs(name);
        }
        assert_eq!(home.process("deaf").exit, Some(Outcome::Signal(9)));
        assert!(home.process("coming").restarts >= 4);
    }
}
