//! What is wanted of an app. Built by `config`, complete: nothing in it is looked up again in the
//! caller's surroundings, except what must be fresh at each start (the interpreter, symlinks).

mod cluster;
mod environment;
mod inherit;
mod layer;
mod limits;
mod logs;
mod ready;
mod schedule;
mod watch;

pub use cluster::{ClusterPolicy, Listen, RolloutPolicy, Sched};
pub use environment::{EnvFile, Environment, SecretSource};
pub use inherit::{FilterEnv, Inherit};
pub use layer::Layer;
pub use limits::{CpuQuota, Limits, ResourceLimit};
pub use logs::{CombinedLog, LogFiles};
pub use ready::{Check, Condition, Dependency, Probe, Probes, ReadyPolicy};
pub use schedule::{CatchUp, Job, Overlap, Schedule};
pub use watch::WatchPolicy;

use crate::domain::Alike;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// One app: `instances` processes of one program under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSpec {
    pub name: String,
    pub namespace: String,
    pub program: Program,
    pub args: Vec<String>,
    /// Absolute, in its logical form: symlinks are resolved anew at each start.
    pub cwd: PathBuf,
    pub mode: Mode,
    /// How many processes, at least 1. `max` and negative counts are resolved already.
    pub instances: u32,
    pub env: Environment,
    pub restart: RestartPolicy,
    pub stop: StopPolicy,
    pub ready: ReadyPolicy,
    pub logs: LogFiles,
    /// Where the app's pid is written; the process id goes before the extension. Absolute.
    pub pid_file: Option<PathBuf>,
    /// Whether `start` launches it, or only lists it as stopped.
    pub autostart: bool,
    /// The user who asked for it.
    pub username: Option<String>,
    /// The user it runs as, by name or number; `None` is the daemon's.
    #[serde(default)]
    pub uid: Option<String>,
    /// Its group; `None` is that user's.
    #[serde(default)]
    pub gid: Option<String>,
    /// The application file it came from, so that a later command can read it again.
    pub source: Option<Source>,
    /// What has to be so before it is started.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub schedule: Schedule,
    #[serde(default)]
    pub watch: Option<WatchPolicy>,
    #[serde(default)]
    pub cluster: ClusterPolicy,
    #[serde(default)]
    pub rollout: RolloutPolicy,
    /// In the order of their descriptors, from 3.
    #[serde(default)]
    pub listen: Vec<Listen>,
    /// PM2's fields that do nothing here, as they were written, for who asks for PM2's view.
    #[serde(default)]
    pub recorded: BTreeMap<String, serde_json::Value>,
    /// Fields that somebody has written, for who asks for PM2's view: there the others are absent.
    #[serde(default)]
    pub given: Arc<BTreeSet<String>>,
}

/// What is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The script or program file. Absolute, logical form.
    pub path: PathBuf,
    pub interpreter: Interpreter,
    /// Between the interpreter and the script (`node_args`).
    pub interpreter_args: Vec<String>,
}

impl Program {
    /// Whether it runs under Node or a runtime that speaks Node's IPC and cluster protocols.
    pub fn is_node(&self) -> bool {
        match &self.interpreter {
            Interpreter::None => false,
            Interpreter::Named(name) => {
                let file = name.rsplit('/').next().unwrap_or(name);
                let program = file.split('@').next().unwrap_or(file);
                matches!(program, "node" | "nodejs" | "bun" | "tsx")
            }
        }
    }
}

impl AppSpec {
    /// One process of a program, with the default of everything.
    pub fn new(name: impl Into<String>, program: Program) -> Self {
        Self {
            name: name.into(),
            namespace: "default".into(),
            program,
            args: Vec::new(),
            cwd: "/".into(),
            mode: Mode::Fork,
            instances: 1,
            env: Environment::default(),
            restart: RestartPolicy::default(),
            stop: StopPolicy::default(),
            ready: ReadyPolicy::default(),
            logs: LogFiles::default(),
            pid_file: None,
            autostart: true,
            username: None,
            uid: None,
            gid: None,
            source: None,
            depends_on: Vec::new(),
            limits: Limits::default(),
            schedule: Schedule::default(),
            watch: None,
            cluster: ClusterPolicy::default(),
            rollout: RolloutPolicy::default(),
            listen: Vec::new(),
            recorded: BTreeMap::new(),
            given: Arc::default(),
        }
    }

