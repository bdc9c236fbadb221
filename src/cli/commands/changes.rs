//! What differs between two specs of an app, in words. Values of variables are never told: they may be secrets.

use crate::domain::AppSpec;
use crate::domain::spec::Environment;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many variables of the shell are named before the rest is counted.
const NAMED: usize = 5;

/// What every shell has otherwise, and nobody cares about.
const OF_EACH_SHELL: [&str; 4] = ["_", "OLDPWD", "PWD", "SHLVL"];

/// Fields of a spec that no process is another for.
const OF_NO_EFFECT: [&str; 4] = ["source", "username", "recorded", "given"];

/// Empty when nothing differs.
pub(super) fn between(old: &AppSpec, new: &AppSpec) -> Vec<String> {
    let mut changes = settings(old, new);
    changes.extend(named(&own_variables(&old.env, &new.env)));
    let shell = variables(&old.env.inherited, &new.env.inherited).filter(|(name, _)| !OF_EACH_SHELL.contains(name));
    let mut shell: Vec<_> = named(&shell.collect::<Vec<_>>()).collect();
    if shell.len() > NAMED {
        let more = format!("and {} more variables of the shell", shell.len() - NAMED);
        shell.truncate(NAMED);
        shell.push(more);
    }
    changes.extend(shell);
    changes
}

/// Variables of two shells that differ, as far as anybody cares.
pub(super) fn of_shell(old: &Environment, new: &Environment) -> Option<String> {
    let differ = variables(&old.inherited, &new.inherited).filter(|(name, _)| !is_of_a_terminal(name));
    let mut differ: Vec<_> = named(&differ.collect::<Vec<_>>()).collect();
    if differ.len() > NAMED {
        let more = format!("and {} more", differ.len() - NAMED);
        differ.truncate(NAMED);
        differ.push(more);
    }
    (!differ.is_empty()).then(|| differ.join(", "))
}

/// What is another in each window, and no app's business.
fn is_of_a_terminal(name: &str) -> bool {
    const OTHERS: [&str; 10] =
        ["COLUMNS", "COLORTERM", "DISPLAY", "LINES", "LS_COLORS", "STY", "TERM", "WINDOWID", "XAUTHORITY", "RPM_HOME"];
    const BEGINNINGS: [&str; 7] = ["SSH_", "TERM_", "TMUX", "XDG_", "npm_", "VSCODE_", "DBUS_"];
    OF_EACH_SHELL.contains(&name) || OTHERS.contains(&name) || BEGINNINGS.iter().any(|begin| name.starts_with(begin))
}

/// What became of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// The variables that an app sets itself, in which two environments differ: those of files and those of secrets, of
/// which only the source is known.
pub(super) fn own_variables<'a>(old: &'a Environment, new: &'a Environment) -> Vec<(&'a str, Change)> {
    let own = variables(&old.app, &new.app).chain(variables(&old.settings, &new.settings));
    own.chain(variables(&old.secrets, &new.secrets)).collect()
}

fn named(changes: &[(&str, Change)]) -> impl Iterator<Item = String> {
    changes.iter().map(|(name, change)| format!("{name} {}", change.as_str()))
}

fn variables<'a, T: PartialEq>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a str, Change)> {
    let set = new.iter().filter_map(|(name, value)| match old.get(name) {
        None => Some((name.as_str(), Change::Added)),
        Some(known) if known != value => Some((name.as_str(), Change::Changed)),
        Some(_) => None,
    });
    set.chain(old.keys().filter(|name| !new.contains_key(*name)).map(|name| (name.as_str(), Change::Removed)))
}

/// Everything that does something, but variables: `kill_timeout 5000 → 8000`.
fn settings(old: &AppSpec, new: &AppSpec) -> Vec<String> {
    let (old, new) = (leaves(old), leaves(new));
    let mut changes = Vec::new();
    for (path, value) in &new {
        let known = old.get(path).unwrap_or(&Value::Null);
        if known != value {
            changes.push(format!("{} {} → {}", title(path), short(known), short(value)));
        }
    }
    // What was nothing before is no loss: a group of settings has come, or gone.
    for (path, known) in old.iter().filter(|(_, known)| !known.is_null()) {
        if !new.contains_key(path) {
            changes.push(format!("{} {} → none", title(path), short(known)));
        }
    }
    changes
}

