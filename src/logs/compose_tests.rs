//! Lines that become something else, and two files at once, cut off at every place where they may be.

use super::destination::Destination;
use super::tests::{SmallDisk, label, undressed, wait_for};
use super::torture::{App, World, cut_after};
use super::{Item, Logs, Staging};
use crate::domain::SpawnId;
use crate::domain::log_line::{LineForm, LogType};
use crate::slots::Journal;
use crate::sys::pipe::output_pipe;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn form(log_type: LogType) -> LineForm {
    let date_format = (log_type == LogType::Raw).then(|| "[at] x".into());
    LineForm { log_type, date_format, time_zone: Some("UTC".into()), app: "app".into() }
}

fn to(dir: &Path, path: &str, combined: Option<&str>, form: Option<LineForm>) -> Destination {
    // An absolute path stays what it is.
    Destination { path: Some(dir.join(path).into()), combined: combined.map(|file| dir.join(file).into()), form }
}

/// Each way on its own, and together in one file.
fn world(pipe: usize, staging: usize) -> World {
    let dir = TempDir::new().unwrap();
    let (dated, json) = (|| Some(form(LogType::Raw)), || Some(form(LogType::Json)));
    let apps = [
        to(dir.path(), "dated.log", None, dated()),
        to(dir.path(), "json.log", Some("all.log"), json()),
        to(dir.path(), "plain.log", Some("all.log"), None),
        to(dir.path(), "/dev/null", Some("all.log"), dated()),
        to(dir.path(), "dated.log", None, None),
        to(dir.path(), "same.log", Some("same.log"), dated()),
    ];
    let apps = (1..).zip(apps).map(|(id, to)| App::new(id, pipe, to)).collect();
    World::of(apps, staging, dir)
}

