//! Finishing what a log thread was doing when it was killed.

use super::commit::Committer;
use super::copier::CHUNK;
use super::destination::{Destination, Dress};
use super::ledger::{Ledger, Place, Step};
use super::peek::Peek;
use super::sink::Identity;
use super::staging::Staging;
use crate::domain::{OutputStream, ProcessId, SpawnId, UnixMs};
use crate::sys::pipe;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use tracing::warn;

/// What was found to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Bytes that were cut off their file: they are still in the app's pipe and will be written again.
    pub redone: u64,
    /// Bytes that were taken out of the app's pipe, as they are in their file.
    pub consumed: u64,
}

/// To be called before [`super::Logs::start`] where staging pipe and journal are those of a thread that was killed.
/// `stream` finds the pipe that bytes were being copied from and where they went; without the pipe the files stay as
/// they are. It may be cut off and called again.
pub fn recover(
    staging: &Staging,
    stream: impl FnOnce(ProcessId, SpawnId, OutputStream) -> Option<(Arc<OwnedFd>, Destination)>,
) -> Recovered {
    let mut recovered = Recovered::default();
    let step = staging.ledger.step();
    let place = staging.ledger.place();
    let from = if step == Step::Idle { None } else { stream(place.process, place.spawn, place.stream) };
    let done = Committer::new(staging.clone()).and_then(|mut committer| {
        if let Some((pipe, to)) = from {
            let work = Work::new(place, &pipe, to, &staging.ledger);
            work.finish(step, &mut committer, &mut recovered)?;
        }
        staging.ledger.set_step(Step::Idle);
        committer.drain()
    });
    if let Err(error) = done {
        warn!(id = %place.process, %error, "a few bytes of output may be twice in its log file, or not at all");
        staging.ledger.set_step(Step::Idle);
    }
    recovered
}

struct Work<'a> {
    place: Place,
    pipe: &'a OwnedFd,
    /// The files, and where they ended before.
    files: Vec<(Arc<Path>, Identity, u64)>,
    /// What the bytes become, and at which time.
    dress: Option<(Dress, UnixMs)>,
}

impl<'a> Work<'a> {
    fn new(place: Place, pipe: &'a OwnedFd, to: Destination, ledger: &Ledger) -> Self {
        let mut files: Vec<_> = to.path.map(|path| (path, place.file, place.length)).into_iter().collect();
        let is_composed = to.combined.is_some() || to.form.is_some();
        let composed = is_composed.then(|| ledger.composed());
        if let (Some(path), Some((file, length))) = (to.combined, composed.and_then(|composed| composed.second)) {
            files.push((path, file, length));
        }
        let dress = to.form.map(|form| Dress::new(form, place.process, place.stream));
        Self { place, pipe, files, dress: dress.zip(composed.map(|composed| composed.at)) }
    }

    fn finish(&self, step: Step, committer: &mut Committer, recovered: &mut Recovered) -> io::Result<()> {
        // Without the pipe that counted, what is in file and pipe has to tell.
        let counted = self.place.staging == committer.number();
        let left = match step {
            Step::Writing { bytes } => {
                recovered.redone = self.cut_all(bytes)?;
                0
            }
            Step::Written { bytes, base } if counted => bytes.saturating_sub(committer.held().saturating_sub(base)),
            Step::Rest { bytes } if counted => {
                committer.make_room(bytes)?;
                bytes
            }
            Step::Written { bytes, .. } | Step::Rest { bytes } if self.is_twice(bytes)? => {
                committer.count_anew(bytes)?;
                bytes
            }
            Step::Idle | Step::Written { .. } | Step::Rest { .. } => 0,
        };
        let before = pipe::unread(self.pipe.as_fd())?;
        committer.move_out(self.pipe.as_fd(), left)?;
        recovered.consumed = left.min(before) as u64;
        Ok(())
    }

