//! A service script of `OpenRC`.

use super::service::Service;
use std::path::Path;

pub(super) fn text(service: &Service) -> String {
    let word = |text: &Path| shell_word(&text.to_string_lossy());
    let (home, program) = (word(service.home.root()), word(&service.program()));
    let user = shell_word(&service.user);
    let reload = shell_word(&format!("RPM_HOME={home} {program} reload all"));
    let network = if service.wait_ip { "\tneed net\n" } else { "\tuse net\n" };
    format!(
        "#!/sbin/openrc-run
# Written by `rpm startup`, removed by `rpm unstartup`.

description=\"Process manager of {name}\"
extra_started_commands=\"reload\"
command={program}
command_args=daemon
command_user={user}
command_background=true
pidfile=\"/run/${{RC_SVCNAME}}.pid\"
retry=SIGTERM/70
export RPM_HOME={home}
export RPM_BOOT=1

depend() {{
\tneed localmount
{network}\tafter firewall
}}

reload() {{
\tebegin \"Reloading the apps of ${{RC_SVCNAME}}\"
\tsu -s /bin/sh -c {reload} {user}
\teend $?
}}
",
        name = service.user,
    )
}

/// Its own functions take words apart that a shell has put together: what is quoted here is no word any more there.
pub(super) fn is_word(path: &Path) -> bool {
    path.to_str().is_some_and(|text| shell_words::quote(text) == text)
}

/// A word that a shell takes as one.
fn shell_word(text: &str) -> String {
    shell_words::quote(text).into_owned()
}
