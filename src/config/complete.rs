//! From what was written to what is wanted: the one place where an app meets the caller's surroundings.

use super::interpreter::{self, Surroundings};
use super::script::{self, Script};
use super::{AppOptions, Autorestart, Caller, Problem, Watched, environment, output, place, settings, sites};
use crate::domain::AppSpec;
use crate::domain::cron::Pattern;
use crate::domain::spec::{
    ClusterPolicy, Environment, Interpreter, Job, Layer, Limits, Listen, Mode, Probes, Program, ReadyPolicy,
    RestartPolicy, RolloutPolicy, Schedule, Source, StopPolicy, WatchPolicy,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NAMESPACE: &str = "default";

/// Where an app was written down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub caller: &'a Caller,
    /// What its relative paths are seen from; the first where its script is.
    ///
    /// For an application file that is the directory it stands in, so that it means the same wherever the command is
    /// typed; then, because PM2 knows only that, the caller's directory.
    pub bases: &'a [PathBuf],
    pub source: Option<&'a Source>,
    pub profile: Option<&'a str>,
}

/// An app with everything decided, and what the user should know about the decisions.
pub(super) fn complete(written: &AppOptions, origin: Origin<'_>) -> Result<(AppSpec, Vec<String>), Problem> {
    let mut options = settings::defaults(origin.caller)?;
    options.overlay(written.clone());
    check_pattern(&options)?;
    let text = options.script.clone().filter(|script| !script.trim().is_empty()).ok_or(Problem::NoScript)?;
    let text = text.as_str();
    let base = origin.bases.first().unwrap_or(&origin.caller.cwd);
    let mut env = environment::layers(&options, origin.profile, base, origin.caller)?;
    let path = env.app.get("PATH").or_else(|| env.inherited.get("PATH")).cloned();
    let located = locate(text, &options, origin, path.as_deref())?;
    let whole: BTreeMap<_, _> = BTreeMap::clone(&env.inherited).into_iter().chain(env.app.clone()).collect();
    if sites::is_site(text) {
        sites::settle(&mut options, &whole, &located.cwd, origin.caller)?;
    }
    let around = Surroundings {
        caller: origin.caller,
        path: path.as_deref(),
        cwd: &located.cwd,
        env: &whole,
        is_another_user: options.uid.is_some(),
    };
    let mut program = interpreter::program(&located.script, &options, around)?;
    settings::add_node_options(&mut program, origin.caller);
    settings::add_source_maps(&mut program, &options);
    unbuffer_python(&program, &mut env);

    let mut warnings = surprises(text, &options, origin, &located);
    let mode = mode(&options, &program).unwrap_or_else(|| {
        warnings.push("only Node and bun apps can be cluster workers; started in fork mode".to_owned());
        Mode::Fork
    });
    let spec = spec(options, origin, located, program, env, mode);
    Ok((AppSpec { given: Arc::new(written.given()), ..spec }, warnings))
}

pub(super) fn spec(
    options: AppOptions,
    origin: Origin<'_>,
    Located { cwd, script, .. }: Located,
    program: Program,
    env: Environment,
    mode: Mode,
) -> AppSpec {
    let caller = origin.caller;
    AppSpec {
        name: name(&options, origin.profile),
        mode,
        instances: options.instances.map_or(1, |instances| instances.resolve(cores(&options, caller))),
        restart: restart_policy(&options),
        stop: stop_policy(&options),
        ready: ready_policy(&options),
        limits: limits(&options),
        schedule: schedule(&options),
        watch: watch_policy(&options, &cwd, caller),
        cluster: cluster_policy(&options),
        rollout: rollout_policy(&options),
        listen: listen(&options, &cwd, caller),
        depends_on: options.depends_on.clone().unwrap_or_default(),
        logs: output::log_files(&options, mode, &cwd, caller),
        pid_file: filled(options.pid_file.as_ref()).map(|path| place::absolute(path, &cwd, caller)),
        autostart: options.autostart.unwrap_or(true),
        source: origin.source.cloned(),
        namespace: options.namespace.filter(|name| !name.is_empty()).unwrap_or_else(|| NAMESPACE.to_owned()),
        args: args(script, options.args.unwrap_or_default()),
        username: options.username.or_else(|| caller.username.clone()),
        uid: options.uid,
        gid: options.gid,
        recorded: options.recorded,
        given: Arc::default(),
        program,
        cwd,
        env,
    }
}

/// What happens otherwise than the words of the app suggest.
fn surprises(text: &str, options: &AppOptions, origin: Origin<'_>, located: &Located) -> Vec<String> {
    let mut surprises = Vec::new();
    if located.fallback {
        let cwd = located.cwd.display();
        surprises.push(format!("{text} is not beside the file; taken from {cwd}, where the command runs"));
    }
    if let Some(profile) = origin.profile.filter(|name| !options.profiles.contains_key(*name)) {
        surprises.push(format!("there is no env_{profile}; env alone is used"));
    }
    surprises.extend(output::surprise(options));
    surprises
}

