//! Sockets that are bound for apps, and inherited by their processes, from descriptor 3 on (`LISTEN_FDS`): they outlive
//! each run, so that nobody who connects between two runs is refused.
//!
//! They are kept by address as long as a process that asks for it runs or will run.

use super::launch::LaunchError;
use crate::cluster::{Holder, fresh_name};
use crate::domain::AppSpec;
use crate::domain::spec::Listen;
use crate::sys::fault::{self, Point};
use crate::sys::keep::{Keep, Kept};
use crate::sys::socket;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// The variable that tells a process that what it inherits is meant for it.
pub(super) const LISTEN_PID: &str = "LISTEN_PID";
/// As many connections wait as the system lets.
const BACKLOG: i32 = 4096;

/// All of them.
#[derive(Debug, Default)]
pub struct Sockets {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Vec<Socket>,
    /// Who needs which, by app.
    holders: BTreeMap<Holder, (String, Vec<Listen>)>,
}

#[derive(Debug)]
struct Socket {
    tag: Tag,
    /// Under which it is kept.
    name: String,
    fd: Arc<OwnedFd>,
}

/// Whose it is, as it is written beside what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tag {
    app: String,
    listen: Listen,
}

impl Sockets {
    /// What the names of all that are kept begin with.
    pub const PREFIX: &'static str = "socket/";

    /// What a run inherits, in the order of its settings. What isn't open yet is bound.
    pub(super) fn open(
        &self,
        spec: &AppSpec,
        holder: Holder,
        keep: &dyn Keep,
    ) -> Result<Vec<Arc<OwnedFd>>, LaunchError> {
        self.hold(spec, holder);
        let opened = spec.listen.iter().map(|listen| self.one(&spec.name, listen, keep)).collect();
        // Of a run before it that asked for others.
        self.prune(keep);
        opened
    }

    /// The process runs or will run: what its settings name stays open.
    pub(super) fn hold(&self, spec: &AppSpec, holder: Holder) {
        let mut state = self.state.borrow_mut();
        if spec.listen.is_empty() {
            state.holders.remove(&holder);
        } else {
            state.holders.insert(holder, (spec.name.clone(), spec.listen.clone()));
        }
    }

    /// It doesn't any more.
    pub(super) fn release(&self, holder: Holder, keep: &dyn Keep) {
        if self.state.borrow_mut().holders.remove(&holder).is_some() {
            self.prune(keep);
        }
    }

    /// Those that a daemon before this one has opened.
    pub fn restore(&self, kept: Vec<Kept>, keep: &dyn Keep) {
        for Kept { name, tag, fd } in kept {
            match serde_json::from_slice(&tag) {
                Ok(tag) => self.state.borrow_mut().open.push(Socket { tag, name, fd }),
                Err(_) => keep.forget(&name),
            }
        }
    }

    /// Closes what nobody needs.
    pub fn prune(&self, keep: &dyn Keep) {
        let mut state = self.state.borrow_mut();
        let State { open, holders } = &mut *state;
        let needed = |tag: &Tag| holders.values().any(|(app, all)| *app == tag.app && all.contains(&tag.listen));
        for socket in open.extract_if(.., |socket| !needed(&socket.tag)) {
            keep.forget(&socket.name);
            socket.close();
        }
    }

    /// What an app listens on, for people.
    pub fn listens(&self, app: &str) -> Vec<String> {
        self.state.borrow().open.iter().filter(|socket| socket.tag.app == app).map(Socket::describe).collect()
    }

    fn one(&self, app: &str, listen: &Listen, keep: &dyn Keep) -> Result<Arc<OwnedFd>, LaunchError> {
        let tag = Tag { app: app.to_owned(), listen: listen.clone() };
        if let Some(socket) = self.state.borrow().open.iter().find(|socket| socket.tag == tag) {
            return Ok(Arc::clone(&socket.fd));
        }
        let failed = |error: io::Error| LaunchError {
            message: format!("it cannot listen: {}", refusal(listen, &error)),
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        };
        let fd = Arc::new(bind(listen).map_err(failed)?);
        let socket = Socket { tag, name: fresh_name(Sockets::PREFIX).map_err(failed)?, fd: Arc::clone(&fd) };
        fault::point(Point::ListenBound);
        let text = serde_json::to_vec(&socket.tag).map_err(|error| failed(error.into()))?;
        if let Err(error) = keep.put(&socket.name, &text, &fd) {
            socket.close();
            return Err(failed(error));
        }
        self.state.borrow_mut().open.push(socket);
        fault::point(Point::ListenKept);
        Ok(fd)
    }
}

impl Socket {
    /// Ends it, whoever else has a copy.
    fn close(&self) {
        if let Listen::Unix(path) = &self.tag.listen {
            let _ = fs::remove_file(path);
        }
        socket::stop_listening(self.fd.as_fd());
    }

    fn describe(&self) -> String {
        match (&self.tag.listen, socket::local_address(self.fd.as_fd())) {
            (_, Ok(Some(address))) => address.to_string(),
            (listen, _) => in_words(listen),
        }
    }
}

/// The names of descriptors, as `LISTEN_FDNAMES` has them: the port, or the file's name.
pub(super) fn names(listen: &[Listen]) -> String {
    let name = |listen: &Listen| match listen {
        Listen::Port(port) => port.to_string(),
        Listen::Tcp(address) => address.port().to_string(),
        Listen::Unix(path) => {
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            file.replace(|char: char| char == ':' || char.is_control(), "_")
        }
    };
    listen.iter().map(name).collect::<Vec<_>>().join(":")
}

