//! What verbs take that are about the machine: its boot, its log rotation, its shells and pages.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct StartupArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// Start only when the network is up
    #[arg(long)]
    pub(crate) wait_ip: bool,
    /// Print the file instead of installing it
    #[arg(long, conflicts_with = "check")]
    pub(crate) dry_run: bool,
    /// Look whether the next boot would bring everything back
    #[arg(long)]
    pub(crate) check: bool,
}

/// Which service is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArgs {
    /// Init system: systemd, openrc or launchd; by default the one of this machine
    #[arg(value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// Whose apps; by default yours
    #[arg(short = 'u', value_name = "USER")]
    pub(crate) owner: Option<String>,
    /// A unit of your own systemd manager, without root; with a name the same as -u
    #[arg(long, value_name = "USER", num_args = 0..=1, default_missing_value = "", conflicts_with = "owner")]
    pub(crate) user: Option<String>,
    /// That user's home directory, where .rpm is
    #[arg(long, value_name = "DIR")]
    pub(crate) hp: Option<PathBuf>,
    /// Name of the service, rpm-<USER> by default
    #[arg(long, value_name = "NAME")]
    pub(crate) service_name: Option<String>,
    /// Another root than the machine's
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) root: Option<PathBuf>,
}

impl ServiceArgs {
    /// `--user` without a name; `--user systemd` is one before the platform.
    pub(crate) fn is_own(&self) -> bool {
        self.user.as_deref().is_some_and(|name| name.is_empty() || self.is_platform(name))
    }

    fn is_platform(&self, name: &str) -> bool {
        self.platform.is_none() && name == "systemd"
    }

    /// The user that was named.
    pub(crate) fn named(&self) -> Option<&str> {
        self.owner.as_deref().or_else(|| self.user.as_deref().filter(|_| !self.is_own()))
    }

    pub(crate) fn platform(&self) -> Option<&str> {
        self.platform.as_deref().or_else(|| self.user.as_deref().filter(|name| self.is_platform(name)))
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LogrotateArgs {
    /// Whose apps; by default yours
    #[arg(short = 'u', long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// That user's home directory, where .rpm is
    #[arg(long, value_name = "DIR")]
    pub(crate) hp: Option<PathBuf>,
    /// Print the file instead of installing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Another root than the machine's
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) root: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CompletionArgs {
    /// The shell; by default the one of $SHELL
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Option<ShellArg>,
    /// Put it where the shell looks for it
    #[arg(long)]
    pub(crate) install: bool,
    /// What could stand at this place of the words that follow
    #[arg(long, value_name = "INDEX", hide = true, requires = "words")]
    pub(crate) at: Option<usize>,
    #[arg(last = true, hide = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellArg {
    Bash,
    Zsh,
    Fish,
    /// What PM2 is told.
    #[value(hide = true)]
    Install,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct HelpArgs {
    /// The command
    #[arg(value_name = "COMMAND", conflicts_with = "man")]
    pub(crate) command: Option<String>,
    /// Print the manual page, as troff
    #[arg(long)]
    pub(crate) man: bool,
}
