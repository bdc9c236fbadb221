//! A unit of systemd. Why each line is there is in `docs/boot.md`.

use super::service::{Scope, Service};
use std::ffi::OsStr;
use std::fmt::Write;

/// The first version that knows `DelegateSubgroup=`.
const HAS_SUBGROUPS: u32 = 254;

pub(super) fn text(service: &Service) -> String {
    let (home, program) = (quoted(service.home.root().as_os_str()), quoted(service.program().as_os_str()));
    let mut unit = String::from(
        "# Written by `rpm startup`, removed by `rpm unstartup`. What you change belongs into a drop-in: systemctl edit\n",
    );
    // Writing to a String cannot fail.
    let _ =
        write!(unit, "[Unit]\nDescription=Process manager of {}\nDocumentation=man:rpm(1)\n", escaped(&service.user));
    unit.push_str(match (service.scope, service.wait_ip) {
        (Scope::System, true) => "Wants=network-online.target\nAfter=network-online.target\n",
        (Scope::System, false) => "After=network.target\n",
        // A user's manager knows nothing of the network.
        (Scope::User, _) => "",
    });
    let _ = write!(
        unit,
        "RequiresMountsFor={home}\nStartLimitIntervalSec=0\n\n[Service]\nType=notify\nNotifyAccess=main\n"
    );
    if service.scope == Scope::System {
        let _ = writeln!(unit, "User={}", escaped(&service.user));
    }
    let variable = quoted_pair("RPM_HOME=", service.home.root().as_os_str());
    let _ = write!(unit, "Environment={variable}\nEnvironment=RPM_BOOT=1\n");
    let _ = write!(unit, "ExecStart={program} daemon\nExecReload={program} reload all\n");
    unit.push_str("Restart=on-failure\nRestartSec=1\nRestartPreventExitStatus=69\nWatchdogSec=60\nTimeoutStopSec=70\nKillMode=process\n");
    unit.push_str("OOMPolicy=continue\nDelegate=yes\n");
    if service.version.is_some_and(|version| version >= HAS_SUBGROUPS) {
        unit.push_str("DelegateSubgroup=daemon\n");
    }
    unit.push_str("TasksMax=infinity\n\n[Install]\n");
    unit.push_str(match service.scope {
        Scope::System => "WantedBy=multi-user.target\n",
        Scope::User => "WantedBy=default.target\n",
    });
    unit
}

/// Specifiers begin with a percent sign.
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// A word that systemd takes as one, whatever is in it.
fn quoted(text: &OsStr) -> String {
    quoted_pair("", text)
}

fn quoted_pair(before: &str, text: &OsStr) -> String {
    let text = format!("{before}{}", text.to_string_lossy());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,".contains(c) || !c.is_ascii();
    if text.chars().all(is_plain) {
        return text;
    }
    let mut word = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            '%' => word.push_str("%%"),
            // A dollar sign, which would name a variable in command lines, is in no path that is taken.
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::Platform;
    use crate::paths::Home;

    fn service() -> Service {
        Service {
            platform: Platform::Systemd,
            scope: Scope::System,
            name: "rpm-app".into(),
            user: "app".into(),
            home: Home::new("/home/app/.rpm"),
            wait_ip: false,
            version: Some(254),
        }
    }

    #[test]
    fn a_system_unit() {
        let unit = text(&service());
        for line in [
            "User=app",
            "Environment=RPM_HOME=/home/app/.rpm",
            "ExecStart=/home/app/.rpm/bin/rpm daemon",
            "Environment=RPM_BOOT=1",
            "KillMode=process",
            "DelegateSubgroup=daemon",
            "After=network.target",
            "WantedBy=multi-user.target",
        ] {
            assert!(unit.lines().any(|found| found == line), "{line}\n{unit}");
        }
        assert!(!unit.contains("PATH") && !unit.contains("node"), "{unit}");
    }

    #[test]
    fn what_was_asked_for_is_in_it() {
        let online = text(&Service { wait_ip: true, ..service() });
        assert!(online.contains("Wants=network-online.target\nAfter=network-online.target\n"), "{online}");
        let old = text(&Service { version: Some(252), ..service() });
        assert!(!old.contains("DelegateSubgroup") && old.contains("Delegate=yes"), "{old}");
        let own = text(&Service { scope: Scope::User, ..service() });
        assert!(!own.contains("User=") && !own.contains("network") && own.contains("WantedBy=default.target"), "{own}");
    }

    #[test]
    fn paths_of_any_kind_stay_one_word() {
        assert_eq!(quoted("/a b/%x\"y".as_ref()), "\"/a b/%%x\\\"y\"");
        assert_eq!(quoted("/home/é/.rpm".as_ref()), "/home/é/.rpm");
        let unit = text(&Service { home: Home::new("/srv/my apps/100%"), ..service() });
        assert!(unit.contains("Environment=\"RPM_HOME=/srv/my apps/100%%\"\n"), "{unit}");
        assert!(unit.contains("ExecStart=\"/srv/my apps/100%%/bin/rpm\" daemon\n"), "{unit}");
    }
}
