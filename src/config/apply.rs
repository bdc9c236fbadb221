//! Values into the fields they are written for: by name, alias or camel case.

use super::fields::{Effect, Field, known_fields};
use super::shape::VARIABLES;
use super::{AppOptions, Problem, read, suggest};
use serde_json::{Map, Value};

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    Set,
    Unknown,
}

/// The keys of an app object that did nothing, or could not.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    pub unknown: Vec<String>,
    /// By the key as it is written.
    pub wrong: Vec<(String, Problem)>,
}

/// Stores `value` under any name of a field. `null` and empty text are the same as nothing written.
pub(super) fn apply(options: &mut AppOptions, key: &str, value: &Value) -> Result<Applied, Problem> {
    let is_nothing = value.is_null() || value.as_str() == Some("");
    let Some(field) = find(key) else { return profile(options, key, value, is_nothing) };
    let wrong = || Problem::bad_value(key, value, field.shape);
    match field.effect {
        Effect::Set(_) | Effect::Record(_) if is_nothing => {}
        Effect::Set(set) => set(options, value).ok_or_else(wrong)?,
        Effect::Record(accepts) if accepts(value) => {
            options.recorded.insert(field.name.to_owned(), value.clone());
        }
        Effect::Record(_) => return Err(wrong()),
    }
    Ok(Applied::Set)
}

/// `env_<name>`.
fn profile(options: &mut AppOptions, key: &str, value: &Value, is_nothing: bool) -> Result<Applied, Problem> {
    let Some(profile) = key.strip_prefix("env_").filter(|name| !name.is_empty()) else {
        return Ok(Applied::Unknown);
    };
    if !is_nothing {
        let variables = read::variables(value).ok_or_else(|| Problem::bad_value(key, value, VARIABLES))?;
        options.profiles.insert(profile.to_owned(), variables);
        options.typed.extend(read::typed_variables(value));
    }
    Ok(Applied::Set)
}

/// Reads an app object, to its end whatever is wrong in it. A field's own name wins over its aliases.
pub(super) fn read(app: &Map<String, Value>) -> (AppOptions, Leftover) {
    let (mut options, mut leftover) = (AppOptions::default(), Leftover::default());
    let is_own = |key: &String| known_fields().iter().any(|field| field.name == *key);
    let (own, other): (Vec<_>, Vec<_>) = app.iter().partition(|(key, _)| is_own(key));
    for (key, value) in other.into_iter().chain(own) {
        match apply(&mut options, key, value) {
            Ok(Applied::Set) => {}
            Ok(Applied::Unknown) if key == SCHEMA => {}
            Ok(Applied::Unknown) => leftover.unknown.push(key.clone()),
            Err(problem) => leftover.wrong.push((key.clone(), problem)),
        }
    }
    (options, leftover)
}

/// Where editors look for the schema of a file.
pub(super) const SCHEMA: &str = "$schema";

/// The field that a key means.
pub(super) fn find(key: &str) -> Option<&'static Field> {
    known_fields().iter().find(|field| field.names().any(|name| name == key || camel_case(name) == key))
}

/// The known name nearest to `key`.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    suggest::nearest(key, known_fields().iter().flat_map(Field::names))
}

/// All keys that mean a field, its own name first.
pub(super) fn spellings(field: &Field) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in field.names().flat_map(|name| [name.to_owned(), camel_case(name)]) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// `kill_timeout` as `killTimeout`.
pub(super) fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for (index, part) in name.split('_').enumerate() {
        match part.chars().next() {
            Some(first) if index > 0 => {
                camel.push(first.to_ascii_uppercase());
                camel.push_str(&part[first.len_utf8()..]);
            }
            _ => camel.push_str(part),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn options(value: &Value) -> AppOptions {
        let (options, leftover) = read(value.as_object().unwrap());
        assert!(leftover.wrong.is_empty(), "{value}: {:?}", leftover.wrong);
        options
    }

    #[test]
    fn no_name_means_two_fields() {
        let names: Vec<_> = known_fields().iter().flat_map(Field::names).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn each_spelling_reaches_its_field() {
        for (one, other) in [
            (json!({"script": "a.js"}), json!({"cmd": "a.js"})),
            (json!({"exec_interpreter": "x"}), json!({"interpreter": "x"})),
            (json!({"node_args": "a b"}), json!({"interpreterArgs": ["a", "b"]})),
            (json!({"node_args": "a b"}), json!({"nodeArgs": ["a", "b"]})),
            (json!({"out_file": "x"}), json!({"outFile": "x"})),
            (json!({"error_file": "x"}), json!({"err_log": "x"})),
            (json!({"exp_backoff_restart_delay": "1s"}), json!({"expBackoffRestartDelay": 1000})),
            (json!({"merge_logs": true}), json!({"combineLogs": true})),
            (json!({"exec_mode": "fork"}), json!({"execute_command": true})),
            (json!({"windowsHide": false}), json!({"windows_hide": false})),
            (json!({"disable_trace": true}), json!({"disableTrace": true})),
        ] {
            assert_ne!(options(&one), AppOptions::default(), "{one}");
            assert_eq!(options(&one), options(&other), "{other}");
        }
    }

    #[test]
    fn every_field_refuses_what_it_does_not_accept_and_takes_nothing_for_nothing() {
        for field in known_fields() {
            let wrong = json!({ field.name: [{"no": "field takes this"}] });
            let (_, leftover) = read(wrong.as_object().unwrap());
            let [(key, Problem::BadValue { .. })] = &leftover.wrong[..] else { panic!("{wrong}: {leftover:?}") };
            assert_eq!(key, field.name);
            for nothing in [json!({ field.name: null }), json!({ field.name: "" })] {
                assert_eq!(options(&nothing), AppOptions::default(), "{nothing}");
            }
        }
    }

    #[test]
    fn the_own_name_wins_over_an_alias() {
        let app = json!({"cmd": "alias", "script": "own", "out_file": "own", "output": "alias"});
        assert_eq!(options(&app).script.unwrap(), "own");
        assert_eq!(options(&app).out_file.unwrap(), "own");
    }

    #[test]
    fn what_does_nothing_is_recorded_or_told() {
        let app = json!({"$schema": "x", "vizion": false, "post_update": [], "wtach": 1, "env_p": {}, "log_type": ""});
        let (options, leftover) = read(app.as_object().unwrap());
        assert_eq!(leftover.unknown, ["wtach"]);
        assert_eq!(
            options.recorded,
            [("post_update".to_owned(), json!([])), ("vizion".to_owned(), json!(false))].into()
        );
        assert_eq!(nearest("wtach"), Some("watch"));
        assert_eq!(nearest("maxRestart"), Some("max_restarts"));
        assert_eq!(nearest("zzz"), None);
    }

    #[test]
    fn an_app_is_read_to_its_end_whatever_is_wrong() {
        let app = json!({"script": 5, "kill_timeout": "soon", "name": "a", "instances": 1.5});
        let (options, leftover) = read(app.as_object().unwrap());
        let keys: Vec<_> = leftover.wrong.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["script", "kill_timeout", "instances"]);
        assert_eq!(options.name.as_deref(), Some("a"));
    }
}
