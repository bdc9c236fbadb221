//! What the verbs of the settings store take.

use clap::Args;

#[derive(Debug, Clone, Args)]
pub(crate) struct SetArgs {
    /// app:key, app.key, or a key of its own
    pub(crate) key: String,
    /// Its value; without one it is shown
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct MultisetArgs {
    /// Keys and values, one after the other; quotes hold words together
    #[arg(required = true, value_name = "KEY VALUE", num_args = 1.., allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GetArgs {
    /// A setting, or a group of them; all without one
    pub(crate) key: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ConfArgs {
    /// A setting, or a group of them; all without one
    pub(crate) key: Option<String>,
    /// Its new value
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UnsetArgs {
    /// A setting, a group of them, or "all"
    pub(crate) key: String,
}
