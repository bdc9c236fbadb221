//! The environment that PM2 had for an app, into layers of ours.

use crate::config::{self, Caller};
use crate::domain::spec::{Environment, Inherit, Layer};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What PM2 adds, and tells the app itself or reads itself.
const PM2S: [&str; 6] =
    ["PM2_HOME", "PM2_USAGE", "PM2_JSON_PROCESSING", "PM2_PROGRAMMATIC", "PM2_INTERACTOR_PROCESSING", "unique_id"];

/// PM2 keeps one environment, without where its variables are from. Those that this shell has too are inherited, so that
/// `--update-env` takes them from a shell as PM2 does; the others are the app's.
pub(super) fn environment(element: &Map<String, Value>, instance: Option<u32>, caller: &Caller) -> Environment {
    let nothing = Map::new();
    let written = element.get("env").and_then(Value::as_object).unwrap_or(&nothing);
    let names = own_names(element);
    let variables: BTreeMap<String, String> = written
        .iter()
        .filter(|(name, value)| !(PM2S.contains(&name.as_str()) || names.contains(name.as_str()) && is_settings(value)))
        .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
        .collect();
    let of_profiles = profiles(element);
    let mut env = Environment::default();
    for (name, value) in config::inherited(&Inherit::default(), &variables) {
        if caller.env.contains_key(&name) && !of_profiles.contains(name.as_str()) {
            Arc::make_mut(&mut env.inherited).insert(name, value);
        } else {
            env.set(name, value, Layer::Env);
        }
    }
    uncount(&mut env, element.get("increment_var").and_then(Value::as_str), instance);
    env
}

/// The app is called so, or was, and PM2 has its settings under that name.
fn own_names(element: &Map<String, Value>) -> BTreeSet<&str> {
    let name = element.get("name").and_then(Value::as_str);
    let file = element.get("pm_pid_path").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let before = file.and_then(|file| file.rsplit_once('-')).map(|(name, _)| name);
    name.into_iter().chain(before).collect()
}

fn is_settings(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::String(text) => serde_json::from_str::<Map<String, Value>>(text).is_ok(),
        _ => false,
    }
}

/// As an app would get it. An empty object is what PM2 leaves under a name that an app had once.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Object(empty) if empty.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn profiles(element: &Map<String, Value>) -> BTreeSet<&str> {
    let profile = |(key, value): (&String, &'_ Value)| key.starts_with("env_") && value.is_object();
    let of_profiles = element.iter().filter(|(key, value)| profile((key, value)));
    of_profiles.filter_map(|(_, value)| value.as_object()).flat_map(Map::keys).map(String::as_str).collect()
}

/// Takes the number of the instance off a variable that grows with it, so that all instances say the same.
fn uncount(env: &mut Environment, name: Option<&str>, instance: Option<u32>) {
    let Some((name, instance)) = name.zip(instance) else { return };
    env.increment_var = Some(name.to_owned());
    for layer in [&mut env.app, Arc::make_mut(&mut env.inherited)] {
        if let Some((value, number)) = layer.get_mut(name).and_then(|value| Some((value.parse::<i64>().ok()?, value))) {
            *number = value.saturating_sub(i64::from(instance)).to_string();
        }
    }
}
