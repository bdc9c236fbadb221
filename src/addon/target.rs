//! What a JavaScript caller means: which apps to start, or which processes.

use super::failure::of_config;
use crate::api::{ApiError, Code};
use crate::config::{AppOptions, Caller, FileOptions, Loaded, from_value, is_application_file, load_file};
use crate::domain::Selector;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The calling program. The environment comes from JavaScript: in a worker thread or a test runner's sandbox,
/// `process.env` is a copy that the operating system does not see.
///
/// `cwd` is where relative paths start, if not in the working directory.
pub(super) fn caller(env: BTreeMap<String, String>, cwd: Option<String>) -> Result<Caller, ApiError> {
    match Caller::current() {
        Ok(caller) => Ok(Caller { env, cwd: cwd.map_or(caller.cwd, Into::into), ..caller }),
        Err(error) => Err(ApiError::new(Code::Invalid, format!("the working directory cannot be read: {error}"))
            .hint("Change to a directory that exists.")),
    }
}

/// What `stop`, `restart` and the like were pointed at.
#[derive(Debug)]
pub(super) enum Target {
    Selector(Selector),
    Apps(Loaded),
}

/// What `start` was given.
#[derive(Debug)]
pub(super) struct Wanted {
    pub loaded: Loaded,
    pub origin: Origin,
}

/// Where apps come from: it decides what happens to a name that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A script.
    Script { force: bool },
    /// An application file, or objects.
    Declared,
}

/// Reads an application file where one is named, so it may take a while: not for JavaScript's thread.
pub(super) fn resolve(target: Value, options: Value, caller: &Caller) -> Result<Target, ApiError> {
    let text = match target {
        Value::String(text) => text,
        Value::Number(id) => id.to_string(),
        declared => return Ok(Target::Apps(load(declared, options, caller)?)),
    };
    if is_application_file(&text) {
        return Ok(Target::Apps(load(Value::String(text), options, caller)?));
    }
    Ok(Target::Selector(Selector { text, cwd: Some(caller.cwd.clone()) }))
}

/// As [`resolve`], for `start`: a text is a script or an application file.
pub(super) fn wanted(target: Value, options: Value, caller: &Caller) -> Result<Wanted, ApiError> {
    let Value::String(script) = &target else {
        return Ok(Wanted { loaded: load(target, options, caller)?, origin: Origin::Declared });
    };
    if is_application_file(script) {
        return Ok(Wanted { loaded: load(target, options, caller)?, origin: Origin::Declared });
    }
    let mut app = object(options)?;
    let force = app.remove("force").is_some_and(|force| force == Value::Bool(true));
    app.insert("script".to_owned(), target);
    let loaded = from_value(Value::Object(app), caller, &FileOptions::default()).map_err(|error| of_config(&error))?;
    Ok(Wanted { loaded, origin: Origin::Script { force } })
}

fn load(declared: Value, options: Value, caller: &Caller) -> Result<Loaded, ApiError> {
    let options = file_options(object(options)?)?;
    let loaded = match declared {
        Value::String(file) => load_file(Path::new(&file), caller, &options),
        value => from_value(value, caller, &options),
    };
    loaded.map_err(|error| of_config(&error))
}

/// `env` names the profile, `only` the apps; the rest are fields for each app.
fn file_options(mut options: Map<String, Value>) -> Result<FileOptions, ApiError> {
    let invalid =
        |name: &str, wanted: &str| ApiError::new(Code::Invalid, format!("the option {name} must be {wanted}"));
    let profile = match options.remove("env") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => {
            return Err(invalid("env", "the name of a profile")
                .hint("Beside an application file or object, `env` names one of its `env_<name>`; variables go into the app's own `env`."));
        }
    };
    let only = match options.remove("only") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(names)) => {
            names.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        Some(Value::Array(names)) => names
            .into_iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(|| invalid("only", "a list of names")))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(invalid("only", "a list of names")),
    };
    let overrides = serde_json::from_value::<AppOptions>(Value::Object(options))
        .map_err(|error| ApiError::new(Code::Invalid, error.to_string()))?;
    Ok(FileOptions { profile, only, overrides })
}

fn object(options: Value) -> Result<Map<String, Value>, ApiError> {
    match options {
        Value::Null => Ok(Map::new()),
        Value::Object(options) => Ok(options),
        other => Err(ApiError::new(Code::Invalid, format!("options must be an object, not {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn here() -> Caller {
        Caller {
            cwd: env!("CARGO_MANIFEST_DIR").into(),
            env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            username: None,
            cores: 4,
        }
    }

    #[test]
    fn a_script_takes_the_options_as_its_fields() {
        let options = json!({"name": "web", "instances": 2, "env": {"A": "1"}, "force": true});
        let wanted = wanted(json!("examples/http.js"), options, &here()).unwrap();
        assert_eq!(wanted.origin, Origin::Script { force: true });
        let app = &wanted.loaded.apps[0];
        assert_eq!((app.name.as_str(), app.instances), ("web", 2));
        assert_eq!(app.env.app["A"], "1");
        assert!(app.program.path.ends_with("examples/http.js"));
    }

    #[test]
    fn objects_and_lists_are_declared_apps() {
        let app = json!({"script": "examples/http.js", "env_production": {"A": "p"}});
        let options = json!({"env": "production", "only": "http"});
        let wanted = wanted(json!([app, {"script": "examples/http.js", "name": "other"}]), options, &here()).unwrap();
        assert_eq!(wanted.origin, Origin::Declared);
        assert_eq!(wanted.loaded.apps.len(), 1);
        assert_eq!(wanted.loaded.apps[0].env.app["A"], "p");
    }

    #[test]
    fn names_and_numbers_select() {
        for (target, text) in [(json!("web"), "web"), (json!(3), "3"), (json!("all"), "all")] {
            match resolve(target, Value::Null, &here()).unwrap() {
                Target::Selector(selector) => assert_eq!(selector.text, text),
                Target::Apps(apps) => panic!("{apps:?}"),
            }
        }
    }

    #[test]
    fn mistakes_say_what_is_wrong() {
        let fails = |target, options| wanted(target, options, &here()).unwrap_err();
        assert_eq!(fails(json!("nowhere.config.js"), Value::Null).code, Code::Config);
        assert_eq!(fails(json!({"script": "examples/http.js"}), json!({"env": {}})).code, Code::Invalid);
        assert_eq!(fails(json!("examples/http.js"), json!("x")).code, Code::Invalid);
        assert_eq!(fails(json!("examples/missing.js"), Value::Null).code, Code::Config);
    }
}
