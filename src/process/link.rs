//! The channel to a running app: reads what it says, hands cluster messages to the primary.

use super::voice::Voice;
use crate::cluster::{Group, Holder, Notice, Opened, Seat, WorkerId};
use crate::ipc::{AgentWord, Breach, Channel, Inbound};
use crate::probe::{self, Door};
use crate::slots::Standing;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
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
    /// So many connections are open in it, as it drains.
    Open(u32),
    /// What no app of good will says. Nothing more is heard of it.
    Broken(Breach),
    /// The channel has ended.
    Closed,
}

/// A worker of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) group: Group,
    pub(super) worker: WorkerId,
    pub(super) seat: Seat,
}

impl Door for Membership {
    fn open(&self, address: SocketAddr) -> Option<io::Result<probe::Opened>> {
        let opened = self.group.open_to(self.worker, address)?;
        Some(opened.map(|Opened { stream, taken }| probe::Opened { stream, taken }))
    }
}

#[derive(Debug)]
pub(super) struct Link {
    channel: Rc<Channel>,
    hearer: Hearer,
    said: mpsc::Receiver<Said>,
    tasks: [AbortHandle; 2],
}

/// What is done with a message, whoever reads it.
#[derive(Debug, Clone)]
struct Hearer {
    membership: Option<Membership>,
    standing: Standing,
    voice: Voice,
    said: mpsc::Sender<Said>,
}

impl Link {
    /// To an app that begins. What it says of itself is in `standing` before it leaves the channel.
    pub(super) fn open(
        fd: Arc<OwnedFd>,
        membership: Option<Membership>,
        holder: Holder,
        standing: Standing,
        voice: Voice,
    ) -> io::Result<Self> {
        let channel = Rc::new(Channel::new(fd)?);
        if let Some(Membership { group, worker, seat }) = &membership {
            group.add(*worker, (holder, *seat), Rc::clone(&channel), standing.clone());
        }
        Ok(Self::run(channel, membership, standing, voice))
    }

    /// To an app that another daemon has talked with: what it said to that one, by `standing`, it says again.
    pub(super) fn adopt(
        fd: Arc<OwnedFd>,
        membership: Option<Membership>,
        holder: Holder,
        standing: Standing,
        voice: Voice,
    ) -> io::Result<Self> {
        let channel = Rc::new(Channel::adopted(fd)?);
        channel.set_marks(standing.has_marks());
        if let Some(Membership { group, worker, seat }) = &membership {
            group.rejoin(*worker, (holder, *seat), Rc::clone(&channel), standing.clone());
        }
        let said = [
            (standing.is_online(), Said::Cluster(Notice::Online)),
            (standing.is_ready(), Said::Ready),
            (standing.is_listening(), Said::Cluster(Notice::Listening)),
        ];
        let link = Self::run(channel, membership, standing, voice);
        for (_, fact) in said.into_iter().filter(|(is_so, _)| *is_so) {
            let _ = link.hearer.said.try_send(fact);
        }
        Ok(link)
    }

    fn run(channel: Rc<Channel>, membership: Option<Membership>, standing: Standing, voice: Voice) -> Self {
        let (sender, said) = mpsc::channel(WAITING);
        let hearer = Hearer { membership, standing, voice, said: sender };
        let reader = tokio::task::spawn_local(read(Rc::clone(&channel), hearer.clone()));
        let writer = {
            let channel = Rc::clone(&channel);
            tokio::task::spawn_local(async move { channel.write_later().await })
        };
        let tasks = [reader.abort_handle(), writer.abort_handle()];
        Self { channel, hearer, said, tasks }
    }

