//! Flags into the fields of an app, with the checks of an application file.

use crate::cli::args::AppFlags;
use crate::cli::failure::Failure;
use crate::config::{AppOptions, FilterEnv};
use crate::domain::spec::Mode;
use serde_json::{Map, Value};

/// What flags say about an app.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Given {
    pub(super) options: AppOptions,
    /// Fields that are to be as if nobody had ever set them: PM2's word `null`.
    pub(super) removed: Vec<&'static str>,
    /// The same as an app of an application file.
    pub(super) written: Map<String, Value>,
}

/// The word that takes a field away.
const NULL: &str = "null";

impl Given {
    fn set(&mut self, field: &'static str, value: Value) -> Result<(), Failure> {
        self.options.set(field, value.clone())?;
        self.written.insert(field.to_owned(), value);
        Ok(())
    }

    fn text(&mut self, field: &'static str, text: Option<&String>) -> Result<(), Failure> {
        match text.map(String::as_str) {
            None => Ok(()),
            Some(NULL) => {
                self.removed.push(field);
                Ok(())
            }
            Some(text) => self.set(field, text.into()),
        }
    }

    fn list(&mut self, field: &'static str, words: &[String]) -> Result<(), Failure> {
        match words {
            [] => Ok(()),
            [word] if word == NULL => {
                self.removed.push(field);
                Ok(())
            }
            words => self.set(field, words.to_vec().into()),
        }
    }
}

/// `--env` is not among them: it chooses a profile of a file.
pub(super) fn options(flags: &AppFlags, args: &[String]) -> Result<Given, Failure> {
    let mut given = Given::default();
    for (field, value) in texts(flags) {
        given.text(field, value.as_ref())?;
    }
    for (field, is_given, value) in switches(flags) {
        if is_given {
            given.set(field, value.into())?;
        }
    }
    given.list("stop_exit_codes", &flags.stop_exit_codes)?;
    given.list("env_file", &flags.env_file)?;
    match flags.log.as_deref() {
        Some("true") => given.set("log_file", true.into())?,
        _ => given.text("log_file", flags.log.as_ref())?,
    }
    if flags.execute_command {
        given.options.exec_mode = Some(Mode::Fork);
        given.written.insert("exec_mode".to_owned(), "fork".into());
    }
    watch(&mut given, flags)?;
    match flags.filter_env.as_slice() {
        [word] if word == NULL => given.removed.push("filter_env"),
        words => given.options.filter_env = filter(words),
    }
    if !args.is_empty() {
        given.options.args = Some(args.to_vec());
        given.written.insert("args".to_owned(), args.to_vec().into());
    }
    Ok(given)
}

