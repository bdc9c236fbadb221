//! The environment of a run, computed from its layers at each start.

use crate::domain::secret::{self, REDACTED};
use crate::domain::spec::Mode;
use crate::domain::{AppSpec, ProcessId};
use crate::paths::{Home, with_id};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who a process is among the processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub id: ProcessId,
    /// Among the processes of its name, from 0; freed numbers are used again.
    pub instance: u32,
    pub unique_id: String,
    pub out_log: Option<Arc<Path>>,
    pub error_log: Option<Arc<Path>>,
    /// The file that has both streams.
    pub combined_log: Option<Arc<Path>>,
    pub home: Home,
}

impl Identity {
    /// Where its pid is written. Seldom asked for, so it is not kept.
    pub fn pid_file(&self, spec: &AppSpec) -> PathBuf {
        let of_app = spec.pid_file.clone().unwrap_or_else(|| self.home.default_pid_file(&spec.name));
        with_id(&of_app, self.id.0)
    }
}

/// The layers merged, with the variables that PM2's programs rely on: this list and nothing else of ours. `secrets`
/// are the values of those that the app names.
pub(super) fn compose(
    spec: &AppSpec,
    identity: &Identity,
    secrets: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut env = variables(spec, identity.instance, secrets);
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let log = |file: &Option<Arc<Path>>| file.as_deref().map_or_else(|| "/dev/null".to_owned(), path);
    let home = path(identity.home.root());
    let ours = [
        (spec.env.instance_var.as_str(), identity.instance.to_string()),
        ("name", spec.name.clone()),
        ("namespace", spec.namespace.clone()),
        ("pm_id", identity.id.to_string()),
        ("unique_id", identity.unique_id.clone()),
        ("exec_mode", mode(spec.mode).to_owned()),
        ("instances", spec.instances.to_string()),
        ("pm_exec_path", path(&spec.program.path)),
        ("pm_cwd", path(&spec.cwd)),
        ("pm_out_log_path", log(&identity.out_log)),
        ("pm_err_log_path", log(&identity.error_log)),
        ("pm_pid_path", path(&identity.pid_file(spec))),
        ("PM2_HOME", home.clone()),
        ("RPM_HOME", home),
    ];
    env.extend(ours.into_iter().map(|(name, value)| (name.to_owned(), value)));
    env
}

/// The layers merged, without what a process is told of itself.
pub fn variables(spec: &AppSpec, instance: u32, secrets: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut env = spec.env.merged();
    env.extend(secrets.iter().map(|(name, value)| (name.clone(), value.clone())));
    if let Some(name) = &spec.env.increment_var {
        let counted = counted(env.get(name).map(String::as_str), instance);
        env.insert(name.clone(), counted);
    }
    env
}

/// Counted from the same number at each start, so that an instance keeps its own however the app is scaled.
fn counted(first: Option<&str>, instance: u32) -> String {
    let first: i64 = first.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    first.saturating_add(i64::from(instance)).to_string()
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Fork => "fork_mode",
        Mode::Cluster => "cluster_mode",
    }
}

/// The environment of a process as it may be shown.
pub fn shown_environment(spec: &AppSpec, identity: &Identity) -> BTreeMap<String, String> {
    let secrets = spec.env.secrets.keys().map(|name| (name.clone(), REDACTED.to_owned())).collect();
    redacted(compose(spec, identity, &secrets))
}

/// The same without what only the process is told of itself; copied as little as can be, as a list of many apps has
/// thousands of them.
pub fn pm2_environment<'a>(spec: &'a AppSpec, identity: &'a Identity) -> BTreeMap<&'a str, Cow<'a, str>> {
    let env = &spec.env;
    let layers = [&env.inherited, &env.app, &env.settings].into_iter().flatten();
    let mut all: BTreeMap<&str, Cow<'_, str>> =
        layers.map(|(name, value)| (name.as_str(), value.as_str().into())).collect();
    all.extend(env.secrets.keys().map(|name| (name.as_str(), REDACTED.into())));
    if let Some(name) = &env.increment_var {
        let counted = counted(all.get(name.as_str()).map(AsRef::as_ref), identity.instance);
        all.insert(name, counted.into());
    }
    let home = identity.home.root().to_string_lossy();
    all.extend([("unique_id", identity.unique_id.as_str().into()), ("PM2_HOME", home.clone()), ("RPM_HOME", home)]);
    for (name, value) in &mut all {
        let shown = secret::shown(name, value);
        if *shown != **value {
            *value = shown.into_owned().into();
        }
    }
    all
}

