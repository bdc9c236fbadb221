//! What verbs take that are about saved lists.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct SaveArgs {
    /// Save an empty list too
    #[arg(short, long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ResurrectArgs {
    /// Another saved list: PM2's dump.pm2, or the directory that it is in
    #[arg(long, value_name = "FILE", conflicts_with_all = ["last", "boot"])]
    pub(crate) from: Option<PathBuf>,
    /// The list as it was when the daemon last ended in order
    #[arg(long, conflicts_with = "boot")]
    pub(crate) last: bool,
    /// At the start of the machine: what ran before, or else what was saved
    #[arg(long)]
    pub(crate) boot: bool,
    /// Stay in the foreground: show what the apps write, and end them and the daemon with this command
    #[arg(long)]
    pub(crate) no_daemon: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MigrateArgs {
    /// PM2's home; ~/.pm2 by default
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Only the plan
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave the apps on PM2's list, stopped
    #[arg(long)]
    pub(crate) keep: bool,
    /// PM2's program, where it is not in PATH
    #[arg(long, value_name = "FILE")]
    pub(crate) pm2: Option<PathBuf>,
}
