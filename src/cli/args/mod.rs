//! The command line as typed values. What they mean is decided elsewhere.

mod apps;
mod boot;
mod boot_help;
mod examples;
mod foreground;
mod help;
mod order;
mod parse;
mod processes;
mod saved;
mod serve;
mod settings;
mod short;
mod speak;
mod start;
mod verbs;
mod views;

pub(crate) use apps::{Applied, ApplyArgs, FileFlags, ReloadArgs, RestartArgs, ScaleArgs, StartArgs};
pub(crate) use boot::{CompletionArgs, HelpArgs, LogrotateArgs, ServiceArgs, ShellArg, StartupArgs};
pub(crate) use examples::EXAMPLES;
pub(crate) use foreground::{DevArgs, RuntimeArgs, WebArgs};
pub(crate) use parse::{Cli, Global, Parsed, parse};
pub(crate) use processes::{
    EndArgs, FlushArgs, InitArgs, KillArgs, RunArgs, SelectorArgs, SignalArgs, UpdateArgs, ValidateArgs,
};
pub(crate) use saved::{MigrateArgs, ResurrectArgs, SaveArgs};
pub(crate) use serve::ServeArgs;
pub(crate) use settings::{ConfArgs, GetArgs, MultisetArgs, SetArgs, UnsetArgs};
pub(crate) use speak::{AttachArgs, InspectArgs, SendArgs, TriggerArgs};
pub(crate) use start::AppFlags;
pub(crate) use verbs::Command;
pub(crate) use views::{DescribeArgs, EnvArgs, IdArgs, JobsArgs, ListArgs, LogsArgs, PidArgs};