    /// Whether two runs of a process can serve at the same time, so that a reload replaces it: workers of a cluster share
    /// their ports, and inherited sockets are everybody's.
    pub fn overlaps(&self) -> bool {
        self.mode == Mode::Cluster || !self.listen.is_empty()
    }

    /// Run by a shell: a line or a script. A shell that waits for a command doesn't mind its own SIGINT before that
    /// command has ended, so a signal is meant for all of them, as Ctrl-C is at a terminal.
    pub fn runs_in_shell(&self) -> bool {
        let by_shell = match &self.program.interpreter {
            Interpreter::None => false,
            Interpreter::Named(name) => matches!(name.rsplit('/').next(), Some("bash" | "sh" | "dash" | "zsh" | "ksh")),
        };
        by_shell || self.is_shell_line()
    }

    /// A line for a shell, not a file.
    pub fn is_shell_line(&self) -> bool {
        let shell = self.program.path.file_name().is_some_and(|name| name == "bash" || name == "sh");
        shell && self.program.interpreter == Interpreter::None && self.args.first().is_some_and(|word| word == "-c")
    }
}

impl Alike for AppSpec {
    /// Apps that one command starts have one environment.
    fn share_with(&mut self, other: &Self) {
        if self.env.inherited == other.env.inherited {
            self.env.inherited = Arc::clone(&other.env.inherited);
        }
        if self.given == other.given {
            self.given = Arc::clone(&other.given);
        }
    }
}

/// Who runs the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpreter {
    /// The file is executed directly.
    None,
    /// A program name, looked up in the app's `PATH` at each start, or an absolute path. `node`, and `node@` with a
    /// version or range, mean the one that the project asks for at that time.
    Named(String),
}

/// How processes of an app relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Independent processes.
    Fork,
    /// Workers of Node's cluster: they share the ports they listen on.
    Cluster,
}

/// When an ended process is started again. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    pub autorestart: bool,
    /// Only when it failed: an exit with code 0 is its end.
    #[serde(default)]
    pub on_failure: bool,
    /// Unstable exits in a row after which the process is `errored`.
    pub max_restarts: u32,
    /// Within this time `max_restarts` exits of any kind are too many; `None` counts unstable ones in a row.
    #[serde(default)]
    pub restart_window: Option<u64>,
    /// A run shorter than this is unstable.
    pub min_uptime: u64,
    pub restart_delay: u64,
    /// First delay of the exponential back-off; 0 is none.
    pub exp_backoff_restart_delay: u64,
    /// Exit codes that mean "done": no restart.
    pub stop_exit_codes: Vec<i32>,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            autorestart: true,
            on_failure: false,
            max_restarts: 16,
            restart_window: None,
            min_uptime: 1000,
            restart_delay: 0,
            exp_backoff_restart_delay: 0,
            stop_exit_codes: Vec::new(),
        }
    }
}

/// How a process is asked to end. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopPolicy {
    /// First signal, by number.
    pub kill_signal: i32,
    /// What the main process has before its group is signalled, and its group before SIGKILL.
    pub kill_timeout: u64,
    /// Send the message `shutdown` over IPC instead of the signal.
    pub shutdown_with_message: bool,
    /// Whether what the app started ends with it.
    pub treekill: bool,
}

impl StopPolicy {
    pub const SIGINT: i32 = 2;
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self { kill_signal: Self::SIGINT, kill_timeout: 5000, shutdown_with_message: false, treekill: true }
    }
}

/// The application file an app came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub file: PathBuf,
    /// The `--env` it was read with.
    pub profile: Option<String>,
}
