//! What an app says over `sd_notify`: when it is ready, when it leaves, how it is.

use crate::slots::Standing;
use crate::sys::keep::{Keep, LONGEST_TAG};
use crate::sys::notify::{self, LONGEST};
use crate::sys::ready;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// Messages that are read before somebody else has a turn.
const MOST_AT_ONCE: usize = 64;
/// The longest status text, in bytes.
const LONGEST_STATUS: usize = 512;

/// The socket of a run.
#[derive(Debug)]
pub(super) struct Notify {
    socket: AsyncFd<Arc<OwnedFd>>,
    /// The run's first process: its session may speak.
    pid: i32,
    standing: Standing,
    keep: Rc<dyn Keep>,
    name: String,
    status: String,
    /// The one that the next daemon finds.
    kept: String,
}

/// What it has said by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// Its last `STATUS=`; empty where there was none.
    pub(super) status: String,
}

/// One message, as far as it concerns us.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    ready: bool,
    stopping: bool,
    status: Option<String>,
}

impl Notify {
    /// `name` is the one under which the socket is kept, `status` what it has said before.
    pub(super) fn listen(
        socket: Arc<OwnedFd>,
        pid: i32,
        standing: Standing,
        keep: Rc<dyn Keep>,
        name: String,
        status: &[u8],
    ) -> io::Result<Self> {
        let status = String::from_utf8_lossy(status).into_owned();
        let kept = status.clone();
        Ok(Self { socket: ready::register(socket)?, pid, standing, keep, name, status, kept })
    }

    /// Its last `STATUS=`.
    pub(super) fn status(&self) -> String {
        self.status.clone()
    }

    /// Waits for messages. Safe to cancel: what they say is noted before they leave the socket.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            let Ok(mut ready) = self.socket.readable().await else { return std::future::pending().await };
            let mut heard = 0;
            while heard < MOST_AT_ONCE {
                match hear(&self.socket, self.pid, &self.standing, &mut self.status) {
                    Ok(()) => heard += 1,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        ready.clear_ready();
                        break;
                    }
                    Err(error) => {
                        tracing::warn!("what {} says cannot be read: {error}", self.name);
                        ready.clear_ready();
                        break;
                    }
                }
            }
            drop(ready);
            if heard > 0 {
                if self.status != self.kept {
                    self.keep_status();
                }
                return Heard { status: self.status.clone() };
            }
        }
    }

    /// With the socket, so that the next daemon knows it too.
    fn keep_status(&mut self) {
        self.kept.clone_from(&self.status);
        let tag = self.status.as_bytes();
        if let Err(error) = self.keep.put(&self.name, &tag[..tag.len().min(LONGEST_TAG)], self.socket.get_ref()) {
            tracing::debug!("the status of {} is not kept: {error}", self.name);
        }
    }
}

/// One message: looked at, noted, taken.
fn hear(socket: &AsyncFd<Arc<OwnedFd>>, pid: i32, standing: &Standing, status: &mut String) -> io::Result<()> {
    let mut buffer = [0; LONGEST];
    let datagram = notify::peek(socket.get_ref().as_fd(), &mut buffer)?;
    if notify::is_in_session(datagram.sender, pid) {
        let message = parse(&buffer[..datagram.length.min(LONGEST)]);
        if message.ready {
            standing.set_notified();
        }
        if message.stopping {
            standing.set_leaving();
        }
        if let Some(text) = message.status {
            *status = text;
        }
    } else {
        tracing::debug!("process {} has no business on the notify socket of {pid}", datagram.sender);
    }
    notify::drop_next(socket.get_ref().as_fd())
}

/// Lines of `NAME=value`. What is no text is skipped, as is what others need (`WATCHDOG`, `MAINPID`, …).
fn parse(bytes: &[u8]) -> Message {
    let mut message = Message::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = str::from_utf8(line) else { continue };
        match line.split_once('=') {
            Some(("READY", "1")) => message.ready = true,
            Some(("STOPPING", "1")) => message.stopping = true,
            Some(("STATUS", text)) => {
                message.status = Some(text[..text.floor_char_boundary(LONGEST_STATUS)].to_owned());
            }
            _ => {}
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_lines_of_which_most_concern_others() {
        let text = b"READY=1\nSTATUS=all is well\nMAINPID=4\n\xff=1\nRELOADING=1\nREADY\n";
        let expected = Message { ready: true, stopping: false, status: Some("all is well".into()) };
        assert_eq!(parse(text), expected);
        assert_eq!(parse(b"STOPPING=1"), Message { stopping: true, ..Message::default() });
        assert_eq!(parse(b"READY=0"), Message::default());
        let long = format!("STATUS={}", "ä".repeat(LONGEST_STATUS));
        assert_eq!(parse(long.as_bytes()).status.unwrap().len(), LONGEST_STATUS);
    }
}
