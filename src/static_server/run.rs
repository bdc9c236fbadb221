//! The server from its first instruction to its last.

use super::connections::serve;
use super::respond::Served;
use crate::domain::site::Site;
use crate::domain::spec::Listen;
use crate::sys::{handed, socket};
use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::LocalSet;

/// Files are read by so many threads; a disk takes no more at a time.
const READERS: usize = 4;
const IDLE: Duration = Duration::from_secs(5);

/// Serves what the environment says until it is asked to end, and gives the exit code.
pub fn run() -> u8 {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_target(false).with_writer(io::stderr).init();
    match serve_site() {
        Ok(()) => 0,
        Err(why) => {
            _ = writeln!(io::stderr(), "error: {why}");
            1
        }
    }
}

fn serve_site() -> Result<(), String> {
    let site = Site::from_variables(|name| env::var(name).ok())
        .map_err(|bad| format!("{} makes no sense: it is {}", bad.variable, bad.allowed))?;
    // Before anything else gets one of their numbers.
    let inherited = handed::sockets().map_err(|error| format!("its sockets are not there: {error}"))?;
    let root = root(&site.path)?;
    // A connection and a file each.
    socket::raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS)
        .thread_keep_alive(IDLE)
        .build()
        .map_err(|error| format!("the system is out of resources: {error}"))?;
    LocalSet::new().block_on(&runtime, async {
        let listeners = listeners(inherited, &site.listen).map_err(|error| format!("it cannot listen: {error}"))?;
        tell(&root, &listeners);
        let (leave, leaving) = watch::channel(false);
        let asked = asked_to_end().map_err(|error| format!("signals cannot be waited for: {error}"))?;
        tokio::task::spawn_local(async move {
            asked.await;
            leave.send_replace(true);
        });
        serve(listeners, Arc::new(Served::new(root, &site)), leaving).await;
        Ok(())
    })
}

fn root(path: &str) -> Result<PathBuf, String> {
    let root = std::path::absolute(path).map_err(|error| format!("{path}: {error}"))?;
    match root.metadata() {
        Ok(of) if of.is_dir() => Ok(root),
        Ok(_) => Err(format!("{} is no directory", root.display())),
        Err(error) => Err(format!("{} cannot be served: {error}", root.display())),
    }
}

/// Those that it has inherited, else those that it is told.
fn listeners(inherited: Vec<OwnedFd>, listen: &Listen) -> io::Result<Vec<TcpListener>> {
    let sockets = if inherited.is_empty() {
        vec![bind(listen)?]
    } else {
        inherited.into_iter().map(std::net::TcpListener::from).collect()
    };
    sockets
        .into_iter()
        .map(|socket| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        })
        .collect()
}

fn bind(listen: &Listen) -> io::Result<std::net::TcpListener> {
    match listen {
        Listen::Tcp(address) => std::net::TcpListener::bind(address),
        Listen::Port(port) => std::net::TcpListener::bind(
            &[SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port)), SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port))][..],
        ),
        Listen::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn tell(root: &Path, listeners: &[TcpListener]) {
    for address in listeners.iter().filter_map(|listener| listener.local_addr().ok()) {
        // Nobody has to read it.
        _ = writeln!(io::stdout(), "serving {} on http://{address}", root.display());
    }
}

fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
