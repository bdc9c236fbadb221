//! The commands.

use super::apps::{ApplyArgs, ReloadArgs, RestartArgs, ScaleArgs, StartArgs};
use super::boot::{CompletionArgs, HelpArgs, LogrotateArgs, ServiceArgs, StartupArgs};
use super::foreground::{DevArgs, RuntimeArgs, WebArgs};
use super::processes::{
    EndArgs, FlushArgs, InitArgs, KillArgs, RunArgs, SelectorArgs, SignalArgs, UpdateArgs, ValidateArgs,
};
use super::saved::{MigrateArgs, ResurrectArgs, SaveArgs};
use super::serve::ServeArgs;
use super::settings::{ConfArgs, GetArgs, MultisetArgs, SetArgs, UnsetArgs};
use super::speak::{AttachArgs, InspectArgs, SendArgs, TriggerArgs};
use super::views::{DescribeArgs, EnvArgs, IdArgs, JobsArgs, ListArgs, LogsArgs, PidArgs};
use super::{boot_help, help};
use clap::Subcommand;

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
    /// Apply an application file: restart what is there, start the rest
    #[command(name = "startOrRestart", after_help = help::START_OR_RESTART)]
    StartOrRestart(Box<RestartArgs>),
    /// Apply an application file: reload what is there, start the rest
    #[command(name = "startOrReload", visible_alias = "startOrGracefulReload", after_help = help::START_OR_RELOAD)]
    StartOrReload(Box<ReloadArgs>),
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
    /// Have apps do what they have announced, and show their answers
    #[command(after_help = help::TRIGGER)]
    Trigger(TriggerArgs),
    /// Write a line to the input of processes
    #[command(after_help = help::SEND)]
    Send(SendArgs),
    /// Type to a process, and see what it prints
    #[command(after_help = help::ATTACH)]
    Attach(AttachArgs),
    /// Open the inspector of a Node app, or close it, by its own action
    #[command(after_help = help::INSPECT)]
    Inspect(InspectArgs),
    /// Show all processes
    #[command(visible_aliases = ["ls", "l", "ps", "status"], after_help = help::LIST)]
    List(ListArgs),
    /// Print the list as PM2's JSON
    #[command(after_help = boot_help::JLIST)]
    Jlist,
    /// Print the same as Node shows an object
    #[command(after_help = boot_help::PRETTYLIST)]
    Prettylist,
    /// Print the ids of an app's processes
    #[command(after_help = help::ID)]
    Id(IdArgs),
    /// Print pids, a line each
    #[command(after_help = help::PID)]
    Pid(PidArgs),
    /// Show everything about a process
    #[command(visible_aliases = ["desc", "info", "show"], after_help = help::DESCRIBE)]
    Describe(DescribeArgs),
    /// Show the variables of a process, and where they come from
    #[command(after_help = help::ENV)]
    Env(EnvArgs),
    /// Watch everything at once: processes, output, metrics
    #[command(visible_aliases = ["dashboard", "imonit"], after_help = help::MONIT)]
    Monit,
    /// Mark processes, as PM2's dashboards do
    #[command(after_help = help::MONITOR)]
    Monitor(SelectorArgs),
    /// Take the mark away
    #[command(after_help = boot_help::UNMONITOR)]
    Unmonitor(SelectorArgs),
    /// Show figures of the machine
    #[command(visible_alias = "slist", after_help = help::SYSINFOS)]
    Sysinfos,
    /// Show all that belongs into a report of a problem, secrets taken out
    #[command(after_help = help::REPORT)]
    Report,
    /// Show what is typed most, by example
    Examples,
    /// Show the last lines of logs, then follow them
    #[command(visible_alias = "log", after_help = help::LOGS)]
    Logs(LogsArgs),
    /// Save the list, for resurrect
    #[command(visible_alias = "dump", after_help = help::SAVE)]
    Save(SaveArgs),
    /// Start what was saved
    #[command(after_help = help::RESURRECT)]
    Resurrect(ResurrectArgs),
    /// Empty the saved list
    #[command(name = "cleardump", after_help = help::CLEARDUMP)]
    ClearDump,
    /// Take over from a PM2 that runs
    #[command(after_help = help::MIGRATE)]
    Migrate(MigrateArgs),
    /// Empty log files
    #[command(after_help = help::FLUSH)]
    Flush(FlushArgs),
    /// Set a variable of an app, or any setting: app:key value
    #[command(after_help = help::SET)]
    Set(SetArgs),
    /// Set several at once: "key value key value"
    #[command(after_help = help::MULTISET)]
    Multiset(MultisetArgs),
    /// Show settings
    #[command(after_help = help::GET)]
    Get(GetArgs),
    /// Show settings, or set one
    #[command(visible_alias = "config", after_help = help::CONF)]
    Conf(ConfArgs),
    /// Take settings out again
    #[command(after_help = help::UNSET)]
    Unset(UnsetArgs),
    /// Open all log files anew, after something else has moved them
    #[command(name = "reloadLogs", after_help = help::RELOAD_LOGS)]
    ReloadLogs,
    /// Check an application file, without starting anything
    #[command(after_help = help::VALIDATE)]
    Validate(ValidateArgs),
    /// Write an application file for this directory
    #[command(visible_alias = "ecosystem", after_help = help::INIT)]
    Init(InitArgs),
    /// Run apps in the foreground, as the program of a container
    #[command(after_help = help::RUNTIME)]
    Runtime(Box<RuntimeArgs>),
    /// Run apps in the foreground while they are written: restarted when files change
    #[command(after_help = help::DEV)]
    Dev(Box<DevArgs>),
    /// Serve the files of a directory over HTTP
    #[command(visible_alias = "expose", after_help = help::SERVE)]
    Serve(ServeArgs),
    /// Answer with the list as JSON over HTTP, as PM2's web API did
    #[command(after_help = help::WEB)]
    Web(WebArgs),
    /// Ask the daemon whether it is there
    #[command(after_help = boot_help::PING)]
    Ping,
    /// Have this version be the daemon; no app notices
    #[command(after_help = help::UPDATE)]
    Update(UpdateArgs),
    /// Stop everything, the daemon too
    #[command(after_help = help::KILL)]
    Kill(KillArgs),
    /// Have everything start with the machine
    #[command(after_help = boot_help::STARTUP)]
    Startup(StartupArgs),
    /// Have it start with the machine no more
    #[command(after_help = boot_help::UNSTARTUP)]
    Unstartup(ServiceArgs),
    /// Write a file for logrotate
    #[command(after_help = boot_help::LOGROTATE)]
    Logrotate(LogrotateArgs),
    /// Print or install completions for a shell
    #[command(after_help = boot_help::COMPLETION)]
    Completion(CompletionArgs),
    /// Tell about a command
    #[command(after_help = boot_help::HELP)]
    Help(HelpArgs),
}

impl Command {
    /// Whether it stays in the foreground, with a daemon that is its own.
    pub(crate) fn stays(&self) -> bool {
        match self {
            Self::Start(args) => args.no_daemon,
            Self::Restart(args) | Self::StartOrRestart(args) => args.applied.no_daemon,
            Self::Reload(args) | Self::StartOrReload(args) => args.applied.no_daemon,
            Self::Resurrect(args) => args.no_daemon,
            _ => false,
        }
    }
}