/// The name of an app before a profile or a prefix changes it; `None` when neither name nor script is written.
pub(super) fn plain_name(options: &AppOptions) -> Option<String> {
    filled(options.name.as_ref()).cloned().or_else(|| options.script.as_deref().map(script::default_name))
}

/// What an app is called that is started by a command line.
pub fn name_of(options: &AppOptions) -> String {
    name(options, None)
}

pub(super) fn name(options: &AppOptions, profile: Option<&str>) -> String {
    let mut name = options.name_prefix.clone().unwrap_or_default();
    name.push_str(&plain_name(options).unwrap_or_default());
    if let Some(profile) = profile.filter(|_| options.append_env_to_name == Some(true)) {
        name.push('-');
        name.push_str(profile);
    }
    name
}

/// An empty text is no text.
pub(super) fn filled(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

pub(super) struct Located {
    pub(super) cwd: PathBuf,
    pub(super) script: Script,
    /// It was not found from the first base.
    pub(super) fallback: bool,
}

fn locate(text: &str, options: &AppOptions, origin: Origin<'_>, path: Option<&str>) -> Result<Located, Problem> {
    let cwd_from = |base: &PathBuf| match filled(options.cwd.as_ref()) {
        Some(cwd) => place::absolute(cwd, base, origin.caller),
        None => base.clone(),
    };
    if sites::is_site(text) {
        let cwd = origin.bases.first().map_or_else(|| origin.caller.cwd.clone(), cwd_from);
        return Ok(Located { cwd, script: Script::Site { program: sites::program()? }, fallback: false });
    }
    for (index, base) in origin.bases.iter().enumerate() {
        let cwd = cwd_from(base);
        if cwd.is_dir()
            && let Some(script) = script::file(text, &cwd, origin.caller)?
        {
            // An absolute path is found from everywhere; only what the base decided is worth a word.
            return Ok(Located { fallback: index > 0 && !Path::new(text).is_absolute(), cwd, script });
        }
    }
    let nowhere = || Problem::NoDirectory { path: origin.bases.first().map(cwd_from).unwrap_or_default() };
    let cwd = origin.bases.iter().map(cwd_from).find(|cwd| cwd.is_dir()).ok_or_else(nowhere)?;
    let script = script::no_file(text, &cwd, path, origin.caller)?;
    // An interpreter of the user's choice wants a file; a shell may have a line.
    let takes_a_line = matches!(options.interpreter.as_deref(), None | Some("none" | "bash" | "sh"));
    if matches!(script, Script::Line { .. }) && !takes_a_line {
        return Err(script::missing(place::absolute(text, &cwd, origin.caller)));
    }
    Ok(Located { cwd, script, fallback: false })
}

/// Arguments of a shell line become its `$1`, `$2`, …
fn args(script: Script, given: Vec<String>) -> Vec<String> {
    match script {
        Script::File(_) | Script::Program(_) => given,
        Script::Site { .. } => vec![sites::ROLE.to_owned()],
        Script::Package { words, .. } => [words, given].concat(),
        Script::Line { shell, line } => {
            let mut args = vec!["-c".to_owned(), line];
            if !given.is_empty() {
                args.push(shell.to_string_lossy().into_owned());
                args.extend(given);
            }
            args
        }
    }
}

/// Python holds output back in a pipe, and logs would lag by kilobytes.
pub(super) fn unbuffer_python(program: &Program, env: &mut Environment) {
    if let Interpreter::Named(interpreter) = &program.interpreter
        && interpreter.rsplit('/').next().is_some_and(|name| name.starts_with("python"))
        && !env.app.contains_key("PYTHONUNBUFFERED")
    {
        env.set("PYTHONUNBUFFERED", "1", Layer::Default);
    }
}

/// `None` when cluster mode is asked of a program that cannot be a worker. Any number of instances makes a Node app a
/// cluster app, also those below -1, which PM2 leaves to fight for one port in fork mode.
fn mode(options: &AppOptions, program: &Program) -> Option<Mode> {
    match options.exec_mode {
        Some(Mode::Cluster) if !program.is_node() => None,
        Some(mode) => Some(mode),
        // Who inherits sockets needs no cluster to share them.
        None if options.listen.as_ref().is_some_and(|listen| !listen.is_empty()) => Some(Mode::Fork),
        None if options.instances.is_some() && program.is_node() => Some(Mode::Cluster),
        None => Some(Mode::Fork),
    }
}

/// Those that the app may run on, of those that are there.
fn cores(options: &AppOptions, caller: &Caller) -> u32 {
    let own = options.cpu_affinity.as_deref().unwrap_or_default();
    let own = own.iter().collect::<BTreeSet<_>>().len() as u32;
    if own == 0 { caller.cores } else { caller.cores.min(own) }
}

fn restart_policy(options: &AppOptions) -> RestartPolicy {
    let default = RestartPolicy::default();
    RestartPolicy {
        // The end of a job's run is its result.
        autorestart: options.autorestart.map_or(default.autorestart, |when| when != Autorestart::Never)
            && options.job != Some(true),
        on_failure: options.autorestart == Some(Autorestart::OnFailure),
        max_restarts: options.max_restarts.unwrap_or(default.max_restarts),
        restart_window: options.restart_window,
        min_uptime: options.min_uptime.unwrap_or(default.min_uptime),
        restart_delay: options.restart_delay.unwrap_or(default.restart_delay),
        exp_backoff_restart_delay: options.exp_backoff_restart_delay.unwrap_or(default.exp_backoff_restart_delay),
        stop_exit_codes: options.stop_exit_codes.clone().unwrap_or(default.stop_exit_codes),
    }
}

fn stop_policy(options: &AppOptions) -> StopPolicy {
    let default = StopPolicy::default();
    StopPolicy {
        kill_signal: options.kill_signal.unwrap_or(default.kill_signal),
        kill_timeout: options.kill_timeout.unwrap_or(default.kill_timeout),
        shutdown_with_message: options.shutdown_with_message.unwrap_or(default.shutdown_with_message),
        treekill: options.treekill.unwrap_or(default.treekill),
    }
}

fn ready_policy(options: &AppOptions) -> ReadyPolicy {
    ReadyPolicy {
        wait_ready: options.wait_ready.unwrap_or_default(),
        listen_timeout: options.listen_timeout,
        notify: options.notify.unwrap_or_default(),
        log_line: options.ready_log.clone(),
        probes: Probes {
            startup: options.startup_probe.clone().map(Box::new),
            ready: options.ready_probe.clone().map(Box::new),
            live: options.live_probe.clone().map(Box::new),
        },
    }
}

fn limits(options: &AppOptions) -> Limits {
    Limits {
        max_memory_restart: options.max_memory_restart,
        memory_max: options.memory_max,
        memory_high: options.memory_high,
        cpu: options.cpu,
        pids_max: options.pids_max,
        rlimits: options.rlimits.clone().unwrap_or_default(),
        nice: options.nice,
        cpu_affinity: options.cpu_affinity.clone().unwrap_or_default(),
        oom_score_adj: options.oom_score_adj,
        umask: options.umask,
    }
}

pub(super) fn check_pattern(options: &AppOptions) -> Result<(), Problem> {
    let Some(value) = filled(options.cron_restart.as_ref()) else { return Ok(()) };
    let wrong = |source| Problem::BadPattern { field: "cron_restart", value: value.clone(), source };
    value.parse::<Pattern>().map(|_| ()).map_err(wrong)
}

fn schedule(options: &AppOptions) -> Schedule {
    let pattern = filled(options.cron_restart.as_ref()).cloned();
    let is_job = options.job.unwrap_or_default();
    Schedule {
        restart: pattern.clone().filter(|_| !is_job),
        time_zone: options.time_zone.clone(),
        job: is_job.then(|| Job {
            cron: pattern,
            overlap: options.job_overlap.unwrap_or_default(),
            catch_up: options.job_catch_up.unwrap_or_default(),
            timeout: options.job_timeout,
        }),
    }
}

fn cluster_policy(options: &AppOptions) -> ClusterPolicy {
    let default = ClusterPolicy::default();
    ClusterPolicy {
        sched: options.sched.unwrap_or(default.sched),
        drain_timeout: options.drain_timeout.unwrap_or(default.drain_timeout),
        agent: options.agent.unwrap_or(default.agent),
    }
}

fn rollout_policy(options: &AppOptions) -> RolloutPolicy {
    RolloutPolicy { parallel: options.reload_parallel.unwrap_or(1).max(1), health_window: options.health_window }
}

fn listen(options: &AppOptions, cwd: &Path, caller: &Caller) -> Vec<Listen> {
    let complete = |address: &Listen| match address {
        Listen::Unix(path) => Listen::Unix(place::absolute(&path.to_string_lossy(), cwd, caller)),
        other => other.clone(),
    };
    options.listen.iter().flatten().map(complete).collect()
}

fn watch_policy(options: &AppOptions, cwd: &Path, caller: &Caller) -> Option<WatchPolicy> {
    let paths = match options.watch.as_ref()? {
        Watched::Nothing => return None,
        Watched::Everything => Vec::new(),
        Watched::Paths(paths) => paths.iter().map(|path| place::absolute(path, cwd, caller)).collect(),
    };
    Some(WatchPolicy { paths, ignore: options.ignore_watch.clone(), delay: options.watch_delay.unwrap_or_default() })
}

#[cfg(test)]
#[path = "complete_tests.rs"]
mod tests;
