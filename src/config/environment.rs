//! The layers of an app's environment: what it inherits, and what it is given.

use super::{AppOptions, Caller, Inherited, Problem, env_files, place};
use crate::domain::spec::{Environment, Inherit, Layer, SecretSource};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Node's own, between one parent and one child: whoever inherits them opens a descriptor that is not theirs.
pub(super) const CHANNEL: [&str; 3] = ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID"];

/// What a manager tells an app about itself. An app that starts another must not pass its own on.
#[rustfmt::skip] // a table
const OF_A_MANAGED_APP: &[&str] = &[
    "NODE_APP_INSTANCE", "PM2_JSON_PROCESSING", "PM2_PROGRAMMATIC", "PM2_USAGE", "RPM_SPAWN_ID", "RPM_SUPERVISOR", "_pm2_version", "args",
    "automation",
    "autorestart", "autostart", "created_at", "cron_restart", "cwd", "deep_monitoring", "env", "error_file",
    "exec_interpreter", "exec_mode", "exit_code", "filter_env", "instance_var", "instances", "kill_retry_time",
    "kill_timeout", "km_link", "listen_timeout", "log_date_format", "max_memory_restart", "max_restarts", "merge_logs",
    "min_uptime", "name", "namespace", "node_args", "node_version", "out_file", "pid_file", "pm_cwd",
    "pm_err_log_path", "pm_exec_path", "pm_id", "pm_log_path", "pm_out_log_path", "pm_pid_path", "pm_uptime", "pmx",
    "pmx_module", "prev_restart_delay", "restart_delay", "restart_time", "source_map_support", "status", "treekill",
    "unique_id", "unstable_restarts", "username", "version", "versioning", "vizion", "vizion_running", "wait_ready",
    "watch", "windowsHide",
];

/// The environment of an app: `.env` files under `env`, `profile` over it. Relative paths are seen from `base`.
pub(super) fn layers(
    options: &AppOptions,
    profile: Option<&str>,
    base: &Path,
    caller: &Caller,
) -> Result<Environment, Problem> {
    let allow = match &options.env_inherit {
        None | Some(Inherited::Everything) => None,
        Some(Inherited::Named(names)) => Some(names.clone()),
    };
    let inherit = Inherit { allow, filter: options.filter_env.clone() };
    let mut env = Environment {
        inherited: Arc::new(inherited(&inherit, &caller.env)),
        inherit,
        files: env_files::named(options.env_file.as_deref().unwrap_or_default(), base, caller),
        instance_var: options.instance_var.clone().unwrap_or_else(|| Environment::INSTANCE_VAR.to_owned()),
        increment_var: options.increment_var.clone(),
        secrets: secrets(options, base, caller),
        typed: options.typed.clone(),
        ..Environment::default()
    };
    for (name, value) in &options.env {
        env.set(name, value, Layer::Env);
    }
    if let Some(port) = options.port {
        env.set("PORT", port.to_string(), Layer::Port);
        env.typed.insert("PORT".to_owned());
    }
    if let Some((name, chosen)) = profile.and_then(|name| options.profiles.get_key_value(name)) {
        for (variable, value) in chosen {
            env.set(variable, value, Layer::Profile { name: name.clone() });
        }
    }
    env_files::read(&mut env)?;
    Ok(env)
}

fn secrets(options: &AppOptions, base: &Path, caller: &Caller) -> BTreeMap<String, SecretSource> {
    let secrets = options.secrets.iter().flatten().map(|(name, source)| {
        let source = match source {
            SecretSource::File(file) => SecretSource::File(place::absolute(&file.to_string_lossy(), base, caller)),
            SecretSource::Command(command) => SecretSource::Command(command.clone()),
        };
        (name.clone(), source)
    });
    secrets.collect()
}

