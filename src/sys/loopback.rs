//! Both ends of a TCP connection inside this machine.

use super::socket;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

/// The end that asks, and the end that was accepted. Neither blocks.
pub fn pair(v6: bool) -> io::Result<(TcpStream, OwnedFd)> {
    let here: IpAddr = if v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    let listener = socket::listen_tcp(SocketAddr::new(here, 0), false, 8)?;
    let address = socket::local_address(listener.as_fd())?.ok_or(io::ErrorKind::AddrNotAvailable)?;
    // Inside the machine it is done with the call; where something is in its way, nobody waits for that.
    let client = TcpStream::from(socket::begin_connect(address)?);
    let own = client.local_addr()?;
    loop {
        // Somebody else may have tried this port at this moment.
        let accepted = socket::accept(listener.as_fd())?;
        if socket::peer_address(accepted.as_fd()) == Some(own) {
            return Ok((client, accepted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn both_ends_are_of_one_connection() {
        let (mut client, accepted) = pair(false).unwrap();
        let mut server = TcpStream::from(accepted);
        server.set_nonblocking(false).unwrap();
        client.write_all(b"hello").unwrap();
        drop(client);
        let mut text = String::new();
        server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }
}
