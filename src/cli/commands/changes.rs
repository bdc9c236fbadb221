//! What differs between two specs of an app, in words. Values of variables are never told: they may be secrets.

use crate::domain::AppSpec;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many variables of the shell are named before the rest is counted.
const NAMED: usize = 5;

/// Empty when nothing differs.
pub(super) fn between(old: &AppSpec, new: &AppSpec) -> Vec<String> {
    let mut changes = settings(old, new);
    changes.extend(variables(&old.env.app, &new.env.app));
    let mut shell: Vec<_> = variables(&old.env.inherited, &new.env.inherited).collect();
    if shell.len() > NAMED {
        let more = format!("and {} more variables of the shell", shell.len() - NAMED);
        shell.truncate(NAMED);
        shell.push(more);
    }
    changes.extend(shell);
    changes
}

fn variables<'a>(
    old: &'a BTreeMap<String, String>,
    new: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = String> + 'a {
    let set = new.iter().filter_map(|(name, value)| match old.get(name) {
        None => Some(format!("{name} added")),
        Some(known) if known != value => Some(format!("{name} changed")),
        Some(_) => None,
    });
    set.chain(old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("{name} removed")))
}

/// Everything but variables: `kill_timeout 5000 → 8000`.
fn settings(old: &AppSpec, new: &AppSpec) -> Vec<String> {
    let (old, new) = (leaves(old), leaves(new));
    let mut changes = Vec::new();
    for (path, value) in &new {
        let known = old.get(path).unwrap_or(&Value::Null);
        if known != value {
            changes.push(format!("{} {} → {}", title(path), short(known), short(value)));
        }
    }
    for (path, known) in &old {
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
        for (field, value) in fields.into_iter().filter(|(field, _)| field != "source" && field != "username") {
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
                path != ("env", "app") && path != ("env", "inherited")
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
        "logs.out" => "out_file",
        "logs.error" => "error_file",
        "schedule.restart" | "schedule.job.cron" => "cron_restart",
        "schedule.job.overlap" => "job_overlap",
        "schedule.job.catch_up" => "job_catch_up",
        "schedule.job.timeout" => "job_timeout",
        "watch.paths" => "watch",
        "watch.ignore" => "ignore_watch",
        "watch.delay" => "watch_delay",
        "logs.merge" => "merge_logs",
        "logs.disable" => "disable_logs",
        path => path.rsplit('.').next().unwrap_or(path),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::detail::tests::detail;
    use crate::domain::Status;
    use crate::domain::spec::Interpreter;

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
        new.program.interpreter = Interpreter::None;
        assert!(between(&old, &new)[0].starts_with("interpreter "));
    }

    #[test]
    fn variables_are_told_by_name_alone() {
        let (mut old, mut new) = (spec(), spec());
        old.env.app = [("GONE", "1"), ("TOKEN", "old-secret")].map(|(k, v)| (k.into(), v.into())).into();
        new.env.app = [("NEW", "1"), ("TOKEN", "new-secret")].map(|(k, v)| (k.into(), v.into())).into();
        assert_eq!(between(&old, &new), ["NEW added", "TOKEN changed", "GONE removed"]);
        new.env.inherited = (0..8).map(|n| (format!("V{n}"), String::new())).collect();
        assert_eq!(
            between(&old, &new)[3..],
            ["V0 added", "V1 added", "V2 added", "V3 added", "V4 added", "and 3 more variables of the shell"]
        );
    }
}
