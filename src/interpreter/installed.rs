//! The versions of Node that version managers have installed, for the user of an app.

use super::node::Place;
use super::version::Version;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory with more entries is no version manager's.
const MOST: usize = 500;

/// A Node that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub version: Version,
    pub program: PathBuf,
    pub by: &'static Manager,
}

/// Where a version manager keeps its Nodes.
#[derive(Debug, PartialEq, Eq)]
pub struct Manager {
    pub name: &'static str,
    /// How it installs one; the version follows.
    pub installs: &'static str,
    variable: &'static str,
    /// Where it is without the variable, under the home directory unless it begins with a slash.
    usual: &'static [&'static str],
    versions: &'static str,
    program: &'static str,
}

#[rustfmt::skip] // a table
pub(super) static MANAGERS: [Manager; 7] = [
    Manager { name: "nvm", installs: "nvm install ", variable: "NVM_DIR", usual: &[".nvm", ".config/nvm"], versions: "versions/node", program: "bin/node" },
    Manager { name: "fnm", installs: "fnm install ", variable: "FNM_DIR", usual: &[".local/share/fnm", ".fnm"], versions: "node-versions", program: "installation/bin/node" },
    Manager { name: "volta", installs: "volta install node@", variable: "VOLTA_HOME", usual: &[".volta"], versions: "tools/image/node", program: "bin/node" },
    Manager { name: "mise", installs: "mise install node@", variable: "MISE_DATA_DIR", usual: &[".local/share/mise"], versions: "installs/node", program: "bin/node" },
    Manager { name: "asdf", installs: "asdf install nodejs ", variable: "ASDF_DATA_DIR", usual: &[".asdf"], versions: "installs/nodejs", program: "bin/node" },
    Manager { name: "nodenv", installs: "nodenv install ", variable: "NODENV_ROOT", usual: &[".nodenv"], versions: "versions", program: "bin/node" },
    Manager { name: "n", installs: "n ", variable: "N_PREFIX", usual: &["/usr/local"], versions: "n/versions/node", program: "bin/node" },
];

impl Manager {
    /// The directories it may be in.
    fn roots(&self, place: &Place<'_>) -> Vec<PathBuf> {
        let named = place.env.get(self.variable).filter(|path| path.starts_with('/')).map(PathBuf::from);
        let usual = self.usual.iter().filter_map(|path| match path.starts_with('/') {
            true => Some(PathBuf::from(path)),
            false => Some(place.home?.join(path)),
        });
        named.into_iter().chain(usual).collect()
    }
}

/// All of them, the newest first.
pub(super) fn installed(place: &Place<'_>) -> Vec<Installed> {
    let mut found: Vec<Installed> = Vec::new();
    for by in &MANAGERS {
        for root in by.roots(place) {
            for directory in list(&root.join(by.versions)) {
                let version = directory.file_name().and_then(|name| name.to_str()?.parse::<Version>().ok());
                let program = directory.join(by.program);
                if let Some(version) = version
                    && crate::sys::spawn::is_executable(&program)
                    && !found.iter().any(|known| known.program == program)
                {
                    found.push(Installed { version, program, by });
                }
            }
        }
    }
    found.sort_by_key(|installed| std::cmp::Reverse(installed.version));
    found
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    entries.take(MOST).map(|entry| entry.path()).collect()
}

/// The Node that a manager's users get when nothing is said: nvm's alias `default`, volta's default platform.
pub(super) fn default(place: &Place<'_>, installed: &[Installed]) -> Option<Installed> {
    let wanted = nvm_default(place).or_else(|| volta_default(place));
    let wanted = wanted.and_then(|text| super::range::Range::parse(&text));
    let of_it = wanted.and_then(|range| installed.iter().find(|installed| range.has(installed.version)));
    of_it.or(installed.first()).cloned()
}

/// An alias may name another one: `default` → `lts/*` → `lts/iron` → `v20.11.0`.
fn nvm_default(place: &Place<'_>) -> Option<String> {
    const LONGEST: usize = 5;
    MANAGERS[0].roots(place).into_iter().find_map(|root| {
        let mut name = "default".to_owned();
        for step in 0..LONGEST {
            match fs::read_to_string(root.join("alias").join(&name)) {
                Ok(text) => text.trim().clone_into(&mut name),
                Err(_) if step == 0 => return None,
                Err(_) => break,
            }
        }
        Some(name)
    })
}

pub(super) fn volta_default(place: &Place<'_>) -> Option<String> {
    MANAGERS[2].roots(place).into_iter().find_map(|root| {
        let text = fs::read(root.join("tools/user/platform.json")).ok()?;
        let platform: serde_json::Value = serde_json::from_slice(&text).ok()?;
        platform.pointer("/node/runtime")?.as_str().map(str::to_owned)
    })
}