    fn cut_all(&self, bytes: usize) -> io::Result<u64> {
        let text = self.text(bytes)?;
        let mut cut = 0;
        for (file, start) in self.files() {
            cut += cut_off(&file, start, &text)?;
        }
        Ok(cut)
    }

    /// Whether what was written is still in the app's pipe.
    fn is_twice(&self, bytes: usize) -> io::Result<bool> {
        let text = self.text(bytes)?;
        for (file, start) in self.files() {
            let is_whole = file.metadata()?.len() >= start + text.len() as u64;
            if is_whole && is_at(&file, start, &text)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the first bytes in the app's pipe become in a file. Nothing where they are not all there, if that is
    /// something else than they are.
    fn text(&self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut waiting = vec![0; bytes.min(CHUNK)];
        let seen = match Peek::new()?.look(self.pipe.as_fd(), &mut waiting) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            seen => seen?,
        };
        waiting.truncate(seen);
        let Some((dress, at)) = &self.dress else { return Ok(waiting) };
        let mut text = Vec::new();
        if seen == bytes {
            dress.put_on(&waiting, *at, &mut text);
        }
        Ok(text)
    }

    /// The files that were written to, as far as the paths still lead to them and they have a past.
    fn files(&self) -> impl Iterator<Item = (File, u64)> {
        self.files.iter().filter_map(|(path, was, start)| {
            let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
            let of = file.metadata().ok()?;
            let same = Identity { device: of.dev(), inode: of.ino() } == *was;
            (of.is_file() && same).then_some((file, *start))
        })
    }
}

/// Takes off the file what was written of a text. Only what will be written again is taken: the file may have been
/// emptied and written by others meanwhile.
fn cut_off(file: &File, start: u64, text: &[u8]) -> io::Result<u64> {
    let behind = file.metadata()?.len().saturating_sub(start);
    if behind == 0 || behind > text.len() as u64 || !is_at(file, start, &text[..behind as usize])? {
        return Ok(0);
    }
    file.set_len(start)?;
    Ok(behind)
}

/// Whether the text stands there in the file.
fn is_at(file: &File, start: u64, text: &[u8]) -> io::Result<bool> {
    let mut written = vec![0; text.len()];
    file.read_exact_at(&mut written, start)?;
    Ok(!text.is_empty() && written == text)
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Composed;
    use super::*;
    use crate::domain::log_line::{LineForm, LogType};
    use crate::slots::Journal;
    use crate::sys::pipe::{lasting, number, output_pipe, splice, unread};
    use std::fs;
    use std::io::Write;
    use tempfile::TempDir;

    /// What a killed log thread may leave behind.
    struct Left {
        dir: TempDir,
        staging: Staging,
        pipe: Arc<OwnedFd>,
        app: File,
    }

    impl Left {
        /// A file with some text in it, and bytes in the pipe of an app.
        fn new(file: &str, waiting: &str) -> Self {
            let dir = TempDir::new().unwrap();
            fs::write(dir.path().join("out.log"), file).unwrap();
            let (ours, app) = output_pipe(1 << 16).unwrap();
            let app = File::from(app);
            (&app).write_all(waiting.as_bytes()).unwrap();
            Self { dir, staging: Staging::new(Journal::unkept()).unwrap(), pipe: ours.into(), app }
        }

        fn path(&self) -> std::path::PathBuf {
            self.dir.path().join("out.log")
        }

        /// The journal says that bytes were on their way to behind the first `length` bytes of the file.
        fn at(self, step: Step, length: u64) -> Self {
            let of = fs::metadata(self.path()).unwrap();
            self.staging.ledger.set_place(&Place {
                process: ProcessId(4),
                spawn: SpawnId(44),
                stream: OutputStream::Err,
                file: Identity { device: of.dev(), inode: of.ino() },
                length,
                staging: number(self.staging.pipe.as_fd()).unwrap(),
            });
            self.staging.ledger.set_step(step);
            self
        }

        fn moved(self, bytes: usize) -> Self {
            assert_eq!(splice(self.pipe.as_fd(), self.staging.pipe.as_fd(), bytes).unwrap(), bytes);
            self
        }

        /// What was done; what the file holds then, and what is still in the app's pipe.
        fn recover(&self) -> (Recovered, String, String) {
            let recovered = recover(&self.staging, |id, spawn, stream| {
                assert_eq!((id, spawn, stream), (ProcessId(4), SpawnId(44), OutputStream::Err));
                Some((Arc::clone(&self.pipe), Some(self.path()).into()))
            });
            assert_eq!(self.staging.ledger.step(), Step::Idle);
            assert_eq!(unread(self.staging.pipe.as_fd()).unwrap(), 0);
            let mut waiting = [0; 99];
            let seen = Peek::new().unwrap().look(self.pipe.as_fd(), &mut waiting).unwrap_or(0);
            (
                recovered,
                fs::read_to_string(self.path()).unwrap(),
                String::from_utf8_lossy(&waiting[..seen]).into_owned(),
            )
        }
    }

    const NOTHING: Recovered = Recovered { redone: 0, consumed: 0 };

    #[track_caller]
    fn expect(left: &Left, recovered: Recovered, file: &str, waiting: &str) {
        assert_eq!(left.recover(), (recovered, file.into(), waiting.into()));
        // It may have been cut off at its very end.
        assert_eq!(left.recover(), (NOTHING, file.into(), waiting.into()));
    }

    #[test]
    fn idle_asks_for_no_stream_and_forgets_what_was_staged() {
        let left = Left::new("old\n", "abcnew\n").moved(3);
        assert_eq!(recover(&left.staging, |_, _, _| unreachable!()), NOTHING);
        expect(&left, NOTHING, "old\n", "new\n");
    }

    #[test]
    fn half_written_bytes_are_taken_off_the_file() {
        for (file, redone) in [("old\n", 0), ("old\nne", 2), ("old\nnew\n", 4)] {
            let left = Left::new(file, "new\nnext").at(Step::Writing { bytes: 4 }, 4);
            expect(&left, Recovered { redone, consumed: 0 }, "old\n", "new\nnext");
        }
    }

    #[test]
    fn a_file_is_never_cut_where_it_holds_something_else() {
        let other = [
            ("emptied by others, and shorter", "x\n"),
            ("emptied, and written by others to the same length", "other\n"),
            ("written by others too", "old\nnew\nother\n"),
        ];
        for (why, file) in other {
            let left = Left::new(file, "new\n").at(Step::Writing { bytes: 4 }, 4);
            let (recovered, now, waiting) = left.recover();
            assert_eq!((recovered, now.as_str(), waiting.as_str()), (NOTHING, file, "new\n"), "{why}");
        }
    }

    #[test]
    fn a_file_that_is_another_now_is_left_alone() {
        let left = Left::new("old\nne", "new\n").at(Step::Writing { bytes: 4 }, 4);
        fs::rename(left.path(), left.dir.path().join("out.log.1")).unwrap();
        fs::write(left.path(), "fresh\nne").unwrap();
        expect(&left, NOTHING, "fresh\nne", "new\n");
    }

    #[test]
    fn without_the_pipe_what_is_in_the_file_stays() {
        let left = Left::new("old\nne", "").at(Step::Writing { bytes: 4 }, 4);
        assert_eq!(recover(&left.staging, |_, _, _| None), NOTHING);
        expect(&left, NOTHING, "old\nne", "");
    }

    #[test]
    fn written_bytes_leave_the_pipe_however_many_have_left_it() {
        for moved in 0..=4 {
            // "abc" is of a chunk before.
            let left = Left::new("old\nnew\n", "abcnew\nnext").moved(3);
            let left = left.at(Step::Written { bytes: 4, base: 3 }, 4).moved(moved);
            let consumed = 4 - moved as u64;
            expect(&left, Recovered { redone: 0, consumed }, "old\nnew\n", "next");
        }
    }

    #[test]
    fn the_rest_of_written_bytes_leaves_the_pipe_whatever_is_staged() {
        let left = Left::new("old\nnew\n", "new\nnext").moved(1).at(Step::Rest { bytes: 3 }, 4);
        expect(&left, Recovered { redone: 0, consumed: 3 }, "old\nnew\n", "next");
    }

    #[test]
    fn a_full_staging_pipe_is_no_obstacle() {
        let left = Left::new("old\nnew\n", "new\nnext");
        let staging = Staging::inherited(Arc::new(lasting(4096).unwrap()), Journal::unkept());
        File::from(staging.pipe.try_clone().unwrap()).write_all(&[b'x'; 4096]).unwrap();
        let left = Left { staging, ..left }.at(Step::Written { bytes: 4, base: 4096 }, 4);
        expect(&left, Recovered { redone: 0, consumed: 4 }, "old\nnew\n", "next");
    }

    #[test]
    fn where_the_staging_pipe_is_lost_the_bytes_themselves_tell() {
        for (waiting, consumed) in [("new\nnext", 4), ("next", 0), ("", 0)] {
            let mut left = Left::new("old\nnew\n", waiting).at(Step::Written { bytes: 4, base: 3 }, 4);
            left.staging.pipe = Arc::new(lasting(4096).unwrap());
            let rest = waiting.strip_prefix("new\n").unwrap_or(waiting);
            expect(&left, Recovered { redone: 0, consumed }, "old\nnew\n", rest);
        }
    }

    #[test]
    fn what_lines_have_become_is_known_again_in_both_files() {
        let form =
            LineForm { log_type: LogType::Raw, date_format: Some("[at] x".into()), time_zone: None, app: "app".into() };
        for (own, second, redone, expected) in [
            ("old\nat 77: ne", "all\n", 9, ["old\n", "all\n"]),
            ("old\nat 77: new\n", "all\nat 77: n", 19, ["old\n", "all\n"]),
            ("old\nat 77: new\n", "all\nat 77: new\n", 22, ["old\n", "all\n"]),
            ("old\nat 78: new\n", "all\nat 7", 4, ["old\nat 78: new\n", "all\n"]),
            ("old\nat 77: new\nmore\n", "x", 0, ["old\nat 77: new\nmore\n", "x"]),
        ] {
            let left = Left::new(own, "new\nnext").at(Step::Writing { bytes: 4 }, 4);
            let all = left.dir.path().join("all.log");
            fs::write(&all, second).unwrap();
            let of = fs::metadata(&all).unwrap();
            let file = Identity { device: of.dev(), inode: of.ino() };
            left.staging.ledger.set_composed(&Composed { at: 77, second: Some((file, 4)) });
            let to = Destination {
                path: Some(left.path().into()),
                combined: Some(Arc::from(&*all)),
                form: Some(form.clone()),
            };
            for redone in [redone, 0] {
                let recovered = recover(&left.staging, |_, _, _| Some((Arc::clone(&left.pipe), to.clone())));
                assert_eq!(recovered, Recovered { redone, consumed: 0 }, "{own:?} {second:?}");
                assert_eq!([left.path(), all.clone()].map(|file| fs::read_to_string(file).unwrap()), expected);
                assert_eq!(unread(left.pipe.as_fd()).unwrap(), 8);
            }
        }
    }

    #[test]
    fn a_named_pipe_is_never_cut() {
        let left = Left::new("", "new\n");
        fs::remove_file(left.path()).unwrap();
        nix::unistd::mkfifo(&left.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let left = left.at(Step::Writing { bytes: 4 }, 0);
        let open = |_, _, _| Some((Arc::clone(&left.pipe), Some(left.path()).into()));
        assert_eq!(recover(&left.staging, open), NOTHING);
        assert_eq!(unread(left.pipe.as_fd()).unwrap(), 4);
        drop(left.app);
    }
}
