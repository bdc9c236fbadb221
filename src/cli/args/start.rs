//! The flags that describe an app.

#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
pub(crate) struct AppFlags {
    /// Name of the app; by default the file's name without its extension
    #[arg(short, long, value_name = "NAME", help_heading = "App")]
    pub(crate) name: Option<String>,
    /// Group of apps that can be named together
    #[arg(long, value_name = "NAME", help_heading = "App")]
    pub(crate) namespace: Option<String>,
    /// Working directory
    #[arg(long, value_name = "DIR", help_heading = "App")]
    pub(crate) cwd: Option<String>,
    /// What runs the script: a program, or "none" to execute it directly
    #[arg(long, value_name = "PROGRAM", help_heading = "App")]
    pub(crate) interpreter: Option<String>,
    /// Arguments between the interpreter and the script, as one word
    #[arg(long, visible_alias = "node-args", value_name = "ARGS", allow_hyphen_values = true, help_heading = "App")]
    pub(crate) interpreter_args: Option<String>,
    /// Map stack traces to the sources (Node's --enable-source-maps)
    #[arg(long, help_heading = "App")]
    pub(crate) source_map_support: bool,
    /// Leave stack traces as they are
    #[arg(long, conflicts_with = "source_map_support", help_heading = "App")]
    pub(crate) disable_source_map_support: bool,
    /// Run it as this user, by name or number (as root only)
    #[arg(short = 'u', long, visible_alias = "user", value_name = "USER", help_heading = "App")]
    pub(crate) uid: Option<String>,
    /// Run it as this group, by default the user's own
    #[arg(long, value_name = "GROUP", help_heading = "App")]
    pub(crate) gid: Option<String>,
    /// Write the pid to this file
    #[arg(short, long, value_name = "FILE", help_heading = "App")]
    pub(crate) pid: Option<String>,

    /// How many processes: a number, "max", or -1 for all cores but one; Node apps share their ports
    #[arg(short, long, value_name = "N", allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) instances: Option<String>,
    /// Run independent processes, not cluster workers
    #[arg(short = 'x', long, help_heading = "Processes")]
    pub(crate) execute_command: bool,
    /// Which worker gets a new connection: round-robin, kernel, or ip-hash
    #[arg(long, value_name = "SCHEDULE", help_heading = "Processes")]
    pub(crate) sched: Option<String>,

    /// Use the profile env_<NAME> of the application file
    #[arg(long, value_name = "NAME", help_heading = "Environment")]
    pub(crate) env: Option<String>,
    /// Don't pass on variables of this shell whose name contains this; none at all, without a word
    #[arg(long, value_name = "WORD", num_args = 0..=1, default_missing_value = "", help_heading = "Environment")]
    pub(crate) filter_env: Vec<String>,

    /// Read variables from this file too; one that may be missing ends with ?
    #[arg(long, value_name = "FILE", help_heading = "Environment")]
    pub(crate) env_file: Vec<String>,

    /// File for standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Logs")]
    pub(crate) output: Option<String>,
    /// File for standard error
    #[arg(short, long, value_name = "FILE", help_heading = "Logs")]
    pub(crate) error: Option<String>,
    /// One more file for both streams, in the home without a name
    #[arg(short, long, value_name = "FILE", num_args = 0..=1, default_missing_value = "true", help_heading = "Logs")]
    pub(crate) log: Option<String>,
    /// How lines are written: "raw", or "json" for an object a line
    #[arg(long, value_name = "TYPE", help_heading = "Logs")]
    pub(crate) log_type: Option<String>,
    /// What each line begins with, in the tokens of Day.js
    #[arg(long, value_name = "FORMAT", help_heading = "Logs")]
    pub(crate) log_date_format: Option<String>,
    /// Begin each line with the time
    #[arg(long, help_heading = "Logs")]
    pub(crate) time: bool,
    /// One file for all processes of the app
    #[arg(long, help_heading = "Logs")]
    pub(crate) merge_logs: bool,
    /// Keep no logs
    #[arg(long, help_heading = "Logs")]
    pub(crate) disable_logs: bool,

