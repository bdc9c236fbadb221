//! A document into the apps of it that are wanted, with all that is wrong or odd in them.

use super::apply::{self, Leftover};
use super::complete::{self, Origin, complete};
use super::error::visible;
use super::places::{Document, Places, below};
use super::{AppOptions, Fault, FileOptions, Notice, Problem, Report, document, env_files, place};
use crate::domain::order;

/// An app of a document, before anything is looked up.
struct Written {
    /// What messages call it.
    label: String,
    pointer: String,
    options: AppOptions,
    leftover: Leftover,
}

pub(super) fn assemble(document: Document, is_package: bool, options: &FileOptions, origin: Origin<'_>) -> Report {
    let Document { value, places } = document;
    let parts = match document::parts(value, is_package) {
        Ok(parts) => parts,
        Err(problem) => return problem.into(),
    };
    let apps = parts.apps.into_iter().enumerate();
    let written: Vec<_> = apps.map(|(index, (pointer, app))| write_down(&app, pointer, index)).collect();
    let mut report = Report::default();
    report.faults.extend(parts.wrong.into_iter().map(|(at, fault)| Fault { line: places.line(&at), ..fault }));
    report.notices.extend(parts.unsupported.iter().map(|part| Notice {
        app: None,
        line: places.line(&below("", part)),
        message: format!("{part} is not supported yet and was ignored"),
    }));
    match only(written, options) {
        Ok(wanted) => wanted.into_iter().for_each(|app| one(app, options, origin, &places, &mut report)),
        Err(problem) => report.faults.push(problem.into()),
    }
    if let Some(cycle) = order::cycle(&order::graph(&report.apps)) {
        report.faults.push(Problem::Cycle { cycle }.into());
    }
    report.sorted()
}

/// Makes one app, or tells all that keeps it from being made.
fn one(app: Written, options: &FileOptions, origin: Origin<'_>, places: &Places, report: &mut Report) {
    let Written { label, pointer, options: mut written, leftover } = app;
    let label = visible(&label);
    let line = |key: &str| places.line(&below(&pointer, key));
    let notice = |line, message| Notice { app: Some(label.clone()), line, message };
    for (key, message) in told(&leftover) {
        report.notices.push(notice(line(key), message));
    }
    lay_over(&mut written, &options.overrides, origin);
    // What its script is, and where, cannot be told from fields that are wrong themselves.
    let is_open = leftover.wrong.iter().any(|(key, _)| {
        apply::find(key).is_some_and(|field| ["script", "cwd", "exec_interpreter", "env"].contains(&field.name))
    });
    let fault = |line, problem| Fault { app: Some(label.clone()), line, problem };
    let wrong = leftover.wrong.into_iter();
    report.faults.extend(wrong.map(|(key, problem)| fault(line(&key), problem)));
    if is_open {
        return;
    }
    match complete(&written, origin) {
        Ok((spec, warnings)) => {
            report.notices.extend(warnings.into_iter().map(|message| notice(places.line(&pointer), message)));
            report.apps.push(spec);
        }
        Err(problem) => {
            let at = problem
                .field()
                .and_then(|field| apply::spellings(apply::find(field)?).iter().find_map(|key| line(key)));
            report.faults.push(fault(at.or_else(|| places.line(&pointer)), problem));
        }
    }
}

/// Reads the fields of an app. One without name and script is called by its place in the list.
fn write_down(app: &document::App, pointer: String, index: usize) -> Written {
    let (options, leftover) = apply::read(app);
    let label = complete::plain_name(&options).unwrap_or_else(|| (index + 1).to_string());
    Written { label, pointer, options, leftover }
}

/// The apps that `--only` names, by the name as written or as it becomes.
fn only(written: Vec<Written>, options: &FileOptions) -> Result<Vec<Written>, Problem> {
    if options.only.is_empty() {
        return Ok(written);
    }
    let profile = options.profile.as_deref();
    let is_called = |app: &Written, name: &String| app.label == *name || complete::name(&app.options, profile) == *name;
    if let Some(name) = options.only.iter().find(|name| !written.iter().any(|app| is_called(app, name))) {
        let known = written.into_iter().map(|app| app.label).collect();
        return Err(Problem::NoSuchApp { name: name.clone(), known });
    }
    Ok(written.into_iter().filter(|app| options.only.iter().any(|name| is_called(app, name))).collect())
}

/// Puts the flags of a command over an app of a file. Paths among them are seen from the caller's.
fn lay_over(app: &mut AppOptions, flags: &AppOptions, origin: Origin<'_>) {
    let mut flags = flags.clone();
    if app.namespace.is_some() {
        flags.namespace = None;
    }
    flags.cwd =
        flags.cwd.map(|cwd| place::absolute(&cwd, &origin.caller.cwd, origin.caller).to_string_lossy().into_owned());
    let seen = |file: &String| env_files::from_caller(file, origin.caller);
    flags.env_file = flags.env_file.map(|files| files.iter().map(seen).collect());
    app.overlay(flags);
}

/// What a user should know of fields that did nothing, each with the key that it is about.
pub(super) fn told(leftover: &Leftover) -> Vec<(&str, String)> {
    let unknown = leftover.unknown.iter().map(|field| match apply::nearest(field) {
        Some(nearest) => (field, format!("unknown field \"{}\" was ignored; did you mean {nearest}?", visible(field))),
        None => (field, format!("unknown field \"{}\" was ignored", visible(field))),
    });
    unknown.map(|(key, message)| (key.as_str(), message)).collect()
}
