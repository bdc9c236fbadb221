//! The file that Node runs before a worker: where it is, and how a process is told of it. What it does is in
//! `agent.cjs`. An app never fails for want of it: where it cannot be had, workers leave as under Node's own primary.
//!
//! Node is told by `NODE_OPTIONS`, not by an argument: arguments are in the command line, which people and scripts look
//! at, and Node 18 shows them to threads.

use super::command::CommandLine;
use crate::domain::AppSpec;
use crate::sys::user::{self, Ids};
use std::cell::Cell;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const TEXT: &str = include_str!("agent.cjs");
const NODE_OPTIONS: &str = "NODE_OPTIONS";
/// With these Node lets a program read only what it was told before.
const CONFINING: [&str; 3] = ["--permission", "--experimental-permission", "--experimental-policy"];
/// They take Node's place, and none of its modules.
const OTHERS: [&str; 2] = ["bun", "deno"];

/// Our file, in the first directory that does.
#[derive(Debug)]
pub struct Agent {
    directories: Vec<PathBuf>,
    name: String,
    is_missed: Cell<bool>,
}

impl Agent {
    /// `directories` are made where they are missing, as far as their parents are there.
    pub fn new(directories: Vec<PathBuf>) -> Self {
        let name = format!("agent-{:016x}.cjs", hash(TEXT.as_bytes()));
        Self { directories, name, is_missed: Cell::new(false) }
    }

    /// Has Node run it first, if the app wants that and Node can.
    pub(super) fn lead(&self, spec: &AppSpec, line: &mut CommandLine, ids: Option<&Ids>) {
        if !spec.cluster.agent || !can_be_led(line) {
            return;
        }
        let Some(file) = self.file(ids) else {
            if !self.is_missed.replace(true) {
                tracing::warn!("workers drain without help: {} cannot be written to {:?}", self.name, self.directories);
            }
            return;
        };
        let quoted = file.to_string_lossy().replace('\\', r"\\").replace('"', "\\\"");
        let own = line.env.get(NODE_OPTIONS).map(|own| format!(" {own}")).unwrap_or_default();
        line.env.insert(NODE_OPTIONS.to_owned(), format!("--require \"{quoted}\"{own}"));
    }

    /// The file as it is for a process of `ids`, written anew where it has gone.
    fn file(&self, ids: Option<&Ids>) -> Option<PathBuf> {
        self.directories.iter().find_map(|directory| {
            let file = self.ensure(directory).inspect_err(|error| {
                tracing::debug!("{} is no place for {}: {error}", directory.display(), self.name);
            });
            file.ok().filter(|file| ids.is_none() || is_open_to_all(file))
        })
    }

    fn ensure(&self, directory: &Path) -> io::Result<PathBuf> {
        match fs::create_dir(directory) {
            // Whatever the umask.
            Ok(()) => fs::set_permissions(directory, Permissions::from_mode(0o755))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        if !is_ours_alone(directory)? {
            return Err(io::Error::other("it is not ours alone to write to"));
        }
        let file = directory.join(&self.name);
        let is_there = fs::symlink_metadata(&file)
            .is_ok_and(|found| found.is_file() && found.len() == TEXT.len() as u64 && found.mode() & 0o777 == 0o644);
        if !is_there {
            write(&file)?;
        }
        Ok(file)
    }
}

/// Whether nobody else can put a file there: by its own mode, or because nobody else gets to it.
fn is_ours_alone(directory: &Path) -> io::Result<bool> {
    let ours = user::effective_uid();
    let found = fs::symlink_metadata(directory)?;
    let is_behind_a_door = || {
        let around = directory.parent().and_then(|around| fs::metadata(around).ok());
        around.is_some_and(|around| around.uid() == ours && around.mode() & 0o777 == 0o700)
    };
    Ok(found.is_dir() && found.uid() == ours && (found.mode() & 0o022 == 0 || is_behind_a_door()))
}

/// Nobody ever sees a part of it.
fn write(file: &Path) -> io::Result<()> {
    let new = file.with_extension(format!("{}", std::process::id()));
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&new).and_then(|mut to| {
            to.write_all(TEXT.as_bytes())?;
            to.set_permissions(Permissions::from_mode(0o644))?;
            fs::rename(&new, file)
        });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

fn can_be_led(line: &CommandLine) -> bool {
    let program = line.program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let options = line.env.get(NODE_OPTIONS).into_iter().flat_map(|own| own.split_whitespace());
    let mut words = options.chain(line.argv.iter().map(String::as_str));
    !OTHERS.iter().any(|other| program.starts_with(other))
        && !words.any(|word| CONFINING.iter().any(|flag| word.starts_with(flag)))
}

/// Whether each directory on the way lets everybody through.
fn is_open_to_all(file: &Path) -> bool {
    file.ancestors().skip(1).all(|directory| fs::metadata(directory).is_ok_and(|found| found.mode() & 0o001 != 0))
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Interpreter, Program};

