//! The one writer of a file, and what it does when the file takes nothing.

use super::cut::{HALVES, point};
use super::source::{Cut, SourceId};
use crate::domain::BootMs;
use crate::sys::fault::Point;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::path::Path;
use std::sync::Arc;
use tracing::{info, warn};

/// How long a file may refuse before output is dropped; afterwards also how often it is tried again.
pub(super) const PATIENCE_MS: u64 = 1000;

const LONGEST_PAUSE_MS: u64 = 64;

/// What makes two paths the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// What a sink writes to.
pub(super) trait Output: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn length(&self) -> u64;
    /// Takes off what is behind the first `length` bytes; `false` where that cannot be.
    fn cut(&mut self, length: u64) -> bool;
}

impl Output for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn length(&self) -> u64 {
        self.metadata().map_or(0, |file| file.len())
    }

    fn cut(&mut self, length: u64) -> bool {
        self.metadata().is_ok_and(|file| file.is_file()) && self.set_len(length).is_ok()
    }
}

pub(super) struct Sink<O = File> {
    output: O,
    /// The first path that led here, to name it by.
    path: Arc<Path>,
    state: State,
    /// How many sources write it.
    pub(super) sources: usize,
    /// Whose unfinished line the file ends with, and how long that is.
    pub(super) open_line: Option<(SourceId, u64)>,
    ends_in_line_break: bool,
    /// So many bytes of what comes next from a source are in it already.
    ahead: Option<(SourceId, usize)>,
}

/// What came of writing a text.
pub(super) struct Attempt {
    /// So many bytes of it are in the file.
    pub(super) end: usize,
    /// So many of them are there since just now.
    written: usize,
    /// How long the file is then, if nobody else writes it.
    length: u64,
    /// Whether it ended in a line break before.
    ended_line: bool,
    error: Option<io::Error>,
}

enum State {
    Flowing,
    /// It takes nothing at the moment: its sources wait, and `first` is the one whose bytes it did not take.
    Stalled {
        first: SourceId,
        since: BootMs,
        pause: u64,
        retry_at: BootMs,
    },
    /// It has taken nothing for too long: output is dropped. `marker` is what is left of the line that says so.
    Failing {
        retry_at: BootMs,
        lost: u64,
        marker: Vec<u8>,
    },
}

impl<O: Output> Sink<O> {
    pub(super) fn new(output: O, path: Arc<Path>) -> Self {
        Self { output, path, state: State::Flowing, sources: 0, open_line: None, ends_in_line_break: true, ahead: None }
    }

    /// Writes the bytes, or as many as the file takes. If that is not all of them the sink is stalled, or, when it
    /// has been for too long, drops from now on.
    pub(super) fn append(&mut self, from: SourceId, bytes: &[u8], now: BootMs) -> usize {
        let (written, error) = self.write_in_halves(bytes);
        self.settle(from, written, error, now);
        written
    }

    /// What becomes of it after a write of which so many bytes count.
    fn settle(&mut self, from: SourceId, written: usize, error: Option<io::Error>, now: BootMs) {
        let Some(error) = error else {
            self.state = State::Flowing;
            return;
        };
        let (since, pause) = match self.state {
            State::Stalled { since, pause, .. } if written == 0 => (since, (pause * 2).min(LONGEST_PAUSE_MS)),
            _ => (now, 1),
        };
        self.state = if now.saturating_sub(since) >= PATIENCE_MS {
            warn!(path = %self.path.display(), %error, "a log file cannot be written; output is dropped until it can");
            (self.open_line, self.ahead) = (None, None);
            State::Failing { retry_at: now + PATIENCE_MS, lost: 0, marker: Vec::new() }
        } else {
            State::Stalled { first: from, since, pause, retry_at: now + pause }
        };
    }

    /// Writes what is not in the file yet of a text that other files are to get as far as this one does. It is to be
    /// settled what comes of it: [`Self::keep`].
    pub(super) fn attempt(&mut self, from: SourceId, text: &[u8]) -> Attempt {
        let ahead = self.ahead.filter(|(owner, _)| *owner == from).map_or(0, |(_, bytes)| bytes.min(text.len()));
        let (length, ended_line) = (self.length(), self.ends_in_line_break);
        let (written, error) = self.write_in_halves(&text[ahead..]);
        Attempt { end: ahead + written, written, length: length + written as u64, ended_line, error }
    }

