//! A document into the apps of it that are wanted, with the names of those that have problems.

use super::complete::{self, Origin, complete};
use super::fields::{self, Ignored};
use super::{AppOptions, ConfigError, FileOptions, Loaded, Problem, document, env_files, place};
use serde_json::Value;

/// An app of a document, before anything is looked up.
struct Written {
    /// What messages call it.
    label: String,
    options: AppOptions,
    ignored: Ignored,
}

pub(super) fn assemble(
    document: Value,
    is_package: bool,
    options: &FileOptions,
    origin: Origin<'_>,
) -> Result<Loaded, ConfigError> {
    let (objects, unsupported) = document::apps(document, is_package)?;
    let written =
        objects.iter().enumerate().map(|(index, app)| write_down(app, index)).collect::<Result<Vec<_>, _>>()?;
    let warnings = unsupported.iter().map(|part| format!("{part} is not supported yet and was ignored")).collect();
    let mut loaded = Loaded { apps: Vec::new(), warnings };
    for app in only(written, options)? {
        let Written { label, options: mut written, ignored } = app;
        lay_over(&mut written, &options.overrides, origin);
        let (spec, warnings) = complete(&written, origin).map_err(|problem| problem.of_app(&label))?;
        let warnings = told(&ignored).into_iter().chain(warnings);
        loaded.warnings.extend(warnings.map(|warning| format!("app {label}: {warning}")));
        loaded.apps.push(spec);
    }
    Ok(loaded)
}

/// Reads the fields of an app. One without name and script is called by its place in the list.
fn write_down(app: &document::App, index: usize) -> Result<Written, ConfigError> {
    let named = || app.get("name")?.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    let numbered = || (index + 1).to_string();
    let (options, ignored) = fields::read(app).map_err(|problem| problem.of_app(named().unwrap_or_else(numbered)))?;
    let label = complete::plain_name(&options).unwrap_or_else(numbered);
    Ok(Written { label, options, ignored })
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

/// What a user should know of fields that did nothing.
fn told(ignored: &Ignored) -> Vec<String> {
    let unknown = ignored.unknown.iter().map(|field| match fields::nearest(field) {
        Some(nearest) => format!("unknown field \"{field}\" was ignored; did you mean {nearest}?"),
        None => format!("unknown field \"{field}\" was ignored"),
    });
    let unsupported = (!ignored.unsupported.is_empty())
        .then(|| format!("not supported yet and ignored: {}", ignored.unsupported.join(", ")));
    unknown.chain(unsupported).collect()
}