    fn spec() -> AppSpec {
        let interpreter = Interpreter::Named("node".into());
        AppSpec::new("app", Program { path: "/app.js".into(), interpreter, interpreter_args: vec![] })
    }

    fn line(program: &str, argv: &[&str], options: Option<&str>) -> CommandLine {
        CommandLine {
            program: program.into(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: options.map(|own| (NODE_OPTIONS.to_owned(), own.to_owned())).into_iter().collect(),
            cwd: "/".into(),
        }
    }

    fn led(agent: &Agent, program: &str, argv: &[&str], options: Option<&str>) -> Option<String> {
        let mut line = line(program, argv, options);
        agent.lead(&spec(), &mut line, None);
        line.env.remove(NODE_OPTIONS)
    }

    #[test]
    fn it_comes_before_what_the_app_has() {
        let home = tempfile::tempdir().unwrap();
        let agent = Agent::new(vec![home.path().join("a \"b\"")]);
        let own = led(&agent, "/usr/bin/node", &["node", "/app.js"], None).unwrap();
        let file = home.path().join("a \"b\"").join(&agent.name);
        assert_eq!(own, format!("--require \"{}\"", file.to_str().unwrap().replace('"', "\\\"")));
        let both = led(&agent, "/usr/bin/node", &["node", "/app.js"], Some("--no-warnings")).unwrap();
        assert_eq!(both, format!("{own} --no-warnings"));
        assert_eq!(fs::read_to_string(file).unwrap(), TEXT);
    }

    #[test]
    fn not_everything_is_led() {
        let home = tempfile::tempdir().unwrap();
        let agent = Agent::new(vec![home.path().join("run")]);
        assert_eq!(led(&agent, "/usr/bin/bun", &["bun", "/app.js"], None), None);
        assert_eq!(led(&agent, "/usr/bin/node", &["node", "--permission", "/app.js"], None), None);
        let confined = Some("--experimental-permission --allow-fs-read=/srv");
        assert_eq!(led(&agent, "/usr/bin/node", &["node", "/app.js"], confined).as_deref(), confined);
        let mut unwilling = spec();
        unwilling.cluster.agent = false;
        let mut plain = line("/usr/bin/node", &["node", "/app.js"], None);
        agent.lead(&unwilling, &mut plain, None);
        assert!(plain.env.is_empty());
    }

    #[test]
    fn it_is_whole_wherever_it_can_be() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
        let (closed, open) = (home.path().join("closed"), home.path().join("open"));
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o777)).unwrap();
        let agent = Agent::new(vec![home.path().join("no/parent"), closed.clone(), open.clone()]);
        let file = agent.file(None).unwrap();
        assert_eq!(file, open.join(&agent.name), "not where others may write");
        for harm in [b"".as_slice(), b"half"] {
            fs::write(&file, harm).unwrap();
            assert_eq!(fs::read_to_string(agent.file(None).unwrap()).unwrap(), TEXT);
        }
        fs::remove_dir_all(&open).unwrap();
        assert_eq!(agent.file(None), Some(file));
        assert_eq!(fs::read_dir(&open).unwrap().count(), 1);
        let exposed = Agent::new(vec![closed.clone()]);
        assert_eq!(exposed.file(None), None);
        fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
        assert_eq!(exposed.file(None), Some(closed.join(&exposed.name)), "nobody else gets there");
    }

    #[test]
    fn another_user_has_to_get_there() {
        let home = tempfile::tempdir().unwrap();
        let ids = user::resolve(Some("65534"), Some("65534")).unwrap();
        let agent = Agent::new(vec![home.path().join("run")]);
        fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
        assert_eq!(agent.file(Some(&ids)), None, "the directory around it is closed");
        fs::set_permissions(home.path(), Permissions::from_mode(0o711)).unwrap();
        assert_eq!(agent.file(Some(&ids)), Some(home.path().join("run").join(&agent.name)));
    }
}
