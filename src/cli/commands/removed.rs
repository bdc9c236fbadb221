//! Fields taken away from a known app: it is as if nobody had ever set them.

use crate::cli::failure::Failure;
use crate::config::{self, Caller};
use crate::domain::AppSpec;
use crate::domain::log_line::LogType;
use crate::domain::spec::{Limits, RestartPolicy, Sched, StopPolicy};

/// Whether the field is one that an app can be without.
pub(super) fn remove(app: &mut AppSpec, field: &str, caller: &Caller) -> Result<bool, Failure> {
    match field {
        "namespace" => "default".clone_into(&mut app.namespace),
        "interpreter_args" => app.program.interpreter_args.clear(),
        "uid" => app.uid = None,
        "gid" => app.gid = None,
        "pid_file" => app.pid_file = None,
        "out_file" => app.logs.out = None,
        "error_file" => app.logs.error = None,
        "listen_timeout" => app.ready.listen_timeout = None,
        "sched" => app.cluster.sched = Sched::default(),
        "filter_env" => app.env.inherit.filter = None,
        "env_file" => config::replace_env_files(&mut app.env, &[], caller)?,
        "log_file" => app.logs.combined = None,
        "log_type" => app.logs.log_type = LogType::Raw,
        "log_date_format" => (app.logs.date_format, app.logs.time) = (None, false),
        _ => return Ok(schedule(app, field) || restarts(app, field) || limit(&mut app.limits, field)),
    }
    Ok(true)
}

fn schedule(app: &mut AppSpec, field: &str) -> bool {
    match (field, &mut app.schedule.job, &mut app.watch) {
        ("cron_restart", Some(job), _) => job.cron = None,
        ("cron_restart", None, _) => app.schedule.restart = None,
        ("time_zone", ..) => app.schedule.time_zone = None,
        ("watch", ..) => app.watch = None,
        ("ignore_watch", _, watch) => watch.iter_mut().for_each(|watch| watch.ignore = None),
        ("watch_delay", _, watch) => watch.iter_mut().for_each(|watch| watch.delay = 0),
        _ => return false,
    }
    true
}

fn restarts(app: &mut AppSpec, field: &str) -> bool {
    let (usual, stop) = (RestartPolicy::default(), StopPolicy::default());
    match field {
        "max_restarts" => app.restart.max_restarts = usual.max_restarts,
        "min_uptime" => app.restart.min_uptime = usual.min_uptime,
        "restart_delay" => app.restart.restart_delay = usual.restart_delay,
        "exp_backoff_restart_delay" => app.restart.exp_backoff_restart_delay = usual.exp_backoff_restart_delay,
        "stop_exit_codes" => app.restart.stop_exit_codes = usual.stop_exit_codes,
        "kill_timeout" => app.stop.kill_timeout = stop.kill_timeout,
        "kill_signal" => app.stop.kill_signal = stop.kill_signal,
        _ => return false,
    }
    true
}

fn limit(limits: &mut Limits, field: &str) -> bool {
    match field {
        "max_memory_restart" => limits.max_memory_restart = None,
        "memory_max" => limits.memory_max = None,
        "cpu" => limits.cpu = None,
        "pids_max" => limits.pids_max = None,
        "nice" => limits.nice = None,
        "cpu_affinity" => limits.cpu_affinity.clear(),
        _ => return false,
    }
    true
}
