//! Defaults from the caller's environment: `RPM_<name>`, else PM2's `PM2_<name>`.

use super::{AppOptions, Caller, Problem, apply, read};
use crate::domain::spec::{Interpreter, Program};
use serde_json::Value;

/// Settings that are the default of a field.
const OF_FIELDS: [(&str, &str); 6] = [
    ("KILL_TIMEOUT", "kill_timeout"),
    ("KILL_SIGNAL", "kill_signal"),
    ("KILL_RETRY_TIME", "kill_retry_time"),
    ("GRACEFUL_LISTEN_TIMEOUT", "listen_timeout"),
    ("GRACEFUL_TIMEOUT", "drain_timeout"),
    ("PROCESS_INSTANCE_VAR", "instance_var"),
];

const KILL_USE_MESSAGE: &str = "KILL_USE_MESSAGE";
const NODE_OPTIONS: &str = "NODE_OPTIONS";
const DEEP_MONITORING: &str = "DEEP_MONITORING";

/// What an app has where nothing is written.
pub(super) fn defaults(caller: &Caller) -> Result<AppOptions, Problem> {
    let mut options = AppOptions::default();
    for (setting, field) in OF_FIELDS {
        if let Some((variable, value)) = setting_of(caller, setting) {
            apply::apply(&mut options, field, &Value::from(value)).map_err(|problem| called(problem, variable))?;
        }
    }
    if setting_of(caller, KILL_USE_MESSAGE).is_some_and(|(_, value)| value != "false") {
        options.shutdown_with_message = Some(true);
    }
    if setting_of(caller, DEEP_MONITORING).is_some() {
        options.recorded.insert("deep_monitoring".to_owned(), Value::Bool(true));
    }
    Ok(options)
}

/// Adds the flags that every Node gets.
pub(super) fn add_node_options(program: &mut Program, caller: &Caller) {
    if let Some((_, flags)) = setting_of(caller, NODE_OPTIONS).filter(|_| program.is_node()) {
        program.interpreter_args.extend(read::list(&Value::from(flags)).unwrap_or_default());
    }
}

/// Asks Node for the sources in stack traces. Unlike PM2 not unasked: an app sees what it sees under plain Node, and
/// its own children inherit the flag.
pub fn add_source_maps(program: &mut Program, options: &AppOptions) {
    const FLAG: &str = "--enable-source-maps";
    let is_on = |field: &str| options.recorded.get(field) == Some(&Value::Bool(true));
    let wanted = is_on("source_map_support") && !is_on("disable_source_map_support");
    let is_bun = matches!(&program.interpreter, Interpreter::Named(name) if name.ends_with("bun"));
    if wanted && program.is_node() && !is_bun && !program.interpreter_args.iter().any(|arg| arg == FLAG) {
        program.interpreter_args.push(FLAG.to_owned());
    }
}

/// A setting of whoever asks that is no field of an app: `RPM_<name>`, else `PM2_<name>`.
pub fn setting<'a>(caller: &'a Caller, name: &str) -> Option<&'a str> {
    setting_of(caller, name).map(|(_, value)| value)
}

/// The variable that has the setting, and its value.
fn setting_of<'a>(caller: &'a Caller, name: &str) -> Option<(String, &'a str)> {
    ["RPM_", "PM2_"].into_iter().find_map(|prefix| {
        let variable = format!("{prefix}{name}");
        let value = caller.env.get(&variable).filter(|value| !value.is_empty())?;
        Some((variable, value.as_str()))
    })
}

/// A problem with a field is one of the variable that it came from.
fn called(problem: Problem, variable: String) -> Problem {
    match problem {
        Problem::BadValue { value, allowed, .. } => Problem::BadValue { field: variable, value, allowed },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(env: &[(&str, &str)]) -> Caller {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Caller { cwd: "/".into(), env, username: None, cores: 1 }
    }

    #[test]
    fn ours_win_over_pm2s() {
        let env = [
            ("RPM_KILL_TIMEOUT", "2s"),
            ("PM2_KILL_TIMEOUT", "1600"),
            ("PM2_KILL_SIGNAL", "SIGTERM"),
            ("PM2_KILL_USE_MESSAGE", "true"),
            ("PM2_GRACEFUL_LISTEN_TIMEOUT", "3000"),
            ("PM2_GRACEFUL_TIMEOUT", "8000"),
            ("PM2_KILL_RETRY_TIME", "50"),
            ("PM2_DEEP_MONITORING", "1"),
            ("RPM_PROCESS_INSTANCE_VAR", ""),
            ("PM2_PROCESS_INSTANCE_VAR", "WHICH"),
        ];
        let expected = AppOptions {
            kill_timeout: Some(2000),
            kill_signal: Some(15),
            shutdown_with_message: Some(true),
            listen_timeout: Some(3000),
            drain_timeout: Some(8000),
            instance_var: Some("WHICH".into()),
            recorded: [
                ("deep_monitoring".to_owned(), Value::Bool(true)),
                ("kill_retry_time".to_owned(), Value::from("50")),
            ]
            .into(),
            ..AppOptions::default()
        };
        assert_eq!(defaults(&caller(&env)).unwrap(), expected);
        assert_eq!(defaults(&caller(&[("PM2_KILL_USE_MESSAGE", "false")])).unwrap(), AppOptions::default());
    }

    #[test]
    fn a_bad_one_is_called_by_its_variable() {
        let problem = defaults(&caller(&[("PM2_KILL_TIMEOUT", "soon")])).unwrap_err();
        assert_eq!(problem.to_string(), "PM2_KILL_TIMEOUT cannot be \"soon\"");
    }
}
