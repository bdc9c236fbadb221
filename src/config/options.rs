//! What a user wrote about an app: typed, but incomplete.

use super::apply::{self, Applied};
use super::{ConfigError, Problem};
use crate::domain::AppSpec;
use crate::domain::spec::{
    CatchUp, CpuQuota, Dependency, FilterEnv, Listen, Mode, Overlap, Probe, ResourceLimit, Sched, SecretSource,
};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::num::ParseIntError;
use std::str::FromStr;

/// Declares the fields that are there or not, with the operations that go over all of them.
macro_rules! app_options {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// Every field an app can have so far, as written by a user in a file, an object or flags. Absent means the default.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct AppOptions {
            $($(#[$doc])* pub $field: Option<$type>,)*
            pub env: BTreeMap<String, String>,
            /// `env_<name>` by `<name>`.
            pub profiles: BTreeMap<String, BTreeMap<String, String>>,
            /// Fields of PM2 that do nothing here, as they were written.
            pub recorded: BTreeMap<String, Value>,
            /// Variables that were written as numbers or booleans.
            pub typed: BTreeSet<String>,
        }

        impl AppOptions {
            /// Puts `over` on top: what it has wins, variables one by one.
            pub fn overlay(&mut self, over: Self) {
                $(if over.$field.is_some() { self.$field = over.$field; })*
                self.env.extend(over.env);
                self.recorded.extend(over.recorded);
                self.typed.extend(over.typed);
                for (name, variables) in over.profiles {
                    self.profiles.entry(name).or_default().extend(variables);
                }
            }

            /// The fields that somebody has written.
            pub fn given(&self) -> BTreeSet<String> {
                let fields = [$((stringify!($field), self.$field.is_some()),)*];
                fields.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field.to_owned()).collect()
            }
        }
    };
}

app_options! {
    name: String,
    /// Put before the name.
    name_prefix: String,
    namespace: String,
    /// A file, a program in `PATH`, or a shell line.
    script: String,
    args: Vec<String>,
    cwd: String,
    /// A program name or path, `none`, or `node@<version>`.
    interpreter: String,
    interpreter_args: Vec<String>,
    exec_mode: Mode,
    instances: Instances,
    instance_var: String,
    increment_var: String,
    filter_env: FilterEnv,
    env_inherit: Inherited,
    append_env_to_name: bool,
    /// Sets `PORT`.
    port: u16,
    out_file: String,
    error_file: String,
    pid_file: String,
    merge_logs: bool,
    disable_logs: bool,
    log_file: LogFile,
    log_type: String,
    log_date_format: String,
    /// Is `log_date_format` with PM2's own format.
    time: bool,
    autostart: bool,
    autorestart: Autorestart,
    max_restarts: u32,
    restart_window: u64,
    /// Milliseconds, as all times here.
    min_uptime: u64,
    restart_delay: u64,
    exp_backoff_restart_delay: u64,
    stop_exit_codes: Vec<i32>,
    kill_timeout: u64,
    /// By number.
    kill_signal: i32,
    wait_ready: bool,
    listen_timeout: u64,
    notify: bool,
    ready_log: String,
    startup_probe: Probe,
    ready_probe: Probe,
    live_probe: Probe,
    depends_on: Vec<Dependency>,
    /// Bytes, as all sizes here.
    max_memory_restart: u64,
    memory_max: u64,
    memory_high: u64,
    cpu: CpuQuota,
    pids_max: u32,
    rlimits: BTreeMap<String, ResourceLimit>,
    nice: i32,
    cpu_affinity: Vec<u32>,
    oom_score_adj: i32,
    umask: u32,
    cron_restart: String,
    time_zone: String,
    job: bool,
    job_overlap: Overlap,
    job_catch_up: CatchUp,
    job_timeout: u64,
    sched: Sched,
    drain_timeout: u64,
    agent: bool,
    /// Paths are not absolute yet.
    listen: Vec<Listen>,
    reload_parallel: u32,
    health_window: u64,
    watch: Watched,
    ignore_watch: Vec<String>,
    watch_delay: u64,
    env_file: Vec<String>,
    secrets: BTreeMap<String, SecretSource>,
    shutdown_with_message: bool,
    treekill: bool,
    username: String,
    /// By name or number.
    uid: String,
    gid: String,
}

/// Whether an ended process is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Autorestart {
    Never,
    OnFailure,
    Always,
}

/// Which variables of its caller an app gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherited {
    Everything,
    /// Names, or patterns with `*` and `?`.
    Named(Vec<String>),
}

/// Whether both streams go to one more file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFile {
    None,
    /// Named like the app.
    InHome,
    Path(String),
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    Nothing,
    /// The working directory.
    Everything,
    Paths(Vec<String>),
}

