//! The thread: sleeps until something changes, is asked for, or gets quiet.

use super::handle::{Notice, Order};
use super::tree::{MOST, Tree};
use crate::clock;
use crate::sys::epoll::{Epoll, Ready, Waker};
use crate::sys::inotify::{Event, WatchId, Watches, What};
use crate::sys::thread::block_signals;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

const WAKER: u64 = 0;
const CHANGES: u64 = 1;

pub(super) struct Thread {
    inbox: Receiver<Order>,
    waker: Arc<Waker>,
    notices: UnboundedSender<Notice>,
    epoll: Epoll,
    watches: Watches,
    apps: BTreeMap<String, Tree>,
}

impl Thread {
    pub(super) fn new(inbox: Receiver<Order>, waker: Arc<Waker>, notices: UnboundedSender<Notice>) -> io::Result<Self> {
        let epoll = Epoll::new(2)?;
        let watches = Watches::new()?;
        epoll.add(waker.as_fd(), WAKER)?;
        epoll.add(watches.as_fd(), CHANGES)?;
        Ok(Self { inbox, waker, notices, epoll, watches, apps: BTreeMap::new() })
    }

    pub(super) fn run(mut self) {
        if let Err(error) = block_signals() {
            tracing::warn!("signals may interrupt the watching of files: {error}");
        }
        if let Err(error) = self.watch() {
            tracing::error!("files are not watched any more: {error}");
            for app in self.apps.keys() {
                let problem = Some(format!("its files are not watched any more: {error}"));
                let _ = self.notices.send(Notice::Watching { app: app.clone(), directories: 0, problem });
            }
        }
    }

    /// Until nobody can ask for anything any more.
    fn watch(&mut self) -> io::Result<()> {
        let mut ready: Vec<Ready> = Vec::new();
        loop {
            loop {
                match self.inbox.try_recv() {
                    Ok(order) => self.obey(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            let now = clock::boot_ms();
            let next = self.apps.values().filter_map(Tree::deadline).min();
            let timeout = next.map(|next| Duration::from_millis(next.saturating_sub(now)));
            self.epoll.wait(timeout, &mut ready)?;
            if ready.iter().any(|ready| ready.token == WAKER) {
                self.waker.clear();
            }
            loop {
                let events = self.watches.read()?;
                if events.is_empty() {
                    break;
                }
                for event in &events {
                    self.event(event);
                }
            }
            self.settle();
            self.tell();
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Watch(app, wanted) => {
                let tree = Tree::new(*wanted, MOST, &self.watches, clock::boot_ms());
                self.tell_state(&app, &tree);
                let before = self.apps.insert(app, tree);
                self.release(before.iter().flat_map(|tree| tree.directories.ids()).collect());
            }
            Order::Forget(app) => {
                let before = self.apps.remove(&app);
                self.release(before.iter().flat_map(|tree| tree.directories.ids()).collect());
            }
        }
    }

    fn event(&mut self, event: &Event) {
        let now = clock::boot_ms();
        for tree in self.apps.values_mut() {
            if event.what == What::Overflow {
                tree.overflowed(now);
            } else {
                tree.event(event, &self.watches, now);
            }
        }
    }

    /// What the events have left to do, and what of it has become of the watches.
    fn settle(&mut self) {
        let mut dropped = Vec::new();
        let mut changed = Vec::new();
        for (app, tree) in &mut self.apps {
            let before = tree.problem.clone();
            tree.settle(&self.watches);
            dropped.append(&mut tree.directories.take_dropped());
            if tree.problem != before {
                changed.push(app.clone());
            }
        }
        self.release(dropped);
        for app in changed {
            if let Some(tree) = self.apps.get(&app) {
                self.tell_state(&app, tree);
            }
        }
    }

    /// Removes watches that no app needs any more.
    fn release(&self, ids: Vec<WatchId>) {
        for id in ids {
            if !self.apps.values().any(|tree| tree.directories.uses(id)) {
                self.watches.remove(id);
            }
        }
    }

    fn tell(&mut self) {
        let now = clock::boot_ms();
        for (app, tree) in &mut self.apps {
            if tree.deadline().is_some_and(|deadline| deadline <= now)
                && let Some((file, count)) = tree.pending.take(|path| fs::symlink_metadata(path).is_ok())
            {
                let _ = self.notices.send(Notice::Changed { app: app.clone(), file, count });
            }
        }
    }

    fn tell_state(&self, app: &str, tree: &Tree) {
        let (directories, problem) = (tree.directories.len(), tree.problem.clone());
        let _ = self.notices.send(Notice::Watching { app: app.to_owned(), directories, problem });
    }
}
