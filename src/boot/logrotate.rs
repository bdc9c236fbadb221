//! A file for logrotate, for who wants logs rotated by it.

use crate::paths::Home;
use std::path::PathBuf;

/// Where it belongs, and what is in it.
pub fn logrotate(home: &Home, user: &str, group: &str) -> (PathBuf, String) {
    let path = |path: PathBuf| format!("\"{}\"", path.display());
    let (own, apps) = (path(home.daemon_log()), path(home.logs().join("*.log")));
    // A renamed log goes on being written until the daemon is told, so that no line is lost; its own log is
    // the standard error of two programs, which keep it open.
    let text = format!(
        "# Written by `rpm logrotate`.
{apps} {{
\tsu {user} {group}
\tweekly
\trotate 12
\tmissingok
\tnotifempty
\tcompress
\tdelaycompress
\tsharedscripts
\tpostrotate
\t\tkill -USR2 \"$(cat {pid})\" 2>/dev/null || true
\tendscript
}}

{own} {{
\tsu {user} {group}
\tweekly
\trotate 12
\tmissingok
\tnotifempty
\tcompress
\tcopytruncate
}}
",
        pid = home.pid_file().display(),
    );
    (PathBuf::from(format!("/etc/logrotate.d/rpm-{user}")), text)
}