/// How many processes are asked for, before the number of cores is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// One for each core.
    Max,
    /// That many; a negative number is that many fewer than cores.
    Count(i32),
}

impl Instances {
    pub const fn of(count: i32) -> Self {
        if count == 0 { Self::Max } else { Self::Count(count) }
    }

    /// The number of processes on a machine with `cores`, at least 1.
    pub fn resolve(self, cores: u32) -> u32 {
        match self {
            Self::Max => cores.max(1),
            Self::Count(count) if count < 0 => cores.saturating_sub(count.unsigned_abs()).max(1),
            Self::Count(count) => count.unsigned_abs().max(1),
        }
    }
}

impl FromStr for Instances {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        match text.trim() {
            "max" => Ok(Self::Max),
            number => number.parse().map(Self::of),
        }
    }
}

/// How an application file is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// `--env`: the `env_<name>` to merge in.
    pub profile: Option<String>,
    /// The only apps to take, by name; empty is all.
    pub only: Vec<String>,
    /// Flags that apply to every app of the file. They win, except `namespace`, which fills in where none is given.
    pub overrides: AppOptions,
}

/// Apps, and what is worth telling about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub apps: Vec<AppSpec>,
    pub warnings: Vec<String>,
}

impl AppOptions {
    /// Sets a field by any of its names from a value as a user writes it, with the checks of an application file.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) -> Result<(), ConfigError> {
        match apply::apply(self, name, &value.into()) {
            Ok(Applied::Set) => Ok(()),
            Ok(Applied::Unknown) => Err(Problem::unknown_field(name).into()),
            Err(problem) => Err(problem.into()),
        }
    }
}

impl<'de> Deserialize<'de> for AppOptions {
    /// Fields by their name, in camel case too, or by alias. Unknown ones are ignored, as in an application file.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        let (options, leftover) = apply::read(&map);
        leftover.wrong.into_iter().next().map_or(Ok(options), |(_, problem)| Err(de::Error::custom(problem)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn instances_follow_the_cores() {
        for (instances, cores, expected) in [
            (Instances::Max, 8, 8),
            (Instances::Max, 0, 1),
            (Instances::Count(3), 8, 3),
            (Instances::Count(-1), 8, 7),
            (Instances::Count(-8), 8, 1),
            (Instances::Count(i32::MIN), 8, 1),
        ] {
            assert_eq!(instances.resolve(cores), expected, "{instances:?} on {cores}");
        }
    }

    #[test]
    fn the_upper_layer_wins_where_it_speaks() {
        let read = |value| serde_json::from_value::<AppOptions>(value).unwrap();
        let mut options = read(json!({"name": "a", "instances": 2, "env": {"A": 1, "B": "1"}, "env_p": {"C": 1}}));
        options.overlay(read(json!({"instances": 4, "cwd": "/x", "env": {"B": 2}, "env_p": {"D": 2}})));
        let expected =
            json!({"name": "a", "instances": 4, "cwd": "/x", "env": {"A": 1, "B": 2}, "env_p": {"C": 1, "D": 2}});
        assert_eq!(options, read(expected));
    }

    #[test]
    fn users_have_names_or_numbers() {
        let read = |value| serde_json::from_value::<AppOptions>(value);
        let options = read(json!({"user": "deploy", "gid": 1000})).unwrap();
        assert_eq!((options.uid.as_deref(), options.gid.as_deref()), (Some("deploy"), Some("1000")));
        assert_eq!(read(json!({"user": "alias", "uid": 7})).unwrap().uid.as_deref(), Some("7"));
        for wrong in [json!(-1), json!(1.5), json!("-1"), json!(true)] {
            let error = read(json!({"uid": wrong})).unwrap_err().to_string();
            assert!(error.contains("uid cannot be"), "{error}");
        }
    }

    #[test]
    fn a_field_can_be_set_by_any_name() {
        let mut options = AppOptions::default();
        options.set("killTimeout", "3s").unwrap();
        options.set("interpreter-args", "--a").unwrap_err();
        options.set("node_args", "--a --b").unwrap();
        options.set("wait_ready", true).unwrap();
        assert_eq!(options.kill_timeout, Some(3000));
        assert_eq!(options.interpreter_args, Some(vec!["--a".into(), "--b".into()]));
        assert_eq!(options.wait_ready, Some(true));
        let error = options.set("kill_timeout", "soon").unwrap_err();
        assert_eq!(error.to_string(), "kill_timeout cannot be \"soon\"");
        assert_eq!(error.hint().unwrap(), "kill_timeout is a time: milliseconds, or a number with ms, s, m, h or d");
    }
}
