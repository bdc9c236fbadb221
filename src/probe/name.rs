//! Addresses of a host. Names are looked up on another thread, since the system's way of doing that waits.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

/// Of one probe. A look-up that takes longer than its question goes on, and is the next question's: there is never more
/// than one thread that waits for a name server that doesn't answer.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    under_way: Mutex<Option<JoinHandle<io::Result<Vec<SocketAddr>>>>>,
}

impl Resolver {
    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let mut under_way = self.under_way.lock().await;
        let look_up = under_way.get_or_insert_with(|| {
            let host: Arc<str> = host.into();
            spawn_blocking(move || Ok((&*host, port).to_socket_addrs()?.collect()))
        });
        let found = look_up.await;
        *under_way = None;
        let found = found.map_err(io::Error::other)?;
        found.map_err(|error| io::Error::new(error.kind(), format!("{host} cannot be looked up: {error}")))
    }
}
