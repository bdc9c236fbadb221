//! The environment of a run, computed from its layers at each start.

use crate::domain::secret::{self, REDACTED};
use crate::domain::spec::Mode;
use crate::domain::{AppSpec, ProcessId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Who a process is among the processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub id: ProcessId,
    /// Among the processes of its name, from 0; freed numbers are used again.
    pub instance: u32,
    pub unique_id: String,
    pub out_log: Option<PathBuf>,
    pub error_log: Option<PathBuf>,
    /// The file that has both streams.
    pub combined_log: Option<PathBuf>,
    pub pid_file: PathBuf,
    pub home: PathBuf,
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
    let log = |file: &Option<PathBuf>| file.as_deref().map_or_else(|| "/dev/null".to_owned(), path);
    let home = path(&identity.home);
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
        ("pm_pid_path", path(&identity.pid_file)),
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
        // Counted from the same number at each start, so that an instance keeps its own however the app is scaled.
        let first: i64 = env.get(name).and_then(|value| value.trim().parse().ok()).unwrap_or(0);
        env.insert(name.clone(), first.saturating_add(i64::from(instance)).to_string());
    }
    env
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
            out_log: Some("/h/logs/api-out-5.log".into()),
            error_log: None,
            combined_log: None,
            pid_file: "/h/pids/api-5.pid".into(),
            home: "/h".into(),
        }
    }

    #[test]
    fn later_layers_win_and_ours_last() {
        let mut spec = spec();
        spec.env.inherited =
            [("A", "shell"), ("B", "shell"), ("name", "bash")].map(|(k, v)| (k.into(), v.into())).into();
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
        spec.env.inherited = [("PORT".into(), "4000".into())].into();
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
    fn what_is_ours_is_known() {
        let mut spec = spec();
        spec.env.inherited = [("A".into(), "1".into())].into();
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