/// Variables with what looks like a secret taken out.
pub fn redacted(mut env: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for (name, value) in &mut env {
        let shown = secret::shown(name, value);
        // Most are as they were: a list of many apps has thousands of them.
        if *shown != **value {
            *value = shown.into_owned();
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Environment, Interpreter, Program, SecretSource};
    use std::collections::BTreeSet;

    fn spec() -> AppSpec {
        let program = Program {
            path: "/srv/api.js".into(),
            interpreter: Interpreter::Named("node".into()),
            interpreter_args: vec![],
        };
        AppSpec { cwd: "/srv".into(), mode: Mode::Cluster, instances: 2, ..AppSpec::new("api", program) }
    }

    fn identity(instance: u32) -> Identity {
        Identity {
            id: ProcessId(5),
            instance,
            unique_id: "u".into(),
            out_log: Some(Path::new("/h/logs/api-out-5.log").into()),
            error_log: None,
            combined_log: None,
            home: Home::new("/h"),
        }
    }

    #[test]
    fn later_layers_win_and_ours_last() {
        let mut spec = spec();
        spec.env.inherited =
            Arc::new([("A", "shell"), ("B", "shell"), ("name", "bash")].map(|(k, v)| (k.into(), v.into())).into());
        spec.env.app = [("B".into(), "file".into())].into();
        spec.env.settings = [("C".into(), "set".into()), ("pm_id".into(), "set".into())].into();
        spec.env.app.insert("C".into(), "file".into());
        let env = compose(&spec, &identity(1), &BTreeMap::new());
        assert_eq!((env["A"].as_str(), env["B"].as_str(), env["name"].as_str()), ("shell", "file", "api"));
        assert_eq!(env["C"], "set");
        assert_eq!((env["NODE_APP_INSTANCE"].as_str(), env["pm_id"].as_str()), ("1", "5"));
        assert_eq!(env["pm_err_log_path"], "/dev/null");
    }

    #[test]
    fn a_variable_grows_with_the_instance() {
        let mut spec = spec();
        spec.env.app = [("PORT".into(), "3000".into())].into();
        spec.env.increment_var = Some("PORT".into());
        let port = |spec: &AppSpec, instance| compose(spec, &identity(instance), &BTreeMap::new())["PORT"].clone();
        assert_eq!((port(&spec, 0).as_str(), port(&spec, 3).as_str()), ("3000", "3003"));
        spec.env.app.clear();
        assert_eq!(port(&spec, 2), "2");
        spec.env.inherited = Arc::new([("PORT".into(), "4000".into())].into());
        assert_eq!(port(&spec, 2), "4002", "from wherever it comes");
    }

    #[test]
    fn secrets_are_over_what_is_written_and_under_what_is_ours() {
        let mut spec = spec();
        spec.env.app = [("DB".into(), "file".into())].into();
        let secrets = [("DB", "hunter2"), ("pm_id", "7")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let env = compose(&spec, &identity(0), &secrets);
        assert_eq!((env["DB"].as_str(), env["pm_id"].as_str()), ("hunter2", "5"));
        spec.env.secrets = [("DB".into(), SecretSource::File("/db".into()))].into();
        assert_eq!(shown_environment(&spec, &identity(0))["DB"], REDACTED);
    }

    #[test]
    fn what_pm2s_users_see_is_what_it_runs_with() {
        let mut spec = spec();
        let own = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let shell = [("A", "shell"), ("B", "shell"), ("name", "bash"), ("MY_TOKEN", "x"), ("E_TOKEN", "")];
        spec.env.inherited = Arc::new(own(&shell));
        spec.env.app = own(&[("B", "file"), ("PORT", "3000"), ("DB", "postgres://me:hunter2@db"), ("PM2_HOME", "/x")]);
        spec.env.settings = own(&[("C", "set"), ("unique_id", "set")]);
        spec.env.secrets = [("S".into(), SecretSource::File("/s".into()))].into();
        spec.env.increment_var = Some("PORT".into());
        let identity = identity(2);
        let mut expected = shown_environment(&spec, &identity);
        let is_told = |name: &str| Environment::OURS.contains(&name) || name == spec.env.instance_var;
        expected.retain(|name, _| !is_told(name) || ["PM2_HOME", "RPM_HOME", "unique_id"].contains(&name.as_str()));
        let mut found = pm2_environment(&spec, &identity);
        found.retain(|name, _| *name != "name");
        let found: BTreeMap<String, String> = found.into_iter().map(|(k, v)| (k.to_owned(), v.into_owned())).collect();
        assert_eq!(found, expected);
        assert_eq!(
            (found["PORT"].as_str(), found["S"].as_str(), found["MY_TOKEN"].as_str()),
            ("3002", REDACTED, REDACTED)
        );
    }

    #[test]
    fn what_is_ours_is_known() {
        let mut spec = spec();
        spec.env.inherited = Arc::new([("A".into(), "1".into())].into());
        let env = compose(&spec, &identity(0), &BTreeMap::new());
        let ours: BTreeSet<_> = env.keys().map(String::as_str).filter(|name| *name != "A").collect();
        let known = Environment::OURS.into_iter().chain([Environment::INSTANCE_VAR]).collect();
        assert_eq!(ours, known);
    }

    #[test]
    fn secrets_are_not_shown() {
        let env = [("DB_PASSWORD", "x"), ("GITHUB_TOKEN", "y"), ("EMPTY_SECRET", ""), ("PORT", "1")];
        let shown = redacted(env.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert_eq!((shown["DB_PASSWORD"].as_str(), shown["GITHUB_TOKEN"].as_str()), ("[redacted]", "[redacted]"));
        assert_eq!((shown["EMPTY_SECRET"].as_str(), shown["PORT"].as_str()), ("", "1"));
    }
}
