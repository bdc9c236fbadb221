//! What a worker asks for, as far as it can be understood. Nothing of it is trusted.

use crate::ipc::ClusterMessage;
use crate::sys::socket;
use serde_json::Value;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;

/// Node's backlog when the app names none.
const DEFAULT_BACKLOG: i32 = 511;
/// JSON text of a server's data: TLS ticket keys take 110 bytes. It goes to every worker of the app, with descriptors
/// behind it, so that it has to be short.
const LONGEST_DATA: usize = 4096;
/// Bytes of a path that a server may be bound to; it is in what is kept of the server, more than once.
const LONGEST_PATH: usize = 1024;

/// Bytes of a name without a file, as the kernel has it.
const LONGEST_NAME: usize = 107;

/// Of `flags`: no IPv4 beside IPv6.
const IPV6_ONLY: i64 = 1;
/// Of the `flags` of UDP: others may bind the same address.
const REUSE_ADDRESS: i64 = 4;

/// What a worker wants to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// No address: all of IPv6 and IPv4, or IPv4 alone where there is no IPv6.
    AnyTcp {
        port: u16,
    },
    Tcp {
        address: SocketAddr,
        v6only: bool,
    },
    Udp {
        address: SocketAddr,
        v6only: bool,
        reuse_address: bool,
    },
    Unix {
        path: PathBuf,
        readable_all: bool,
        writable_all: bool,
    },
    /// A unix socket without a file.
    Abstract {
        name: String,
    },
    /// A socket that the worker has open, by its number there.
    Given {
        number: i32,
        datagrams: bool,
    },
    /// A kind that this primary doesn't serve.
    Unsupported,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyTcp { port } => write!(f, "port {port}"),
            Self::Tcp { address, .. } => address.fmt(f),
            Self::Udp { address, .. } => write!(f, "udp {address}"),
            Self::Unix { path, .. } => path.display().fmt(f),
            Self::Abstract { name } => write!(f, "@{name}"),
            Self::Given { number, .. } => write!(f, "its descriptor {number}"),
            Self::Unsupported => f.write_str("a kind of socket that cluster mode doesn't serve"),
        }
    }
}

/// A `queryServer`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) seq: u64,
    /// The same for every worker that means the same server. Of a given socket it is known when that is here.
    pub(super) key: String,
    pub(super) address: Address,
    pub(super) backlog: i32,
    /// Opaque: TLS ticket keys. The first worker's is everybody's.
    pub(super) data: Value,
    /// The workers accept, or receive, by themselves.
    pub(super) shared: bool,
}

impl Query {
    /// The error is the `errno` for the worker.
    pub(super) fn of(message: &ClusterMessage, seq: u64) -> Result<Self, i32> {
        let port = message.port.unwrap_or(-1);
        let kind = message.address_type.clone().unwrap_or(Value::Null);
        let host = message.address.as_deref();
        // Node's own key has the index always (to 20) or for port 0 only; it is opaque to the worker.
        let mut key = format!("{}:{port}:{kind}:{}", host.unwrap_or("null"), message.fd.unwrap_or(-1));
        if port == 0 {
            key = format!("{key}:{}", message.index.unwrap_or(0));
        }
        let data = message.data.clone().unwrap_or(Value::Null);
        if !data.is_null() && data.to_string().len() > LONGEST_DATA {
            return Err(libc::EINVAL);
        }
        let backlog = match message.backlog.as_ref().and_then(Value::as_i64) {
            Some(backlog) if backlog > 0 => i32::try_from(backlog).unwrap_or(i32::MAX),
            _ => DEFAULT_BACKLOG,
        };
        let address = Address::of(message)?;
        if let Address::Abstract { name } = &address {
            // The same from wherever a worker asks.
            key = format!("@{name}:-1");
        }
        let shared = address.is_shared() || message.shared_only == Some(true);
        Ok(Self { seq, key, address, backlog, data, shared })
    }
}

impl Address {
    /// The same at the port that it has already, where any would do.
    pub(super) fn at_port(&self, known: u16) -> Self {
        match self {
            Self::AnyTcp { port: 0 } => Self::AnyTcp { port: known },
            Self::Tcp { address, v6only } if address.port() == 0 => {
                Self::Tcp { address: SocketAddr::new(address.ip(), known), v6only: *v6only }
            }
            other => other.clone(),
        }
    }

