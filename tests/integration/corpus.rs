//! Application files of all kinds, and what `rpm validate` says of them.
//!
//! `tests/corpus/valid` holds files that can be started, `invalid` those that cannot. What is written to standard error stands
//! beside a file in `<file>.expected`, `SITE` for the directory; a line that ends with `…` may go on in any way (what Node says
//! depends on its version). A directory is copied as it is, and its `package.json` checked. With `RPM_WRITE_GENERATED` in the
//! environment the messages are written instead of compared.

use crate::support::Home;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// A home with what the files of the corpus refer to, and a `PATH` with these programs alone.
fn site() -> Home {
    let home = Home::new();
    for script in ["app.js", "module.mjs", "worker.py", "backup.sh", "sub/inside.js"] {
        home.write(script, "");
    }
    let bin = home.work().join("bin");
    for program in ["tool", "bin/bash", "bin/python3"] {
        let file = home.write(program, "#!/bin/sh\n");
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = env::var_os("PATH").unwrap();
    let node = env::split_paths(&path).map(|directory| directory.join("node")).find(|node| node.is_file());
    symlink(node.expect("node is in PATH"), bin.join("node")).unwrap();
    home.env("PATH", bin)
}

fn corpus(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(kind);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_none_or(|extension| extension != "expected"));
    files.sort();
    assert!(files.len() > 30, "the corpus is not complete: {files:?}");
    files
}

/// Exit code and standard error of a check.
fn check(home: &Home, file: &Path) -> (Option<i32>, String) {
    let name = file.file_name().unwrap().to_str().unwrap();
    let name = if file.is_dir() { "package.json" } else { name };
    let text = fs::read(if file.is_dir() { file.join(name) } else { file.to_owned() }).unwrap();
    home.write(name, text);
    let done = home.rpm(["validate", name]);
    fs::remove_file(home.work().join(name)).unwrap();
    (done.code(), done.err.replace(home.work().to_str().unwrap(), "SITE"))
}

/// Whether a message is the expected one.
fn is_expected(expected: &str, told: &str) -> bool {
    let line = |(expected, told): (&str, &str)| match expected.strip_suffix('…') {
        Some(start) => told.starts_with(start),
        None => told == expected,
    };
    expected.lines().count() == told.lines().count() && expected.lines().zip(told.lines()).all(line)
}

fn compare(kind: &str, code: i32) {
    let home = site();
    let mut wrong = Vec::new();
    for file in corpus(kind) {
        let (got, told) = check(&home, &file);
        if told.contains("nothing here reads TypeScript") && file.extension().is_some_and(|extension| extension == "ts")
        {
            eprintln!("{} is skipped: there is no Node that strips types", file.display());
            continue;
        }
        let beside = PathBuf::from(format!("{}.expected", file.display()));
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if is_expected(&expected, &told) && got == Some(code) {
            continue;
        }
        if env::var_os("RPM_WRITE_GENERATED").is_some() && !told.is_empty() {
            fs::write(&beside, &told).unwrap();
        }
        wrong.push(format!("{}: exit code {got:?}, and this message:\n{told}", file.display()));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(!home.root().join("rpm.sock").exists(), "no daemon was needed");
}

#[test]
fn what_is_valid_is_accepted() {
    compare("valid", 0);
}

#[test]
fn what_is_invalid_is_refused_with_its_message() {
    compare("invalid", 1);
    for file in corpus("invalid") {
        assert!(PathBuf::from(format!("{}.expected", file.display())).is_file(), "{} has no message", file.display());
    }
}
