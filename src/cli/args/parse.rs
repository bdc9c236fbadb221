//! The whole command line, and how it is taken apart.

use super::help;
use super::order::command_first;
use super::short;
use super::verbs::Command;
use crate::cli::pages;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser};
use std::env;
use std::ffi::OsString;

/// The process manager: keeps programs running, in the background, on all cores, with their logs.
#[derive(Debug, Parser)]
#[command(name = "rpm", disable_version_flag = true, disable_help_subcommand = true)]
#[command(help_template = help::OVERVIEW_TEMPLATE, before_help = help::OVERVIEW, after_help = help::OVERVIEW_EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long)]
    pub(crate) version: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command understands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
pub(crate) struct Global {
    /// Print nothing but what was asked for, and errors
    #[arg(short, long, global = true)]
    pub(crate) silent: bool,
    /// Print lists in the compact form, a block an app
    #[arg(short, long, global = true)]
    pub(crate) mini_list: bool,
    /// Order lists by name, namespace, pid, id, cpu, memory, uptime or status; with :desc the other way round
    #[arg(long, global = true, value_name = "FIELD")]
    pub(crate) sort: Option<String>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print without colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

impl Global {
    /// `--silent`, or a variable that says so.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent || is_set("SILENT")
    }

    /// Whether nothing is to be said of the daemon that had to be launched.
    pub(crate) fn is_discreet() -> bool {
        is_set("DISCRETE_MODE")
    }
}

/// Whether a setting, `RPM_<name>` or PM2's `PM2_<name>`, has any value.
fn is_set(name: &str) -> bool {
    let set = |prefix| env::var_os(format!("{prefix}{name}")).is_some_and(|value| !value.is_empty());
    set("RPM_") || set("PM2_")
}

/// What a command line comes to.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is moved once")]
#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Global, Command),
    /// The bare version.
    Version,
    /// Nothing was asked.
    Nothing,
    /// Help that was asked for, or what is wrong.
    Stop(clap::Error),
}

/// Takes arguments apart; the first one is the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(matches) = short::matches(&args)
        && let (Ok(global), Ok(command)) = (Global::from_arg_matches(&matches), Command::from_arg_matches(&matches))
    {
        return Parsed::Run(global, command);
    }
    let args = command_first(args, Cli::command);
    let plain = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--no-color");
    let color = if plain { ColorChoice::Never } else { ColorChoice::Auto };
    // What is asked of nobody isn't laid out.
    let asks = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "-h" || arg == "--help");
    let cli = if asks { pages::told(pages::width()) } else { Cli::command() };
    let matches = match cli.color(color).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return Parsed::Stop(error),
    };
    match Cli::from_arg_matches(&matches) {
        Err(error) => Parsed::Stop(error),
        Ok(Cli { version: true, .. }) => Parsed::Version,
        Ok(Cli { command: None, .. }) => Parsed::Nothing,
        Ok(Cli { command: Some(command), global, .. }) => Parsed::Run(global, command),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
