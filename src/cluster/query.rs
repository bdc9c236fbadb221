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
            if !path.starts_with('/') || path.contains('\0') {
                return Err(libc::EINVAL);
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
mod tests {
    use super::*;
    use crate::ipc::{Inbound, decode};
    use proptest::prelude::*;
    use serde_json::json;

    fn read(fields: &Value) -> Result<Query, i32> {
        let mut message = json!({"cmd": "NODE_CLUSTER", "act": "queryServer", "index": 0});
        for (name, value) in fields.as_object().unwrap() {
            message[name] = value.clone();
        }
        let Inbound::Cluster(message) = decode(message.to_string().as_bytes()) else { panic!("no cluster message") };
        Query::of(&message, 1)
    }

    fn query(fields: &Value) -> Query {
        read(fields).unwrap()
    }

    #[test]
    fn addresses_as_node_writes_them() {
        let any = query(&json!({"address": null, "port": 3000, "addressType": 4, "backlog": 0}));
        assert_eq!((any.address, any.backlog), (Address::AnyTcp { port: 3000 }, 511));
        let v6 = query(&json!({"address": "::1", "port": 0, "addressType": 6, "flags": 1, "backlog": 7}));
        assert_eq!(v6.address, Address::Tcp { address: "[::1]:0".parse().unwrap(), v6only: true });
        assert_eq!(v6.backlog, 7);
        let unix = query(&json!({"address": "/x.sock", "port": -1, "addressType": -1, "readableAll": true}));
        assert!(matches!(unix.address, Address::Unix { readable_all: true, writable_all: false, .. }));
        let udp = |kind: &str, host: &str, flags: i64| {
            query(&json!({"address": host, "port": 53, "addressType": kind, "fd": -1, "flags": flags})).address
        };
        let address = "0.0.0.0:53".parse().unwrap();
        assert_eq!(udp("udp4", "0.0.0.0", 0), Address::Udp { address, v6only: false, reuse_address: false });
        let address = "[::]:53".parse().unwrap();
        assert_eq!(udp("udp6", "::", 5), Address::Udp { address, v6only: true, reuse_address: true });
        let fd = query(&json!({"address": null, "port": null, "addressType": null, "fd": 9}));
        assert_eq!(fd.address, Address::Given { number: 9, datagrams: false });
        let fd = query(&json!({"address": null, "port": null, "addressType": "udp4", "fd": 9, "flags": null}));
        assert_eq!(fd.address, Address::Given { number: 9, datagrams: true });
        let odd = query(&json!({"address": "x", "port": 1, "addressType": "udp5"}));
        assert_eq!(odd.address, Address::Unsupported);
        // UDP passes on what the app has written.
        let text = query(&json!({"address": "127.0.0.1", "port": "53", "addressType": "udp4"}));
        assert!(matches!(text.address, Address::Udp { address, .. } if address.port() == 53));
    }

    #[test]
    fn an_address_of_one_interface() {
        let scoped = query(&json!({"address": "fe80::1%lo", "port": 80, "addressType": 6})).address;
        let Address::Tcp { address: SocketAddr::V6(address), .. } = scoped else { panic!("{scoped:?}") };
        assert_ne!(address.scope_id(), 0);
        assert_eq!(read(&json!({"address": "fe80::1%no-such", "port": 80, "addressType": 6})), Err(libc::EINVAL));
    }

    #[test]
    fn the_index_counts_for_port_0_only() {
        let of = |port: u16, index: u64| query(&json!({"index": index, "port": port, "addressType": 4})).key;
        assert_eq!(of(3000, 0), of(3000, 1));
        assert_ne!(of(0, 0), of(0, 1));
    }

    #[test]
    fn what_cannot_be_meant_has_its_number() {
        let refused = [
            (json!({"address": "nonsense", "port": 1, "addressType": 4}), libc::EINVAL),
            (json!({"address": null, "port": 70_000, "addressType": 4}), libc::EINVAL),
            (json!({"address": {"a": 1}, "port": 1, "addressType": "udp4"}), libc::EINVAL),
            (json!({"address": null, "port": [1], "addressType": 4}), libc::EINVAL),
            (json!({"address": "", "port": -1, "addressType": -1}), libc::EINVAL),
            (json!({"address": "x.sock", "port": -1, "addressType": -1}), libc::EINVAL),
            (json!({"address": "/a\0b", "port": -1, "addressType": -1}), libc::EINVAL),
            (json!({"address": format!("/{}", "x".repeat(10_000)), "port": -1, "addressType": -1}), libc::ENAMETOOLONG),
            (json!({"fd": 1u64 << 40}), libc::EBADF),
            (json!({"port": 1, "addressType": 4, "data": "x".repeat(5000)}), libc::EINVAL),
        ];
        for (fields, errno) in refused {
            assert_eq!(read(&fields), Err(errno), "{fields}");
        }
    }

    #[test]
    fn data_is_shared_among_those_that_understand_it() {
        let [one, two] = ["00ff", "1234"].map(|keys| json!({"ticketKeys": keys}));
        assert_eq!(data_for(&one, &two), &two);
        for odd in [json!({"ticketKeys": 5}), json!({}), json!("00ff"), json!({"ticketKeys": "zzzz"}), Value::Null] {
            assert_eq!(data_for(&one, &odd), &one);
        }
        assert_eq!(data_for(&Value::Null, &two), &Value::Null);
    }

    proptest! {
        /// Whatever stands in the fields, there is an answer.
        #[test]
        fn no_query_is_a_panic(values in prop::collection::vec(0..12usize, 11)) {
            let odd = [
                Value::Null, json!(-1), json!(4), json!(6), json!(70_000), json!(1e300), json!("udp4"), json!("::1%lo"),
                json!([[], {}]), json!({"a": {"b": null}}), json!(true), json!("x".repeat(5000)),
            ];
            let names = ["address", "port", "addressType", "fd", "flags", "backlog", "data", "index", "readableAll", "key", "writableAll"];
            let fields = names.iter().zip(&values).map(|(name, at)| ((*name).to_owned(), odd[*at].clone())).collect();
            if let Ok(query) = read(&Value::Object(fields)) {
                prop_assert!(query.key.len() < 11_000 && query.backlog > 0);
                let _ = query.address.to_string();
            }
        }
    }
}
