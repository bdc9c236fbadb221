//! The one writer of a file, and what it does when the file takes nothing.

use super::source::SourceId;
use crate::domain::BootMs;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::path::PathBuf;
use tracing::{info, warn};

/// How long a file may refuse before output is dropped; afterwards also how often it is tried again.
pub(super) const PATIENCE_MS: u64 = 1000;

const LONGEST_PAUSE_MS: u64 = 64;

/// What makes two paths the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// What a sink writes to.
pub(super) trait Output: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn length(&self) -> u64;
}

impl Output for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn length(&self) -> u64 {
        self.metadata().map_or(0, |file| file.len())
    }
}

pub(super) struct Sink {
    output: Box<dyn Output>,
    /// The first path that led here, to name it by.
    path: PathBuf,
    state: State,
    /// How many sources write it.
    pub(super) sources: usize,
    /// Whose unfinished line the file ends with, and how long that is.
    pub(super) open_line: Option<(SourceId, u64)>,
    ends_in_line_break: bool,
}

enum State {
    Flowing,
    /// It takes nothing at the moment: its sources wait.
    Stalled {
        since: BootMs,
        pause: u64,
        retry_at: BootMs,
        pending: Vec<u8>,
    },
    /// It has taken nothing for too long: output is dropped. `marker` is what is left of the line that says so.
    Failing {
        retry_at: BootMs,
        lost: u64,
        marker: Vec<u8>,
    },
}

impl Sink {
    pub(super) fn new(output: Box<dyn Output>, path: PathBuf) -> Self {
        Self { output, path, state: State::Flowing, sources: 0, open_line: None, ends_in_line_break: true }
    }

    /// Writes the bytes, or keeps them until the file takes them, or drops and counts them.
    pub(super) fn put(&mut self, bytes: &[u8], now: BootMs) {
        match &mut self.state {
            State::Flowing => {
                let (written, error) = self.write(bytes);
                if error.is_some() {
                    let pending = bytes[written..].to_vec();
                    self.state = State::Stalled { since: now, pause: 1, retry_at: now + 1, pending };
                }
            }
            State::Stalled { pending, .. } => pending.extend_from_slice(bytes),
            State::Failing { lost, .. } => *lost += bytes.len() as u64,
        }
    }

    /// Output is missing here: a line in the file will say so.
    pub(super) fn note_lost(&mut self, bytes: u64, now: BootMs) {
        match &mut self.state {
            _ if bytes == 0 => {}
            State::Failing { lost, .. } => *lost += bytes,
            State::Flowing | State::Stalled { .. } => {
                let left = mem::replace(&mut self.state, State::Flowing).into_pending();
                self.state = State::Failing { retry_at: now, lost: bytes + left.len() as u64, marker: Vec::new() };
            }
        }
    }

    /// Tries again if it is time.
    pub(super) fn retry(&mut self, now: BootMs) {
        if self.retry_at().is_none_or(|at| at > now) {
            return;
        }
        self.state = match mem::replace(&mut self.state, State::Flowing) {
            State::Flowing => State::Flowing,
            State::Stalled { since, pause, pending, .. } => self.retry_pending(since, pause, pending, now),
            State::Failing { lost, marker, .. } => self.retry_marker(lost, marker, now),
        };
    }

    fn retry_pending(&mut self, mut since: BootMs, mut pause: u64, mut pending: Vec<u8>, now: BootMs) -> State {
        let (written, error) = self.write(&pending);
        pending.drain(..written);
        let Some(error) = error else { return State::Flowing };
        if written > 0 {
            (since, pause) = (now, 1);
        } else if now.saturating_sub(since) >= PATIENCE_MS {
            warn!(path = %self.path.display(), %error, "a log file cannot be written; output is dropped until it can");
            let lost = pending.len() as u64;
            return State::Failing { retry_at: now + PATIENCE_MS, lost, marker: Vec::new() };
        } else {
            pause = (pause * 2).min(LONGEST_PAUSE_MS);
        }
        State::Stalled { since, pause, retry_at: now + pause, pending }
    }

    fn retry_marker(&mut self, lost: u64, mut marker: Vec<u8>, now: BootMs) -> State {
        let retry_at = now + PATIENCE_MS;
        let begun = !marker.is_empty();
        if !begun {
            let line_break = if self.ends_in_line_break { "" } else { "\n" };
            marker = format!("{line_break}[rpm-native: {lost} bytes of output could not be written here]\n").into();
        }
        let (written, error) = self.write(&marker);
        marker.drain(..written);
        // Once a part of the line is in the file its number is settled; what is lost from then on gets a line of its own.
        let lost = if begun || written == 0 { lost } else { 0 };
        if error.is_some() {
            marker = if begun || written > 0 { marker } else { Vec::new() };
            return State::Failing { retry_at, lost, marker };
        }
        if lost > 0 {
            return State::Failing { retry_at: now, lost, marker };
        }
        info!(path = %self.path.display(), "a log file can be written again");
        State::Flowing
    }

