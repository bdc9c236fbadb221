//! The commands and what each takes.

use super::help;
use super::start::AppFlags;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Start a script, a program, a shell line or an application file
    #[command(after_help = help::START)]
    Start(Box<StartArgs>),
    /// Stop and start again, with what the application file says now
    #[command(after_help = help::RESTART)]
    Restart(Box<RestartArgs>),
    /// Replace processes one at a time, without refusing a request
    #[command(after_help = help::RELOAD)]
    Reload(Box<ReloadArgs>),
    /// Make the list what an application file says, and touch only what differs
    #[command(after_help = help::APPLY)]
    Apply(ApplyArgs),
    /// Stop, and keep it in the list
    #[command(after_help = help::STOP)]
    Stop(EndArgs),
    /// Stop and forget
    #[command(visible_alias = "del", after_help = help::DELETE)]
    Delete(EndArgs),
    /// Change how many processes an app has
    #[command(after_help = help::SCALE)]
    Scale(ScaleArgs),
    /// Run jobs now
    #[command(after_help = help::RUN)]
    Run(RunArgs),
    /// Show jobs: when they run next, how they ran
    #[command(after_help = help::JOBS)]
    Jobs(JobsArgs),
    /// Set the restart counters to 0
    #[command(after_help = help::RESET)]
    Reset(SelectorArgs),
    /// Send a signal to processes
    #[command(name = "sendSignal", visible_alias = "signal", after_help = help::SIGNAL)]
    SendSignal(SignalArgs),
    /// Show all processes
    #[command(visible_aliases = ["ls", "l", "ps", "status"], after_help = help::LIST)]
    List(ListArgs),
    /// Print the list as PM2's JSON
    Jlist,
    /// Show everything about a process
    #[command(visible_aliases = ["desc", "info", "show"], after_help = help::DESCRIBE)]
    Describe(DescribeArgs),
    /// Show the variables of a process, and where they come from
    #[command(after_help = help::ENV)]
    Env(EnvArgs),
    /// Show the last lines of logs, then follow them
    #[command(visible_alias = "log", after_help = help::LOGS)]
    Logs(LogsArgs),
    /// Empty log files
    #[command(after_help = help::FLUSH)]
    Flush(FlushArgs),
    /// Check an application file, without starting anything
    #[command(after_help = help::VALIDATE)]
    Validate(ValidateArgs),
    /// Write an application file for this directory
    #[command(visible_alias = "ecosystem", after_help = help::INIT)]
    Init(InitArgs),
    /// Ask the daemon whether it is there
    Ping,
    /// Have this version be the daemon; no app notices
    #[command(after_help = help::UPDATE)]
    Update(UpdateArgs),
    /// Stop everything, the daemon too
    #[command(after_help = help::KILL)]
    Kill(KillArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct StartArgs {
    /// Files, programs, shell lines, or names of the list; "-" reads an application file from standard input
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Start another copy of what runs already
    #[arg(short, long, help_heading = "App")]
    pub(crate) force: bool,
    /// Of what is in the list already: take over the environment of this shell
    #[arg(short = 'a', long, help_heading = "Environment")]
    pub(crate) update_env: bool,
    #[command(flatten)]
    pub(crate) file: FileFlags,
    #[command(flatten)]
    pub(crate) app: AppFlags,
    /// What the app gets as its arguments
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) app_args: Vec<String>,
}

