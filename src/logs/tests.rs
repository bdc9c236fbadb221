use super::*;
use crate::clock;
use crate::domain::{OutputStream, ProcessId, SpawnId};
use crate::slots::Journal;
use crate::sys::pipe::output_pipe;
use proptest::prelude::*;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(20);

pub(super) fn label(id: u32) -> Label {
    Label {
        id: ProcessId(id),
        spawn: SpawnId(u64::from(id)),
        name: "app".into(),
        namespace: "default".into(),
        stream: OutputStream::Out,
    }
}

/// The lines of a log as they were before they became something else: dates in milliseconds, objects.
pub(super) fn undressed(log: &[u8]) -> Vec<Vec<u8>> {
    let undress = |line: &[u8]| {
        if line.starts_with(b"{") {
            let object: serde_json::Value = serde_json::from_slice(line).unwrap();
            return object["message"].as_str().unwrap().as_bytes().to_vec();
        }
        let text = str::from_utf8(line).unwrap();
        let dated = text.strip_prefix("at ").and_then(|rest| rest.split_once(": "));
        dated.map_or(text, |(_, line)| line).as_bytes().to_vec()
    };
    log.split_inclusive(|byte| *byte == b'\n').map(undress).collect()
}

fn logs() -> (Logs, TempDir) {
    (Logs::start(Staging::new(Journal::unkept()).unwrap()).unwrap(), TempDir::new().unwrap())
}

/// An app whose output goes to `path`: the end it writes to. It stays open, as a descendant would hold it.
fn app(logs: &Logs, id: u32, path: impl Into<Option<PathBuf>>) -> File {
    let (ours, apps) = output_pipe(1 << 18).unwrap();
    logs.capture(label(id), ours.into(), path.into());
    File::from(apps)
}

fn finish(logs: &Logs, id: u32) {
    logs.finish(SpawnId(u64::from(id))).blocking_recv().unwrap();
}

fn numbered(count: u32) -> String {
    (0..count).flat_map(|n| [n.to_string(), "\n".into()]).collect()
}

fn everyone() -> Arc<dyn Fn(&Label) -> bool + Send + Sync> {
    Arc::new(|_| true)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, future).await.expect("it takes too long") })
}

/// Until the file is as expected; for what no reply announces.
pub(super) fn wait_for(path: &Path, expected: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let end = clock::boot() + DEADLINE;
    loop {
        let bytes = fs::read(path).unwrap_or_default();
        if expected(&bytes) {
            return bytes;
        }
        assert!(clock::boot() < end, "{path:?} holds {:?}", String::from_utf8_lossy(&bytes));
        thread::yield_now();
    }
}

/// Reads until `count` lines have come; their text, and how many bytes were dropped.
fn lines(live: &mut Subscription, count: usize) -> (Vec<String>, u64) {
    let (mut seen, mut lost) = (Vec::new(), 0);
    while seen.len() < count {
        for item in block_on(live.next()).expect("the thread has ended") {
            match item {
                Item::Line { line, .. } => seen.push(String::from_utf8(line).unwrap()),
                Item::Dropped { bytes } => lost += bytes,
            }
        }
    }
    (seen, lost)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_byte_arrives(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20_000), 0..20)) {
        let (logs, dir) = logs();
        let path = dir.path().join("out.log");
        let mut app = app(&logs, 1, path.clone());
        for chunk in &chunks {
            app.write_all(chunk).unwrap();
        }
        finish(&logs, 1);
        prop_assert!(fs::read(&path).unwrap() == chunks.concat());
    }

    #[test]
    fn writers_of_one_file_keep_their_lines_whole(
        lengths in prop::collection::vec(prop::collection::vec(0_usize..3000, 1..60), 2..5),
        step in 1_usize..5000,
    ) {
        let (logs, dir) = logs();
        let path = dir.path().join("merged.log");
        let text = |writer: usize| -> Vec<u8> {
            let line = |(n, length): (usize, &usize)| format!("{writer} {n} {}\n", "x".repeat(*length));
            lengths[writer].iter().enumerate().map(line).collect::<String>().into()
        };
        let apps: Vec<File> = (0..lengths.len()).map(|id| app(&logs, id as u32, path.clone())).collect();
        thread::scope(|scope| {
            for (writer, mut app) in apps.into_iter().enumerate() {
                let text = text(writer);
                scope.spawn(move || text.chunks(step).for_each(|chunk| app.write_all(chunk).unwrap()));
            }
        });
        (0..lengths.len()).for_each(|id| finish(&logs, id as u32));
        let merged = fs::read(&path).unwrap();
        for writer in 0..lengths.len() {
            let own = merged.split_inclusive(|&b| b == b'\n').filter(|line| line.starts_with(format!("{writer} ").as_bytes()));
            prop_assert!(own.collect::<Vec<_>>().concat() == text(writer));
        }
        prop_assert_eq!(merged.len(), (0..lengths.len()).map(|writer| text(writer).len()).sum::<usize>());
    }
}