    /// The next fact. Never ends: a closed channel says so once.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Said> {
        self.said.poll_recv(context).map(|said| said.unwrap_or(Said::Closed))
    }

    /// Sends the app a message. False when it doesn't read.
    pub(super) fn send(&self, message: &Value) -> bool {
        self.channel.send(format!("{message}\n").into_bytes()).is_ok()
    }

    pub(super) fn channel(&self) -> &Rc<Channel> {
        &self.channel
    }

    /// Whose channel it is: servers may be asked for that are open in the process already.
    pub(super) fn identify(&self, process: Arc<OwnedFd>) {
        if let Some(Membership { group, worker, .. }) = self.membership() {
            group.identify(*worker, process);
        }
    }

    pub(super) fn membership(&self) -> Option<&Membership> {
        self.hearer.membership.as_ref()
    }

    /// Whether it gets connections only where no other worker is ready.
    pub(super) fn hold_back(&self, on: bool) {
        if let Some(Membership { group, worker, .. }) = self.membership() {
            group.hold_back(*worker, on);
        }
    }

    /// The process is gone: what it still said is handled, then its connections go to others.
    pub(super) fn finish(self) {
        let open = self.channel.receive_now(|message, _| self.hearer.hear(&self.channel, message));
        let _ = open;
        self.hearer.gone();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn read(channel: Rc<Channel>, hearer: Hearer) {
    while channel.receive(|message, _| hearer.hear(&channel, message)).await {}
    if let Some(breach) = channel.breach() {
        // It lives: what it has goes to others when it doesn't any more.
        hearer.retire();
        let _ = hearer.said.send(Said::Broken(breach)).await;
        return std::future::pending().await;
    }
    hearer.gone();
    let _ = hearer.said.send(Said::Closed).await;
}

impl Hearer {
    /// Whatever must outlive us is written when this returns: the message leaves the channel next. It may come twice.
    fn hear(&self, channel: &Channel, message: Inbound) {
        if channel.marks() && !self.standing.has_marks() {
            self.standing.set_marks();
        }
        let notice = match &message {
            Inbound::Cluster(message) => {
                self.membership.as_ref().and_then(|member| member.group.handle(member.worker, message))
            }
            Inbound::Answer { seq, accepted } => {
                self.membership.as_ref().and_then(|member| member.group.answered(member.worker, *seq, *accepted))
            }
            Inbound::Taken(seqs) => self.membership.as_ref().and_then(|member| member.group.taken(member.worker, seqs)),
            Inbound::Handle | Inbound::Agent(_) | Inbound::OtherInternal | Inbound::Garbage => self.unasked(),
            Inbound::TooLong => Some(Notice::Broken(Breach::MessageTooLong)),
            // The pairing of descriptors and messages is lost, so nothing sent to this worker can be trusted.
            Inbound::HandleNack => self.membership.as_ref().map(|_| Notice::Broken(Breach::OutOfStep)),
            Inbound::User(_) | Inbound::HandleAck => None,
        };
        if let Some(Notice::Broken(breach)) = notice {
            return channel.fail(breach);
        }
        let fact = match message {
            Inbound::User(message) if self.voice.hear(&message) => {
                self.standing.set_ready();
                Some(Said::Ready)
            }
            Inbound::Cluster(_) => {
                if notice == Some(Notice::Online) {
                    self.standing.set_online();
                }
                notice.map(Said::Cluster)
            }
            Inbound::Agent(AgentWord::Here) => {
                self.standing.set_agent();
                None
            }
            Inbound::Agent(AgentWord::Open(open)) => Some(Said::Open(open)),
            Inbound::Garbage => {
                tracing::debug!("an app wrote a line that is no JSON to its channel");
                None
            }
            Inbound::User(_)
            | Inbound::Answer { .. }
            | Inbound::Taken(_)
            | Inbound::Handle
            | Inbound::HandleAck
            | Inbound::HandleNack
            | Inbound::OtherInternal
            | Inbound::TooLong => None,
        };
        if let Some(fact) = fact {
            let _ = self.said.try_send(fact);
        }
    }

    /// A worker has said something that answers to nothing.
    fn unasked(&self) -> Option<Notice> {
        self.membership.as_ref().and_then(|Membership { group, worker, .. }| group.unasked(*worker))
    }

    /// Nothing more goes to it.
    fn retire(&self) {
        if let Some(Membership { group, worker, .. }) = &self.membership {
            group.retire(*worker);
        }
    }

    /// The channel has ended.
    fn gone(&self) {
        if let Some(Membership { group, worker, .. }) = &self.membership {
            group.gone(*worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::InFlight;
    use crate::sys::keep::LocalKeep;
    use crate::sys::{channel, socket};
    use std::future::poll_fn;
    use std::os::fd::AsFd;
    use tokio::task::LocalSet;

    fn membership() -> Membership {
        let group = Group::new("app", Rc::new(LocalKeep::default()), InFlight::unkept(), 0);
        Membership { group, worker: WorkerId(1), seat: Seat(0) }
    }

    async fn next(link: &mut Link) -> Said {
        poll_fn(|context| link.poll_next(context)).await
    }

    /// Lives until it is killed: no destructor runs.
    fn daemon(life: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, life);
        std::mem::forget((tasks, runtime));
    }

    fn write(app: &OwnedFd, text: &[u8]) {
        let mut rest = text;
        while !rest.is_empty() {
            match channel::send(app.as_fd(), rest, None) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                // It is not read any more.
                Err(_) => return,
            }
        }
    }

    /// What is done first, what is written then, and what it is called.
    type Attack<'a> = (&'a dyn Fn(&OwnedFd), Vec<u8>, Breach);

    #[test]
    fn whoever_breaks_a_rule_is_told_why() {
        let nothing = |_: &OwnedFd| {};
        let stray = |app: &OwnedFd| {
            for _ in 0..20 {
                while channel::send(app.as_fd(), b"1\n", Some(app.as_fd())).is_err() {
                    std::thread::yield_now();
                }
            }
        };
        let long = |length: usize| [&b"\""[..], &vec![b'x'; length], b"\"\n"].concat();
        let message = format!("{{\"cmd\":\"NODE_CLUSTER\",\"key\":\"{}\"}}\n", "x".repeat(70_000));
        let handles = "{\"cmd\":\"NODE_HANDLE\"}\n".repeat(20_000);
        let attacks: [Attack<'_>; 6] = [
            (&nothing, long(65 << 20), Breach::LineTooLong),
            (&nothing, message.into_bytes(), Breach::MessageTooLong),
            (&stray, Vec::new(), Breach::StrayDescriptors),
            (&nothing, b"{\"cmd\":\"NODE_HANDLE_NACK\"}\n".to_vec(), Breach::OutOfStep),
            (&nothing, b"garbage\n".repeat(20_000), Breach::Flood),
            (&nothing, handles.into_bytes(), Breach::Flood),
        ];
        for (first, text, breach) in attacks {
            let (ours, app) = channel::pair().unwrap();
            let ours = Arc::new(ours);
            daemon(async {
                let standing = Standing::unkept();
                let mut link =
                    Link::open(Arc::clone(&ours), Some(membership()), Holder(1), standing, Voice::alone()).unwrap();
                first(&app);
                let writer = std::thread::spawn(move || write(&app, &text));
                assert_eq!(next(&mut link).await, Said::Broken(breach));
                // It lives, and is not heard any more.
                socket::stop_listening(ours.as_fd());
                writer.join().unwrap();
            });
        }
    }

    #[test]
    fn whoever_marks_its_messages_gets_marked_ones_from_each_daemon() {
        let (ours, app) = channel::pair().unwrap();
        let (ours, standing) = (Arc::new(ours), Standing::unkept());
        let heard = |count: usize| {
            let mut buffer = vec![0; 4096];
            let length = channel::receive(app.as_fd(), &mut buffer, &mut Vec::new()).unwrap();
            let lines: Vec<_> = buffer[..length].split_inclusive(|byte| *byte == b'\n').collect();
            assert_eq!(lines.len(), count);
            lines.iter().map(|line| line[0]).collect::<Vec<_>>()
        };
        daemon(async {
            let mut link =
                Link::open(Arc::clone(&ours), Some(membership()), Holder(1), standing.clone(), Voice::alone()).unwrap();
            write(&app, b"\x02{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\"}\n");
            assert_eq!(next(&mut link).await, Said::Cluster(Notice::Online));
            // It listens without having asked.
            write(&app, b"\x02{\"cmd\":\"NODE_CLUSTER\",\"act\":\"listening\",\"port\":80}\n");
            assert_eq!(next(&mut link).await, Said::Cluster(Notice::Listening));
            write(&app, b"\x02{\"cmd\":\"NODE_CLUSTER\",\"act\":\"exitedAfterDisconnect\",\"seq\":3}\n");
            assert_eq!(next(&mut link).await, Said::Cluster(Notice::Leaving));
            link.send(&Value::from("hello"));
            assert_eq!(heard(2), [2, b'"'], "the app's own messages have no mark");
            std::mem::forget(link);
        });
        daemon(async {
            let member = membership();
            let link = Link::adopt(ours, Some(member.clone()), Holder(1), standing, Voice::alone()).unwrap();
            member.group.disconnect(member.worker);
            assert_eq!(heard(1), [2]);
            std::mem::forget(link);
        });
    }

    #[test]
    fn what_an_app_has_said_it_says_to_the_next_daemon_too() {
        let (ours, app) = channel::pair().unwrap();
        let (ours, standing) = (Arc::new(ours), Standing::unkept());
        let facts = [Said::Cluster(Notice::Online), Said::Ready, Said::Cluster(Notice::Listening)];
        daemon(async {
            let mut link =
                Link::open(Arc::clone(&ours), Some(membership()), Holder(1), standing.clone(), Voice::alone()).unwrap();
            let lines = "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\"}\n\"ready\"\n\
                         {\"cmd\":\"NODE_CLUSTER\",\"act\":\"listening\"}\n";
            channel::send(app.as_fd(), lines.as_bytes(), None).unwrap();
            for fact in &facts {
                assert_eq!(next(&mut link).await, *fact);
            }
            assert!(standing.is_online() && standing.is_ready() && standing.is_listening());
            std::mem::forget(link);
        });
        daemon(async {
            let mut link = Link::adopt(ours, Some(membership()), Holder(1), standing, Voice::alone()).unwrap();
            for fact in &facts {
                assert_eq!(next(&mut link).await, *fact);
            }
            drop(app);
            assert_eq!(next(&mut link).await, Said::Closed);
        });
    }
}
