//! A home in a temporary directory: runs commands in it, and leaves nothing behind.

use super::command::{Done, Program};
use super::proc::{self, Signal};
use super::wait::{PATIENCE, eventually, poll};
use rpm_native::api::{DaemonInfo, Process};
use rpm_native::domain::Status;
use rpm_native::sys::cgroup::{self, Cgroups};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

/// After `rpm kill` has answered, the daemon has this long to be gone.
const LEAVING: Duration = Duration::from_secs(5);

pub(crate) struct Home {
    directory: TempDir,
    root: PathBuf,
    program: PathBuf,
    /// Of each pid that was ever listed, with its start time.
    seen: Mutex<BTreeSet<(i32, u64)>>,
    /// What each command is run by: for tests that act as another user.
    prefix: Vec<String>,
    /// Of each command beside what it needs.
    variables: Vec<(String, OsString)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::at("home")
    }

    /// With another path of the home, under the temporary directory.
    pub(crate) fn at(path: &str) -> Self {
        let directory = TempDir::with_prefix("rpm-test-").unwrap();
        let root = directory.path().join(path);
        fs::create_dir(directory.path().join("work")).unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_rpm"));
        Self { directory, root, program, seen: Mutex::default(), prefix: Vec::new(), variables: Vec::new() }
    }

    /// Commands run as another user, who can reach a copy of the program. For root only.
    pub(crate) fn of_nobody() -> Self {
        use std::os::unix::fs::{PermissionsExt, chown};
        let mut home = Self::new();
        let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        open(home.directory.path());
        chown(home.work(), Some(65534), Some(65534)).unwrap();
        home.program = home.copy_programs(home.temporary());
        home.root = home.work().join("home");
        home.prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"].map(str::to_owned).into();
        home
    }

    /// Each command sees this variable: what is launched by it too.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Copies the programs that are shipped together into a directory, for everybody, and gives the path of `rpm`.
    pub(crate) fn copy_programs(&self, directory: &Path) -> PathBuf {
        let guardian = Path::new(env!("CARGO_BIN_EXE_rpm-guardian"));
        for program in [self.program.as_path(), guardian] {
            fs::copy(program, directory.join(program.file_name().unwrap())).unwrap();
        }
        directory.join("rpm")
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn temporary(&self) -> &Path {
        self.directory.path()
    }

    /// The directory in which commands are run, empty at first.
    pub(crate) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Puts a file into the working directory.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).unwrap();
        }
        fs::write(&path, text).unwrap();
        path
    }

    /// A command, to be run as this test wants.
    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Program {
        self.command_of(&self.program, args)
    }

    /// The same of another copy of the program.
    pub(crate) fn command_of<'a>(&self, program: &Path, args: impl IntoIterator<Item = &'a str>) -> Program {
        let program = match self.prefix.split_first() {
            None => Program::new(program),
            Some((first, rest)) => Program::new(first).args(rest).args([program]),
        };
        let program = program.args(args).env("RPM_HOME", &self.root).env("HOME", self.directory.path());
        let program = self.variables.iter().fold(program, |program, (name, value)| program.env(name, value));
        program.cwd(&self.work())
    }

    pub(crate) fn rpm<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Done {
        self.command(args).run()
    }

    /// The list, as `ls --json` gives it.
    #[track_caller]
    pub(crate) fn list(&self) -> Vec<Process> {
        let list: Vec<Process> = serde_json::from_slice(&self.rpm(["ls", "--json", "-s"]).ok().out).unwrap();
        let mut seen = self.seen.lock().unwrap();
        seen.extend(list.iter().filter_map(|process| Some((process.pid?, proc::start_ticks(process.pid?)?))));
        list
    }

    #[track_caller]
    pub(crate) fn named(&self, name: &str) -> Vec<Process> {
        self.list().into_iter().filter(|process| process.name == name).collect()
    }

    /// The one process of that name.
    #[track_caller]
    pub(crate) fn process(&self, name: &str) -> Process {
        let mut list = self.named(name);
        assert_eq!(list.len(), 1, "processes called {name}: {list:?}");
        list.remove(0)
    }

    #[track_caller]
    pub(crate) fn pid(&self, name: &str) -> i32 {
        let process = self.process(name);
        process.pid.unwrap_or_else(|| panic!("{name} doesn't run: {process:?}"))
    }

    /// Waits until the one process of that name is so.
    #[track_caller]
    pub(crate) fn wait_until(&self, name: &str, wanted: impl Fn(&Process) -> bool) -> Process {
        let mut last = None;
        let found = poll(PATIENCE, || {
            let process = self.process(name);
            let found = wanted(&process).then(|| process.clone());
            last = Some(process);
            found
        });
        found.unwrap_or_else(|| panic!("{name} is not as wanted within {PATIENCE:?}: {last:?}"))
    }

    #[track_caller]
    pub(crate) fn wait_status(&self, name: &str, status: Status) -> Process {
        self.wait_until(name, |process| process.status == status)
    }

    #[track_caller]
    pub(crate) fn describe(&self, name: &str) -> Value {
        serde_json::from_slice(&self.rpm(["describe", name, "--json"]).ok().out).unwrap()
    }

    #[track_caller]
    pub(crate) fn jlist(&self) -> Vec<Value> {
        serde_json::from_slice(&self.rpm(["jlist"]).ok().out).unwrap()
    }

    #[track_caller]
    pub(crate) fn daemon(&self) -> DaemonInfo {
        serde_json::from_slice(&self.rpm(["ping", "--json", "-s"]).ok().out).unwrap()
    }

    pub(crate) fn log_path(&self, file: &str) -> PathBuf {
        self.root.join("logs").join(file)
    }

    /// The bytes of a log file; nothing when it isn't there.
    pub(crate) fn log(&self, file: &str) -> Vec<u8> {
        fs::read(self.log_path(file)).unwrap_or_default()
    }

    /// The lines of a log file.
    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        String::from_utf8_lossy(&self.log(file)).lines().map(str::to_owned).collect()
    }

    /// What stands after `word` on the last line of a log file that begins with it, once there is one.
    #[track_caller]
    pub(crate) fn told(&self, file: &str, word: &str) -> String {
        eventually(&format!("a line {word:?} in {file}"), || {
            // A line that is still being written says something else.
            let text = self.log(file);
            let whole = &text[..text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)];
            let text = String::from_utf8_lossy(whole);
            text.lines().rev().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
        })
    }

    /// A port that an app has told: a line `port <n>`.
    #[track_caller]
    pub(crate) fn port(&self, file: &str) -> u16 {
        self.told(file, "port ").parse().unwrap()
    }

    /// The port that all of so many cluster workers listen on, once each does. Process ids are in the names of logs.
    #[track_caller]
    pub(crate) fn wait_listening(&self, name: &str, workers: usize) -> u16 {
        let list = self.named(name);
        assert_eq!(list.len(), workers);
        let ports: BTreeSet<u16> =
            list.iter().map(|process| self.port(&format!("{name}-out-{}.log", process.id))).collect();
        assert_eq!(ports.len(), 1, "{ports:?}");
        ports.into_iter().next().unwrap()
    }

    /// Two workers of Node under the name `web`; gives the port they share.
    #[track_caller]
    pub(crate) fn serve(&self) -> u16 {
        self.write("web.js", include_str!("../../fixtures/server.js"));
        self.rpm(["start", "web.js", "-i", "2"]).ok();
        self.wait_listening("web", 2)
    }

    /// All that lives and was given this home: daemon, guardian, apps and what these have started.
    pub(crate) fn processes(&self) -> Vec<(i32, String)> {
        proc::of_home(&self.root)
    }

    fn survivors(&self) -> Vec<(i32, String)> {
        let mut left = proc::of_home(&self.root);
        for (pid, started) in &*self.seen.lock().unwrap() {
            let listed = left.iter().any(|(known, _)| known == pid);
            if !listed && proc::is_alive(*pid) && proc::start_ticks(*pid) == Some(*started) {
                left.push((*pid, proc::command_line(*pid)));
            }
        }
        left
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let failing = std::thread::panicking();
        if failing {
            let log = fs::read_to_string(self.root.join("rpm.log")).unwrap_or_default();
            eprintln!("--- the list\n{}--- the daemon's log\n{log}", self.rpm(["ls", "-m"]).text());
        }
        let killed = self.rpm(["kill"]);
        let mut left = Vec::new();
        let ended = poll(LEAVING, || {
            left = self.survivors();
            left.is_empty().then_some(())
        });
        if ended.is_none() {
            for (pid, _) in &left {
                proc::signal(*pid, Signal::SIGKILL);
            }
        }
        // What daemons that were killed have left.
        let groups = Cgroups::new(cgroup::roots(), &cgroup::folder_of(&self.root));
        for group in groups.all() {
            let _ = group.remove();
        }
        groups.tidy();
        if !failing {
            assert!(killed.status.success(), "{}", killed.told());
            assert!(ended.is_some(), "left behind: {left:?}");
        }
    }
}