    /// Whether the workers receive what comes by themselves: nobody can hand them a datagram.
    fn is_shared(&self) -> bool {
        matches!(self, Self::Udp { .. } | Self::Given { datagrams: true, .. })
    }

    fn of(message: &ClusterMessage) -> Result<Self, i32> {
        let flags = message.flags.unwrap_or(0);
        let kind = message.address_type.as_ref().unwrap_or(&Value::Null);
        let family = kind.as_i64();
        let is_udp = matches!(kind.as_str(), Some("udp4" | "udp6"));
        if let Some(number) = message.fd.filter(|fd| *fd >= 0) {
            let number = i32::try_from(number).map_err(|_| libc::EBADF)?;
            return Ok(Self::Given { number, datagrams: is_udp });
        }
        let host = message.address.as_deref();
        if let (Some(-1), Some(path)) = (family, host) {
            // Node sends whole paths; others would mean another directory here.
            if !path.starts_with('/') {
                return Err(libc::EINVAL);
            }
            if let Some((directory, name)) = path.split_once('\0') {
                return Self::without_file(directory, name);
            }
            if path.len() > LONGEST_PATH {
                return Err(libc::ENAMETOOLONG);
            }
            let (readable_all, writable_all) = (message.readable_all, message.writable_all);
            return Ok(Self::Unix {
                path: PathBuf::from(path),
                readable_all: readable_all.unwrap_or(false),
                writable_all: writable_all.unwrap_or(false),
            });
        }
        if !is_udp && !matches!(family, Some(4 | 6)) {
            return Ok(Self::Unsupported);
        }
        let port = message.port.and_then(|port| u16::try_from(port).ok()).ok_or(libc::EINVAL)?;
        let v6only = flags & IPV6_ONLY != 0;
        match host {
            Some(host) => {
                let address = socket_address(host, port).ok_or(libc::EINVAL)?;
                let reuse_address = flags & REUSE_ADDRESS != 0;
                Ok(if is_udp { Self::Udp { address, v6only, reuse_address } } else { Self::Tcp { address, v6only } })
            }
            None if family == Some(4) => Ok(Self::AnyTcp { port }),
            None => Err(libc::EINVAL),
        }
    }
}

impl Address {
    /// Node takes `\0name` for a path as any other, and puts the worker's directory before it.
    fn without_file(directory: &str, name: &str) -> Result<Self, i32> {
        if !directory.ends_with('/') || name.is_empty() || name.contains('\0') {
            return Err(libc::EINVAL);
        }
        if name.len() > LONGEST_NAME {
            return Err(libc::ENAMETOOLONG);
        }
        Ok(Self::Abstract { name: name.to_owned() })
    }
}

/// What a `queryServer` asks for: the server's key, and its address in words. The error is the `errno` for the worker.
pub fn explain(query: &ClusterMessage) -> Result<(String, String), i32> {
    let query = Query::of(query, query.seq.unwrap_or(0))?;
    Ok((query.key, query.address.to_string()))
}

/// `fe80::1%eth0` means the address of one network interface.
fn socket_address(host: &str, port: u16) -> Option<SocketAddr> {
    let Some((host, scope)) = host.split_once('%') else {
        return Some(SocketAddr::new(host.parse::<IpAddr>().ok()?, port));
    };
    let address: Ipv6Addr = host.parse().ok()?;
    Some(SocketAddrV6::new(address, port, 0, socket::scope_id(scope)?).into())
}

/// What goes back to a worker that has asked with `own` data, where `first` is kept: the same for all, unless a worker
/// would not understand it. What one worker says is not trusted enough to be read by another without a look.
pub(super) fn data_for<'a>(own: &'a Value, first: &'a Value) -> &'a Value {
    if is_alike(own, first) { first } else { own }
}

fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_alike(value, other)))
        }
        (Value::String(one), Value::String(other)) => one.len() == other.len() && is_hex(one) == is_hex(other),
        _ => one == other,
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