/// Each line of each app once in each of its files, whole, in order; and nothing else.
fn check(world: &World) {
    let files = |app: &App| -> Vec<PathBuf> {
        let files: BTreeSet<_> = app.to.path.iter().chain(&app.to.combined).cloned().collect();
        files.into_iter().filter(|file| **file != *Path::new("/dev/null")).map(|file| file.to_path_buf()).collect()
    };
    let mut all: BTreeSet<PathBuf> = BTreeSet::new();
    for app in &world.apps {
        for file in files(app) {
            let mark = format!("{} ", app.id);
            let lines = undressed(&fs::read(&file).unwrap());
            let own: Vec<u8> = lines.into_iter().filter(|line| line.starts_with(mark.as_bytes())).flatten().collect();
            let name = file.display();
            assert!(own == app.written, "app {} in {name}: {} of {} bytes", app.id, own.len(), app.written.len());
            all.insert(file);
        }
    }
    for file in all {
        let wanted: usize =
            world.apps.iter().filter(|app| files(app).contains(&file)).map(|app| app.written.len()).sum();
        let seen: usize = undressed(&fs::read(&file).unwrap()).iter().map(Vec::len).sum();
        assert_eq!(seen, wanted, "{}", file.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn cut_off_anywhere_each_line_is_once_in_each_file(
        pipe in prop::sample::select(vec![8192_usize, 64 << 10]),
        staging in prop::sample::select(vec![4096_usize, 1 << 20]),
        width in 0_usize..200,
        steps in prop::collection::vec((0_usize..6, 0_usize..9000, prop::option::of(0_usize..40)), 1..120),
    ) {
        let mut world = world(pipe, staging);
        for (app, count, cut) in steps {
            world.apps[app].print(count, width);
            if cut_after(cut, || world.go_on()).is_none() {
                world.thread = None;
            }
        }
        world.finish();
        check(&world);
    }

    /// However an app's writes are split: the same, but for the times.
    #[test]
    fn how_output_is_split_makes_no_difference(
        text in prop::collection::vec(prop::sample::select(b"ab \n\xc3\xa4\xff\r\"".to_vec()), 1..400),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        json: bool,
    ) {
        let dir = TempDir::new().unwrap();
        let log_type = if json { LogType::Json } else { LogType::Raw };
        let form = || Some(LineForm { date_format: Some("[then]".into()), ..form(log_type) });
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).chain([0, text.len()]).collect();
        at.sort_unstable();
        let logs = Logs::start(Staging::new(Journal::unkept()).unwrap()).unwrap();
        for (id, file) in [(1, "whole.log"), (2, "split.log")] {
            let (ours, app) = output_pipe(1 << 16).unwrap();
            logs.capture(label(id), ours.into(), to(dir.path(), file, None, form()));
            let mut app = File::from(app);
            if id == 1 {
                app.write_all(&text).unwrap();
            } else {
                at.windows(2).for_each(|part| app.write_all(&text[part[0]..part[1]]).unwrap());
            }
            logs.finish(SpawnId(id.into())).blocking_recv().unwrap();
        }
        let read = |file: &str| String::from_utf8_lossy(&fs::read(dir.path().join(file)).unwrap()).into_owned();
        let (whole, split) = (read("whole.log"), read("split.log").replace("\"process_id\":2", "\"process_id\":1"));
        prop_assert_eq!(&whole, &split);
        let lines = text.split_inclusive(|byte| *byte == b'\n').count();
        prop_assert_eq!(whole.lines().count(), lines);
    }
}

#[test]
fn the_cuts_meet_every_step_of_two_files() {
    let mut world = world(16 << 10, 4096);
    let mut cuts = 0;
    for places in (0..60).cycle().take(1500) {
        world.apps[places % 6].print(3000, 30);
        if cut_after(Some(places), || world.go_on()).is_none() {
            world.thread = None;
            cuts += 1;
        }
    }
    world.finish();
    check(&world);
    assert!(cuts > 300, "{cuts}");
    assert!(world.redone.redone > 0 && world.redone.consumed > 0, "{:?}", world.redone);
}

#[test]
fn lines_that_grow_are_all_written_and_followers_see_what_is_in_the_file() {
    let dir = TempDir::new().unwrap();
    let logs = Logs::start(Staging::new(Journal::unkept()).unwrap()).unwrap();
    let mut live = logs.subscribe(Arc::new(|_| true));
    for (id, path) in [(1, "json.log"), (2, "/dev/null")] {
        let (ours, app) = output_pipe(1 << 18).unwrap();
        logs.capture(label(id), ours.into(), to(dir.path(), path, None, Some(form(LogType::Json))));
        // Far more text than a chunk may become.
        let mut app = File::from(app);
        app.write_all(&b"\n".repeat(9000)).unwrap();
        app.write_all(b"the end").unwrap();
        logs.finish(SpawnId(id.into())).blocking_recv().unwrap();
    }
    let written = fs::read_to_string(dir.path().join("json.log")).unwrap();
    assert_eq!(written.lines().count(), 9001);
    assert!(written.lines().last().unwrap().starts_with(r#"{"message":"the end","timestamp":"20"#), "{written:.99}");
    drop(logs);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut seen = [const { Vec::new() }; 2];
    let mut lost = 0;
    while let Some(items) = runtime.block_on(live.next()) {
        for item in items {
            match item {
                Item::Line { label, line, .. } => seen[label.id.0 as usize - 1].push(String::from_utf8(line).unwrap()),
                Item::Dropped { bytes } => lost += bytes,
            }
        }
    }
    assert!(lost > 0, "a follower that reads nothing has a bound");
    let mut lines = written.lines();
    assert!(seen[0].iter().all(|line| lines.any(|written| written == line)), "what followers see is in the file");
    assert!(!seen[0].is_empty());
}

/// One file is on a disk that is full for too long; the other gets everything all the same.
#[test]
fn a_full_disk_costs_one_file_whole_lines_and_the_other_nothing() {
    let dir = TempDir::new().unwrap();
    let Some(disk) = SmallDisk::mount(dir.path()) else {
        println!("skipped: a file system cannot be mounted here");
        return;
    };
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![0; 192 << 10]).unwrap();
    let own = disk.0.join("own.log");
    let logs = Logs::start(Staging::new(Journal::unkept()).unwrap()).unwrap();
    let (ours, app) = output_pipe(1 << 18).unwrap();
    logs.capture(
        label(1),
        ours.into(),
        to(dir.path(), own.to_str().unwrap(), Some("all.log"), Some(form(LogType::Raw))),
    );
    let line = format!("{}\n", "x".repeat(1022));
    let mut app = File::from(app);
    for _ in 0..1024 {
        app.write_all(line.as_bytes()).unwrap();
    }
    logs.finish(SpawnId(1)).blocking_recv().unwrap();
    let all = undressed(&fs::read(dir.path().join("all.log")).unwrap());
    assert!(all.len() == 1024 && all.iter().all(|kept| *kept == line.as_bytes()));
    fs::remove_file(&ballast).unwrap();
    let text = wait_for(&own, |bytes| bytes.ends_with(b"could not be written here]\n"));
    let mut kept = undressed(&text);
    let marker = String::from_utf8(kept.pop().unwrap()).unwrap();
    assert!(kept.iter().all(|kept| *kept == line.as_bytes()), "a torn line");
    let lost: usize = marker.split(' ').nth(1).unwrap().parse().unwrap();
    assert_eq!((kept.len() * line.len() + lost, kept.is_empty()), (1024 * line.len(), false));
}

/// A reader that takes little at a time tears no line.
#[test]
fn a_named_pipe_gets_each_line_whole_and_once() {
    let dir = TempDir::new().unwrap();
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let logs = Logs::start(Staging::new(Journal::unkept()).unwrap()).unwrap();
    let (ours, app) = output_pipe(1 << 18).unwrap();
    logs.capture(label(1), ours.into(), to(dir.path(), "fifo", Some("all.log"), Some(form(LogType::Json))));
    let lines: Vec<String> = (0..120).map(|n| format!("{n} {}\n", "x".repeat(1500))).collect();
    File::from(app).write_all(lines.concat().as_bytes()).unwrap();
    let mut read = BufReader::with_capacity(777, reader);
    let mut line = Vec::new();
    for expected in &lines {
        line.clear();
        read.read_until(b'\n', &mut line).unwrap();
        assert_eq!(undressed(&line), [expected.as_bytes()]);
    }
    logs.finish(SpawnId(1)).blocking_recv().unwrap();
    let all = undressed(&fs::read(dir.path().join("all.log")).unwrap()).concat();
    assert!(all == lines.concat().as_bytes());
}
