//! The handle to the thread, and what the two say to each other.

use super::thread::Thread;
use crate::domain::UnixMs;
use crate::sys::epoll::Waker;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// What is watched for an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Files and directories, absolute.
    pub roots: Vec<PathBuf>,
    /// What patterns are seen from.
    pub base: PathBuf,
    /// The app's own patterns.
    pub ignore: Vec<String>,
    /// Files that never count, such as its logs.
    pub never: Vec<PathBuf>,
    /// How long nothing may change before it is told.
    pub quiet: Duration,
    /// Files that have changed after this count as changes.
    pub since: Option<UnixMs>,
}

/// What the thread tells. Its reader acts once for all that has come, so that there are never many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something has changed, and it is quiet again: the first of the files, and how many there are.
    Changed { app: String, file: PathBuf, count: usize },
    /// All of it is watched, or why not.
    Watching { app: String, directories: usize, problem: Option<String> },
}

pub(super) enum Order {
    Watch(String, Box<Wanted>),
    Forget(String),
}

/// The thread. It ends when the handle is dropped.
pub struct Watcher {
    orders: Option<Sender<Order>>,
    waker: Arc<Waker>,
}

impl Watcher {
    /// Notices are not bounded: the thread tells of each app at most once in its quiet time.
    pub fn start(notices: UnboundedSender<Notice>) -> io::Result<Self> {
        let waker = Arc::new(Waker::new()?);
        let (orders, inbox) = mpsc::channel();
        let thread = Thread::new(inbox, Arc::clone(&waker), notices)?;
        std::thread::Builder::new().name("rpm-watch".into()).spawn(move || thread.run())?;
        Ok(Self { orders: Some(orders), waker })
    }

    /// From now on, in place of what was watched for the app before.
    pub fn watch(&self, app: &str, wanted: Wanted) {
        self.order(Order::Watch(app.to_owned(), Box::new(wanted)));
    }

    pub fn forget(&self, app: &str) {
        self.order(Order::Forget(app.to_owned()));
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
            self.waker.wake();
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.orders = None;
        self.waker.wake();
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}
