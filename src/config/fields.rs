//! The fields of an app: their names, their aliases, what they accept, where they go, what they mean. The only list of
//! them: the parser, the schema and the documentation are made from it.

use super::shape::{self, Shape};
use super::{AppOptions, read};
use crate::domain::spec::Mode;
use serde_json::Value;

/// A field of an application file.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// What its value is.
    pub shape: Shape,
    /// What holds where it is absent, for people; empty where that is nothing.
    pub default: &'static str,
    pub doc: &'static str,
    pub(super) effect: Effect,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    /// Stores a value; `None` when it is not what the field accepts.
    Set(fn(&mut AppOptions, &Value) -> Option<()>),
    /// A field of PM2 that has nothing to do here: checked, and kept for who asks.
    Record(fn(&Value) -> bool),
}

impl Field {
    /// Its own name, then its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// Every field there is.
pub fn known_fields() -> &'static [Field] {
    FIELDS
}

macro_rules! field {
    (record $name:literal, $aliases:expr, $shape:ident, $read:path, $default:expr, $doc:expr) => {
        field!(@ $name, $aliases, $shape, $default, $doc, Effect::Record(|value| $read(value).is_some()))
    };
    ($name:literal, $aliases:expr, $shape:ident, $slot:ident = $read:path, $default:expr, $doc:expr) => {
        field!(@ $name, $aliases, $shape, $default, $doc, Effect::Set(|options, value| {
            options.$slot = Some($read(value)?);
            Some(())
        }))
    };
    (@ $name:literal, $aliases:expr, $shape:ident, $default:expr, $doc:expr, $effect:expr) => {
        Field { name: $name, aliases: &$aliases, shape: shape::$shape, default: $default, doc: $doc, effect: $effect }
    };
}

