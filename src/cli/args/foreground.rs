//! What the two verbs take that run apps in the foreground, without a daemon.

use super::apps::FileFlags;
use super::start::AppFlags;
use clap::Args;

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
pub(crate) struct RuntimeArgs {
    /// Files, programs, shell lines, or application files; "start" before them is allowed
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Show output as it is written (the default)
    #[arg(long, help_heading = "Output", conflicts_with_all = ["format", "formatted"])]
    pub(crate) raw: bool,
    /// Show output as key=value
    #[arg(long, help_heading = "Output", conflicts_with = "formatted")]
    pub(crate) format: bool,
    /// Show each line after the id and the name of its app
    #[arg(long, help_heading = "Output")]
    pub(crate) formatted: bool,
    /// Wait so many seconds before anything is started
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) delay: u32,
    /// Stay when nothing runs any more
    #[arg(long)]
    pub(crate) no_auto_exit: bool,
    /// Bury orphans, as PID 1 has to, also where this isn't PID 1
    #[arg(long)]
    pub(crate) init: bool,
    /// Answer with the list as JSON over HTTP: on port 9615, of this machine alone
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "", help_heading = "Output")]
    pub(crate) web: Option<String>,
    // PM2's account.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) secret: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) public: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) machine_name: Option<String>,
    #[command(flatten)]
    pub(crate) file: FileFlags,
    #[command(flatten)]
    pub(crate) app: AppFlags,
    /// What the app gets as its arguments
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) app_args: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DevArgs {
    /// Files, programs, shell lines, or application files; "start" before them is allowed
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Show output as it is written, without the name of its app
    #[arg(long, help_heading = "Output")]
    pub(crate) raw: bool,
    /// Show when each line was written
    #[arg(long, help_heading = "Output", conflicts_with = "raw")]
    pub(crate) timestamp: bool,
    /// Files that don't matter beside `node_modules`: a,b
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',', help_heading = "Schedule and watch")]
    pub(crate) ignore: Vec<String>,
    /// Run this line in a shell after each restart
    #[arg(long, value_name = "LINE", help_heading = "Schedule and watch")]
    pub(crate) post_exec: Option<String>,
    /// End when nothing runs any more
    #[arg(long)]
    pub(crate) auto_exit: bool,
    #[command(flatten)]
    pub(crate) file: FileFlags,
    #[command(flatten)]
    pub(crate) app: AppFlags,
    /// What the app gets as its arguments
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) app_args: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct WebArgs {
    /// The port; 9615 by default, 0 is any that is free
    #[arg(value_name = "PORT", default_value = "", hide_default_value = true)]
    pub(crate) port: String,
    /// An address of this machine; 127.0.0.1 by default, 0.0.0.0 for everybody
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
}
