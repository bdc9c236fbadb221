//! A PM2 that may run: found without starting one, asked and told by its own program.

use crate::config::{self, Caller, Helper, HelperFailure};
use crate::sys::{proc, user};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// It stops what it has one after the other, and each app may take its time.
const LIMIT: Duration = Duration::from_mins(5);

#[derive(Debug, thiserror::Error)]
pub enum Pm2Error {
    #[error("{path} is no home of PM2's: {source}")]
    NoHome { path: PathBuf, source: io::Error },
    #[error("{path} belongs to {owner}, and is left alone")]
    Foreign { path: PathBuf, owner: String },
    #[error("the PM2 of {home} runs, and there is no pm2 in PATH to ask it")]
    NoProgram { home: PathBuf },
    #[error("pm2 {verb} failed: {why}")]
    Failed { verb: String, why: String },
}

/// The PM2 of a home.
#[derive(Debug, Clone)]
pub struct Pm2 {
    home: PathBuf,
    /// Its daemon, where one runs.
    pid: Option<i32>,
    program: Option<PathBuf>,
    caller: Caller,
}

/// What a PM2 runs: its list, and where it notes the processes behind it.
#[derive(Debug, Default)]
pub struct Running {
    pub elements: Vec<Map<String, Value>>,
    /// By PM2's id: a file with the pid, as long as there is a process.
    pub pid_files: BTreeMap<u32, PathBuf>,
}

impl Running {
    /// Whether nothing lives of what has these ids.
    pub fn have_ended(&self, ids: &[u32]) -> bool {
        let lives = |file: &PathBuf| {
            let pid = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
            pid.is_some_and(|pid| proc::stat(pid).is_ok_and(|stat| !stat.is_dead()))
        };
        !ids.iter().filter_map(|id| self.pid_files.get(id)).any(lives)
    }
}

impl Pm2 {
    /// Looks for one, and touches nothing. One of another user isn't spoken to.
    pub fn find(home: &Path, program: Option<PathBuf>, caller: Caller) -> Result<Self, Pm2Error> {
        let home = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
        let metadata = fs::metadata(&home).map_err(|source| Pm2Error::NoHome { path: home.clone(), source })?;
        if metadata.uid() != user::effective_uid() {
            let owner = user::name_of(metadata.uid()).unwrap_or_else(|| format!("uid {}", metadata.uid()));
            return Err(Pm2Error::Foreign { path: home, owner });
        }
        let pid = fs::read_to_string(home.join("pm2.pid")).ok().and_then(|text| text.trim().parse().ok());
        // A pid file outlives a daemon that was killed, and so does a socket; both together don't.
        let answers = UnixStream::connect(home.join("rpc.sock")).is_ok();
        let pid = pid.filter(|pid| answers && proc::stat(*pid).is_ok());
        let path = caller.env.get("PATH").map(String::as_str);
        let program = program.or_else(|| config::find_program("pm2", path, &caller.cwd));
        Ok(Self { home, pid, program, caller })
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Its daemon.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    pub fn can_be_asked(&self) -> bool {
        self.program.is_some()
    }

    /// What `pm2 jlist` says. Its saved list stays as it is.
    pub fn list(&self) -> Result<Running, Pm2Error> {
        let failed = |why: String| Pm2Error::Failed { verb: "jlist".to_owned(), why };
        let output = self.run(&["jlist"])?;
        let text = String::from_utf8_lossy(&output);
        // It may say something before.
        let json = text.lines().find(|line| line.starts_with("[{") || *line == "[]");
        let json = json.ok_or_else(|| failed("it printed no list".to_owned()))?;
        let elements: Vec<Value> = serde_json::from_str(json).map_err(|error| failed(error.to_string()))?;
        let mut running = Running::default();
        for element in elements {
            let id = element.get("pm_id").and_then(Value::as_u64).map(|id| id as u32);
            let file = element.pointer("/pm2_env/pm_pid_path").and_then(Value::as_str);
            running.pid_files.extend(id.zip(file.map(PathBuf::from)));
            if let Some(Value::Object(env)) = element.get("pm2_env") {
                running.elements.push(env.clone());
            }
        }
        Ok(running)
    }

    /// Tells it to do something with processes of its list, by their ids.
    pub fn tell(&self, verb: &str, ids: &[u32]) -> Result<(), Pm2Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
        let words: Vec<&str> = std::iter::once(verb).chain(ids.iter().map(String::as_str)).collect();
        self.run(&words).map(drop)
    }

