//! What `serve` takes.

use clap::Args;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
    /// The directory whose files are served, by default this one
    pub(crate) path: Option<String>,
    /// The port, 8080 by default
    #[arg(value_name = "PORT", id = "second_word")]
    pub(crate) second_word: Option<u16>,
    /// The same, where there is no path
    #[arg(short, long, value_name = "PORT", conflicts_with = "second_word")]
    pub(crate) port: Option<u16>,
    /// The address, by default all of this machine
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Answer what isn't there with index.html: an application in one page routes by itself
    #[arg(long)]
    pub(crate) spa: bool,
    /// List directories that have no index.html
    #[arg(long)]
    pub(crate) ftp: bool,
    /// Who may see it; better in `RPM_SERVE_BASIC_AUTH_USERNAME`, where ps doesn't show it
    #[arg(long, value_name = "NAME", requires = "basic_auth_password")]
    pub(crate) basic_auth_username: Option<String>,
    /// Their password; better in `RPM_SERVE_BASIC_AUTH_PASSWORD`
    #[arg(long, value_name = "PASSWORD", requires = "basic_auth_username")]
    pub(crate) basic_auth_password: Option<String>,
    /// Name of the app, by default static-page-server-<port>
    #[arg(short, long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Group of apps that can be named together
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// How many processes share the port
    #[arg(short, long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) instances: Option<String>,
    /// Not here: there is no account to report to
    #[arg(long, hide = true)]
    pub(crate) monitor: bool,
}

impl ServeArgs {
    pub(crate) fn port(&self) -> Option<u16> {
        self.port.or(self.second_word)
    }
}