fn texts(flags: &AppFlags) -> [(&'static str, &Option<String>); 29] {
    [
        ("name", &flags.name),
        ("namespace", &flags.namespace),
        ("cwd", &flags.cwd),
        ("interpreter", &flags.interpreter),
        ("interpreter_args", &flags.interpreter_args),
        ("uid", &flags.uid),
        ("gid", &flags.gid),
        ("pid_file", &flags.pid),
        ("instances", &flags.instances),
        ("sched", &flags.sched),
        ("out_file", &flags.output),
        ("error_file", &flags.error),
        ("log_type", &flags.log_type),
        ("log_date_format", &flags.log_date_format),
        ("max_restarts", &flags.max_restarts),
        ("min_uptime", &flags.min_uptime),
        ("restart_delay", &flags.restart_delay),
        ("exp_backoff_restart_delay", &flags.exp_backoff_restart_delay),
        ("max_memory_restart", &flags.max_memory_restart),
        ("memory_max", &flags.memory_max),
        ("cpu", &flags.cpu),
        ("pids_max", &flags.pids_max),
        ("nice", &flags.nice),
        ("cpu_affinity", &flags.cpu_affinity),
        ("kill_timeout", &flags.kill_timeout),
        ("kill_signal", &flags.kill_signal),
        ("listen_timeout", &flags.listen_timeout),
        ("cron_restart", &flags.cron_restart),
        ("time_zone", &flags.time_zone),
    ]
}

fn switches(flags: &AppFlags) -> [(&'static str, bool, bool); 19] {
    [
        ("merge_logs", flags.merge_logs, true),
        ("disable_logs", flags.disable_logs, true),
        ("time", flags.time, true),
        ("autorestart", flags.no_autorestart, false),
        ("autostart", flags.no_autostart, false),
        ("treekill", flags.no_treekill, false),
        ("shutdown_with_message", flags.shutdown_with_message, true),
        ("wait_ready", flags.wait_ready, true),
        ("job", flags.job, true),
        ("source_map_support", flags.source_map_support, true),
        ("disable_source_map_support", flags.disable_source_map_support, true),
        ("vizion", flags.no_vizion, false),
        ("pmx", flags.no_pmx, false),
        ("automation", flags.no_automation, false),
        ("trace", flags.trace, true),
        ("disable_trace", flags.disable_trace, true),
        ("v8", flags.v8, true),
        ("event_loop_inspector", flags.event_loop_inspector, true),
        ("deep_monitoring", flags.deep_monitoring, true),
    ]
}

fn filter(words: &[String]) -> Option<FilterEnv> {
    match words {
        [] => None,
        words if words.iter().any(String::is_empty) => Some(FilterEnv::Everything),
        words => Some(FilterEnv::Containing(words.to_vec())),
    }
}

fn watch(given: &mut Given, flags: &AppFlags) -> Result<(), Failure> {
    match flags.watch.as_slice() {
        [] => {}
        [word] if word == NULL => given.removed.push("watch"),
        paths if paths.iter().any(String::is_empty) => given.set("watch", true.into())?,
        paths => given.set("watch", paths.to_vec().into())?,
    }
    match flags.ignore_watch.as_slice() {
        [word] if word == NULL => given.removed.push("ignore_watch"),
        _ => given.list("ignore_watch", &ignored(flags))?,
    }
    match flags.watch_delay.as_deref() {
        // As PM2 has it: a number alone is seconds here, and milliseconds in a file.
        Some(delay) if delay.parse::<f64>().is_ok() => given.set("watch_delay", format!("{delay}s").into()),
        _ => given.text("watch_delay", flags.watch_delay.as_ref()),
    }
}

/// As in a `.gitignore`.
fn ignored(flags: &AppFlags) -> Vec<String> {
    let mut ignore = Vec::new();
    if !flags.ext.is_empty() {
        // All but directories and these.
        ignore.extend(["*".to_owned(), "!*/".to_owned()]);
        ignore.extend(flags.ext.iter().map(|extension| format!("!*.{}", extension.trim_start_matches('.'))));
        ignore.extend([".*".to_owned(), "node_modules/".to_owned()]);
    }
    let patterns = flags.ignore_watch.iter().flat_map(|patterns| patterns.split([' ', ',']));
    ignore.extend(patterns.filter(|pattern| !pattern.is_empty()).map(str::to_owned));
    ignore
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Watched;

    #[test]
    fn flags_are_checked_like_fields_of_a_file() {
        let flags = AppFlags {
            name: Some("api".into()),
            kill_timeout: Some("3s".into()),
            stop_exit_codes: vec!["0".into(), "3".into()],
            no_treekill: true,
            execute_command: true,
            ..AppFlags::default()
        };
        let options = options(&flags, &["-p".into(), "80 80".into()]).unwrap().options;
        assert_eq!(options.name.as_deref(), Some("api"));
        assert_eq!(options.kill_timeout, Some(3000));
        assert_eq!(options.stop_exit_codes, Some(vec![0, 3]));
        assert_eq!(options.treekill, Some(false));
        assert_eq!(options.exec_mode, Some(Mode::Fork));
        assert_eq!(options.args, Some(vec!["-p".into(), "80 80".into()]));
        assert_eq!(options.wait_ready, None);

        let flags = AppFlags { source_map_support: true, no_vizion: true, ..AppFlags::default() };
        let options = super::options(&flags, &[]).unwrap().options;
        let recorded: Vec<_> = options.recorded.iter().map(|(field, value)| format!("{field}={value}")).collect();
        assert_eq!(recorded, ["source_map_support=true", "vizion=false"]);

        let flags = AppFlags { kill_timeout: Some("soon".into()), ..AppFlags::default() };
        assert!(matches!(super::options(&flags, &[]), Err(Failure::Told { hint: Some(_), .. })));
    }

    #[test]
    fn what_is_watched() {
        let given = |flags: AppFlags| options(&flags, &[]).unwrap().options;
        let all =
            given(AppFlags { watch: vec![String::new()], watch_delay: Some("0.5".into()), ..AppFlags::default() });
        assert_eq!((all.watch, all.watch_delay), (Some(Watched::Everything), Some(500)));
        let some = AppFlags {
            watch: vec!["src".into(), "lib".into()],
            ignore_watch: vec!["*.log tmp/".into()],
            watch_delay: Some("250ms".into()),
            ext: vec!["js".into()],
            ..AppFlags::default()
        };
        let some = given(some);
        assert_eq!(some.watch, Some(Watched::Paths(vec!["src".into(), "lib".into()])));
        let ignore = some.ignore_watch.unwrap();
        assert_eq!(ignore, ["*", "!*/", "!*.js", ".*", "node_modules/", "*.log", "tmp/"]);
        assert_eq!(some.watch_delay, Some(250));
        assert_eq!(given(AppFlags::default()).watch, None);
    }

    #[test]
    fn a_filter_without_a_word_passes_nothing_on() {
        assert_eq!(filter(&[]), None);
        assert_eq!(filter(&[String::new()]), Some(FilterEnv::Everything));
        assert_eq!(filter(&["AWS".into()]), Some(FilterEnv::Containing(vec!["AWS".into()])));
    }

    #[test]
    fn the_word_null_takes_a_field_away() {
        let word = || Some("null".to_owned());
        let flags = AppFlags {
            interpreter_args: word(),
            kill_timeout: word(),
            log: word(),
            stop_exit_codes: vec!["null".into()],
            filter_env: vec!["null".into()],
            watch: vec!["null".into()],
            ignore_watch: vec!["null".into()],
            ..AppFlags::default()
        };
        let given = options(&flags, &[]).unwrap();
        assert_eq!(given.options, AppOptions::default());
        let removed =
            ["interpreter_args", "kill_timeout", "stop_exit_codes", "log_file", "watch", "ignore_watch", "filter_env"];
        assert_eq!(given.removed, removed);
    }

    #[test]
    fn what_was_given_can_be_read_again() {
        let flags = AppFlags {
            name: Some("api".into()),
            kill_timeout: Some("3s".into()),
            execute_command: true,
            no_treekill: true,
            watch: vec!["src".into()],
            watch_delay: Some("2".into()),
            ..AppFlags::default()
        };
        let given = options(&flags, &["-p".into(), "80".into()]).unwrap();
        let again: AppOptions = serde_json::from_value(Value::Object(given.written)).unwrap();
        assert_eq!(again, given.options);
    }
}
