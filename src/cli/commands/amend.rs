//! Flags given to a restart of an app that has no application file.

use crate::cli::failure::Failure;
use crate::config::{self, AppOptions, Autorestart, Caller, Watched};
use crate::domain::AppSpec;
use crate::domain::spec::{Limits, WatchPolicy};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Puts flags into the spec of a known app. Its name, its mode and how many processes it has are what was started.
pub(super) fn amend(spec: &mut AppSpec, options: &AppOptions, caller: &Caller) -> Result<(), Failure> {
    amend_program(spec, options, caller)?;
    amend_schedule(spec, options);
    amend_watch(spec, options, caller);
    amend_logs(spec, options, caller);
    amend_restarts(spec, options);
    amend_limits(&mut spec.limits, options);
    Arc::make_mut(&mut spec.given).extend(options.given());
    let options = options.clone();
    put(&mut spec.namespace, options.namespace);
    put(&mut spec.autostart, options.autostart);
    put_some(&mut spec.uid, options.uid);
    put_some(&mut spec.gid, options.gid);
    if let Some(files) = &options.env_file {
        config::replace_env_files(&mut spec.env, files, caller)?;
    }
    if options.filter_env.is_some() {
        spec.env.inherit.filter = options.filter_env;
        let inherit = spec.env.inherit.clone();
        Arc::make_mut(&mut spec.env.inherited).retain(|name, _| inherit.passes(name));
    }

    let stop = &mut spec.stop;
    put(&mut stop.kill_signal, options.kill_signal);
    put(&mut stop.kill_timeout, options.kill_timeout);
    put(&mut stop.shutdown_with_message, options.shutdown_with_message);
    put(&mut stop.treekill, options.treekill);

    put(&mut spec.cluster.sched, options.sched);
    spec.recorded.extend(options.recorded);

    put(&mut spec.ready.wait_ready, options.wait_ready);
    put_some(&mut spec.ready.listen_timeout, options.listen_timeout);
    Ok(())
}

fn amend_program(spec: &mut AppSpec, options: &AppOptions, caller: &Caller) -> Result<(), Failure> {
    if let Some(cwd) = &options.cwd {
        spec.cwd = absolute(cwd, caller);
    }
    if let Some(name) = &options.interpreter {
        spec.program.interpreter = config::named_interpreter(name, spec, caller)?;
    }
    put(&mut spec.program.interpreter_args, options.interpreter_args.clone());
    put(&mut spec.args, options.args.clone());
    config::add_source_maps(&mut spec.program, options);
    Ok(())
}

fn amend_logs(spec: &mut AppSpec, options: &AppOptions, caller: &Caller) {
    let file = |path: &String| {
        // As in an application file: PM2's word for nowhere.
        if path == "NULL" { PathBuf::from("/dev/null") } else { absolute(path, caller) }
    };
    put_some(&mut spec.logs.out, options.out_file.as_ref().map(file));
    put_some(&mut spec.logs.error, options.error_file.as_ref().map(file));
    put_some(&mut spec.pid_file, options.pid_file.as_ref().map(|path| absolute(path, caller)));
    if let Some(log) = &options.log_file {
        spec.logs.combined = config::combined_log(log, file);
    }
    put(&mut spec.logs.log_type, options.log_type.as_deref().map(config::log_type));
    if let Some((format, time)) = config::log_dates(options) {
        (spec.logs.date_format, spec.logs.time) = (format, time);
    }
    put(&mut spec.logs.merge, options.merge_logs);
    put(&mut spec.logs.disable, options.disable_logs);
}

fn amend_restarts(spec: &mut AppSpec, options: &AppOptions) {
    let restart = &mut spec.restart;
    if let Some(when) = options.autorestart {
        restart.autorestart = when != Autorestart::Never;
        restart.on_failure = when == Autorestart::OnFailure;
    }
    put(&mut restart.max_restarts, options.max_restarts);
    put(&mut restart.min_uptime, options.min_uptime);
    put(&mut restart.restart_delay, options.restart_delay);
    put(&mut restart.exp_backoff_restart_delay, options.exp_backoff_restart_delay);
    put(&mut restart.stop_exit_codes, options.stop_exit_codes.clone());
}

fn amend_limits(limits: &mut Limits, options: &AppOptions) {
    put_some(&mut limits.max_memory_restart, options.max_memory_restart);
    put_some(&mut limits.memory_max, options.memory_max);
    put_some(&mut limits.cpu, options.cpu);
    put_some(&mut limits.pids_max, options.pids_max);
    put_some(&mut limits.nice, options.nice);
    put(&mut limits.cpu_affinity, options.cpu_affinity.clone());
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

/// A value over one that may be absent; none leaves it.
fn put_some<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
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
