//! The Node of an app: what its project asks for, among those that are installed.

use super::ask::{known_version_of, version_of};
use super::installed::{self, Installed};
use super::range::Range;
use super::version::Version;
use super::wish::{self, Origin, Wish};
use crate::sys::spawn::{find_program, is_executable};
use crate::sys::user::Ids;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// So many installed versions are named in a message.
const NAMED: usize = 8;

/// Where an app starts, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub script: &'a Path,
    pub cwd: &'a Path,
    pub env: &'a BTreeMap<String, String>,
    /// Where the app's user has its version managers.
    pub home: Option<&'a Path>,
    pub ids: Option<&'a Ids>,
    /// Whether a program whose version nobody knows may be executed to tell it, which takes a while.
    pub asks: bool,
}

impl Place<'_> {
    pub fn path(&self) -> &str {
        self.env.get("PATH").map_or(DEFAULT_PATH, String::as_str)
    }

    /// The version of a Node; not known is no error.
    pub fn version_of(&self, program: &Path) -> Result<Option<Version>, Missing> {
        if self.asks {
            return Ok(version_of(program, self.ids));
        }
        known_version_of(program).ok_or_else(|| Missing::Unasked(program.to_owned()))
    }

    /// A program by its name or path.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        find_program(name, self.path(), self.cwd)
    }
}

/// The one that is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub program: PathBuf,
    /// Known where it mattered.
    pub version: Option<Version>,
    /// Not what `PATH` has: what the app starts by the name `node` has to be this one too.
    pub beside_path: bool,
    /// What is odd about it.
    pub note: Option<String>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    NotInPath {
        name: String,
    },
    Unclear(Wish),
    Version {
        wish: Wish,
        installed: Vec<Installed>,
        in_path: Option<Version>,
    },
    /// It depends on the version of this program, which has to be asked first.
    Unasked(PathBuf),
}

/// `name` is `node`, or `node@` and a version or range. Without one the project's files are asked, then `PATH`.
pub fn node(name: &str, place: &Place<'_>) -> Result<Chosen, Missing> {
    let plain = name.split('@').next().unwrap_or(name);
    let installed = installed::installed(place);
    let in_path = place.find(plain).map(|found| behind_volta(found, place, &installed));
    let Some(wish) = wish(name, place) else { return any(plain, in_path, place, &installed) };
    match &wish.range {
        Some(Range::System) => any(plain, in_path, place, &[]),
        Some(range) => wished(plain, &wish, range, in_path.as_ref(), place, installed),
        None if wish.is_strict() => Err(Missing::Unclear(wish)),
        None => any(plain, in_path, place, &installed),
    }
}

/// What is asked for, by the app or by its project.
pub fn wish(name: &str, place: &Place<'_>) -> Option<Wish> {
    let explicit = name.split_once('@').map(|(_, range)| Wish::of_interpreter(range));
    explicit.or_else(|| wish::of_files(place.script, place.cwd))
}

/// Nobody asks for any: what `PATH` has, else what the user's version manager takes for the default.
fn any(name: &str, in_path: Option<PathBuf>, place: &Place<'_>, all: &[Installed]) -> Result<Chosen, Missing> {
    if let Some(program) = in_path {
        return Ok(Chosen { program, version: None, beside_path: false, note: None });
    }
    let Some(found) = installed::default(place, all) else {
        return Err(Missing::NotInPath { name: name.to_owned() });
    };
    let note = format!("its PATH has no {name} any more; it runs with {} of {}", found.version, found.by.name);
    Ok(Chosen { program: found.program, version: Some(found.version), beside_path: true, note: Some(note) })
}

