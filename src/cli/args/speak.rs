//! What verbs take that say something to running apps.

use crate::config::milliseconds;
use clap::Args;

#[derive(Debug, Clone, Args)]
pub(crate) struct TriggerArgs {
    /// Name, id, namespace, /regex/ or "all"
    pub(crate) target: String,
    /// As the app has announced it: rpm describe shows them
    pub(crate) action: String,
    /// A text for the action
    pub(crate) param: Option<String>,
    /// How long each process has to answer; 30s by default
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SendArgs {
    /// Id, name, namespace, /regex/ or "all"
    pub(crate) target: String,
    /// What is written, with a line break behind it
    #[arg(allow_hyphen_values = true)]
    pub(crate) line: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct AttachArgs {
    /// Id or name
    pub(crate) target: String,
    /// What is written behind each line instead of a line break
    #[arg(allow_hyphen_values = true)]
    pub(crate) separator: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct InspectArgs {
    /// Name, id, namespace or /regex/
    pub(crate) target: String,
}

fn time(text: &str) -> Result<u64, String> {
    milliseconds(text).ok_or_else(|| "a time has a unit: 500ms, 10s, 2m".to_owned())
}
