//! The command line as typed values. What they mean is decided elsewhere.

mod help;
mod order;
mod parse;
mod start;
mod verbs;

pub(crate) use parse::{Cli, Global, Parsed, parse};
pub(crate) use start::AppFlags;
pub(crate) use verbs::{
    Applied, ApplyArgs, Command, DescribeArgs, EndArgs, EnvArgs, FlushArgs, InitArgs, JobsArgs, KillArgs, ListArgs,
    LogsArgs, ReloadArgs, RestartArgs, RunArgs, ScaleArgs, SelectorArgs, SignalArgs, StartArgs, UpdateArgs,
    ValidateArgs,
};