    /// How much the file took, and why it did not take all.
    fn write(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        let error = loop {
            if written == bytes.len() {
                break None;
            }
            match self.output.write(&bytes[written..]) {
                Ok(0) => break Some(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        if written > 0 {
            self.ends_in_line_break = bytes[written - 1] == b'\n';
        }
        (written, error)
    }

    /// Its sources have to wait.
    pub(super) fn is_stalled(&self) -> bool {
        matches!(self.state, State::Stalled { .. })
    }

    /// Nothing of it is left to be written.
    pub(super) fn is_flowing(&self) -> bool {
        matches!(self.state, State::Flowing)
    }

    pub(super) fn retry_at(&self) -> Option<BootMs> {
        match self.state {
            State::Flowing => None,
            State::Stalled { retry_at, .. } | State::Failing { retry_at, .. } => Some(retry_at),
        }
    }

    /// Whether what a source has begun may be written before it is a whole line.
    pub(super) fn is_sole(&self) -> bool {
        self.sources == 1
    }

    pub(super) fn length(&self) -> u64 {
        self.output.length()
    }

    /// The file was emptied.
    pub(super) fn note_emptied(&mut self, now: BootMs) {
        self.open_line = None;
        self.ends_in_line_break = true;
        if let State::Stalled { retry_at, .. } | State::Failing { retry_at, .. } = &mut self.state {
            *retry_at = now;
        }
    }

    /// Takes over what another sink could not write.
    pub(super) fn inherit(&mut self, other: Self, now: BootMs) {
        match other.state {
            State::Flowing => {}
            State::Stalled { pending, .. } => self.put(&pending, now),
            State::Failing { lost, .. } => self.note_lost(lost, now),
        }
    }
}

impl State {
    fn into_pending(self) -> Vec<u8> {
        match self {
            Self::Stalled { pending, .. } => pending,
            Self::Flowing | Self::Failing { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};

    /// A disk with room for so many bytes.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn with_room(room: usize) -> Self {
            Self(Arc::new(Mutex::new((Vec::new(), room))))
        }

        fn add_room(&self, room: usize) {
            self.0.lock().unwrap().1 += room;
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
        }

        fn sink(&self) -> Sink {
            Sink::new(Box::new(self.clone()), "disk".into())
        }
    }

    impl Output for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let count = bytes.len().min(disk.1);
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            disk.0.extend_from_slice(&bytes[..count]);
            disk.1 -= count;
            Ok(count)
        }

        fn length(&self) -> u64 {
            self.0.lock().unwrap().0.len() as u64
        }
    }

    fn retry_until(sink: &mut Sink, end: BootMs) {
        while let Some(at) = sink.retry_at().filter(|&at| at <= end) {
            sink.retry(at);
        }
    }

    #[test]
    fn a_short_trouble_holds_back_and_loses_nothing() {
        let disk = Disk::with_room(4);
        let mut sink = disk.sink();
        sink.put(b"one\ntwo\n", 100);
        assert!(sink.is_stalled());
        retry_until(&mut sink, 900);
        assert!(sink.is_stalled());
        disk.add_room(99);
        retry_until(&mut sink, 1099);
        assert!(sink.is_flowing());
        assert_eq!(disk.text(), "one\ntwo\n");
    }

    #[test]
    fn a_slow_disk_is_not_a_broken_one() {
        let disk = Disk::with_room(0);
        let mut sink = disk.sink();
        sink.put(&[b'x'; 50], 0);
        for second in 1..=50 {
            disk.add_room(1);
            retry_until(&mut sink, second * 900);
            assert_eq!(sink.is_stalled(), second < 50, "{second}");
        }
        assert!(sink.is_flowing());
    }

    #[test]
    fn a_long_trouble_costs_output_that_is_counted_on_a_line_of_its_own() {
        let disk = Disk::with_room(5);
        let mut sink = disk.sink();
        sink.put(b"one\ntwo\n", 0);
        retry_until(&mut sink, 1200);
        assert!(!sink.is_stalled() && !sink.is_flowing());
        sink.put(b"three\n", 1300);
        disk.add_room(999);
        retry_until(&mut sink, 2500);
        sink.put(b"four\n", 2500);
        assert_eq!(disk.text(), "one\nt\n[rpm-native: 9 bytes of output could not be written here]\nfour\n");
    }

    #[test]
    fn what_a_removed_file_did_not_take_goes_into_its_successor() {
        let (full, fresh) = (Disk::with_room(0), Disk::with_room(999));
        let (mut old, mut new) = (full.sink(), fresh.sink());
        old.put(b"waiting\n", 0);
        new.inherit(old, 10);
        assert_eq!(fresh.text(), "waiting\n");
    }

    proptest! {
        /// Whatever room comes when: what is in the file and what its marks count is all that was put, in order.
        #[test]
        fn kept_and_counted_are_everything(
            steps in prop::collection::vec((0_usize..200, 0_usize..40, 0_u64..1500), 1..60),
        ) {
            let disk = Disk::with_room(20);
            let mut sink = disk.sink();
            let (mut now, mut put) = (0, String::new());
            for (room, length, time) in steps {
                now += time;
                disk.add_room(room);
                retry_until(&mut sink, now);
                let text: String = (0..length).map(|n| char::from(b'a' + ((put.len() + n) % 26) as u8)).collect();
                sink.put(text.as_bytes(), now);
                put += &text;
            }
            disk.add_room(10_000);
            retry_until(&mut sink, now + 9000);
            prop_assert!(sink.is_flowing());

            let file = disk.text();
            let mut at = 0;
            for part in file.split_inclusive('\n') {
                if let Some(marker) = part.strip_prefix("[rpm-native: ") {
                    at += marker.split(' ').next().unwrap().parse::<usize>().unwrap();
                } else {
                    let text = part.trim_end_matches('\n');
                    prop_assert_eq!(&put[at..at + text.len()], text);
                    at += text.len();
                }
            }
            prop_assert_eq!(at, put.len());
        }
    }
}
