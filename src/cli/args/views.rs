//! What verbs take that only show something.

use clap::Args;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ListArgs {
    /// Draw it anew every second, until q or Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct IdArgs {
    /// The name of an app
    pub(crate) name: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct PidArgs {
    /// Name, id, namespace or /regex/; all by default
    pub(crate) target: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DescribeArgs {
    /// Name, id, namespace, /regex/ or "all"
    pub(crate) target: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EnvArgs {
    /// Name, id, namespace, /regex/ or "all"
    pub(crate) target: String,
    /// Show where each variable comes from, what it hides, and whether its file says something else by now
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct JobsArgs {
    /// Name, id, namespace or /regex/; with one its runs are shown
    pub(crate) target: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag")]
pub(crate) struct LogsArgs {
    /// Name, id, namespace, /regex/; all by default
    pub(crate) target: Option<String>,
    /// How many of the last lines of each file come first
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) lines: u32,
    /// End after the last lines, don't follow
    #[arg(long)]
    pub(crate) nostream: bool,
    /// Lines as the apps wrote them, without a prefix
    #[arg(long, conflicts_with_all = ["json", "format"])]
    pub(crate) raw: bool,
    /// Lines as timestamp=… app=… id=… type=… message=…
    #[arg(long, conflicts_with = "json")]
    pub(crate) format: bool,
    /// Show when a line was written; in the tokens of Day.js, YYYY-MM-DD-HH:mm:ss by default
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "YYYY-MM-DD-HH:mm:ss")]
    pub(crate) timestamp: Option<String>,
    /// Mark this text in the lines
    #[arg(long, value_name = "TEXT")]
    pub(crate) highlight: Option<String>,
    /// Only standard output
    #[arg(long, conflicts_with = "err")]
    pub(crate) out: bool,
    /// Only standard error
    #[arg(long)]
    pub(crate) err: bool,
}

impl LogsArgs {
    /// Without any option.
    pub(crate) const fn following(target: Option<String>) -> Self {
        Self {
            target,
            lines: 15,
            nostream: false,
            raw: false,
            format: false,
            timestamp: None,
            highlight: None,
            out: false,
            err: false,
        }
    }
}