    /// Only the first `kept` bytes of what was attempted are to be in the file. What cannot be taken off will not be
    /// written again. Whether there is such a rest.
    pub(super) fn keep(&mut self, from: SourceId, text: &[u8], kept: usize, attempt: Attempt, now: BootMs) -> bool {
        let Attempt { end, written, length, ended_line, error } = attempt;
        let over = end.saturating_sub(kept);
        // Never more than was written now: the file may have been written by others since it was ahead.
        let is_ours = over <= written && self.length() == length;
        let taken_off = over == 0 || (is_ours && self.output.cut(length.saturating_sub(over as u64)));
        self.ahead = (!taken_off).then_some((from, over));
        if taken_off && over > 0 {
            self.ends_in_line_break = kept.checked_sub(1).map_or(ended_line, |last| text[last] == b'\n');
        }
        self.settle(from, kept, error, now);
        !taken_off
    }

    fn write_in_halves(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let half = if HALVES { bytes.len() / 2 } else { 0 };
        let (written, error) = self.write(&bytes[..half]);
        if error.is_some() {
            return (written, error);
        }
        if HALVES {
            point(Point::LogHalfWritten);
        }
        let (rest, error) = self.write(&bytes[half..]);
        (written + rest, error)
    }

    /// Output is missing here: a line in the file will say so.
    pub(super) fn note_lost(&mut self, bytes: u64, now: BootMs) {
        match &mut self.state {
            _ if bytes == 0 => {}
            State::Failing { lost, .. } => *lost += bytes,
            State::Flowing | State::Stalled { .. } => {
                (self.open_line, self.ahead) = (None, None);
                self.state = State::Failing { retry_at: now, lost: bytes, marker: Vec::new() };
            }
        }
    }

    /// What a source has begun, or finished, by bytes that are in the file. `closed`: others may write behind it.
    pub(super) fn note_line(&mut self, from: SourceId, cut: &Cut<'_>, closed: bool) {
        let before = match self.open_line {
            Some((owner, before)) if owner == from && cut.lines.is_empty() => before,
            _ => 0,
        };
        let length = before + cut.rest.len() as u64;
        let open = length > 0 && !closed && !cut.spills && !self.is_failing();
        self.open_line = open.then_some((from, length));
    }

    pub(super) fn owner_of_open_line(&self) -> Option<SourceId> {
        self.open_line.map(|(owner, _)| owner)
    }

    /// Whose bytes are to be tried again now.
    pub(super) fn first_to_retry(&self, now: BootMs) -> Option<SourceId> {
        match self.state {
            State::Stalled { first, retry_at, .. } if retry_at <= now => Some(first),
            _ => None,
        }
    }

    /// Nobody has anything for it any more that it did not take.
    pub(super) fn go_on(&mut self) {
        if self.is_stalled() {
            self.state = State::Flowing;
        }
    }

    /// Tries to say what is missing, if it is time.
    pub(super) fn retry_marker(&mut self, now: BootMs) {
        if let State::Failing { retry_at, lost, marker } = &mut self.state
            && *retry_at <= now
        {
            let (lost, marker) = (*lost, mem::take(marker));
            self.state = self.mark(lost, marker, now);
        }
    }

