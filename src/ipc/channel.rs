//! A channel's descriptor, read and written without blocking.

use super::codec::MARK;
use super::inbox::{Inbox, Look};
use super::outbox::{Frame, Outbox, Passenger};
use super::{Breach, Inbound};
use crate::sys;
use crate::sys::fault::{self, Point};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// What may wait for an app that doesn't read, in bytes. More is refused to whoever sends.
const LONGEST_QUEUE: usize = 16 * 1024 * 1024;
/// What is read before other tasks have their turn.
const TURN: Turn = Turn { reads: 16, messages: 2000 };
/// What is read of what the dead have left: more than fits into a socket. A child of theirs may go on writing.
const LAST_TURN: Turn = Turn { reads: 512, messages: usize::MAX };
/// Bytes of one read. A line that is longer leaves the socket in parts.
const READ: usize = 16 * 1024;

thread_local! {
    /// What is read into: one for all channels, as clearing it anew would cost as much as a third of a read.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Our end of an app's channel.
///
/// A message leaves the socket only after it was handled: whoever goes on after our death reads it again. Only a line
/// that is longer than a read, or comes with a descriptor, leaves it before.
#[derive(Debug)]
pub struct Channel {
    fd: AsyncFd<Arc<OwnedFd>>,
    outbox: RefCell<Outbox>,
    inbox: RefCell<Inbox>,
    waiting: Notify,
}

/// The app doesn't read what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

impl Channel {
    /// Takes over a non-blocking stream socket.
    pub fn new(fd: Arc<OwnedFd>) -> io::Result<Self> {
        Self::with(fd, Outbox::default(), Inbox::default())
    }

    /// The same with one that another has read and written: it may have stopped in the middle of a line.
    pub fn adopted(fd: Arc<OwnedFd>) -> io::Result<Self> {
        Self::with(fd, Outbox::behind_another(), Inbox::amid_a_line())
    }

    fn with(fd: Arc<OwnedFd>, outbox: Outbox, inbox: Inbox) -> io::Result<Self> {
        let fd = sys::ready::register(fd)?;
        Ok(Self { fd, outbox: RefCell::new(outbox), inbox: RefCell::new(inbox), waiting: Notify::new() })
    }

    /// Queues a line (with its break) and writes what can be written.
    pub fn send(&self, bytes: Vec<u8>) -> Result<(), QueueFull> {
        if self.outbox.borrow().len() + bytes.len() > LONGEST_QUEUE {
            return Err(QueueFull);
        }
        self.outbox.borrow_mut().push(Frame { bytes, descriptor: None });
        self.flush();
        Ok(())
    }

    /// The same for a message of Node's own, in the way of the Node that reads it.
    pub fn send_internal(&self, bytes: Vec<u8>) -> Result<(), QueueFull> {
        self.send(self.marked(bytes))
    }

    fn marked(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.marks() {
            bytes.insert(0, MARK);
        }
        bytes
    }

    /// Whether the app has marked an internal message, as Bun does, and expects a mark before ours.
    pub fn marks(&self) -> bool {
        self.inbox.borrow().marks()
    }

    /// It has, when another has read them.
    pub fn set_marks(&self, marks: bool) {
        self.inbox.borrow_mut().set_marks(marks);
    }

    /// The app has broken a rule: nothing more is read of it.
    pub fn fail(&self, breach: Breach) {
        self.inbox.borrow_mut().fail(breach);
    }

    /// Why the channel was ended, where the app has not done so itself.
    pub fn breach(&self) -> Option<Breach> {
        self.inbox.borrow().breach()
    }

    /// The same with a descriptor. The caller bounds how many are out, and says when one was taken.
    pub fn send_descriptor(&self, line: &[u8], descriptor: Rc<dyn Passenger>) {
        self.outbox.borrow_mut().push_with(if self.marks() { &[MARK] } else { &[] }, line, descriptor);
        self.flush();
    }

    /// The same for one that the app doesn't answer to: what waits is bounded here.
    pub fn share(&self, line: &[u8], descriptor: Rc<dyn Passenger>) -> Result<(), QueueFull> {
        if self.outbox.borrow().len() + line.len() > LONGEST_QUEUE {
            return Err(QueueFull);
        }
        self.send_descriptor(line, descriptor);
        Ok(())
    }

    /// The app has answered to a descriptor of ours. Its bare [`Inbound::HandleAck`] doesn't say to which: it may be
    /// one that another has sent on this channel.
    pub fn descriptor_taken(&self) {
        self.outbox.borrow_mut().acknowledged();
        self.flush();
    }

    /// Whether the app has read all that was written, by us or by another before us.
    pub fn is_read(&self) -> bool {
        self.outbox.borrow().is_empty() && sys::channel::unread_by_peer(self.fd.get_ref().as_fd()).is_ok_and(|n| n == 0)
    }

    /// Nothing is written any more.
    pub fn abandon(&self) {
        self.outbox.borrow_mut().clear();
    }

    /// Writes until nothing is left or the socket is full. A dead channel shows when it is read.
    fn flush(&self) {
        let mut outbox = self.outbox.borrow_mut();
        loop {
            if outbox.asks_for_unread() {
                // Where it can't be known, nobody reads.
                outbox.unread(sys::channel::unread_by_peer(self.fd.get_ref().as_fd()).unwrap_or(0));
                if outbox.asks_for_unread() {
                    self.waiting.notify_one();
                }
            }
            let Some((bytes, descriptor)) = outbox.next() else { return };
            match sys::channel::send(self.fd.get_ref().as_fd(), bytes, descriptor) {
                Ok(count) => outbox.wrote(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting.notify_one();
                    return;
                }
                // Too many descriptors in flight for this user, or the peer is gone: an acknowledgement or the end
                // of the channel brings us back here.
                Err(_) => return,
            }
        }
    }

    /// Writes what could not be written at once. Never returns; run it beside [`Self::receive`].
    pub async fn write_later(&self) {
        loop {
            self.waiting.notified().await;
            if let Ok(mut ready) = self.fd.writable().await {
                ready.clear_ready();
                drop(ready);
                self.flush();
            }
        }
    }

    /// Waits for messages and hands each to `each`, with the descriptor that came with a [`Inbound::Handle`].
    /// False once the channel has ended.
    pub async fn receive(&self, mut each: impl FnMut(Inbound, Option<OwnedFd>)) -> bool {
        let closed = match self.fd.readable().await {
            Ok(mut ready) => {
                let closed = ready.ready().is_read_closed();
                ready.clear_ready();
                closed
            }
            Err(_) => return false,
        };
        loop {
            match self.read(TURN, &mut each) {
                // The end is not read behind the beginning of a line, which stays where it is.
                Read::Emptied => return !closed,
                Read::Ended => return false,
                // An app that writes without end has no more than its turn.
                Read::More => tokio::task::yield_now().await,
            }
        }
    }

    /// The same for what is there already. False once the channel has ended.
    pub fn receive_now(&self, mut each: impl FnMut(Inbound, Option<OwnedFd>)) -> bool {
        !matches!(self.read(LAST_TURN, &mut each), Read::Ended)
    }

    fn read(&self, turn: Turn, each: &mut impl FnMut(Inbound, Option<OwnedFd>)) -> Read {
        let mut buffer = BUFFER.take();
        buffer.resize(READ, 0);
        let read = self.read_into(&mut buffer, turn, each);
        BUFFER.set(buffer);
        read
    }

    fn read_into(&self, buffer: &mut [u8], turn: Turn, each: &mut impl FnMut(Inbound, Option<OwnedFd>)) -> Read {
        let fd = self.fd.get_ref().as_fd();
        let mut handled = 0;
        for _ in 0..turn.reads {
            let look = self.inbox.borrow_mut().look(fd, buffer);
            let emptied = match look {
                Look::Lines { length, emptied } => {
                    for line in buffer[..length - 1].split(|byte| *byte == b'\n') {
                        let message = self.inbox.borrow_mut().decode(line);
                        if !self.inbox.borrow_mut().is_a_rest(&message) {
                            self.handle(message, each);
                        }
                        handled += 1;
                        if self.inbox.borrow().has_ended() {
                            break;
                        }
                    }
                    fault::point(Point::ChannelHandled);
                    if sys::channel::consume(fd, &mut buffer[..length]).is_err() {
                        self.inbox.borrow_mut().end();
                    }
                    emptied
                }
                Look::Taken { messages, emptied } => {
                    handled += messages.len();
                    for message in messages {
                        self.handle(message, each);
                    }
                    emptied
                }
                Look::Nothing => return Read::Emptied,
                Look::Ended => return Read::Ended,
            };
            if self.inbox.borrow().has_ended() {
                return Read::Ended;
            }
            if emptied {
                return Read::Emptied;
            }
            if handled > turn.messages {
                break;
            }
        }
        Read::More
    }

    fn handle(&self, message: Inbound, each: &mut impl FnMut(Inbound, Option<OwnedFd>)) {
        match message {
            Inbound::Handle => {
                let descriptor = self.inbox.borrow_mut().descriptor();
                // Until it is answered the app queues everything it sends, cluster messages included.
                let answer: &[u8] = match descriptor {
                    Some(_) => b"{\"cmd\":\"NODE_HANDLE_ACK\"}\n",
                    None => b"{\"cmd\":\"NODE_HANDLE_NACK\"}\n",
                };
                if self.send_internal(answer.to_vec()).is_err() {
                    self.fail(Breach::DoesNotRead);
                }
                if let Some(descriptor) = &descriptor {
                    // It is about to be closed, and nobody waits for what its owner has left in it.
                    sys::socket::never_linger(descriptor.as_fd());
                }
                each(Inbound::Handle, descriptor);
            }
            other => each(other, None),
        }
    }
}

/// How much is read at once.
#[derive(Debug, Clone, Copy)]
struct Turn {
    reads: u32,
    /// After so many no further read begins.
    messages: usize,
}

enum Read {
    /// Nothing more is there.
    Emptied,
    More,
    Ended,
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::os::fd::BorrowedFd;
    use std::time::Duration;

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let limited = async { tokio::time::timeout(Duration::from_secs(10), test).await.expect("nothing comes") };
        runtime.block_on(limited);
    }

    fn pair() -> (Arc<OwnedFd>, OwnedFd) {
        let (ours, app) = sys::channel::pair().unwrap();
        (Arc::new(ours), app)
    }

    fn write(app: &OwnedFd, text: &[u8]) {
        assert_eq!(sys::channel::send(app.as_fd(), text, None).unwrap(), text.len());
    }

    /// What is in the socket.
    fn unread(fd: &OwnedFd) -> Vec<u8> {
        let mut buffer = vec![0; 64 * 1024];
        let count = sys::channel::peek(fd.as_fd(), &mut buffer).map_or(0, |peeked| peeked.count);
        buffer.truncate(count);
        buffer
    }

    fn user(value: &Value) -> Inbound {
        decode(value.to_string().as_bytes())
    }

    #[test]
    fn a_message_is_in_the_socket_until_it_was_handled() {
        run(async {
            let (ours, app) = pair();
            let channel = Channel::new(Arc::clone(&ours)).unwrap();
            write(&app, b"1\n2\n{\"half\":");
            let mut seen = Vec::new();
            channel
                .receive(|message, _| {
                    assert_eq!(unread(&ours), b"1\n2\n{\"half\":");
                    seen.push(message);
                })
                .await;
            assert_eq!(seen, [user(&json!(1)), user(&json!(2))]);
            assert_eq!(unread(&ours), b"{\"half\":");
        });
    }

    #[test]
    fn half_a_line_wakes_nobody_twice() {
        run(async {
            let (ours, app) = pair();
            let channel = Channel::new(ours).unwrap();
            write(&app, b"\"hal");
            assert!(channel.receive(|message, _| panic!("{message:?}")).await);
            let mut seen = Vec::new();
            let again = tokio::time::timeout(Duration::from_millis(20), channel.receive(|_, _| ()));
            assert!(again.await.is_err(), "it is read again and again");
            write(&app, b"f\"\n");
            assert!(channel.receive(|message, _| seen.push(message)).await);
            assert_eq!(seen, [user(&json!("half"))]);
            write(&app, b"\"unfinished");
            drop(app);
            while channel.receive(|message, _| panic!("{message:?}")).await {}
        });
    }

    #[test]
    fn a_long_line_leaves_the_socket_and_those_behind_it_do_not() {
        run(async {
            let (ours, app) = pair();
            let channel = Channel::new(Arc::clone(&ours)).unwrap();
            let long = "x".repeat(40 * 1024);
            write(&app, format!("\"{long}\"\n7\n").as_bytes());
            let mut seen = Vec::new();
            while seen.len() < 2 {
                channel
                    .receive(|message, _| {
                        assert_eq!(unread(&ours), b"7\n");
                        seen.push(message);
                    })
                    .await;
            }
            assert_eq!(seen, [user(&json!(long)), user(&json!(7))]);
            assert!(unread(&ours).is_empty());
        });
    }

    #[test]
    fn descriptors_come_with_their_lines() {
        run(async {
            let (ours, app) = pair();
            let channel = Channel::new(ours).unwrap();
            for _ in 0..2 {
                write(&app, b"1\n");
                let line = b"{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\"}\n";
                sys::channel::send(app.as_fd(), line, Some(app.as_fd())).unwrap();
            }
            write(&app, b"2\n{\"cmd\":\"NODE_HANDLE\"}\n");
            let mut seen = Vec::new();
            while seen.len() < 6 {
                channel.receive(|message, fd| seen.push((message == Inbound::Handle, fd.is_some()))).await;
            }
            let (plain, handle) = ((false, false), (true, true));
            assert_eq!(seen, [plain, handle, plain, handle, plain, (true, false)]);
            let [ack, nack] = ["{\"cmd\":\"NODE_HANDLE_ACK\"}", "{\"cmd\":\"NODE_HANDLE_NACK\"}"];
            let answers = String::from_utf8(unread(&app)).unwrap();
            assert_eq!(answers.lines().map(str::trim_end).collect::<Vec<_>>(), [ack, ack, nack]);
        });
    }

    #[test]
    fn the_rest_of_a_line_is_skipped_once() {
        run(async {
            for (rest, wanted) in [("st of it\"}\n", vec![user(&json!(1))]), ("", vec![user(&json!(1))])] {
                let (ours, app) = pair();
                let channel = Channel::adopted(ours).unwrap();
                write(&app, format!("{rest}1\n").as_bytes());
                let mut seen = Vec::new();
                channel.receive(|message, _| seen.push(message)).await;
                assert_eq!(seen, wanted);
                write(&app, b"garbage\n");
                channel.receive(|message, _| seen.push(message)).await;
                assert_eq!(seen.last(), Some(&Inbound::Garbage));
            }
        });
    }

    #[derive(Debug)]
    struct Null(OwnedFd);

    impl AsFd for Null {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    impl Passenger for Null {
        fn sent(&self) {}
    }

    #[test]
    fn behind_much_that_is_unread_a_descriptor_waits() {
        run(async {
            let (ours, app) = pair();
            let text = vec![b'x'; 60 * 1024];
            assert_eq!(sys::channel::send(ours.as_fd(), &text, None).unwrap(), text.len());
            let channel = Channel::adopted(Arc::clone(&ours)).unwrap();
            let null = Null(std::fs::File::open("/dev/null").unwrap().into());
            let line = [b"line".as_slice(), &[b' '; 251], b"\n"].concat();
            channel.send_descriptor(&line, Rc::new(null));
            let arrived = async {
                let mut buffer = vec![0; 64 * 1024];
                assert_eq!(sys::channel::receive(app.as_fd(), &mut buffer, &mut Vec::new()).unwrap(), text.len());
                loop {
                    let mut fds = Vec::new();
                    match sys::channel::receive(app.as_fd(), &mut buffer, &mut fds) {
                        Ok(count) => return (buffer[..count].to_vec(), fds.len()),
                        Err(_) => tokio::task::yield_now().await,
                    }
                }
            };
            tokio::select! {
                () = channel.write_later() => unreachable!("it never returns"),
                seen = arrived => assert_eq!(seen, (line.clone(), 1)),
            }
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Whatever the writes, and whoever goes on at any turn: each line comes once and in order.
        #[test]
        fn lines_come_in_order(
            lines in prop::collection::vec(prop_oneof![0..40usize, 10_000..40_000usize], 1..12),
            cuts in prop::collection::vec(1..20_000usize, 1..30),
        ) {
            run(async move {
                let (ours, app) = pair();
                let bytes: Vec<u8> = lines.iter().flat_map(|n| format!("\"{}\"\n", "y".repeat(*n)).into_bytes()).collect();
                let channel = Channel::new(Arc::clone(&ours)).unwrap();
                let (mut seen, mut at) = (Vec::new(), 0);
                for cut in cuts.iter().cycle() {
                    if at == bytes.len() { break; }
                    let end = (at + cut).min(bytes.len());
                    write(&app, &bytes[at..end]);
                    at = end;
                    channel.receive(|message, _| seen.push(message)).await;
                }
                drop(app);
                while channel.receive(|message, _| seen.push(message)).await {}
                let wanted: Vec<Inbound> = lines.iter().map(|n| user(&json!("y".repeat(*n)))).collect();
                assert_eq!(seen, wanted);
            });
        }
    }
}
