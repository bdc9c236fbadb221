//! A service script of `OpenRC`.

use super::service::Service;

pub(super) fn text(service: &Service) -> String {
    let word = |text: &std::path::Path| shell_word(&text.to_string_lossy());
    let (home, program, log) = (word(service.home.root()), word(&service.program()), word(&service.home.daemon_log()));
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
output_log={log}
error_log={log}
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

/// A word that a shell takes as one.
fn shell_word(text: &str) -> String {
    shell_words::quote(text).into_owned()
}