#[test]
fn a_line_far_longer_than_any_buffer_is_copied_in_constant_memory() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut live = logs.subscribe(everyone());
    let mut app = app(&logs, 1, path.clone());
    let before = resident();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        app.write_all(&block).unwrap();
    }
    finish(&logs, 1);
    let grown = resident().saturating_sub(before);
    assert_eq!(fs::metadata(&path).unwrap().len(), 64 << 20);
    assert!(grown < 24 << 20, "grown by {grown}");
    let items = block_on(live.next()).unwrap();
    let length = |item: &Item| match item {
        Item::Line { line, .. } => line.len() as u64,
        Item::Dropped { bytes } => *bytes,
    };
    let shown: u64 = items.iter().map(length).sum();
    assert_eq!(shown, 64 << 20);
}

fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn what_an_app_left_in_its_pipe_is_written_though_a_descendant_holds_it() {
    let (logs, dir) = logs();
    let path = dir.path().join("deep/er/out.log");
    let mut app = app(&logs, 1, path.clone());
    let text = vec![b'l'; 250_000];
    app.write_all(&text).unwrap();
    finish(&logs, 1);
    assert!(fs::read(&path).unwrap() == text);
    finish(&logs, 1);
    drop(app);
}

#[test]
fn the_rest_is_written_when_the_last_handle_goes() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut live = logs.subscribe(everyone());
    let mut app = app(&logs, 1, path.clone());
    app.write_all(b"one\ntwo").unwrap();
    drop(logs);
    assert_eq!(lines(&mut live, 2).0, ["one", "two"]);
    assert!(block_on(live.next()).is_none());
    assert_eq!(fs::read(&path).unwrap(), b"one\ntwo");
}

#[test]
fn an_unfinished_line_is_in_the_file_at_once_and_a_second_later_with_the_followers() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut live = logs.subscribe(everyone());
    let mut app = app(&logs, 1, path.clone());
    let begun = clock::boot_ms();
    app.write_all(b"name? ").unwrap();
    wait_for(&path, |bytes| bytes == b"name? ");
    assert!(clock::boot_ms() < begun + 900);
    assert_eq!(lines(&mut live, 1).0, ["name? "]);
    assert!(clock::boot_ms() >= begun + 900);
    app.write_all(b"thanks\n").unwrap();
    assert_eq!(lines(&mut live, 1).0, ["thanks"]);
}

#[test]
fn a_newcomer_does_not_tear_the_line_that_is_being_written() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut first = app(&logs, 1, path.clone());
    first.write_all(b"first begins").unwrap();
    wait_for(&path, |bytes| bytes == b"first begins");
    let mut second = app(&logs, 2, path.clone());
    first.write_all(b" and ends\nthen ").unwrap();
    second.write_all(b"second\n").unwrap();
    finish(&logs, 2);
    first.write_all(b"more\n").unwrap();
    finish(&logs, 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), "first begins and ends\nsecond\nthen more\n");
}

#[test]
fn two_paths_to_one_file_share_its_writer() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let link = dir.path().join("link.log");
    std::os::unix::fs::symlink("out.log", &link).unwrap();
    let (mut one, mut two) = (app(&logs, 1, path.clone()), app(&logs, 2, link));
    one.write_all(b"one ").unwrap();
    two.write_all(b"two\n").unwrap();
    finish(&logs, 2);
    one.write_all(b"one\n").unwrap();
    finish(&logs, 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), "two\none one\n");
}

