//! Real kills: a program that copies logs is killed over and over while apps print, and the next one goes on.
//!
//! The program is this test binary once more. It reaches the pipes through its parent's descriptors and the journal
//! through a file, as a daemon gets them from whoever has kept them.

use super::destination::Destination;
use super::tests::{label, undressed};
use super::{Logs, Staging, recover};
use crate::domain::SpawnId;
use crate::domain::log_line::{LineForm, LogType};
use crate::slots::{Journal, Table};
use crate::sys::memory::SharedWords;
use crate::sys::pipe::{lasting, output_pipe, reopen};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const VARIABLE: &str = "RPM_TEST_LOG_COPIER";
const READY: &str = "copying";
const KILLS: u32 = 120;

/// Apps 0 and 1 have a file each, 2 and 3 share one. Lines of 4 become objects, those of 5 have dates; both have a file
/// each, and one together.
const FILES: [&str; 6] = ["a.log", "b.log", "shared.log", "shared.log", "c.log", "d.log"];
const COMBINED: &str = "all.log";

/// What the program needs to know: whose child it is, where it works, and the descriptors of the parent.
#[derive(Debug)]
struct Orders {
    parent: i32,
    staging: i32,
    pipes: Vec<i32>,
    place: PathBuf,
}

impl Orders {
    fn to_text(&self) -> String {
        let pipes: Vec<String> = self.pipes.iter().map(i32::to_string).collect();
        format!("{}:{}:{}:{}", self.parent, self.staging, pipes.join(","), self.place.display())
    }

    fn parse(text: &str) -> Self {
        let [parent, staging, pipes, place] = text.splitn(4, ':').collect::<Vec<_>>()[..] else { panic!("{text}") };
        let pipes = pipes.split(',').map(|number| number.parse().unwrap()).collect();
        Self { parent: parent.parse().unwrap(), staging: staging.parse().unwrap(), pipes, place: place.into() }
    }

    fn journal(&self) -> Journal {
        Table::open(SharedWords::open(&self.place.join("slots"), Table::words()).unwrap(), "this boot").0.journal()
    }

    fn file(&self, app: usize) -> PathBuf {
        self.place.join(FILES[app])
    }

    fn destination(&self, app: usize) -> Destination {
        let form = |log_type, date_format: Option<&str>| LineForm {
            log_type,
            date_format: date_format.map(str::to_owned),
            time_zone: None,
            app: "app".into(),
        };
        let form = match app {
            4 => form(LogType::Json, None),
            5 => form(LogType::Raw, Some("[at] x")),
            _ => return Some(self.file(app)).into(),
        };
        Destination {
            path: Some(self.file(app).into()),
            combined: Some(self.place.join(COMBINED).into()),
            form: Some(form),
        }
    }

    fn staging_pipe(&self) -> OwnedFd {
        let path = format!("/proc/{}/fd/{}", self.parent, self.staging);
        open(path.as_str(), OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty()).unwrap()
    }
}

/// No test: the program that is killed. It copies until it is, or until its input ends.
#[test]
#[ignore = "the other side of a test"]
fn copier() {
    let Ok(orders) = env::var(VARIABLE) else { return };
    let orders = Orders::parse(&orders);
    let pipes: Vec<Arc<OwnedFd>> =
        orders.pipes.iter().map(|&pipe| reopen(orders.parent, pipe).unwrap().into()).collect();
    let staging = Staging::inherited(Arc::new(orders.staging_pipe()), orders.journal());
    let recovered = recover(&staging, |id, _, _| {
        let app = id.0 as usize;
        Some((Arc::clone(&pipes[app]), orders.destination(app)))
    });
    let logs = Logs::start(staging).unwrap();
    for (app, pipe) in pipes.into_iter().enumerate() {
        logs.capture(label(app as u32), pipe, orders.destination(app));
    }
    println!("{READY} {} {}", recovered.redone, recovered.consumed);
    let _ = stdin().read(&mut [0]);
    for app in 0..FILES.len() {
        logs.finish(SpawnId(app as u64)).blocking_recv().unwrap();
    }
}