    /// Don't start it again when it ends
    #[arg(long, help_heading = "Restarts")]
    pub(crate) no_autorestart: bool,
    /// List it, but don't launch it yet
    #[arg(long, help_heading = "Restarts")]
    pub(crate) no_autostart: bool,
    /// Give up after so many short runs in a row
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "", help_heading = "Restarts")]
    pub(crate) max_restarts: Option<String>,
    /// A shorter run is a failure: milliseconds, or 10s, 5m, 1h
    #[arg(long, value_name = "TIME", help_heading = "Restarts")]
    pub(crate) min_uptime: Option<String>,
    /// Wait before starting it again
    #[arg(long, value_name = "TIME", help_heading = "Restarts")]
    pub(crate) restart_delay: Option<String>,
    /// Wait longer each time, beginning with this
    #[arg(long, value_name = "TIME", help_heading = "Restarts")]
    pub(crate) exp_backoff_restart_delay: Option<String>,
    /// Exit codes that mean "done"
    #[arg(long, value_name = "CODES", allow_hyphen_values = true, value_delimiter = ',', help_heading = "Restarts")]
    pub(crate) stop_exit_codes: Vec<String>,

    /// Restart it at these times: 5 fields of cron, or 6 with seconds first; 0 is never
    #[arg(short, long, visible_alias = "cron", value_name = "PATTERN", help_heading = "Schedule and watch")]
    pub(crate) cron_restart: Option<String>,
    /// The time zone of the pattern, such as Europe/Vienna
    #[arg(long, value_name = "NAME", help_heading = "Schedule and watch")]
    pub(crate) time_zone: Option<String>,
    /// It is a job: it runs at the times of --cron, or by hand (rpm run), and ends by itself
    #[arg(long, help_heading = "Schedule and watch")]
    pub(crate) job: bool,
    /// Restart it when its files change: all of its directory, or this path; once more on a restart: no longer
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "", help_heading = "Schedule and watch")]
    pub(crate) watch: Vec<String>,
    /// Files that don't matter, as in a .gitignore
    #[arg(long, value_name = "PATTERNS", help_heading = "Schedule and watch")]
    pub(crate) ignore_watch: Vec<String>,
    /// How long nothing may change before it is restarted: seconds, or 250ms
    #[arg(long, value_name = "TIME", help_heading = "Schedule and watch")]
    pub(crate) watch_delay: Option<String>,
    /// Only files with these extensions matter: js,json
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Schedule and watch")]
    pub(crate) ext: Vec<String>,

    /// Replace it when it and all it started use more memory: bytes, or 300M, 2G
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) max_memory_restart: Option<String>,
    /// The kernel kills it above so much memory (needs control groups)
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) memory_max: Option<String>,
    /// How much time of the cores it gets: 1.5, or 50% of one (needs control groups)
    #[arg(long, value_name = "CORES", help_heading = "Limits")]
    pub(crate) cpu: Option<String>,
    /// How many processes and threads it may have (needs control groups)
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) pids_max: Option<String>,
    /// Its priority, from -20 to 19
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = "Limits")]
    pub(crate) nice: Option<String>,
    /// The cores it may run on, such as 0-2,5
    #[arg(long, value_name = "CORES", help_heading = "Limits")]
    pub(crate) cpu_affinity: Option<String>,

    /// How long it has to end before SIGKILL
    #[arg(short, long, value_name = "TIME", help_heading = "Stopping and readiness")]
    pub(crate) kill_timeout: Option<String>,
    /// The signal that asks it to end, SIGINT by default
    #[arg(long, value_name = "SIGNAL", help_heading = "Stopping and readiness")]
    pub(crate) kill_signal: Option<String>,
    /// Ask it to end by the message "shutdown" instead of a signal
    #[arg(long, help_heading = "Stopping and readiness")]
    pub(crate) shutdown_with_message: bool,
    /// Leave alone what the app started
    #[arg(long, help_heading = "Stopping and readiness")]
    pub(crate) no_treekill: bool,
    /// It is ready when it says process.send('ready')
    #[arg(long, help_heading = "Stopping and readiness")]
    pub(crate) wait_ready: bool,
    /// How long it may take to become ready
    #[arg(long, value_name = "TIME", help_heading = "Stopping and readiness")]
    pub(crate) listen_timeout: Option<String>,

    // PM2's, so that its command lines work: kept for `jlist`, without effect.
    #[arg(long, hide = true)]
    pub(crate) no_vizion: bool,
    #[arg(long, hide = true)]
    pub(crate) no_pmx: bool,
    #[arg(long, hide = true)]
    pub(crate) no_automation: bool,
    #[arg(long, hide = true)]
    pub(crate) trace: bool,
    #[arg(long, hide = true)]
    pub(crate) disable_trace: bool,
    #[arg(long, hide = true)]
    pub(crate) v8: bool,
    #[arg(long, hide = true)]
    pub(crate) event_loop_inspector: bool,
    #[arg(long, hide = true)]
    pub(crate) deep_monitoring: bool,
}
