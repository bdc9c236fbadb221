//! What verbs take that act on processes as they are, on the daemon, or on files alone.

use super::apps::FileFlags;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct SelectorArgs {
    /// Names, ids, namespaces, /regex/ or "all"
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
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
pub(crate) struct KillArgs {
    /// Kill all apps (SIGKILL) instead of asking them to end
    #[arg(short, long)]
    pub(crate) force: bool,
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
pub(crate) struct SignalArgs {
    /// Name or number: SIGUSR2, usr2, 12
    pub(crate) signal: String,
    /// Names, ids, namespaces, /regex/ or "all"
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
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