/// What an app gets of the environment of whoever asks.
pub fn inherited(inherit: &Inherit, env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let inside_an_app = env.contains_key("pm_id");
    let stays_behind = |name: &str, value: &str| {
        CHANNEL.contains(&name) || !inherit.passes(name) || (inside_an_app && is_managers(name, value))
    };
    env.iter()
        .filter(|(name, value)| !stays_behind(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_managers(name: &str, value: &str) -> bool {
    OF_A_MANAGED_APP.contains(&name) || name.starts_with("axm_") || value == "[object Object]"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::FilterEnv;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn names(filter: Option<&FilterEnv>, env: &[(&str, &str)]) -> Vec<String> {
        let inherit = Inherit { allow: None, filter: filter.cloned() };
        inherited(&inherit, &map(env)).into_keys().collect()
    }

    const PLAIN: &[(&str, &str)] =
        &[("PATH", "/bin"), ("AWS_KEY", "k"), ("MY_AWS", "k"), ("name", "me"), ("NODE_CHANNEL_FD", "3")];

    #[test]
    fn filters() {
        assert_eq!(names(None, PLAIN), ["AWS_KEY", "MY_AWS", "PATH", "name"]);
        assert_eq!(names(Some(&FilterEnv::Nothing), PLAIN), ["AWS_KEY", "MY_AWS", "PATH", "name"]);
        assert_eq!(names(Some(&FilterEnv::Everything), PLAIN), [""; 0]);
        assert_eq!(names(Some(&FilterEnv::Named("AWS_KEY".into())), PLAIN), ["MY_AWS", "PATH", "name"]);
        let parts = FilterEnv::Containing(vec!["AWS".into(), String::new()]);
        assert_eq!(names(Some(&parts), PLAIN), ["PATH", "name"]);
    }

    #[test]
    fn an_app_does_not_pass_on_what_its_manager_told_it() {
        let inside = [
            ("PATH", "/bin"),
            ("axm_options", "x"),
            ("name", "parent"),
            ("pm_id", "3"),
            ("odd", "[object Object]"),
            ("NODE_APP_INSTANCE", "1"),
            ("NODE_UNIQUE_ID", "7"),
        ];
        assert_eq!(names(None, &inside), ["PATH"]);
    }

    #[test]
    fn the_profile_is_merged_last() {
        let options = AppOptions {
            env: map(&[("A", "env"), ("PORT", "1"), ("B", "env")]),
            profiles: [("p".to_owned(), map(&[("B", "profile")]))].into(),
            port: Some(3000),
            ..AppOptions::default()
        };
        let caller = Caller { cwd: "/".into(), env: BTreeMap::new(), username: None, cores: 1 };
        let app = |profile| layers(&options, profile, Path::new("/"), &caller).unwrap().app;
        assert_eq!(app(None), map(&[("A", "env"), ("B", "env"), ("PORT", "3000")]));
        assert_eq!(app(Some("p")), map(&[("A", "env"), ("B", "profile"), ("PORT", "3000")]));
        assert_eq!(app(Some("other")), app(None));
    }

    #[test]
    fn only_what_is_on_the_list() {
        let options = AppOptions {
            env_inherit: Some(Inherited::Named(vec!["PATH".into(), "MY_*".into()])),
            ..AppOptions::default()
        };
        let caller = Caller { cwd: "/".into(), env: map(PLAIN), username: None, cores: 1 };
        let env = layers(&options, None, Path::new("/"), &caller).unwrap();
        assert_eq!(env.inherited.keys().collect::<Vec<_>>(), ["MY_AWS", "PATH"]);
    }

    #[test]
    fn files_of_secrets_are_seen_from_the_base() {
        let source = |file: &str| SecretSource::File(file.into());
        let options = AppOptions {
            secrets: Some([("A".to_owned(), source("./a")), ("B".to_owned(), source("/b"))].into()),
            ..AppOptions::default()
        };
        let caller = Caller { cwd: "/".into(), env: BTreeMap::new(), username: None, cores: 1 };
        let env = layers(&options, None, Path::new("/srv"), &caller).unwrap();
        assert_eq!((&env.secrets["A"], &env.secrets["B"]), (&source("/srv/a"), &source("/b")));
    }
}