fn in_words(listen: &Listen) -> String {
    match listen {
        Listen::Port(port) => format!("[::]:{port}"),
        Listen::Tcp(address) => address.to_string(),
        Listen::Unix(path) => path.display().to_string(),
    }
}

/// As programs say it, so that who has the address is found.
fn refusal(listen: &Listen, error: &io::Error) -> String {
    match listen {
        Listen::Unix(_) if error.raw_os_error() == Some(libc::EADDRINUSE) => {
            format!("EADDRINUSE: address already in use {}", in_words(listen))
        }
        _ => format!("{}: {error}", in_words(listen)),
    }
}

fn bind(listen: &Listen) -> io::Result<OwnedFd> {
    let bound = match listen {
        Listen::Port(port) => any(*port),
        Listen::Tcp(address) => socket::listen_tcp(*address, false, BACKLOG),
        Listen::Unix(path) => socket::listen_unix_anew(path, BACKLOG),
    }?;
    // As systemd gives it: whoever wants it otherwise says so, and not everybody expects the other.
    socket::set_blocking(bound.as_fd())?;
    Ok(bound)
}

fn any(port: u16) -> io::Result<OwnedFd> {
    let v6 = socket::listen_tcp(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), false, BACKLOG);
    match v6.as_ref().map_err(io::Error::raw_os_error) {
        Err(Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL | libc::EINVAL)) => {
            socket::listen_tcp(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port), false, BACKLOG)
        }
        _ => v6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Interpreter, Program};
    use crate::sys::keep::LocalKeep;
    use std::net::TcpStream;

    fn app(name: &str, listen: Vec<Listen>) -> AppSpec {
        let program = Program { path: "/a".into(), interpreter: Interpreter::None, interpreter_args: Vec::new() };
        AppSpec { listen, ..AppSpec::new(name, program) }
    }

    fn port_of(socket: &OwnedFd) -> u16 {
        socket::local_address(socket.as_fd()).unwrap().unwrap().port()
    }

    #[test]
    fn it_stays_as_long_as_somebody_needs_it() {
        let (sockets, keep) = (Sockets::default(), LocalKeep::default());
        let spec = app("a", vec![Listen::Port(0)]);
        let first = sockets.open(&spec, Holder(1), &keep).unwrap();
        let again = sockets.open(&spec, Holder(2), &keep).unwrap();
        assert_eq!(port_of(&first[0]), port_of(&again[0]));
        sockets.release(Holder(1), &keep);
        TcpStream::connect(("127.0.0.1", port_of(&first[0]))).unwrap();
        assert_eq!(sockets.listens("a"), [format!("[::]:{}", port_of(&first[0]))]);
        assert_eq!(keep.names().len(), 1);
        sockets.release(Holder(2), &keep);
        TcpStream::connect(("127.0.0.1", port_of(&first[0]))).unwrap_err();
        assert!(keep.names().is_empty() && sockets.listens("a").is_empty());
    }

    #[test]
    fn other_settings_close_what_they_do_not_name() {
        let (sockets, keep) = (Sockets::default(), LocalKeep::default());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a:b.sock");
        let both = vec![Listen::Port(0), Listen::Unix(path.clone())];
        assert_eq!(names(&both), "0:a_b.sock");
        sockets.open(&app("a", both.clone()), Holder(1), &keep).unwrap();
        assert!(socket::answers(&path));
        sockets.open(&app("b", vec![Listen::Port(0)]), Holder(2), &keep).unwrap();
        sockets.open(&app("a", both[..1].to_vec()), Holder(1), &keep).unwrap();
        assert!(!path.exists());
        assert_eq!((sockets.listens("a").len(), sockets.listens("b").len()), (1, 1));
    }

    #[test]
    fn one_that_is_taken_is_told_so_that_its_holder_is_found() {
        let (sockets, keep) = (Sockets::default(), LocalKeep::default());
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = sockets.open(&app("a", vec![Listen::Tcp(address)]), Holder(1), &keep).unwrap_err();
        assert_eq!(error.errno, libc::EADDRINUSE);
        let said = crate::domain::port::taken([error.message.as_str()].into_iter());
        assert_eq!(said, Some(crate::domain::port::Taken::Port(address.port())), "{}", error.message);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = sockets.open(&app("b", vec![Listen::Unix(path.clone())]), Holder(2), &keep).unwrap_err();
        let said = crate::domain::port::taken([error.message.as_str()].into_iter());
        assert_eq!(said, Some(crate::domain::port::Taken::Path(path.display().to_string())));
        assert!(keep.names().is_empty());
    }

    #[test]
    fn what_a_daemon_has_left_is_taken_over() {
        let (first, second, keep) = (Sockets::default(), Sockets::default(), LocalKeep::default());
        let spec = app("a", vec![Listen::Port(0)]);
        let before = first.open(&spec, Holder(1), &keep).unwrap();
        let tag = serde_json::to_vec(&Tag { app: "a".into(), listen: Listen::Port(0) }).unwrap();
        let kept = |name: &str, tag: &[u8]| Kept { name: name.into(), tag: tag.into(), fd: Arc::clone(&before[0]) };
        second.restore(vec![kept("socket/1", &tag), kept("socket/2", b"nonsense")], &keep);
        second.hold(&spec, Holder(7));
        second.prune(&keep);
        let after = second.open(&spec, Holder(7), &keep).unwrap();
        assert_eq!(port_of(&before[0]), port_of(&after[0]));
    }
}
