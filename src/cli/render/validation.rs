//! What `validate` found: for eyes, and for programs.

use super::Screen;
use super::text::clean;
use crate::cli::failure::Failure;
use crate::config::{Fault, Notice, Report};
use crate::domain::AppSpec;
use crate::domain::spec::{Interpreter, Mode};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Debug, Serialize)]
pub(crate) struct Validation<'a> {
    file: &'a str,
    pub(crate) valid: bool,
    apps: Vec<App<'a>>,
    problems: Vec<Remark<'a>>,
    warnings: Vec<Remark<'a>>,
}

/// An app as `start` would run it. No variables: they may be secret.
#[derive(Debug, Serialize)]
struct App<'a> {
    name: &'a str,
    namespace: &'a str,
    mode: Mode,
    instances: u32,
    script: &'a PathBuf,
    /// `None` where the script is executed itself.
    interpreter: Option<&'a str>,
    cwd: &'a PathBuf,
    /// Fields that are kept and do nothing.
    without_effect: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct Remark<'a> {
    app: Option<&'a str>,
    line: Option<u64>,
    message: String,
    hint: Option<String>,
}

impl<'a> Validation<'a> {
    pub(crate) fn of(file: &'a str, report: &'a Report) -> Self {
        Self {
            file,
            valid: report.faults.is_empty(),
            apps: report.apps.iter().map(App::of).collect(),
            problems: report.faults.iter().map(Remark::of_fault).collect(),
            warnings: report.notices.iter().map(Remark::of_notice).collect(),
        }
    }
}

impl<'a> App<'a> {
    fn of(spec: &'a AppSpec) -> Self {
        Self {
            name: &spec.name,
            namespace: &spec.namespace,
            mode: spec.mode,
            instances: spec.instances,
            script: &spec.program.path,
            interpreter: match &spec.program.interpreter {
                Interpreter::None => None,
                Interpreter::Named(name) => Some(name),
            },
            cwd: &spec.cwd,
            without_effect: spec.recorded.keys().map(String::as_str).collect(),
        }
    }

    /// `api: 4 cluster workers of node /srv/app.js`.
    fn line(&self) -> String {
        let mut line = format!("  {}: ", clean(self.name));
        let what = match (self.mode, self.instances) {
            (Mode::Fork, 1) => "1 process of".to_owned(),
            (Mode::Fork, many) => format!("{many} processes of"),
            (Mode::Cluster, 1) => "1 cluster worker of".to_owned(),
            (Mode::Cluster, many) => format!("{many} cluster workers of"),
        };
        line.push_str(&what);
        for part in self.interpreter.into_iter().chain([&*self.script.to_string_lossy()]) {
            _ = write!(line, " {}", clean(part));
        }
        if !self.without_effect.is_empty() {
            _ = write!(line, "; without effect: {}", self.without_effect.join(", "));
        }
        line.push('\n');
        line
    }
}

impl<'a> Remark<'a> {
    fn of_fault(fault: &'a Fault) -> Self {
        let problem = &fault.problem;
        Self { app: fault.app.as_deref(), line: fault.line(), message: problem.to_string(), hint: problem.hint() }
    }

    fn of_notice(notice: &'a Notice) -> Self {
        Self { app: notice.app.as_deref(), line: notice.line, message: notice.message.clone(), hint: None }
    }

    fn text(&self, file: &str) -> String {
        let mut text = format!("{file}: ");
        // Some problems say it themselves, with the column.
        if let Some(line) = self.line.filter(|_| !self.message.starts_with("line ")) {
            _ = write!(text, "line {line}: ");
        }
        if let Some(app) = self.app {
            _ = write!(text, "app {app}: ");
        }
        text.push_str(&self.message);
        text
    }
}

/// Problems and warnings to standard error, the apps and the sum to standard output.
pub(crate) fn tell(screen: &mut Screen, validation: &Validation<'_>) -> Result<(), Failure> {
    for problem in &validation.problems {
        screen.error(&problem.text(validation.file), problem.hint.as_deref());
    }
    for warning in &validation.warnings {
        screen.warn(&warning.text(validation.file));
    }
    let apps: String = validation.apps.iter().map(App::line).collect();
    let verdict = match validation.problems.len() {
        0 => format!("{} is valid: {}", validation.file, count(validation.apps.len(), "app")),
        problems => format!("{} is not valid: {}", validation.file, count(problems, "problem")),
    };
    let warnings = match validation.warnings.len() {
        0 => String::new(),
        warnings => format!(", {}", count(warnings, "warning")),
    };
    screen.say(&format!("{verdict}{warnings}\n{apps}"))
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
