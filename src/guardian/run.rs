//! The guardian from its first instruction: who it is, whose home it holds, and what it goes on from.

use super::handover;
use super::image::Image;
use super::keeper::Guardian;
use super::leash;
use super::manager::Manager;
use super::places;
use super::policy::Deaths;
use super::stand_in::{self, Holder};
use super::store::Store;
use super::succession::Stage;
use super::voice::say;
use crate::sys::launch::{ATTENDED, Bond, leave_launcher, ready_pipe};
use crate::sys::lock::FileLock;
use crate::sys::socket::raise_open_files;
use crate::sys::time::{awake_ms, unix_ms};
use crate::sys::{cgroup, children, inherit, thread};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How long a guardian that ends may hold the lock.
const LEAVING: u64 = 2_000;

/// Descriptors that starting a daemon takes, and some more.
const OURS: u64 = 24;

/// The exit code for which a service is not started again: it would be the same each time (`EX_UNAVAILABLE`).
const FOREIGN: u8 = 69;

const USAGE: &str = "rpm-guardian is started by rpm; to run the daemon in the foreground: rpm daemon";

/// Runs what the arguments (without the program's name) say, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let mut arguments = arguments.into_iter();
    let first = arguments.next();
    match (first.as_ref().and_then(|word| word.to_str()), arguments.next()) {
        (Some("--daemon"), Some(program)) => {
            let is_attended = arguments.next().is_some_and(|word| word == ATTENDED);
            begin(Path::new(&program), if is_attended { Bond::Attended } else { Bond::Free })
        }
        (Some(handover::ARGUMENT), Some(number)) => match handover::take(&number) {
            Ok(guardian) => go_on(guardian),
            Err(error) => {
                say(&format!("what the guardian before this one kept cannot be taken over: {error}"));
                1
            }
        },
        (Some(leash::ARGUMENT), Some(mark)) => leash::run(&mark.to_string_lossy()),
        (Some("--version"), None) => {
            let _ = writeln!(io::stdout(), "{}", env!("CARGO_PKG_VERSION"));
            0
        }
        _ => {
            let _ = writeln!(io::stderr(), "{USAGE}");
            2
        }
    }
}

fn begin(program: &Path, bond: Bond) -> u8 {
    let mut word = ready_pipe();
    if word.is_some()
        && bond == Bond::Free
        && let Err(error) = leave_launcher()
    {
        say(&format!("it stays a child of the program that launched it: {error}"));
    }
    match new(program, &mut word) {
        Ok(mut guardian) => {
            guardian.start();
            go_on(guardian)
        }
        Err(why) => {
            if let Some(code) = told(manager(word.as_ref())) {
                return code;
            }
            say(&why);
            if let Some(word) = &mut word {
                let _ = word.write_all(why.as_bytes());
            }
            1
        }
    }
}

/// Tells the service manager which guardian is there already; with which exit code we leave then.
fn told(mut manager: Manager) -> Option<u8> {
    let home = std::env::var_os("RPM_HOME").filter(|_| manager.is_there())?;
    match stand_in::holder(Path::new(&home))? {
        Holder::Ours(pid) => {
            say(&format!("guardian {pid} serves already; the service manager was told"));
            manager.serves(pid, "the daemon's guardian has changed");
            Some(0)
        }
        Holder::Foreign(pid) => {
            let why =
                format!("guardian {pid} holds the home, and is none of this service: rpm kill, and start it again");
            say(&why);
            manager.status(&why);
            Some(FOREIGN)
        }
    }
}

fn go_on(guardian: Guardian) -> u8 {
    thread::name(c"rpm-guardian");
    guardian.watch()
}

/// Who was launched by a command is nobody's service, whoever's service that command may belong to.
fn manager(word: Option<&File>) -> Manager {
    if word.is_some() { Manager::default() } else { Manager::of_service() }
}

fn new(program: &Path, word: &mut Option<File>) -> Result<Guardian, String> {
    let home = std::env::var_os("RPM_HOME").map(PathBuf::from).ok_or("RPM_HOME is not set")?;
    let lock = take_lock(&home, manager(word.as_ref()).is_there())?;
    let current = Image::open(program).map_err(|error| format!("{} cannot be opened: {error}", program.display()))?;
    let failed = |what: &str, error: io::Error| format!("{what}: {error}");
    if let Err(error) = cgroup::leave_run() {
        say(&format!("it stays in the control group of the app that has launched it: {error}"));
    }
    let mut store = Store::default();
    // For a daemon that has to take our place.
    if let Ok(own) = File::open("/proc/self/exe") {
        store.put(places::PROGRAM, b"", own.into());
    }
    children::inherit_orphans().map_err(|error| failed("orphans of apps cannot be taken in", error))?;
    Ok(Guardian {
        current,
        previous: None,
        candidate: None,
        store,
        stage: Stage::Waiting { until: awake_ms() },
        deaths: Deaths::default(),
        generation: 0,
        last_death: None,
        last_update: None,
        started_at: unix_ms(),
        orphans: 0,
        served: false,
        manager: manager(word.as_ref()),
        word: word.take(),
        lock,
        open_files: raise_open_files(),
        most_descriptors: most_descriptors(),
        signals: children::signals().map_err(|error| failed("signals cannot be waited for", error))?,
        ending: None,
        code: 0,
    })
}

/// What is kept for apps leaves room for what starting a daemon takes.
pub(super) fn most_descriptors() -> u64 {
    crate::sys::socket::most_open_files().saturating_sub(OURS)
}

/// Whoever has it is the only guardian of the home, and so its daemon the only one.
///
/// One that leaves is waited for; `is_service`: of one that doesn't a service manager has to learn soon.
fn take_lock(home: &Path, is_service: bool) -> Result<OwnedFd, String> {
    let path = home.join("lock");
    if let Some(lock) = inherited_lock(&path) {
        return Ok(lock);
    }
    let failed = |error: io::Error| format!("{} cannot be taken: {error}", path.display());
    let deadline = awake_ms() + LEAVING;
    loop {
        if let Some(lock) = FileLock::try_take(&path).map_err(failed)? {
            return Ok(sign(lock.into()));
        }
        if awake_ms() >= deadline || is_service && stand_in::is_served(home) {
            let pid = fs::read_to_string(&path).unwrap_or_default();
            let (home, pid) = (home.display(), pid.trim());
            return Err(format!(
                "another guardian ({pid}) holds home {home}, but its socket doesn't answer; end it with: kill {pid}"
            ));
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
}

/// The lock of a daemon whose guardian ended before it could take over anything, and that has become us: nobody else
/// could ever take it.
fn inherited_lock(path: &Path) -> Option<OwnedFd> {
    let ours = fs::metadata(format!("/proc/self/fd/{}", places::LOCK)).ok()?;
    let theirs = fs::metadata(path).ok()?;
    if (ours.dev(), ours.ino()) != (theirs.dev(), theirs.ino()) {
        return None;
    }
    let lock = File::from(inherit::take(places::LOCK).ok()?);
    // Whoever else had it would have locked it by another descriptor.
    lock.try_lock().ok()?;
    Some(sign(lock.into()))
}

/// Writes into the lock who has it.
pub(super) fn sign(lock: OwnedFd) -> OwnedFd {
    let mut file = File::from(lock);
    // It is for people; a full disk is no reason not to start.
    let emptied = file.set_len(0).and_then(|()| file.rewind());
    let _ = emptied.and_then(|()| write!(file, "{}", std::process::id()));
    file.into()
}