fn wished(
    name: &str,
    wish: &Wish,
    range: &Range,
    in_path: Option<&PathBuf>,
    place: &Place<'_>,
    installed: Vec<Installed>,
) -> Result<Chosen, Missing> {
    let best = installed.iter().find(|one| range.has(one.version)).cloned();
    let from_path = |program: &PathBuf| {
        let version = place.version_of(program)?;
        Ok(Chosen { program: program.clone(), version, beside_path: false, note: None })
    };
    // A pin means the same version whoever types the command; `engines` only rules some out.
    if let Some(best) = best.clone().filter(|_| wish.is_strict()) {
        return Ok(chosen(best, in_path));
    }
    let found = in_path.map(from_path).transpose()?;
    let in_path_version = found.as_ref().and_then(|found| found.version);
    match (found, best) {
        (Some(found), _) if found.version.is_some_and(|version| range.has(version)) => Ok(found),
        (_, Some(best)) => Ok(chosen(best, in_path)),
        (Some(found), None) if !wish.is_strict() || (installed.is_empty() && wish.origin != Origin::Interpreter) => {
            let has = found.version.map_or_else(|| "another one".to_owned(), |version| version.to_string());
            Ok(Chosen { note: Some(format!("{wish} asks for Node {}, it runs with {has}", wish.text)), ..found })
        }
        (None, None) if !wish.is_strict() => any(name, None, place, &installed),
        _ => Err(Missing::Version { wish: wish.clone(), installed, in_path: in_path_version }),
    }
}

fn chosen(best: Installed, in_path: Option<&PathBuf>) -> Chosen {
    let beside_path = in_path != Some(&best.program);
    Chosen { program: best.program, version: Some(best.version), beside_path, note: None }
}

/// Volta's `node` is a program that starts another one and waits for it: the app would not be the process we watch.
fn behind_volta(found: PathBuf, place: &Place<'_>, installed: &[Installed]) -> PathBuf {
    let is_shim = std::fs::canonicalize(&found).is_ok_and(|real| real.file_name().is_some_and(|n| n == "volta-shim"));
    if !is_shim {
        return found;
    }
    let default = installed::volta_default(place).and_then(|text| text.parse::<Version>().ok());
    let behind = installed.iter().find(|one| one.by.name == "volta" && Some(one.version) == default);
    behind.map_or(found, |one| one.program.clone())
}

/// A program of the project's dependencies: in `node_modules/.bin` above the script, else above the working directory.
pub fn local(name: &str, place: &Place<'_>) -> Option<PathBuf> {
    let above = |from: &Path| -> Option<PathBuf> {
        from.ancestors()
            .map(|directory| directory.join("node_modules/.bin").join(name))
            .find(|file| is_executable(file))
    };
    above(place.script.parent()?).or_else(|| above(place.cwd))
}

impl fmt::Display for Wish {
    /// Who asks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Interpreter => f.write_str("its interpreter"),
            Origin::Pin(file) => write!(f, "{}", file.display()),
            Origin::Engines(file) => write!(f, "engines in {}", file.display()),
        }
    }
}

impl Missing {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NotInPath { .. } => "install it, or correct the PATH of the app".to_owned(),
            Self::Unasked(program) => format!("see what it says: {} --version", program.display()),
            Self::Unclear(_) => "write a version (22.3.0), a range (22, >=20) or a name (lts/iron, latest)".to_owned(),
            Self::Version { wish, installed, .. } => {
                let manager = installed.first().map_or(&installed::MANAGERS[0], |installed| installed.by);
                format!("run {}{}", manager.installs, wish.text)
            }
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked(program) => write!(f, "{} has not told its version", program.display()),
            Self::NotInPath { name } => write!(f, "its interpreter {name} is not in its PATH"),
            Self::Unclear(wish) => write!(f, "{wish} asks for Node {:?}, which is no version", wish.text),
            Self::Version { wish, installed, in_path } => {
                write!(f, "{wish} asks for Node {}, which is not installed; there is ", wish.text)?;
                let own = in_path.map(|version| format!("{version} (in PATH)"));
                let managed = installed.iter().map(|one| format!("{} ({})", one.version, one.by.name));
                let all: Vec<String> = own.into_iter().chain(managed).take(NAMED).collect();
                f.write_str(if all.is_empty() { "none" } else { "" })?;
                f.write_str(&all.join(", "))
            }
        }
    }
}

impl std::error::Error for Missing {}
