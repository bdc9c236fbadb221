//! Our service, whatever init system it is for.

use super::{Platform, launchd, openrc, systemd};
use crate::paths::Home;
use std::path::{Path, PathBuf};

/// Whose service it is to the init system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The machine's: started at boot.
    System,
    /// The user's own manager's: started at boot where the user lingers, else at login.
    User,
}

/// All that the file of an init system says of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub platform: Platform,
    pub scope: Scope,
    pub name: String,
    pub user: String,
    pub home: Home,
    /// Start only when the machine has an address.
    pub wait_ip: bool,
    /// systemd's version, where it is known: what older ones don't know is left out.
    pub version: Option<u32>,
}

impl Service {
    /// What PM2 calls `pm2-<user>`.
    pub fn usual_name(platform: Platform, scope: Scope, user: &str) -> String {
        match (platform, scope) {
            (Platform::Launchd, _) => format!("rpm.{user}"),
            (_, Scope::System) => format!("rpm-{user}"),
            (_, Scope::User) => "rpm".to_owned(),
        }
    }

    /// The program that the file names: a copy of ours in the home, as npm, nvm and the like move and remove theirs.
    pub fn program(&self) -> PathBuf {
        self.home.programs_link().join("rpm")
    }

    pub fn text(&self) -> String {
        match self.platform {
            Platform::Systemd => systemd::text(self),
            Platform::OpenRc => openrc::text(self),
            Platform::Launchd => launchd::text(self),
        }
    }

    /// The file, and what has the init system start it: a link to it.
    pub fn files(&self, user_config: &Path) -> (PathBuf, Option<PathBuf>) {
        match self.platform {
            Platform::Systemd => {
                let (base, target) = match self.scope {
                    Scope::System => (PathBuf::from("/etc/systemd/system"), "multi-user.target.wants"),
                    Scope::User => (user_config.join("systemd/user"), "default.target.wants"),
                };
                let file = format!("{}.service", self.name);
                (base.join(&file), Some(base.join(target).join(file)))
            }
            Platform::OpenRc => {
                let of = |folder: &str| Path::new("/etc").join(folder).join(&self.name);
                (of("init.d"), Some(of("runlevels/default")))
            }
            Platform::Launchd => (Path::new("/Library/LaunchDaemons").join(format!("{}.plist", self.name)), None),
        }
    }

    /// The permissions of the file.
    pub const fn mode(&self) -> u32 {
        if matches!(self.platform, Platform::OpenRc) { 0o755 } else { 0o644 }
    }
}

/// Whether an init system can be told of a path: what its files cannot hold, or would take for something else, is refused.
pub fn is_path(path: &Path) -> bool {
    path.is_absolute()
        && path
            .to_str()
            .is_some_and(|text| !text.contains(['$', '"', '\'', '`', '\\']) && !text.contains(char::is_control))
}

impl Platform {
    /// Whether its files can name this path.
    pub fn can_name(self, path: &Path) -> bool {
        is_path(path) && (self != Self::OpenRc || openrc::is_word(path))
    }
}

/// A name that can be that of a file in the directories of every init system.
pub fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    !name.is_empty() && name.len() <= 100 && name.chars().all(is_plain) && !name.starts_with(['.', '-'])
}