#[test]
fn a_follower_that_does_not_read_slows_nothing_and_learns_what_it_missed() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut live = logs.subscribe(everyone());
    let mut app = app(&logs, 1, path.clone());
    let text: String = numbered(100_000);
    app.write_all(text.as_bytes()).unwrap();
    finish(&logs, 1);
    assert!(fs::read_to_string(&path).unwrap() == text);

    let items = block_on(live.next()).unwrap();
    let Some((Item::Dropped { bytes }, shown)) = items.split_last() else { panic!("nothing was dropped") };
    let shown: String = shown
        .iter()
        .map(|item| match item {
            Item::Line { line, .. } => format!("{}\n", String::from_utf8_lossy(line)),
            Item::Dropped { .. } => panic!("dropped before the end"),
        })
        .collect();
    assert!(text.starts_with(&shown) && !shown.is_empty());
    assert_eq!(*bytes as usize, text.len() - shown.len());
    let mut late = self::app(&logs, 2, path);
    late.write_all(b"again\n").unwrap();
    assert_eq!(lines(&mut live, 1), (vec!["again".into()], 0));
}

#[test]
fn followers_get_what_they_want_and_nothing_of_disabled_logs() {
    let (logs, dir) = logs();
    let mut all = logs.subscribe(everyone());
    let mut second = logs.subscribe(Arc::new(|label| label.id == ProcessId(2)));
    let mut apps =
        [app(&logs, 1, None), app(&logs, 2, PathBuf::from("/dev/null")), app(&logs, 3, dir.path().join("x"))];
    for (id, app) in (1..).zip(&mut apps) {
        app.write_all(format!("from {id}\n").as_bytes()).unwrap();
        finish(&logs, id);
    }
    assert_eq!(lines(&mut all, 2).0, ["from 2", "from 3"]);
    drop(logs);
    assert_eq!(lines(&mut second, 1).0, ["from 2"]);
    assert!(block_on(second.next()).is_none());
}

/// Followers join at many moments while `writers` apps write one file: each sees all of each app, each line once.
fn followers_join(writers: u32) {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let text = |id: u32| numbered(6000 / writers).replace('\n', &format!(" of {id}\n"));
    let total: usize = (0..writers).map(|id| text(id).len()).sum();
    let apps: Vec<File> = (0..writers).map(|id| app(&logs, id, path.clone())).collect();
    thread::scope(|scope| {
        let mut begin = Vec::new();
        for (id, mut app) in (0..).zip(apps) {
            let (go, wait) = mpsc::channel();
            begin.push(go);
            scope.spawn(move || {
                let text = text(id);
                // Odd steps, so that lines are unfinished at most moments; a follower comes during each part.
                for part in text.as_bytes().chunks(text.len() / 40) {
                    let _ = wait.recv();
                    part.chunks(7).for_each(|chunk| app.write_all(chunk).unwrap());
                }
            });
        }
        let mut followers = Vec::new();
        for count in 0..40 {
            wait_for(&path, |bytes| bytes.len() >= (total * count / 40).saturating_sub(20 * writers as usize));
            for go in &begin {
                go.send(()).unwrap();
            }
            let (logs, path) = (logs.clone(), path.clone());
            followers.push(scope.spawn(move || block_on(joined(&logs, &path, (6000 / writers * writers) as usize))));
        }
        drop(begin);
        for follower in followers {
            let seen = follower.join().unwrap();
            assert_eq!(seen.len(), (6000 / writers * writers) as usize);
            for id in 0..writers {
                let own = seen.iter().filter(|line| line.ends_with(&format!(" of {id}")));
                assert!(own.flat_map(|line| [line, "\n"]).collect::<String>() == text(id));
            }
        }
    });
}

#[test]
fn past_and_live_join_while_the_app_writes() {
    followers_join(1);
}

#[test]
fn past_and_live_join_where_apps_share_a_file() {
    followers_join(3);
}

/// The first `count` lines, past and live.
async fn joined(logs: &Logs, path: &Path, count: usize) -> Vec<String> {
    let mut stream = follow(logs, vec![(label(1), path.to_owned())], u32::MAX, everyone()).await;
    let mut seen: Vec<String> = Vec::new();
    while seen.len() < count {
        for item in stream.next().await.unwrap() {
            match item {
                FollowItem::File { .. } => {}
                FollowItem::Past { line, .. } | FollowItem::Live(Item::Line { line, .. }) => {
                    seen.push(String::from_utf8(line).unwrap());
                }
                other => panic!("{other:?}"),
            }
        }
    }
    seen
}