    fn mark(&mut self, lost: u64, mut marker: Vec<u8>, now: BootMs) -> State {
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

    /// Whose bytes it did not take.
    pub(super) fn stalled_by(&self) -> Option<SourceId> {
        if let State::Stalled { first, .. } = self.state { Some(first) } else { None }
    }

    /// Its sources have to wait.
    pub(super) fn is_stalled(&self) -> bool {
        matches!(self.state, State::Stalled { .. })
    }

    /// What comes for it is dropped.
    pub(super) fn is_failing(&self) -> bool {
        matches!(self.state, State::Failing { .. })
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
        (self.open_line, self.ahead) = (None, None);
        self.ends_in_line_break = true;
        if let State::Stalled { retry_at, .. } | State::Failing { retry_at, .. } = &mut self.state {
            *retry_at = now;
        }
    }

    /// Takes over what another sink could not say.
    pub(super) fn inherit(&mut self, other: &Self, now: BootMs) {
        if let State::Failing { lost, .. } = other.state {
            self.note_lost(lost, now);
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

        fn sink(&self) -> Sink<Self> {
            Sink::new(self.clone(), Path::new("disk").into())
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

        fn cut(&mut self, length: u64) -> bool {
            let mut disk = self.0.lock().unwrap();
            disk.1 += disk.0.len() - length as usize;
            disk.0.truncate(length as usize);
            true
        }
    }

    /// A source with bytes in its pipe, as far as a sink knows of it.
    struct App(Vec<u8>);

    impl App {
        /// Writes what it has, or drops it, until `end`.
        fn run(&mut self, sink: &mut Sink<Disk>, mut now: BootMs, end: BootMs) {
            loop {
                sink.retry_marker(now);
                if sink.is_failing() {
                    sink.note_lost(mem::take(&mut self.0).len() as u64, now);
                } else if !self.0.is_empty() && (!sink.is_stalled() || sink.first_to_retry(now).is_some()) {
                    let written = sink.append(SourceId(1), &self.0, now);
                    self.0.drain(..written);
                    continue;
                }
                match sink.retry_at().filter(|&at| at <= end) {
                    Some(at) => now = at.max(now),
                    None => return,
                }
            }
        }
    }

    #[test]
    fn a_short_trouble_holds_back_and_loses_nothing() {
        let disk = Disk::with_room(4);
        let mut sink = disk.sink();
        let mut app = App(b"one\ntwo\n".to_vec());
        app.run(&mut sink, 100, 900);
        assert!(sink.is_stalled());
        assert_eq!(app.0, b"two\n");
        disk.add_room(99);
        app.run(&mut sink, 900, 1099);
        assert!(sink.is_flowing());
        assert_eq!(disk.text(), "one\ntwo\n");
    }

    #[test]
    fn a_slow_disk_is_not_a_broken_one() {
        let disk = Disk::with_room(0);
        let mut sink = disk.sink();
        let mut app = App(vec![b'x'; 50]);
        app.run(&mut sink, 0, 0);
        for second in 1..=50 {
            disk.add_room(1);
            app.run(&mut sink, (second - 1) * 900, second * 900);
            assert_eq!(sink.is_stalled(), second < 50, "{second}");
        }
        assert!(sink.is_flowing());
    }

    #[test]
    fn a_long_trouble_costs_output_that_is_counted_on_a_line_of_its_own() {
        let disk = Disk::with_room(5);
        let mut sink = disk.sink();
        App(b"one\ntwo\n".to_vec()).run(&mut sink, 0, 1200);
        assert!(sink.is_failing());
        App(b"three\n".to_vec()).run(&mut sink, 1300, 1300);
        disk.add_room(999);
        App(b"four\n".to_vec()).run(&mut sink, 2500, 2500);
        assert_eq!(disk.text(), "one\nt\n[rpm-native: 9 bytes of output could not be written here]\nfour\n");
    }

    #[test]
    fn what_a_removed_file_could_not_say_its_successor_says() {
        let (full, fresh) = (Disk::with_room(0), Disk::with_room(999));
        let (mut old, mut new) = (full.sink(), fresh.sink());
        App(b"waiting\n".to_vec()).run(&mut old, 0, 1500);
        new.inherit(&old, 1500);
        new.retry_marker(1500);
        assert_eq!(fresh.text(), "[rpm-native: 8 bytes of output could not be written here]\n");
    }

    #[test]
    fn a_torn_line_is_taken_off_and_comes_again() {
        let disk = Disk::with_room(10);
        let mut sink = disk.sink();
        let text = b"12: one\n12: two\n";
        let attempt = sink.attempt(SourceId(1), text);
        assert_eq!((attempt.end, disk.text().as_str()), (10, "12: one\n12"));
        assert!(!sink.keep(SourceId(1), text, 8, attempt, 0));
        assert_eq!((disk.text().as_str(), sink.is_stalled(), sink.ends_in_line_break), ("12: one\n", true, true));
        // No line fits any more: it is as if nothing had been taken.
        for now in [500, 1500] {
            let attempt = sink.attempt(SourceId(1), &text[8..]);
            assert_eq!(attempt.end, 2);
            sink.keep(SourceId(1), &text[8..], 0, attempt, now);
            assert_eq!((disk.text().as_str(), sink.is_failing()), ("12: one\n", now == 1500));
        }
    }

    proptest! {
        /// Whatever room comes when: what is in the file and what its marks count is all that was put, in order.
        #[test]
        fn kept_and_counted_are_everything(
            steps in prop::collection::vec((0_usize..200, 0_usize..40, 0_u64..1500), 1..60),
        ) {
            let disk = Disk::with_room(20);
            let mut sink = disk.sink();
            let (mut now, mut put, mut app) = (0, String::new(), App(Vec::new()));
            for (room, length, time) in steps {
                disk.add_room(room);
                app.run(&mut sink, now, now + time);
                now += time;
                let text: String = (0..length).map(|n| char::from(b'a' + ((put.len() + n) % 26) as u8)).collect();
                app.0.extend_from_slice(text.as_bytes());
                app.run(&mut sink, now, now);
                put += &text;
            }
            disk.add_room(10_000);
            app.run(&mut sink, now, now + 9000);
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
