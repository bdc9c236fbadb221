//! Static sites: the `static` part of an application file, and apps whose script is `serve`. Each is an app that runs this
//! program in another role, and is told what to serve by its environment.

use super::document::{App, Parts};
use super::error::kind;
use super::places::below;
use super::{AppOptions, Caller, Problem, place};
use crate::domain::site::{DEFAULT_PORT, PREFIX, SCRIPT, Site};
use crate::sys::companion;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The part of a document that holds sites.
pub(super) const PART: &str = "static";
/// What this program is asked for.
pub(super) const ROLE: &str = "static-server";

/// Fields of a site that are told by variables, with the name of theirs.
const FIELDS: [(&str, &str); 7] = [
    ("path", "PATH"),
    ("port", "PORT"),
    ("host", "HOST"),
    ("spa", "SPA"),
    ("ftp", "FTP"),
    ("homepage", "HOMEPAGE"),
    ("basic_auth", "BASIC_AUTH"),
];

/// Makes an app of each site: what isn't about serving is a field of the app.
pub(super) fn read(pointer: &str, value: Value, found: &mut Parts) {
    let (list, is_list) = match value {
        Value::Array(list) => (list, true),
        one => (vec![one], false),
    };
    for (index, item) in list.into_iter().enumerate() {
        let pointer = if is_list { below(pointer, index) } else { pointer.to_owned() };
        match item {
            Value::Object(site) => found.apps.push((pointer, app(site))),
            other => {
                let problem = Problem::AppNotObject { number: index + 1, value: kind(&other) };
                found.wrong.push((pointer, problem.into()));
            }
        }
    }
}

fn app(mut site: App) -> App {
    let mut env = match site.remove("env") {
        Some(Value::Object(env)) => env,
        _ => Map::new(),
    };
    // PM2's older word, for the directory or for its listing.
    match site.remove("directory") {
        Some(Value::Bool(listed)) => drop(site.entry("ftp").or_insert(Value::Bool(listed))),
        Some(directory) => drop(site.entry("path").or_insert(directory)),
        None => {}
    }
    // PM2's account; there is none here.
    site.remove("monitor");
    let port = site.get("port").map_or_else(|| DEFAULT_PORT.to_string(), text);
    for (field, variable) in FIELDS {
        match site.remove(field) {
            Some(Value::Object(login)) => {
                env.insert(format!("{PREFIX}{variable}"), json!("true"));
                for (field, variable) in [("username", "BASIC_AUTH_USERNAME"), ("password", "BASIC_AUTH_PASSWORD")] {
                    let word = login.get(field).map(text).unwrap_or_default();
                    env.insert(format!("{PREFIX}{variable}"), Value::String(word));
                }
            }
            Some(Value::Null) | None => {}
            Some(value) => drop(env.insert(format!("{PREFIX}{variable}"), Value::String(text(&value)))),
        }
    }
    site.insert("script".to_owned(), json!(SCRIPT));
    site.insert("env".to_owned(), Value::Object(env));
    site.entry("name").or_insert_with(|| Value::String(default_name(&port)));
    site
}

/// PM2's name for a site that is given none.
pub fn default_name(port: &str) -> String {
    format!("static-page-server-{port}")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the script is no script, but a site.
pub(super) fn is_site(script: &str) -> bool {
    script == SCRIPT
}

/// The program that serves it.
pub(super) fn program() -> Result<PathBuf, Problem> {
    companion::command().ok_or(Problem::NoStaticServer)
}

/// Makes of an app that is a site one that listens where its environment says.
pub(super) fn settle(
    options: &mut AppOptions,
    env: &BTreeMap<String, String>,
    cwd: &Path,
    caller: &Caller,
) -> Result<(), Problem> {
    // What only its start will know is there.
    let is_secret = |name: &str| options.secrets.as_ref().is_some_and(|secrets| secrets.contains_key(name));
    let variable = |name: &str| env.get(name).cloned().or_else(|| is_secret(name).then(|| name.to_owned()));
    let site = Site::from_variables(variable).map_err(|setting| Problem::BadSite { setting })?;
    let root = place::absolute(&site.path, cwd, caller);
    // Another user's it may be that we cannot look at.
    if options.uid.is_none() && !root.is_dir() {
        return Err(Problem::NoSite { path: root });
    }
    options.listen.get_or_insert_with(|| vec![site.listen]);
    // They share the socket.
    options.exec_mode = None;
    options.interpreter = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(value: Value) -> Vec<Value> {
        let mut found = Parts::default();
        read("/static", value, &mut found);
        assert!(found.wrong.is_empty());
        found.apps.into_iter().map(|(_, app)| Value::Object(app)).collect()
    }

    #[test]
    fn a_site_is_an_app_with_variables() {
        let sites = json!([
            {"path": "www", "port": 8081, "spa": true, "basic_auth": {"username": "me", "password": "x"}, "instances": 2},
            {"name": "docs", "directory": "docs", "host": null, "monitor": true},
            {"directory": true, "port": "90"},
        ]);
        let expected = [
            json!({"script": "serve", "name": "static-page-server-8081", "instances": 2, "env": {
                "RPM_SERVE_PATH": "www", "RPM_SERVE_PORT": "8081", "RPM_SERVE_SPA": "true", "RPM_SERVE_BASIC_AUTH": "true",
                "RPM_SERVE_BASIC_AUTH_USERNAME": "me", "RPM_SERVE_BASIC_AUTH_PASSWORD": "x"}}),
            json!({"script": "serve", "name": "docs", "env": {"RPM_SERVE_PATH": "docs"}}),
            json!({"script": "serve", "name": "static-page-server-90",
                "env": {"RPM_SERVE_FTP": "true", "RPM_SERVE_PORT": "90"}}),
        ];
        assert_eq!(apps(sites), expected);
        assert_eq!(apps(json!({"path": "www"})).len(), 1);
    }

    #[test]
    fn what_is_no_site_is_told_by_its_place() {
        let mut found = Parts::default();
        read("/static", json!([{}, "www"]), &mut found);
        let told: Vec<_> = found.wrong.iter().map(|(at, fault)| format!("{at} {fault}")).collect();
        assert_eq!(told, ["/static/1 app 2 is text and not an object"]);
    }
}