/// Of commands that apply an application file, or act on what runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct Applied {
    /// Names, ids, namespaces, /regex/, "all", or application files; "-" reads one from standard input
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Don't read the application file again
    #[arg(long, help_heading = "App")]
    pub(crate) as_is: bool,
    /// Take over the environment of this shell
    #[arg(short = 'a', long, help_heading = "Environment")]
    pub(crate) update_env: bool,
    #[command(flatten)]
    pub(crate) file: FileFlags,
    #[command(flatten)]
    pub(crate) app: AppFlags,
    /// What the app gets as its arguments from now on
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) app_args: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RestartArgs {
    /// Kill what runs (SIGKILL) instead of asking it to end
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) applied: Applied,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReloadArgs {
    /// How many processes of each app are replaced at a time, instead of reload_parallel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) parallel: Option<u32>,
    #[command(flatten)]
    pub(crate) applied: Applied,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct KillArgs {
    /// Kill all apps (SIGKILL) instead of asking them to end
    #[arg(short, long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FileFlags {
    /// Only these apps of the application file
    #[arg(long, value_name = "NAMES", help_heading = "App")]
    pub(crate) only: Vec<String>,
}

impl FileFlags {
    /// Names may be apart by commas and blanks.
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        let words = self.only.iter().flat_map(|list| list.split([',', ' ']));
        let names: Vec<_> = words.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
        (!names.is_empty()).then_some(names)
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EndArgs {
    /// Names, ids, namespaces, /regex/, "all", or application files; "-" reads one from standard input
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Kill them and all they have started (SIGKILL) instead of asking them to end
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) file: FileFlags,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ApplyArgs {
    /// The application file; "-" reads one from standard input
    #[arg(value_name = "FILE")]
    pub(crate) target: String,
    /// Only show what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Delete apps that came from this file and are in it no more
    #[arg(long, conflicts_with = "only")]
    pub(crate) prune: bool,
    /// Use the profile env_<NAME> of the application file
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Take over the environment of this shell
    #[arg(short = 'a', long)]
    pub(crate) update_env: bool,
    #[command(flatten)]
    pub(crate) file: FileFlags,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EnvArgs {
    /// Name, id, namespace, /regex/ or "all"
    pub(crate) target: String,
    /// Show where each variable comes from, what it hides, and whether its file says something else by now
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ScaleArgs {
    /// Name of the app
    pub(crate) name: String,
    /// How many processes; +2 adds two, -1 takes one away
    #[arg(value_name = "N", allow_hyphen_values = true, value_parser = count)]
    pub(crate) count: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) value: i32,
    pub(crate) relative: bool,
}

fn count(text: &str) -> Result<Count, String> {
    let value = text.parse().map_err(|_| "a number is needed: 4, +2 or -1".to_owned())?;
    Ok(Count { value, relative: text.starts_with(['+', '-']) })
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SelectorArgs {
    /// Names, ids, namespaces, /regex/ or "all"
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Names, ids, namespaces or /regex/
    #[arg(required = true, value_name = "JOB")]
    pub(crate) targets: Vec<String>,
    /// Wait for the end; a run that fails is a failure of this command
    #[arg(short, long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct JobsArgs {
    /// Name, id, namespace or /regex/; with one its runs are shown
    pub(crate) target: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SignalArgs {
    /// Name or number: SIGUSR2, usr2, 12
    pub(crate) signal: String,
    /// Names, ids, namespaces, /regex/ or "all"
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ListArgs {
    /// Order by name, namespace, pid, id, cpu, memory, uptime or status; with :desc the other way round
    #[arg(long, value_name = "FIELD")]
    pub(crate) sort: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DescribeArgs {
    /// Name, id, namespace, /regex/ or "all"
    pub(crate) target: String,
}

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
pub(crate) struct LogsArgs {
    /// Name, id, namespace, /regex/; all by default
    pub(crate) target: Option<String>,
    /// How many of the last lines of each file come first
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) lines: u32,
    /// End after the last lines, don't follow
    #[arg(long)]
    pub(crate) nostream: bool,
    /// Lines as the apps wrote them, without a prefix
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    /// Only standard output
    #[arg(long, conflicts_with = "err")]
    pub(crate) out: bool,
    /// Only standard error
    #[arg(long)]
    pub(crate) err: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct FlushArgs {
    /// Name, id, namespace or /regex/; without one all logs, the daemon's too
    pub(crate) target: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct UpdateArgs {
    /// Another program than the one that runs this command
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) program: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ValidateArgs {
    /// Application file, "-" for standard input; ecosystem.config.js and the like by default
    pub(crate) file: Option<String>,
    /// Check it with the profile env_<NAME>
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Print the JSON Schema of application files instead
    #[arg(long)]
    pub(crate) schema: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct InitArgs {
    /// "simple" for an app and nothing else
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,
}
