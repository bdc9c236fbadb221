//! The model of one verb: most command lines need no other, and all of them together take longer than most commands.

use super::parse::Global;
use super::processes::{
    EndArgs, FlushArgs, InitArgs, KillArgs, RunArgs, SelectorArgs, SignalArgs, UpdateArgs, ValidateArgs,
};
use super::{
    ApplyArgs, AttachArgs, CompletionArgs, ConfArgs, DescribeArgs, DevArgs, EnvArgs, GetArgs, HelpArgs, IdArgs,
    InspectArgs, JobsArgs, ListArgs, LogrotateArgs, LogsArgs, MigrateArgs, MultisetArgs, PidArgs, ReloadArgs,
    RestartArgs, ResurrectArgs, RuntimeArgs, SaveArgs, ScaleArgs, SendArgs, ServeArgs, ServiceArgs, SetArgs, StartArgs,
    StartupArgs, TriggerArgs, UnsetArgs, WebArgs,
};
use clap::{ArgMatches, Args, Command};
use std::ffi::OsString;

/// Adds what a verb takes.
type Taken = fn(Command) -> Command;

/// The verb that is the first word, by its own name, with what it takes. `None` for what is no verb.
#[rustfmt::skip] // a table
fn verb(word: &str) -> Option<(&'static str, Taken)> {
    let nothing: Taken = |command| command;
    Some(match word {
        "start" => ("start", StartArgs::augment_args),
        "restart" => ("restart", RestartArgs::augment_args),
        "reload" => ("reload", ReloadArgs::augment_args),
        "startOrRestart" => ("startOrRestart", RestartArgs::augment_args),
        "startOrReload" | "startOrGracefulReload" => ("startOrReload", ReloadArgs::augment_args),
        "apply" => ("apply", ApplyArgs::augment_args),
        "stop" => ("stop", EndArgs::augment_args),
        "delete" | "del" => ("delete", EndArgs::augment_args),
        "scale" => ("scale", ScaleArgs::augment_args),
        "run" => ("run", RunArgs::augment_args),
        "jobs" => ("jobs", JobsArgs::augment_args),
        "reset" => ("reset", SelectorArgs::augment_args),
        "sendSignal" | "signal" => ("sendSignal", SignalArgs::augment_args),
        "trigger" => ("trigger", TriggerArgs::augment_args),
        "send" => ("send", SendArgs::augment_args),
        "attach" => ("attach", AttachArgs::augment_args),
        "inspect" => ("inspect", InspectArgs::augment_args),
        "list" | "ls" | "l" | "ps" | "status" => ("list", ListArgs::augment_args),
        "jlist" => ("jlist", nothing),
        "prettylist" => ("prettylist", nothing),
        "id" => ("id", IdArgs::augment_args),
        "pid" => ("pid", PidArgs::augment_args),
        "describe" | "desc" | "info" | "show" => ("describe", DescribeArgs::augment_args),
        "env" => ("env", EnvArgs::augment_args),
        "monit" | "dashboard" | "imonit" => ("monit", nothing),
        "monitor" => ("monitor", SelectorArgs::augment_args),
        "unmonitor" => ("unmonitor", SelectorArgs::augment_args),
        "sysinfos" | "slist" => ("sysinfos", nothing),
        "report" => ("report", nothing),
        "examples" => ("examples", nothing),
        "logs" | "log" => ("logs", LogsArgs::augment_args),
        "save" | "dump" => ("save", SaveArgs::augment_args),
        "resurrect" => ("resurrect", ResurrectArgs::augment_args),
        "cleardump" => ("cleardump", nothing),
        "migrate" => ("migrate", MigrateArgs::augment_args),
        "flush" => ("flush", FlushArgs::augment_args),
        "set" => ("set", SetArgs::augment_args),
        "multiset" => ("multiset", MultisetArgs::augment_args),
        "get" => ("get", GetArgs::augment_args),
        "conf" | "config" => ("conf", ConfArgs::augment_args),
        "unset" => ("unset", UnsetArgs::augment_args),
        "reloadLogs" => ("reloadLogs", nothing),
        "validate" => ("validate", ValidateArgs::augment_args),
        "init" | "ecosystem" => ("init", InitArgs::augment_args),
        "runtime" => ("runtime", RuntimeArgs::augment_args),
        "dev" => ("dev", DevArgs::augment_args),
        "serve" | "expose" => ("serve", ServeArgs::augment_args),
        "web" => ("web", WebArgs::augment_args),
        "ping" => ("ping", nothing),
        "update" => ("update", UpdateArgs::augment_args),
        "kill" => ("kill", KillArgs::augment_args),
        "startup" => ("startup", StartupArgs::augment_args),
        "unstartup" => ("unstartup", ServiceArgs::augment_args),
        "logrotate" => ("logrotate", LogrotateArgs::augment_args),
        "completion" => ("completion", CompletionArgs::augment_args),
        "help" => ("help", HelpArgs::augment_args),
        _ => return None,
    })
}

/// What a command line says, where its first word is a verb and all of it makes sense. Anything else, help included,
/// needs the whole model.
pub(super) fn matches(args: &[OsString]) -> Option<ArgMatches> {
    let (name, taken) = verb(args.get(1)?.to_str()?)?;
    let verb = taken(Command::new(name));
    let line = Global::augment_args(Command::new("rpm").disable_help_subcommand(true)).subcommand(verb);
    let known = args.iter().enumerate().map(|(at, arg)| if at == 1 { OsString::from(name) } else { arg.clone() });
    line.try_get_matches_from(known).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::{Arg, CommandFactory};

    fn shape(arg: &Arg) -> String {
        format!("{arg:?}")
    }

    /// Of each verb, by each of its names, the short model takes what the whole one does.
    #[test]
    fn no_verb_takes_anything_else_here() {
        let whole = Cli::command();
        for command in whole.get_subcommands() {
            for word in [command.get_name()].into_iter().chain(command.get_all_aliases()) {
                let (name, taken) = verb(word).unwrap_or_else(|| panic!("{word} is no verb here"));
                assert_eq!(name, command.get_name(), "{word}");
                let short = taken(Command::new(name));
                let (ours, theirs): (Vec<_>, Vec<_>) =
                    (short.get_arguments().map(shape).collect(), command.get_arguments().map(shape).collect());
                assert_eq!(ours, theirs, "{word}");
                let groups =
                    |command: &Command| command.get_groups().map(|group| format!("{group:?}")).collect::<Vec<_>>();
                assert_eq!(groups(&short), groups(command), "{word}");
            }
        }
        assert_eq!(verb("lst").map(|(name, _)| name), None);
    }

    #[test]
    fn what_makes_no_sense_or_asks_for_help_is_left_to_the_whole() {
        let matches = |line: &str| {
            matches(&std::iter::once("rpm").chain(line.split(' ')).map(OsString::from).collect::<Vec<_>>())
        };
        for line in ["ls", "l --sort name -m", "start app.js -- --help", "del all -f", "pid"] {
            assert!(matches(line).is_some(), "{line}");
        }
        for line in ["ls --help", "-h", "--json ls", "lst", "stop", "start app.js --nmae x", "jlist extra"] {
            assert!(matches(line).is_none(), "{line}");
        }
    }
}