#[rustfmt::skip] // a table
const FIELDS: &[Field] = &[
    // What runs
    field!("script", ["exec", "cmd", "command"], TEXT, script = read::text, "required",
        "A file, a program in `PATH`, or a shell line. Seen from `cwd`."),
    field!("name", [], TEXT, name = read::text, "the script's file name without its extension",
        "What the app is called."),
    field!("name_prefix", [], TEXT, name_prefix = read::text, "", "Put before the name."),
    field!("namespace", [], TEXT, namespace = read::text, "`default`", "A group of apps that can be named together."),
    field!("cwd", [], TEXT, cwd = read::text, "the file's directory",
        "Working directory, and where relative paths start."),
    field!("args", [], WORDS, args = read::list, "", "Arguments of the script."),
    field!("exec_interpreter", ["interpreter"], TEXT, interpreter = read::text, "by the script's extension or content",
        "Who runs the script: a program's name or path, `node@<version>`, or `none` to execute it directly."),
    field!("node_args", ["interpreter_args"], WORDS, interpreter_args = read::list, "",
        "Arguments of the interpreter, before the script."),
    field!("exec_mode", [], MODE, exec_mode = read::mode, "`cluster` for Node apps with `instances`, else `fork`",
        "Cluster workers share the ports they listen on; forked processes have nothing in common."),
    Field {
        name: "execute_command", aliases: &[], shape: shape::FLAG, default: "false", doc: "PM2's other way to say `exec_mode: \"fork\"`.",
        effect: Effect::Set(|options, value| {
            if read::boolean(value)? { options.exec_mode.get_or_insert(Mode::Fork); }
            Some(())
        }),
    },
    field!("instances", [], INSTANCES, instances = read::instances, "1",
        "How many processes. `max` and 0: one for each core; a negative number: that many fewer."),
    field!(record "source_map_support", [], FLAG, read::boolean, "false",
        "Whether Node maps stack traces to the sources: adds `--enable-source-maps`."),
    field!(record "disable_source_map_support", [], FLAG, read::boolean, "false", "Takes `source_map_support` back."),
    // Environment
    Field {
        name: "env", aliases: &[], shape: shape::VARIABLES, default: "",
        doc: "Variables. Values that are not text are written as text, objects as JSON; `null` is left out. `env_<profile>` is added with `--env <profile>`.",
        effect: Effect::Set(|options, value| {
            options.env.extend(read::variables(value)?);
            options.typed.extend(read::typed_variables(value));
            Some(())
        }),
    },
    field!("env_file", ["env_files"], WORDS, env_file = read::list, "", 
        "`.env` files, below `env`; later ones win, one that may be missing ends with `?`."),
    field!("secrets", [], SECRETS, secrets = read::secrets, "",
        "Variables whose values are read at each start, and never kept or shown."),
    field!("filter_env", [], FILTER, filter_env = read::filter_env, "false",
        "Which variables of the caller the app does not get: all, the one of that name, or those whose names contain one of these."),
    field!("env_inherit", [], INHERIT, env_inherit = read::env_inherit, "true",
        "Which variables of the caller the app gets: all, none, or those of these names, in which `*` stands for any text."),
    field!("append_env_to_name", [], FLAG, append_env_to_name = read::boolean, "false",
        "With `--env <profile>`, whether the name becomes `<name>-<profile>`."),
    field!("port", [], PORT, port = read::port, "", "Sets `PORT`."),
    field!("instance_var", [], TEXT, instance_var = read::text, "`NODE_APP_INSTANCE`",
        "The variable that holds the instance's number."),
    field!("increment_var", [], TEXT, increment_var = read::text, "",
        "A number that grows by one from instance to instance, wherever it comes from."),
    // Output and files
    field!("out_file", ["out", "output", "out_log"], TEXT, out_file = read::text, "in `$RPM_HOME/logs`",
        "File for standard output."),
    field!("error_file", ["error", "err", "err_file", "err_log"], TEXT, error_file = read::text, "in `$RPM_HOME/logs`",
        "File for standard error."),
    field!("pid_file", ["pid"], TEXT, pid_file = read::text, "in `$RPM_HOME/pids`",
        "File for the pid; the process's id is put before the extension."),
    field!("merge_logs", ["combine_logs"], FLAG, merge_logs = read::boolean, "true for one forked process",
        "Whether all instances write one file."),
    field!("disable_logs", [], FLAG, disable_logs = read::boolean, "false", "Keep no logs."),
    field!("log_file", ["log"], FLAG_OR_TEXT, log_file = read::log_file, "",
        "One more file, for both streams; true: `<name>.log` in `$RPM_HOME/logs`."),
    field!("log_type", [], TEXT, log_type = read::text, "`raw`",
        "`json` for a JSON object a line: `message`, `timestamp`, `type`, `process_id`, `app_name`."),
    field!("log_date_format", [], TEXT, log_date_format = read::text, "",
        "The date that each line begins with, in the tokens of Day.js; of JSON objects the `timestamp`."),
    field!("time", [], FLAG, time = read::boolean, "false",
        "Each line begins with the time: `log_date_format` is `YYYY-MM-DDTHH:mm:ss`."),
    // Start and restart
    field!("autostart", [], FLAG, autostart = read::boolean, "true",
        "Whether `start` launches it, or only lists it as stopped."),
    field!("autorestart", [], AUTORESTART, autorestart = read::autorestart, "true",
        "Whether it is started again when it ends; `on-failure`: unless it ended with code 0."),
    field!("max_restarts", [], COUNT, max_restarts = read::count, "16",
        "Short runs in a row after which it is `errored`."),
    field!("restart_window", [], TIME, restart_window = read::millis, "",
        "Within this time `max_restarts` ends of any kind are too many."),
    field!("min_uptime", [], UPTIME, min_uptime = read::min_uptime, "1 s", "A run shorter than this is a failure."),
    field!("restart_delay", [], TIME, restart_delay = read::millis, "0", "Wait before it is started again."),
    field!("exp_backoff_restart_delay", [], TIME, exp_backoff_restart_delay = read::millis, "0",
        "First delay of an exponential back-off; 0 is none."),
    field!("stop_exit_codes", [], EXIT_CODES, stop_exit_codes = read::exit_codes, "",
        "Exit codes that mean \"done\": no restart."),
    field!("depends_on", [], DEPENDENCIES, depends_on = read::dependencies, "",
        "Apps that have to be `ready` (or as told) before this one is started."),
    // Stop
    field!("kill_timeout", [], TIME, kill_timeout = read::millis, "5 s",
        "How long it has to end before SIGKILL; what it started has as long again."),
    field!("kill_signal", [], SIGNAL, kill_signal = read::kill_signal, "`SIGINT`", "The signal that asks it to end."),
    field!("shutdown_with_message", [], FLAG, shutdown_with_message = read::boolean, "false",
        "Ask it to end by the message `shutdown` instead of a signal."),
    field!("treekill", [], FLAG, treekill = read::boolean, "true", "Whether what the app started ends with it."),
    field!(record "kill_retry_time", [], TIME, read::millis, "100",
        "PM2's interval of looking whether it has ended. An end is seen at once here."),
    // Readiness
    field!("wait_ready", [], FLAG, wait_ready = read::boolean, "false",
        "It is ready when it says `process.send('ready')`."),
    field!("listen_timeout", [], TIME, listen_timeout = read::millis, "3 s at start, 30 s at reload",
        "How long it may take to become ready."),
    field!("notify", ["sd_notify"], FLAG, notify = read::boolean, "false",
        "It is ready when it writes `READY=1` to `NOTIFY_SOCKET`, as systemd's services do."),
    field!("ready_log", [], PATTERN, ready_log = read::pattern, "", "It is ready when a line of its output matches."),
    field!("startup_probe", [], PROBE, startup_probe = read::probe, "",
        "Asked until it succeeds once; the other probes wait for that."),
    field!("ready_probe", ["readiness_probe"], PROBE, ready_probe = read::probe, "",
        "Whether it can serve now."),
    field!("live_probe", ["liveness_probe"], PROBE, live_probe = read::probe, "",
        "Whether it is well; too many failures end and restart it."),
    // Limits
    field!("max_memory_restart", [], SIZE, max_memory_restart = read::size, "",
        "Memory of a process with all it has started, above which it is replaced."),
    field!("memory_max", [], SIZE, memory_max = read::size, "",
        "`memory.max` of its control group: it is killed above that."),
    field!("memory_high", [], SIZE, memory_high = read::size, "",
        "`memory.high` of its control group: it is slowed down above that."),
    field!("cpu", ["cpu_max"], CPU, cpu = read::cpu, "", "Cores it may use, by `cpu.max` of its control group."),
    field!("pids_max", [], COUNT, pids_max = read::count, "", "`pids.max` of its control group."),
    field!("rlimits", [], RLIMITS, rlimits = read::rlimits, "the daemon's",
        "Limits of resources, each one number or the soft and the hard one."),
    field!("nice", [], NICE, nice = read::nice, "the daemon's", "From -20, the most favoured, to 19."),
    field!("cpu_affinity", [], CORES, cpu_affinity = read::cores, "the daemon's", "The cores it may run on."),
    field!("oom_score_adj", [], OOM_SCORE, oom_score_adj = read::oom_score_adj, "the daemon's",
        "From -1000, never killed when memory runs out, to 1000, killed first."),
    field!("umask", [], UMASK, umask = read::umask, "the daemon's", "Permissions that files it creates don't have."),
    field!("uid", ["user"], ACCOUNT, uid = read::account, "the daemon's",
        "The user it runs as, by name or number; only where the daemon is root's."),
    field!("gid", [], ACCOUNT, gid = read::account, "the user's own", "The group it runs as, by name or number."),
    // Schedules
    field!("cron_restart", ["cron"], CRON, cron_restart = read::cron, "",
        "When it is restarted; of a job, when it is run. Five fields, or six with seconds first."),
    field!("time_zone", ["timezone", "tz"], TEXT, time_zone = read::text, "the daemon's",
        "The time zone of `cron_restart`, such as `Europe/Vienna`."),
    field!("job", [], FLAG, job = read::boolean, "false",
        "It runs and ends: it is started by `cron_restart` or by hand, and not restarted."),
    field!("job_overlap", ["overlap"], OVERLAP, job_overlap = read::overlap, "`skip`",
        "What becomes of a run that is due while another is under way."),
    field!("job_catch_up", ["catch_up"], FLAG, job_catch_up = read::catch_up, "false",
        "Whether one run follows for those that were missed while nobody could start them."),
    field!("job_timeout", [], TIME, job_timeout = read::millis, "",
        "After this time a run is stopped and counts as failed."),
    // Cluster and reload
    field!("sched", ["cluster_schedule"], SCHED, sched = read::sched, "`round-robin`",
        "Which worker gets a new connection."),
    field!("drain_timeout", [], TIME, drain_timeout = read::millis, "30s",
        "What a worker that leaves has to finish its connections."),
    field!("agent", [], FLAG, agent = read::boolean, "true",
        "Whether Node runs with our agent, which helps a worker to finish its connections."),
    field!("listen", [], LISTEN, listen = read::listen, "",
        "Sockets that are bound for the app, and that it inherits (`LISTEN_FDS`)."),
    field!("reload_parallel", [], COUNT, reload_parallel = read::count, "1",
        "How many processes of the app a reload replaces at a time."),
    field!("health_window", [], TIME, health_window = read::millis, "",
        "After a reload the new processes must stay well for this long, or the version before returns."),
    // Watch
    field!("watch", [], WATCHED, watch = read::watched, "false",
        "Restart when files change: those of `cwd`, or of these paths."),
    field!("ignore_watch", [], WORDS, ignore_watch = read::list, "",
        "What is not watched, besides dot files, `node_modules` and what git ignores."),
    field!("watch_delay", [], TIME, watch_delay = read::millis, "150ms",
        "How long nothing may change before it is restarted."),
    field!(record "watch_options", [], OBJECT, object, "", "PM2's options of chokidar. Nothing here reads them."),
    // Kept for PM2's sake
    field!("username", [], TEXT, username = read::text, "the caller", "Whose app it is, for `jlist`."),
    field!(record "force", [], FLAG, read::boolean, "false", "`rpm start --force` is what starts another copy."),
    field!(record "write", [], FLAG, read::boolean, "false", "Nothing is written beside the file."),
    field!(record "vizion", [], FLAG, read::boolean, "true", "PM2 looks for the app's git revision."),
    field!(record "automation", [], FLAG, read::boolean, "true", "For PM2's monitoring service."),
    field!(record "windowsHide", ["windows_hide"], FLAG, read::boolean, "true", "For Windows."),
    field!(record "pmx", [], FLAG_OR_TEXT, flag_or_text, "true",
        "PM2 injects its metrics library. Nothing is injected here."),
    field!(record "trace", [], FLAG, read::boolean, "", "For PM2's monitoring service."),
    field!(record "disable_trace", [], FLAG, read::boolean, "", "For PM2's monitoring service."),
    field!(record "v8", [], FLAG, read::boolean, "", "For PM2's monitoring service."),
    field!(record "event_loop_inspector", [], FLAG, read::boolean, "", "For PM2's monitoring service."),
    field!(record "deep_monitoring", [], FLAG, read::boolean, "", "For PM2's monitoring service."),
    field!(record "post_update", [], WORDS, read::list, "", "For PM2's `pull`."),
    field!(record "install_url", [], TEXT, read::text, "", "For PM2's modules."),
    field!(record "io", [], OBJECT, object, "", "For PM2's metrics library."),
];

fn object(value: &Value) -> Option<()> {
    value.is_object().then_some(())
}

fn flag_or_text(value: &Value) -> Option<()> {
    (value.is_boolean() || value.is_string()).then_some(())
}
