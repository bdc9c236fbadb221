//! Flags given to a restart of an app that has no application file.

use crate::cli::failure::Failure;
use crate::config::{self, AppOptions, Autorestart, Caller, Watched};
use crate::domain::AppSpec;
use crate::domain::spec::WatchPolicy;
use std::path::{Path, PathBuf};

/// What another name or number would make of a known app is not a restart of it.
pub(super) fn refuse_identity(name: &str, options: &AppOptions) -> Result<(), Failure> {
    if options.name.is_some() {
        return Err(Failure::new(format!("--name cannot change while {name} is in the list"))
            .hint(format!("rpm delete {name}, then start it by its new name")));
    }
    if options.instances.is_some() {
        return Err(Failure::new(format!("a restart does not change how many processes {name} has"))
            .hint(format!("rpm scale {name} <n>")));
    }
    Ok(())
}

/// Puts what can change without making another app of it into the spec; the rest is refused.
pub(super) fn amend(spec: &mut AppSpec, options: &AppOptions, caller: &Caller) -> Result<(), Failure> {
    let refused = [
        ("--interpreter", options.interpreter.is_some()),
        ("--execute-command", options.exec_mode.is_some()),
        ("--output", options.out_file.is_some()),
        ("--error", options.error_file.is_some()),
        ("--job", options.job.is_some()),
    ];
    if let Some((flag, _)) = refused.into_iter().find(|(_, given)| *given) {
        return Err(Failure::new(format!("{flag} cannot change while {} is in the list", spec.name))
            .hint(format!("rpm delete {}, then start it with the new settings", spec.name)));
    }
    amend_schedule(spec, options);
    amend_watch(spec, options, caller);
    put(&mut spec.program.interpreter_args, options.interpreter_args.clone());
    config::add_source_maps(&mut spec.program, options);
    spec.given.extend(options.given());
    let options = options.clone();
    put(&mut spec.namespace, options.namespace);
    put(&mut spec.args, options.args);
    put(&mut spec.cwd, options.cwd.map(|path| absolute(&path, caller)));
    put(&mut spec.autostart, options.autostart);
    if let Some(files) = &options.env_file {
        config::replace_env_files(&mut spec.env, files, caller)?;
    }
    if options.filter_env.is_some() {
        spec.env.inherit.filter = options.filter_env;
        let inherit = spec.env.inherit.clone();
        spec.env.inherited.retain(|name, _| inherit.passes(name));
    }
    if let Some(path) = options.pid_file {
        spec.pid_file = Some(absolute(&path, caller));
    }
    put(&mut spec.logs.merge, options.merge_logs);
    put(&mut spec.logs.disable, options.disable_logs);

    let restart = &mut spec.restart;
    if let Some(when) = options.autorestart {
        restart.autorestart = when != Autorestart::Never;
        restart.on_failure = when == Autorestart::OnFailure;
    }
    put(&mut restart.max_restarts, options.max_restarts);
    put(&mut restart.min_uptime, options.min_uptime);
    put(&mut restart.restart_delay, options.restart_delay);
    put(&mut restart.exp_backoff_restart_delay, options.exp_backoff_restart_delay);
    put(&mut restart.stop_exit_codes, options.stop_exit_codes);

    let stop = &mut spec.stop;
    put(&mut stop.kill_signal, options.kill_signal);
    put(&mut stop.kill_timeout, options.kill_timeout);
    put(&mut stop.shutdown_with_message, options.shutdown_with_message);
    put(&mut stop.treekill, options.treekill);

    put(&mut spec.cluster.sched, options.sched);
    spec.recorded.extend(options.recorded);

    put(&mut spec.ready.wait_ready, options.wait_ready);
    if options.listen_timeout.is_some() {
        spec.ready.listen_timeout = options.listen_timeout;
    }
    Ok(())
}

fn amend_schedule(spec: &mut AppSpec, options: &AppOptions) {
    if let Some(pattern) = &options.cron_restart {
        // An empty one is PM2's way to switch it off.
        let pattern = Some(pattern.clone()).filter(|pattern| !pattern.is_empty());
        match &mut spec.schedule.job {
            Some(job) => job.cron = pattern,
            None => spec.schedule.restart = pattern,
        }
    }
    if options.time_zone.is_some() {
        spec.schedule.time_zone.clone_from(&options.time_zone);
    }
}

fn amend_watch(spec: &mut AppSpec, options: &AppOptions, caller: &Caller) {
    match &options.watch {
        Some(Watched::Nothing) => spec.watch = None,
        Some(Watched::Everything) => {
            spec.watch.get_or_insert(WatchPolicy { paths: Vec::new(), ignore: None, delay: 0 });
        }
        Some(Watched::Paths(paths)) => {
            let paths = paths.iter().map(|path| absolute(path, caller)).collect();
            let known = spec.watch.take();
            let (ignore, delay) = known.map_or((None, 0), |known| (known.ignore, known.delay));
            spec.watch = Some(WatchPolicy { paths, ignore, delay });
        }
        None => {}
    }
    if let Some(watch) = &mut spec.watch {
        put(&mut watch.delay, options.watch_delay);
        if options.ignore_watch.is_some() {
            watch.ignore.clone_from(&options.ignore_watch);
        }
    }
}

/// `--watch` of an app that is watched switches it off.
pub(super) fn toggle_watch(spec: &mut AppSpec, before: &AppSpec, options: &AppOptions) {
    let is_asked = matches!(options.watch, Some(Watched::Everything | Watched::Paths(_)));
    if is_asked && before.watch.is_some() {
        spec.watch = None;
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn absolute(path: &str, caller: &Caller) -> PathBuf {
    caller.cwd.join(Path::new(path))
}