/// Starts the program, and waits until it copies. What it has found to be done.
#[expect(clippy::disallowed_methods, reason = "this test once more, not an app")]
fn start(orders: &Orders) -> (Child, u64, u64) {
    let mut child = std::process::Command::new(env::current_exe().unwrap())
        .args(["--exact", "logs::killed::copier", "--ignored", "--nocapture"])
        .env(VARIABLE, orders.to_text())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.as_mut().unwrap());
    let mut line = String::new();
    while !line.contains(READY) {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "it has ended: {:?}", child.wait());
    }
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.trim().parse().ok()).collect();
    (child, numbers[0], numbers[1])
}

fn line_of(app: usize, number: u64) -> String {
    let width = (number * 7919 + app as u64 * 31) % 401;
    format!("{app} {number} {}\n", "y".repeat(width as usize))
}

/// An app: prints numbered lines in odd parts until it is told to stop, and ends with a whole line. How many it were.
fn print(app: usize, mut end: &File, stop: &AtomicBool) -> u64 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let lines: String = (number..number + 1 + number % 40).map(|number| line_of(app, number)).collect();
        lines.as_bytes().chunks(1 + (number as usize * 13) % 9000).for_each(|part| end.write_all(part).unwrap());
        number += 1 + number % 40;
    }
    number
}

/// How many bytes of the file are lines of this app, which have to be numbered from 0 to `count`.
fn check(app: usize, count: u64, file: &Path) -> usize {
    let text = String::from_utf8(undressed(&fs::read(file).unwrap()).concat()).unwrap();
    let mark = format!("{app} ");
    let mut own = text.split_inclusive('\n').filter(|line| line.starts_with(&mark));
    let mut bytes = 0;
    for number in 0..count {
        let line = own.next().unwrap_or_else(|| panic!("app {app} has only {number} of {count} lines"));
        assert!(line == line_of(app, number), "app {app}: {line:?} instead of line {number}");
        bytes += line.len();
    }
    assert_eq!(own.next(), None, "app {app} has more than it wrote");
    bytes
}

#[test]
fn killed_at_any_moment_no_byte_is_missing_and_none_twice() {
    let dir = TempDir::new().unwrap();
    let staging = lasting(1 << 20).unwrap();
    let (ours, ends): (Vec<OwnedFd>, Vec<OwnedFd>) = FILES.iter().map(|_| output_pipe(1 << 16).unwrap()).unzip();
    let orders = Orders {
        parent: std::process::id() as i32,
        staging: staging.as_raw_fd(),
        pipes: ours.iter().map(AsRawFd::as_raw_fd).collect(),
        place: dir.path().to_owned(),
    };
    let stop = AtomicBool::new(false);
    let (mut redone, mut consumed) = (0, 0);
    let counts: Vec<u64> = thread::scope(|scope| {
        let ends: Vec<File> = ends.into_iter().map(File::from).collect();
        let stop = &stop;
        let apps: Vec<_> = ends
            .iter()
            .enumerate()
            .map(|(app, end)| {
                let end = end.try_clone().unwrap();
                scope.spawn(move || print(app, &end, stop))
            })
            .collect();
        let (_never, alarm) = mpsc::channel::<()>();
        for kill in 0..KILLS {
            let (mut child, cut, moved) = start(&orders);
            redone += u64::from(cut > 0);
            consumed += u64::from(moved > 0);
            let life = Duration::from_micros(u64::from(kill * 7919 % 4001));
            assert_eq!(alarm.recv_timeout(life), Err(RecvTimeoutError::Timeout));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        let (mut last, ..) = start(&orders);
        let counts = apps.into_iter().map(|app| app.join().unwrap()).collect();
        drop(last.stdin.take());
        assert!(last.wait().unwrap().success());
        counts
    });
    let bytes: Vec<usize> =
        counts.iter().enumerate().map(|(app, &count)| check(app, count, &orders.file(app))).collect();
    let shared = fs::metadata(orders.file(2)).unwrap().len() as usize;
    assert_eq!(shared, bytes[2] + bytes[3]);
    for app in [4, 5] {
        check(app, counts[app], &dir.path().join(COMBINED));
    }
    let both: usize = undressed(&fs::read(dir.path().join(COMBINED)).unwrap()).iter().map(Vec::len).sum();
    assert_eq!(both, bytes[4] + bytes[5]);
    println!(
        "{} bytes, {redone} chunks cut off and written again, {consumed} taken out afterwards",
        bytes.iter().sum::<usize>()
    );
}
