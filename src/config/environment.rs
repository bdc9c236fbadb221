//! The layers of an app's environment: what it inherits, and what it is given.

use super::{AppOptions, Caller, FilterEnv};
use crate::domain::spec::Environment;
use std::collections::BTreeMap;

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

/// The environment of an app; `profile` is merged last.
pub(super) fn layers(options: &AppOptions, profile: Option<&str>, caller: &Caller) -> Environment {
    let mut app = options.env.clone();
    if let Some(port) = options.port {
        app.insert("PORT".into(), port.to_string());
    }
    if let Some(chosen) = profile.and_then(|name| options.profiles.get(name)) {
        app.extend(chosen.clone());
    }
    Environment {
        inherited: inherited(options.filter_env.as_ref(), &caller.env),
        app,
        instance_var: options.instance_var.clone().unwrap_or_else(|| Environment::INSTANCE_VAR.to_owned()),
        increment_var: options.increment_var.clone(),
        secrets: options.secrets.clone().unwrap_or_default(),
        ..Environment::default()
    }
}

fn inherited(filter: Option<&FilterEnv>, env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let inside_an_app = env.contains_key("pm_id");
    let stays_behind = |name: &str, value: &str| {
        CHANNEL.contains(&name) || is_filtered(filter, name) || (inside_an_app && is_managers(name, value))
    };
    env.iter()
        .filter(|(name, value)| !stays_behind(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_managers(name: &str, value: &str) -> bool {
    OF_A_MANAGED_APP.contains(&name) || name.starts_with("axm_") || value == "[object Object]"
}

fn is_filtered(filter: Option<&FilterEnv>, name: &str) -> bool {
    match filter {
        None | Some(FilterEnv::Nothing) => false,
        Some(FilterEnv::Everything) => true,
        Some(FilterEnv::Named(filtered)) => filtered == name,
        Some(FilterEnv::Containing(parts)) => parts.iter().any(|part| !part.is_empty() && name.contains(part)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn names(filter: Option<&FilterEnv>, env: &[(&str, &str)]) -> Vec<String> {
        inherited(filter, &map(env)).into_keys().collect()
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
        let app = |profile| layers(&options, profile, &caller).app;
        assert_eq!(app(None), map(&[("A", "env"), ("B", "env"), ("PORT", "3000")]));
        assert_eq!(app(Some("p")), map(&[("A", "env"), ("B", "profile"), ("PORT", "3000")]));
        assert_eq!(app(Some("other")), app(None));
    }
}
