//! Flags into the fields of an app, with the checks of an application file.

use crate::cli::args::AppFlags;
use crate::cli::failure::Failure;
use crate::config::{AppOptions, FilterEnv, Watched};
use crate::domain::spec::Mode;

/// `--env` is not among them: it chooses a profile of a file.
pub(super) fn options(flags: &AppFlags, args: &[String]) -> Result<AppOptions, Failure> {
    let mut options = AppOptions::default();
    for (field, value) in [
        ("name", &flags.name),
        ("namespace", &flags.namespace),
        ("cwd", &flags.cwd),
        ("interpreter", &flags.interpreter),
        ("interpreter_args", &flags.interpreter_args),
        ("uid", &flags.uid),
        ("gid", &flags.gid),
        ("pid_file", &flags.pid),
        ("instances", &flags.instances),
        ("out_file", &flags.output),
        ("error_file", &flags.error),
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
    ] {
        if let Some(value) = value {
            options.set(field, value.as_str())?;
        }
    }
    for (field, given, value) in [
        ("merge_logs", flags.merge_logs, true),
        ("disable_logs", flags.disable_logs, true),
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
    ] {
        if given {
            options.set(field, value)?;
        }
    }
    if !flags.stop_exit_codes.is_empty() {
        options.set("stop_exit_codes", flags.stop_exit_codes.clone())?;
    }
    if !flags.env_file.is_empty() {
        options.set("env_file", flags.env_file.clone())?;
    }
    if flags.execute_command {
        options.exec_mode = Some(Mode::Fork);
    }
    watch(&mut options, flags)?;
    options.filter_env = filter(&flags.filter_env);
    if !args.is_empty() {
        options.args = Some(args.to_vec());
    }
    Ok(options)
}

fn filter(words: &[String]) -> Option<FilterEnv> {
    match words {
        [] => None,
        words if words.iter().any(String::is_empty) => Some(FilterEnv::Everything),
        words => Some(FilterEnv::Containing(words.to_vec())),
    }
}

fn watch(options: &mut AppOptions, flags: &AppFlags) -> Result<(), Failure> {
    options.watch = match flags.watch.as_slice() {
        [] => None,
        paths if paths.iter().any(String::is_empty) => Some(Watched::Everything),
        paths => Some(Watched::Paths(paths.to_vec())),
    };
    let mut ignore = Vec::new();
    if !flags.ext.is_empty() {
        // All but directories and these.
        ignore.extend(["*".to_owned(), "!*/".to_owned()]);
        ignore.extend(flags.ext.iter().map(|extension| format!("!*.{}", extension.trim_start_matches('.'))));
        ignore.extend([".*".to_owned(), "node_modules/".to_owned()]);
    }
    let patterns = flags.ignore_watch.iter().flat_map(|patterns| patterns.split([' ', ',']));
    ignore.extend(patterns.filter(|pattern| !pattern.is_empty()).map(str::to_owned));
    if !ignore.is_empty() {
        options.ignore_watch = Some(ignore);
    }
    if let Some(delay) = &flags.watch_delay {
        // As PM2 has it: a number alone is seconds here, and milliseconds in a file.
        let is_number = delay.parse::<f64>().is_ok();
        options.set("watch_delay", if is_number { format!("{delay}s") } else { delay.clone() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let options = options(&flags, &["-p".into(), "80 80".into()]).unwrap();
        assert_eq!(options.name.as_deref(), Some("api"));
        assert_eq!(options.kill_timeout, Some(3000));
        assert_eq!(options.stop_exit_codes, Some(vec![0, 3]));
        assert_eq!(options.treekill, Some(false));
        assert_eq!(options.exec_mode, Some(Mode::Fork));
        assert_eq!(options.args, Some(vec!["-p".into(), "80 80".into()]));
        assert_eq!(options.wait_ready, None);

        let flags = AppFlags { source_map_support: true, no_vizion: true, ..AppFlags::default() };
        let options = super::options(&flags, &[]).unwrap();
        let recorded: Vec<_> = options.recorded.iter().map(|(field, value)| format!("{field}={value}")).collect();
        assert_eq!(recorded, ["source_map_support=true", "vizion=false"]);

        let flags = AppFlags { kill_timeout: Some("soon".into()), ..AppFlags::default() };
        assert!(matches!(super::options(&flags, &[]), Err(Failure::Told { hint: Some(_), .. })));
    }

    #[test]
    fn what_is_watched() {
        let given = |flags: AppFlags| options(&flags, &[]).unwrap();
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
}
