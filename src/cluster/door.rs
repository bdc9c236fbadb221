//! The way to one worker alone, where several share an address: a connection of our own that is handed to it.

use super::connection::Connection;
use super::group::Group;
use super::listener::Bound;
use super::server::Server;
use super::state::State;
use super::worker::WorkerId;
use crate::clock;
use crate::sys::loopback;
use std::io;
use std::net::{SocketAddr, TcpStream};
use tokio::sync::oneshot;

/// A connection to one worker.
#[derive(Debug)]
pub struct Opened {
    /// The client's end. It doesn't block.
    pub stream: TcpStream,
    /// The worker has taken it; an error when it has refused it, or is dead.
    pub taken: oneshot::Receiver<()>,
}

impl Group {
    /// A connection to this worker, as if it had come in at that address. `None` where the app has no server there whose
    /// connections could be handed over: whoever connects there finds somebody else, or the worker itself.
    pub fn open_to(&self, id: WorkerId, address: SocketAddr) -> Option<io::Result<Opened>> {
        let mut state = self.inner.state.borrow_mut();
        let key = state.key_for(id, address)?;
        let (stream, fd) = match loopback::pair(address.is_ipv6()) {
            Ok(ends) => ends,
            Err(error) => return Some(Err(error)),
        };
        let (sender, taken) = oneshot::channel();
        let connection = Connection::question(fd, &self.inner.in_flight, sender);
        let Some(hand_over) = state.primary.address(id, &key, connection, clock::boot()) else {
            return Some(Err(io::ErrorKind::ConnectionRefused.into()));
        };
        state.deliver(hand_over);
        Some(Ok(Opened { stream, taken }))
    }
}

impl State {
    /// The server that is reached at the address, if several are one of the worker's.
    fn key_for(&self, id: WorkerId, address: SocketAddr) -> Option<String> {
        let is_there = |server: &Server| match server.listener().bound() {
            Bound::Tcp(bound) => is_reached(*bound, address) && (server.is_accepted() || server.seats().is_some()),
            Bound::Udp(_) | Bound::Unix(_) | Bound::Abstract(_) => false,
        };
        let there = || self.servers.iter().filter(|(_, server)| is_there(server)).map(|(key, _)| key);
        let own = there().find(|key| self.primary.staying(key).any(|(member, _)| member == id));
        own.or_else(|| there().next()).cloned()
    }
}

/// Whether who connects to `address` reaches who listens at `bound`. That an address of the machine's own is one is not
/// known here.
fn is_reached(bound: SocketAddr, address: SocketAddr) -> bool {
    let is_family = bound.is_ipv6() || address.is_ipv4();
    let is_everywhere = bound.ip().is_unspecified() && is_family;
    bound.port() == address.port()
        && (bound.ip() == address.ip() || is_everywhere && address.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_reached;

    #[test]
    fn what_listens_everywhere_is_reached_from_here() {
        for (bound, address, is) in [
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "[::1]:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("[::]:80", "127.0.0.1:81", false),
            ("192.0.2.7:80", "192.0.2.7:80", true),
            ("192.0.2.7:80", "127.0.0.1:80", false),
            ("[::]:80", "192.0.2.7:80", false),
        ] {
            assert_eq!(is_reached(bound.parse().unwrap(), address.parse().unwrap()), is, "{bound} {address}");
        }
    }
}
