//! What the log thread does when it is asked.

use super::copier::Copier;
use super::destination::{Destination, Dress};
use super::file;
use super::handle::{Command, Label, Starts, Wanted};
use super::pump::watch;
use super::sink::{Identity, Sink};
use super::source::{Source, SourceId, Target, Which};
use super::subscriber::Feed;
use crate::domain::SpawnId;
use crate::sys::pipe::set_nonblocking;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use tokio::sync::oneshot;
use tracing::warn;

impl Copier {
    /// After a wake: a command has come, a follower has gone, or the last handle.
    pub(super) fn obey(&mut self) {
        if self.followers.iter().any(|(_, feed)| feed.is_over()) {
            self.followers.retain(|(_, feed)| !feed.is_over());
            self.sources.values_mut().for_each(|source| choose_followers(source, &self.followers));
        }
        loop {
            match self.inbox.try_recv() {
                Ok(command) => self.execute(command),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.ending = true;
                    return self.end_sources(|_| true);
                }
            }
        }
    }

    /// Whoever asked may have given up waiting for the answer.
    fn execute(&mut self, command: Command) {
        match command {
            Command::Capture { label, pipe, to } => self.capture_in_turn(label, pipe, to),
            Command::Await { spawn, tap } => self.taps.push((spawn, tap)),
            Command::Finish { spawn, reply } => self.finish(spawn, reply),
            Command::Reopen { reply } => drop(reply.send(self.reopen())),
            Command::Flush { paths, reply } => drop(reply.send(self.flush(&paths))),
            Command::Subscribe { wanted, feed, paths, reply } => {
                let starts = self.subscribe(wanted, feed, paths);
                drop(reply.send(starts));
            }
        }
    }

    pub(super) fn capture(&mut self, label: Label, pipe: Arc<OwnedFd>, to: Destination) {
        if let Err(error) = set_nonblocking(pipe.as_fd()) {
            warn!(app = %label.name, id = %label.id, %error, "output cannot be read without waiting; it is lost");
            return;
        }
        self.last_source.0 += 1;
        let id = self.last_source;
        let target = self.target(&label, to.path.as_ref());
        let combined = to.combined.map(|path| Box::new((self.target(&label, Some(&path)), path)));
        let dress = to.form.map(|form| Box::new(Dress::new(form, label.id, label.stream)));
        let mut source = Source::new(label, pipe, to.path, target, self.now);
        (source.combined, source.dress) = (combined, dress);
        choose_followers(&mut source, &self.followers);
        source.tap = self.taps.iter().find(|(spawn, _)| *spawn == source.label.spawn).map(|(_, tap)| tap.clone());
        if self.stalled(&source).is_some() {
            source.paused = true;
        } else {
            watch(&self.epoll, id, &source);
        }
        self.sources.insert(id, Box::new(source));
    }

    fn target(&mut self, label: &Label, path: Option<&Arc<Path>>) -> Target {
        match path {
            None => Target::Nowhere,
            Some(path) if file::is_null(path) => Target::Followers,
            Some(path) => self.join(path).unwrap_or_else(|error| {
                warn!(app = %label.name, id = %label.id, %error, "output is lost until its log file can be opened and is reopened");
                Target::Broken { lost: 0 }
            }),
        }
    }

    /// The file of a source that takes nothing at the moment.
    pub(super) fn stalled(&self, source: &Source) -> Option<Identity> {
        source.files().find(|identity| self.sinks.get(identity).is_some_and(|sink| sink.is_stalled()))
    }

    /// Opens the file for one more source.
    fn join(&mut self, path: &Arc<Path>) -> io::Result<Target> {
        let (identity, file) = file::open(path)?;
        let sink = self.sinks.entry(identity).or_insert_with(|| Box::new(Sink::new(file, Arc::clone(path))));
        sink.sources += 1;
        Ok(Target::File(identity))
    }

    fn finish(&mut self, spawn: SpawnId, reply: oneshot::Sender<()>) {
        self.finishing.push((spawn, reply));
        self.taps.retain(|(run, tap)| *run != spawn && !tap.is_through());
        self.end_sources(|source| source.label.spawn == spawn);
    }

    /// What is in the pipes now is the last that is read of them.
    pub(super) fn end_sources(&mut self, which: impl Fn(&Source) -> bool) {
        let ids: Vec<SourceId> = self.sources.iter().filter(|(_, source)| which(source)).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(source) = self.sources.get_mut(&id) {
                source.end_here();
            }
            self.pump(id);
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        let mut ids: Vec<SourceId> = self.sources.keys().copied().collect();
        ids.sort_unstable();
        for (id, which) in ids.into_iter().flat_map(|id| [(id, Which::Own), (id, Which::Combined)]) {
            if let Err(error) = self.reopen_source(id, which)
                && outcome.is_ok()
            {
                outcome = Err(error);
            }
        }
        self.plan_retry();
        outcome
    }

    fn reopen_source(&mut self, id: SourceId, which: Which) -> io::Result<()> {
        let Some(source) = self.sources.get_mut(&id) else { return Ok(()) };
        let Some((path, target)) = source.place(which) else { return Ok(()) };
        let (path, before) = (Arc::clone(path), *target);
        let lost = match before {
            Target::Nowhere | Target::Followers => return Ok(()),
            Target::File(identity) if file::identity(&path) == Some(identity) => return Ok(()),
            Target::File(_) => 0,
            Target::Broken { lost } => lost,
        };
        let target = self.join(&path)?;
        if let Some((_, place)) = self.sources.get_mut(&id).and_then(|source| source.place(which)) {
            *place = target;
        }
        let Target::File(now_at) = target else { return Ok(()) };
        if let Target::File(was_at) = before {
            self.bequeath(was_at, now_at);
        }
        if let Some(sink) = self.sinks.get_mut(&now_at) {
            sink.note_lost(lost, self.now);
            sink.retry_marker(self.now);
        }
        self.follow_state(now_at);
        Ok(())
    }

    /// A source has moved to another file. The last one to go takes along what the old file did not take.
    fn bequeath(&mut self, from: Identity, to: Identity) {
        if let Some(old) = self.sinks.get_mut(&from) {
            old.sources -= 1;
            if old.sources == 0
                && let Some(old) = self.sinks.remove(&from)
                && let Some(new) = self.sinks.get_mut(&to)
            {
                new.inherit(&old, self.now);
            }
        }
    }

    /// Reads the source, or does not, as its new file demands.
    fn follow_state(&mut self, sink: Identity) {
        if self.sinks.get(&sink).is_some_and(|sink| sink.is_stalled()) {
            return self.pause(sink);
        }
        // The others too: what they waited for may have been given up just now.
        self.resume(sink);
    }

    fn flush(&mut self, paths: &[PathBuf]) -> io::Result<()> {
        let mut outcome = Ok(());
        for path in paths {
            match file::empty(path) {
                Ok(()) => {
                    if let Some(sink) = file::identity(path).and_then(|identity| self.sinks.get_mut(&identity)) {
                        sink.note_emptied(self.now);
                    }
                }
                Err(error) if outcome.is_ok() => outcome = Err(error),
                Err(_) => {}
            }
        }
        self.plan_retry();
        outcome
    }

    fn subscribe(&mut self, wanted: Wanted, feed: Feed, paths: Vec<PathBuf>) -> Starts {
        self.followers.push((wanted, Arc::new(feed)));
        for source in self.sources.values_mut() {
            choose_followers(source, &self.followers);
            // It may be due already: the sweep looks.
            if source.sweep_at().is_some() {
                self.sweep_at = Some(self.now);
            }
        }
        self.starts(paths)
    }

    /// Where the past of each file ends for the follower that came last.
    fn starts(&self, paths: Vec<PathBuf>) -> Starts {
        let Some((wanted, _)) = self.followers.last() else { return Starts::new() };
        let on_disk = |path: PathBuf| {
            let length = fs::metadata(&path).map_or(0, |file| file.len());
            (path, length)
        };
        let mut starts: Starts = paths.into_iter().map(on_disk).collect();
        for source in self.sources.values() {
            let (Target::File(identity), Some(path)) = (source.target, &source.path) else { continue };
            let Some(sink) = self.sinks.get(&identity) else { continue };
            let coming = sink.open_line.filter(|(owner, _)| self.sources.get(owner).is_some_and(|s| wanted(&s.label)));
            starts.insert(path.to_path_buf(), sink.length().saturating_sub(coming.map_or(0, |(_, length)| length)));
        }
        starts
    }
}

fn choose_followers(source: &mut Source, all: &[(Wanted, Arc<Feed>)]) {
    if source.target != Target::Nowhere {
        let chosen = all.iter().filter(|(wanted, _)| wanted(&source.label));
        source.followers = chosen.map(|(_, feed)| Arc::clone(feed)).collect();
    }
}
