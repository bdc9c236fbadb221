//! The channel to a running app: reads what it says, hands cluster messages to the primary.

use crate::cluster::{Group, Holder, Notice, WorkerId};
use crate::ipc::{Channel, Inbound};
use serde_json::Value;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Facts that wait for the process's task. All of them may be said twice, so a flood may lose some.
const WAITING: usize = 64;

/// What the app says that concerns its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// `process.send('ready')`.
    Ready,
    Cluster(Notice),
    /// The channel has ended.
    Closed,
}

/// A worker of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) group: Group,
    pub(super) worker: WorkerId,
}

#[derive(Debug)]
pub(super) struct Link {
    channel: Rc<Channel>,
    membership: Option<Membership>,
    said: mpsc::Receiver<Said>,
    sender: mpsc::Sender<Said>,
    tasks: [AbortHandle; 2],
}

impl Link {
    pub(super) fn open(fd: Arc<OwnedFd>, membership: Option<Membership>, holder: Holder) -> io::Result<Self> {
        let channel = Rc::new(Channel::new(fd)?);
        if let Some(Membership { group, worker }) = &membership {
            group.add(*worker, holder, Rc::clone(&channel));
        }
        let (sender, said) = mpsc::channel(WAITING);
        let reader = tokio::task::spawn_local(read(Rc::clone(&channel), membership.clone(), sender.clone()));
        let writer = {
            let channel = Rc::clone(&channel);
            tokio::task::spawn_local(async move { channel.write_later().await })
        };
        let tasks = [reader.abort_handle(), writer.abort_handle()];
        Ok(Self { channel, membership, said, sender, tasks })
    }

    /// The next fact. Never ends: a closed channel says so once.
    pub(super) async fn next(&mut self) -> Said {
        self.said.recv().await.unwrap_or(Said::Closed)
    }

    /// Sends the app a message. False when it doesn't read.
    pub(super) fn send(&self, message: &Value) -> bool {
        self.channel.send(format!("{message}\n").into_bytes()).is_ok()
    }

    pub(super) fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// The process is gone: what it still said is handled, then its connections go to others.
    pub(super) fn finish(self) {
        let open = self.channel.receive_now(|message, _| handle(message, self.membership.as_ref(), &self.sender));
        let _ = open;
        if let Some(Membership { group, worker }) = &self.membership {
            group.gone(*worker);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn read(channel: Rc<Channel>, membership: Option<Membership>, said: mpsc::Sender<Said>) {
    while channel.receive(|message, _| handle(message, membership.as_ref(), &said)).await {}
    if let Some(Membership { group, worker }) = &membership {
        group.gone(*worker);
    }
    let _ = said.send(Said::Closed).await;
}

fn handle(message: Inbound, membership: Option<&Membership>, said: &mpsc::Sender<Said>) {
    let fact = match message {
        Inbound::User(Value::String(text)) if text == "ready" => Some(Said::Ready),
        Inbound::Cluster(message) => {
            membership.and_then(|Membership { group, worker }| group.handle(*worker, &message)).map(Said::Cluster)
        }
        // The pairing of descriptors and messages is lost, so nothing sent to this worker can be trusted.
        Inbound::HandleNack if membership.is_some() => Some(Said::Cluster(Notice::Broken)),
        Inbound::Garbage => {
            tracing::debug!("an app wrote a line that is no JSON to its channel");
            None
        }
        // Messages of the app to others are the bus's, which has no readers yet.
        Inbound::User(_) | Inbound::Handle | Inbound::HandleAck | Inbound::HandleNack | Inbound::OtherInternal => None,
    };
    if let Some(fact) = fact {
        let _ = said.try_send(fact);
    }
}
