//! What verbs take that are about what an app is: they start, change and scale it.

use super::start::AppFlags;
use clap::Args;

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
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
    /// Write what was given into <NAME>-pm2.json, an application file, too
    #[arg(short, long, help_heading = "App")]
    pub(crate) write: bool,
    /// Show the logs afterwards
    #[arg(long, help_heading = "Logs")]
    pub(crate) attach: bool,
    /// Stay in the foreground: show what the apps write, and end them and the daemon with this command
    #[arg(long, help_heading = "Logs", conflicts_with = "attach")]
    pub(crate) no_daemon: bool,
    /// Of a name that is in the list already: so many of its processes at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), hide = true)]
    pub(crate) parallel: Option<u32>,
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
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
pub(crate) struct Applied {
    /// Names, ids, namespaces, /regex/, "all", or application files; "-" reads one from standard input
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Don't read the application file again
    #[arg(long, help_heading = "App")]
    pub(crate) as_is: bool,
    /// Show the logs afterwards
    #[arg(long, help_heading = "Logs")]
    pub(crate) attach: bool,
    /// Stay in the foreground: show what the apps write, and end them and the daemon with this command
    #[arg(long, help_heading = "Logs", conflicts_with = "attach")]
    pub(crate) no_daemon: bool,
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
    /// So many processes at a time, instead of all at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) parallel: Option<u32>,
    #[command(flatten)]
    pub(crate) applied: Applied,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReloadArgs {
    /// PM2's way past a lock that somebody has left: none can be left here
    #[arg(short, long, hide = true)]
    pub(crate) force: bool,
    /// How many processes of each app are replaced at a time, instead of `reload_parallel`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) parallel: Option<u32>,
    #[command(flatten)]
    pub(crate) applied: Applied,
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
pub(crate) struct ScaleArgs {
    /// Name of the app
    pub(crate) name: String,
    /// How many processes; +2 adds two, -1 takes one away, "max" is one for each core
    #[arg(value_name = "N", allow_hyphen_values = true, value_parser = count)]
    pub(crate) count: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    /// `None` is as many as can run at the same time.
    pub(crate) value: Option<i32>,
    pub(crate) relative: bool,
}

fn count(text: &str) -> Result<Count, String> {
    if text == "max" {
        return Ok(Count { value: None, relative: false });
    }
    let value = text.parse().map_err(|_| "a number is needed: 4, +2, -1 or max".to_owned())?;
    Ok(Count { value: Some(value), relative: text.starts_with(['+', '-']) })
}