#[test]
fn a_line_begun_before_the_follower_came_is_whole() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut app = app(&logs, 1, path.clone());
    app.write_all(b"old\nhalf").unwrap();
    wait_for(&path, |bytes| bytes == b"old\nhalf");
    let mut live = logs.subscribe(everyone());
    assert_eq!(block_on(live.start_of(&path)), Some(4));
    app.write_all(b" and half\n").unwrap();
    assert_eq!(lines(&mut live, 1).0, ["half and half"]);
    assert_eq!(tail(&path, 9, Some(4)).unwrap().lines, [b"old"]);
}

#[test]
fn a_file_nobody_writes_yet_joins_as_well() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    fs::write(&path, "yesterday\n").unwrap();
    let mut app = None;
    block_on(async {
        let mut stream = follow(&logs, vec![(label(1), path.clone())], 10, everyone()).await;
        // Between the registration and the reading.
        app.insert(self::app(&logs, 1, path.clone())).write_all(b"today\n").unwrap();
        let mut seen = Vec::new();
        while seen.len() < 2 {
            for item in stream.next().await.unwrap() {
                match item {
                    FollowItem::File { .. } => {}
                    FollowItem::Past { line, .. } => seen.push((false, line)),
                    FollowItem::Live(Item::Line { line, .. }) => seen.push((true, line)),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(seen, [(false, b"yesterday".to_vec()), (true, b"today".to_vec())]);
    });
}

#[test]
fn flush_empties_files_open_or_not() {
    let (logs, dir) = logs();
    let (path, other) = (dir.path().join("out.log"), dir.path().join("other.log"));
    fs::write(&other, "old").unwrap();
    let mut app = app(&logs, 1, path.clone());
    app.write_all(b"one\nha").unwrap();
    wait_for(&path, |bytes| bytes == b"one\nha");
    let missing = dir.path().join("missing.log");
    logs.flush(vec![path.clone(), other.clone(), missing.clone()]).blocking_recv().unwrap().unwrap();
    assert_eq!((fs::read(&path).unwrap().len(), fs::read(&other).unwrap().len()), (0, 0));
    assert!(!missing.exists());
    app.write_all(b"lf\n").unwrap();
    finish(&logs, 1);
    assert_eq!(fs::read(&path).unwrap(), b"lf\n");
    let error = logs.flush(vec![path.join("below")]).blocking_recv().unwrap().unwrap_err();
    assert!(error.to_string().contains("out.log/below"), "{error}");
}

#[test]
fn reopen_begins_a_new_file_where_the_old_one_was_moved() {
    let (logs, dir) = logs();
    let (path, moved) = (dir.path().join("out.log"), dir.path().join("out.log.1"));
    let (mut one, mut two) = (app(&logs, 1, path.clone()), app(&logs, 2, path.clone()));
    one.write_all(b"before\n").unwrap();
    wait_for(&path, |bytes| bytes == b"before\n");
    fs::rename(&path, &moved).unwrap();
    one.write_all(b"still\n").unwrap();
    wait_for(&moved, |bytes| bytes == b"before\nstill\n");
    logs.reopen().blocking_recv().unwrap().unwrap();
    one.write_all(b"after\n").unwrap();
    finish(&logs, 1);
    two.write_all(b"too\n").unwrap();
    finish(&logs, 2);
    assert_eq!(fs::read_to_string(&moved).unwrap(), "before\nstill\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "after\ntoo\n");
}

#[test]
fn a_file_cut_from_outside_is_appended_to() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut app = app(&logs, 1, path.clone());
    app.write_all(b"before\n").unwrap();
    wait_for(&path, |bytes| bytes == b"before\n");
    File::create(&path).unwrap();
    app.write_all(b"after\n").unwrap();
    finish(&logs, 1);
    assert_eq!(fs::read(&path).unwrap(), b"after\n");
}

#[test]
fn a_path_that_cannot_be_opened_costs_the_output_and_not_the_app() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    fs::create_dir(&path).unwrap();
    let mut live = logs.subscribe(everyone());
    let mut app = app(&logs, 1, path.clone());
    let text = format!("{}\n", "x".repeat(999));
    for _ in 0..900 {
        app.write_all(text.as_bytes()).unwrap();
    }
    app.write_all(b"last\n").unwrap();
    lines(&mut live, 901);
    assert!(logs.reopen().blocking_recv().unwrap().unwrap_err().to_string().contains("out.log"));
    fs::remove_dir(&path).unwrap();
    logs.reopen().blocking_recv().unwrap().unwrap();
    app.write_all(b"now\n").unwrap();
    finish(&logs, 1);
    let said = "[rpm-native: 900005 bytes of output could not be written here]\nnow\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), said);
}

#[test]
fn a_full_device_never_blocks_the_app() {
    let (logs, _dir) = logs();
    let mut app = app(&logs, 1, PathBuf::from("/dev/full"));
    let block = vec![b'x'; 1 << 20];
    for _ in 0..8 {
        app.write_all(&block).unwrap();
    }
    finish(&logs, 1);
}

#[test]
fn a_named_pipe_is_written_before_its_reader_comes() {
    let (logs, dir) = logs();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut app = app(&logs, 1, path.clone());
    app.write_all(b"hello\n").unwrap();
    let mut live = logs.subscribe(everyone());
    // It is registered when it knows where files ended.
    block_on(live.start_of(&path));
    app.write_all(b"there\n").unwrap();
    lines(&mut live, 1);
    let mut read = [0; 12];
    File::open(&path).unwrap().read_exact(&mut read).unwrap();
    assert_eq!(&read, b"hello\nthere\n");
    finish(&logs, 1);
}

/// A real file system that is full and gets room again. Needs the right to mount.
#[test]
fn a_full_disk_costs_counted_output_and_heals() {
    let (logs, dir) = logs();
    let Some(disk) = SmallDisk::mount(dir.path()) else {
        println!("skipped: a file system cannot be mounted here");
        return;
    };
    let (path, ballast) = (disk.0.join("out.log"), disk.0.join("ballast"));
    fs::write(&ballast, vec![0; 192 << 10]).unwrap();
    let mut app = app(&logs, 1, path.clone());
    let line = format!("{}\n", "x".repeat(1023));
    for _ in 0..2048 {
        app.write_all(line.as_bytes()).unwrap();
    }
    finish(&logs, 1);
    fs::remove_file(&ballast).unwrap();
    let text = wait_for(&path, |bytes| bytes.ends_with(b"could not be written here]\n"));
    let (kept, marker) = text.split_at(text.windows(2).rposition(|pair| pair == b"\n[").unwrap());
    assert!(line.repeat(2048).as_bytes().starts_with(kept));
    let lost: usize = String::from_utf8_lossy(marker).split(' ').nth(1).unwrap().parse().unwrap();
    // The line break before the mark is the app's own where its line was complete.
    let own = usize::from(kept.len() % 1024 == 1023);
    assert_eq!(kept.len() + own + lost, 2048 * 1024);

    let mut next = self::app(&logs, 2, path.clone());
    next.write_all(b"it goes on\n").unwrap();
    finish(&logs, 2);
    assert!(fs::read(&path).unwrap().ends_with(b"here]\nit goes on\n"));
}

pub(super) struct SmallDisk(pub(super) PathBuf);

impl SmallDisk {
    pub(super) fn mount(parent: &Path) -> Option<Self> {
        let at = parent.join("disk");
        fs::create_dir(&at).unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=256k", "tmpfs", at.to_str().unwrap()]).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the log thread may still have its file open.
        run("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

#[expect(clippy::disallowed_methods, reason = "a tool of the test, not an app")]
fn run(program: &str, arguments: &[&str]) -> bool {
    std::process::Command::new(program).args(arguments).output().is_ok_and(|done| done.status.success())
}

#[test]
fn a_run_comes_after_all_of_the_runs_before_it() {
    let (logs, dir) = logs();
    let path = dir.path().join("out.log");
    let mut finished = Vec::new();
    let mut expected = Vec::new();
    for run in 1..=3_u64 {
        let (ours, apps) = output_pipe(1 << 20).unwrap();
        // More than one turn takes: whoever comes next would overtake the rest.
        let text = format!("{run}{}\n", "x".repeat(700_000));
        File::from(apps).write_all(text.as_bytes()).unwrap();
        expected.extend_from_slice(text.as_bytes());
        logs.capture(Label { spawn: SpawnId(run), ..label(7) }, ours.into(), Some(path.clone()));
        finished.push(logs.finish(SpawnId(run)));
    }
    for done in finished {
        done.blocking_recv().unwrap();
    }
    let written = fs::read(&path).unwrap();
    assert_eq!(written.len(), expected.len());
    assert!(written == expected, "the runs are not in their order");
}
