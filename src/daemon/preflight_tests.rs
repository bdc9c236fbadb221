//! Candidates of all kinds.

use super::*;
use crate::clock;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

struct Program {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Program {
    fn script(lines: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("candidate");
        fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { _directory: directory, path }
    }

    /// Why it is refused.
    async fn refused(&self, limit: Duration) -> String {
        let why = check_within(&self.path, limit).await.unwrap_err();
        assert!(why.starts_with(self.path.to_str().unwrap()), "{why}");
        why[self.path.as_os_str().len()..].to_owned()
    }
}

const LONG: Duration = Duration::from_secs(20);

async fn refused(lines: &str) -> String {
    Program::script(lines).refused(LONG).await
}

#[tokio::test]
async fn one_that_understands() {
    let program = Program::script("test \"$*\" = 'daemon --preflight' && echo rpm-preflight 1 2.3.4 ok");
    assert_eq!(check_within(&program.path, LONG).await, Ok("2.3.4".to_owned()));
}

#[tokio::test]
async fn one_that_does_not_says_why() {
    assert_eq!(refused("echo the list is too new >&2; exit 1").await, ": the list is too new");
    assert_eq!(refused("echo rpm-preflight 1 2.3.4 ok; exit 3").await, ": its check ended with code 3");
    assert_eq!(refused("kill -SEGV $$").await, ": its check was ended by SIGSEGV");
}

#[tokio::test]
async fn one_that_says_nothing_or_something_else() {
    for lines in [
        "exit 0",
        "echo ok",
        "echo rpm-preflight",
        "echo rpm-preflight 1 2.3.4 no",
        "echo rpm-preflight 1  ok",
        "echo rpm-preflight 1 2.3.4 ok; echo and more",
        "head -c 100 /dev/urandom",
    ] {
        assert!(refused(lines).await.contains("doesn't answer its check"), "{lines}");
    }
    assert!(refused("echo rpm-preflight 2 9.0.0 ok").await.contains("form 2"));
}

#[tokio::test]
async fn one_that_talks_without_end() {
    let program = Program::script("head -c 100000000 /dev/zero");
    assert!(program.refused(LONG).await.contains("more than one line"));
    // Its errors don't count as an answer, nor do they hold anything up.
    let program = Program::script("head -c 100000000 /dev/zero >&2; echo rpm-preflight 1 2.3.4 ok");
    assert_eq!(check_within(&program.path, LONG).await, Ok("2.3.4".to_owned()));
}

#[tokio::test]
async fn one_that_hangs_is_ended_with_all_that_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let pids = directory.path().join("pids");
    for closes in ["", "exec >&- 2>&-;"] {
        let program = Program::script(&format!("{closes} sleep 1000 & echo $! $$ > {}; wait", pids.display()));
        let begun = clock::boot();
        assert!(program.refused(Duration::from_millis(500)).await.contains("did not end its check"));
        assert!(clock::boot().saturating_sub(begun) < LONG);
        for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
            // It has been told to end, and does so when it is its turn. Whoever inherits it buries it.
            let Ok(process) = pidfd::open(pid.parse().unwrap()) else { continue };
            let process = register(process).unwrap();
            assert!(timeout(LONG, process.readable()).await.is_ok(), "{pid} lives");
        }
    }
}

#[tokio::test]
async fn one_that_cannot_be_executed() {
    let program = Program::script("exit 0");
    fs::set_permissions(&program.path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(program.refused(LONG).await.contains("cannot be executed"));
    fs::remove_file(&program.path).unwrap();
    assert!(program.refused(LONG).await.contains("cannot be executed"));
    fs::create_dir(&program.path).unwrap();
    assert!(program.refused(LONG).await.contains("cannot be executed"));
}