    fn run(&self, words: &[&str]) -> Result<Vec<u8>, Pm2Error> {
        let program = self.program.as_deref().ok_or_else(|| Pm2Error::NoProgram { home: self.home.clone() })?;
        let failed = |why: String| Pm2Error::Failed { verb: words.join(" "), why };
        let home = self.home.to_string_lossy().into_owned();
        let own = [("PM2_HOME", home.as_str()), ("PM2_SILENT", "true"), ("PM2_DISCRETE_MODE", "true")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut env: BTreeMap<&String, &String> = self.caller.env.iter().collect();
        env.extend(own.iter().map(|(name, value)| (name, value)));
        let helper = Helper { program, args: words, env, cwd: &self.caller.cwd, stdin: None };
        let finished = config::run_helper(helper, LIMIT, None).map_err(|failure| match failure {
            HelperFailure::Io(error) => failed(format!("{}: {error}", program.display())),
            HelperFailure::TimedOut => failed(format!("it did not end within {} s", LIMIT.as_secs())),
            HelperFailure::TooMuch => failed("it printed too much".to_owned()),
        })?;
        if finished.status.success() { Ok(finished.output) } else { Err(failed(finished.status.to_string())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    /// A PM2 that notes what it is told.
    fn fake(directory: &Path) -> Pm2 {
        let program = directory.join("pm2");
        let text = format!(
            "#!/bin/sh\necho \"$PM2_HOME $*\" >> {0}/told\n[ \"$1\" = jlist ] && {{ echo '[PM2] hello'; cat {0}/list; }}\n\
             [ \"$1\" != stop ]",
            directory.display()
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Pm2::find(directory, Some(program), Caller::current().unwrap()).unwrap()
    }

    #[test]
    fn it_runs_where_both_its_marks_are() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(fake(directory.path()).pid(), None);
        let own = std::process::id() as i32;
        fs::write(directory.path().join("pm2.pid"), own.to_string()).unwrap();
        assert_eq!(fake(directory.path()).pid(), None);
        let _socket = UnixListener::bind(directory.path().join("rpc.sock")).unwrap();
        assert_eq!(fake(directory.path()).pid(), Some(own));
        fs::write(directory.path().join("pm2.pid"), "0").unwrap();
        assert_eq!(fake(directory.path()).pid(), None);
        assert!(!directory.path().join("told").exists(), "nobody was asked, as that might start one");
    }

    #[test]
    fn it_is_asked_in_its_home() {
        let directory = tempfile::tempdir().unwrap();
        let pm2 = fake(directory.path());
        let (list, pid_file) = (directory.path().join("list"), directory.path().join("a-4.pid"));
        let element = |id: u32| format!(r#"{{"pm_id":{id},"pm2_env":{{"name":"a","pm_pid_path":{pid_file:?}}}}}"#);
        fs::write(list, format!("[{},{{\"pm_id\":5,\"pm2_env\":{{}}}}]", element(4))).unwrap();
        let running = pm2.list().unwrap();
        assert_eq!((running.elements.len(), running.elements[0]["name"].as_str()), (2, Some("a")));
        assert!(running.have_ended(&[4, 5]));
        fs::write(&pid_file, std::process::id().to_string()).unwrap();
        assert!(!running.have_ended(&[4]) && running.have_ended(&[5]));
        pm2.tell("delete", &[4, 5]).unwrap();
        pm2.tell("delete", &[]).unwrap();
        assert!(pm2.tell("stop", &[4]).unwrap_err().to_string().starts_with("pm2 stop 4 failed: exit status: 1"));
        let home = directory.path().display();
        let told = fs::read_to_string(directory.path().join("told")).unwrap();
        assert_eq!(told, format!("{home} jlist\n{home} delete 4 5\n{home} stop 4\n"));
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let pm2 = fake(directory.path());
        fs::write(directory.path().join("list"), "nothing\n").unwrap();
        assert_eq!(pm2.list().unwrap_err().to_string(), "pm2 jlist failed: it printed no list");
        assert!(matches!(
            Pm2::find(Path::new("/no/such"), None, Caller::current().unwrap()),
            Err(Pm2Error::NoHome { .. })
        ));
    }
}
