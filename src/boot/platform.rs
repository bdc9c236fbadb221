//! Init systems.

use super::service::Scope;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    Systemd,
    OpenRc,
    Launchd,
}

impl Platform {
    /// By its own name, or that of a system that has it, as PM2 takes them. `Err`: a name that we know, and have nothing for.
    pub fn named(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "systemd" | "ubuntu" | "debian" | "centos" | "redhat" | "fedora" | "arch" | "suse" | "amazon"
            | "oracle" => Ok(Self::Systemd),
            "openrc" | "gentoo" | "alpine" => Ok(Self::OpenRc),
            "launchd" | "macos" | "darwin" => Ok(Self::Launchd),
            "upstart" | "ubuntu12" | "ubuntu14" | "systemv" | "rcd" | "rcd-openbsd" | "freebsd" | "openbsd" | "smf"
            | "sunos" => Err(format!("there is no service file for {name}")),
            _ => Err(format!("{name} is no init system that is known here")),
        }
    }

    /// The one that has started the machine on which `root` is the file system.
    pub fn of_machine(root: &Path) -> Option<Self> {
        let has = |path: &str| root.join(path).exists();
        if has("run/systemd/system") {
            Some(Self::Systemd)
        } else if has("run/openrc") {
            Some(Self::OpenRc)
        } else {
            None
        }
    }

    /// The one that an image of a system has, which doesn't run.
    pub fn of_image(root: &Path) -> Option<Self> {
        let has = |path: &str| root.join(path).exists();
        if has("usr/lib/systemd/systemd") || has("lib/systemd/systemd") {
            Some(Self::Systemd)
        } else if has("sbin/openrc-run") || has("usr/sbin/openrc-run") {
            Some(Self::OpenRc)
        } else {
            None
        }
    }

    /// What tells the init system that its files have changed.
    pub const fn reload(self, scope: Scope) -> Option<(&'static str, &'static [&'static str])> {
        match (self, scope) {
            (Self::Systemd, Scope::System) => Some(("systemctl", &["daemon-reload"])),
            (Self::Systemd, Scope::User) => Some(("systemctl", &["--user", "daemon-reload"])),
            (Self::OpenRc | Self::Launchd, _) => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::OpenRc => "openrc",
            Self::Launchd => "launchd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_of_systems_are_those_of_their_init() {
        assert_eq!(Platform::named("systemd"), Ok(Platform::Systemd));
        assert_eq!(Platform::named("Ubuntu"), Ok(Platform::Systemd));
        assert_eq!(Platform::named("alpine"), Ok(Platform::OpenRc));
        assert_eq!(Platform::named("macos"), Ok(Platform::Launchd));
        assert!(Platform::named("upstart").unwrap_err().contains("no service file"));
        assert!(Platform::named("windows").unwrap_err().contains("known"));
    }

    #[test]
    fn what_runs_is_told_by_what_it_leaves() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!((Platform::of_machine(root.path()), Platform::of_image(root.path())), (None, None));
        fs::create_dir_all(root.path().join("run/openrc")).unwrap();
        assert_eq!(Platform::of_machine(root.path()), Some(Platform::OpenRc));
        fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        assert_eq!(Platform::of_machine(root.path()), Some(Platform::Systemd));
        fs::create_dir_all(root.path().join("lib/systemd/systemd")).unwrap();
        assert_eq!(Platform::of_image(root.path()), Some(Platform::Systemd));
    }
}