/// The settings of a spec by their paths, environments apart.
fn leaves(spec: &AppSpec) -> BTreeMap<String, Value> {
    let mut leaves = BTreeMap::new();
    if let Ok(Value::Object(fields)) = serde_json::to_value(spec) {
        let counts = |field: &str| !OF_NO_EFFECT.contains(&field);
        for (field, value) in fields.into_iter().filter(|(field, _)| counts(field)) {
            collect(&mut leaves, field, value);
        }
    }
    leaves
}

fn collect(leaves: &mut BTreeMap<String, Value>, path: String, value: Value) {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(field, _)| {
                let path = (path.as_str(), field.as_str());
                !matches!(path, ("env", "app" | "inherited" | "secrets" | "settings" | "origins" | "typed"))
            });
            fields.for_each(|(field, value)| collect(leaves, format!("{path}.{field}"), value));
        }
        leaf => {
            leaves.insert(path, leaf);
        }
    }
}

/// What a user calls it.
fn title(path: &str) -> &str {
    match path {
        "program.path" => "script",
        "program.interpreter" | "program.interpreter.named" => "interpreter",
        "env.inherit.allow" => "env_inherit",
        "env.files" => "env_file",
        "logs.out" => "out_file",
        "logs.error" => "error_file",
        "schedule.restart" | "schedule.job.cron" => "cron_restart",
        "schedule.job.overlap" => "job_overlap",
        "schedule.job.catch_up" => "job_catch_up",
        "schedule.job.timeout" => "job_timeout",
        "watch.paths" => "watch",
        "watch.ignore" => "ignore_watch",
        "watch.delay" => "watch_delay",
        "logs.combined" | "logs.combined.at" => "log_file",
        "logs.date_format" => "log_date_format",
        "logs.merge" => "merge_logs",
        "logs.disable" => "disable_logs",
        path if path.starts_with("env.inherit.filter") => "filter_env",
        path => path.rsplit('.').next().unwrap_or(path),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        // A `.env` file.
        Value::Object(fields) if fields.contains_key("optional") => fields.get("path").map(short).unwrap_or_default(),
        Value::Array(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::detail::tests::detail;
    use crate::domain::Status;
    use crate::domain::spec::{EnvFile, Interpreter, SecretSource};

    fn spec() -> AppSpec {
        detail(0, "api", Status::Online).spec
    }

    #[test]
    fn settings_are_told_with_their_values() {
        let (old, mut new) = (spec(), spec());
        assert_eq!(between(&old, &new), [""; 0]);
        new.stop.kill_timeout = 8000;
        new.args = vec!["-v".into()];
        new.logs.out = Some("/l/x.log".into());
        assert_eq!(
            between(&old, &new),
            ["args [--port 80 80] → [-v]", "out_file none → /l/x.log", "kill_timeout 5000 → 8000"]
        );
        let mut new = spec();
        new.recorded.insert("vizion".into(), false.into());
        assert_eq!(between(&old, &new), [""; 0], "what does nothing is no change");
        let mut new = spec();
        new.program.interpreter = Interpreter::None;
        assert!(between(&old, &new)[0].starts_with("interpreter "));
    }

    #[test]
    fn secrets_and_files_are_told_without_their_content() {
        let (mut old, mut new) = (spec(), spec());
        old.env.secrets = [("DB".into(), SecretSource::Command("pass one".into()))].into();
        new.env.secrets = [("DB".into(), SecretSource::Command("pass two".into()))].into();
        new.env.files = vec![EnvFile { path: "/srv/.env".into(), optional: true }];
        new.env.inherit.allow = Some(vec!["PATH".into()]);
        new.env.inherited = std::sync::Arc::new([("SHLVL".into(), "2".into())].into());
        new.env.origins = [("A".into(), Vec::new())].into();
        assert_eq!(between(&old, &new), ["env_file [] → [/srv/.env]", "env_inherit none → [PATH]", "DB changed"]);
    }

    #[test]
    fn variables_are_told_by_name_alone() {
        let (mut old, mut new) = (spec(), spec());
        old.env.app = [("GONE", "1"), ("TOKEN", "old-secret")].map(|(k, v)| (k.into(), v.into())).into();
        new.env.app = [("NEW", "1"), ("TOKEN", "new-secret")].map(|(k, v)| (k.into(), v.into())).into();
        assert_eq!(between(&old, &new), ["NEW added", "TOKEN changed", "GONE removed"]);
        new.env.inherited = std::sync::Arc::new((0..8).map(|n| (format!("V{n}"), String::new())).collect());
        assert_eq!(
            between(&old, &new)[3..],
            ["V0 added", "V1 added", "V2 added", "V3 added", "V4 added", "and 3 more variables of the shell"]
        );
    }
}
