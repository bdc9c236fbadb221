//! The messages of `lib/internal/cluster`, as text and as types.

use super::listener::Bound;
use crate::ipc::ClusterMessage;
use serde_json::{Value, json};
use std::fmt;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Node's backlog when the app names none.
const DEFAULT_BACKLOG: i32 = 511;

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
    Unix {
        path: PathBuf,
        readable_all: bool,
        writable_all: bool,
    },
    /// A kind that this primary doesn't serve.
    Unsupported,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyTcp { port } => write!(f, "port {port}"),
            Self::Tcp { address, .. } => address.fmt(f),
            Self::Unix { path, .. } => path.display().fmt(f),
            Self::Unsupported => {
                f.write_str("a kind of socket that cluster mode doesn't serve (UDP, or an inherited fd)")
            }
        }
    }
}

/// A `queryServer`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) seq: u64,
    /// The same for every worker that means the same server.
    pub(super) key: String,
    pub(super) address: Address,
    pub(super) backlog: i32,
    /// Opaque: TLS ticket keys. The first worker's is everybody's.
    pub(super) data: Value,
}

impl Query {
    /// `None` for what is no well-formed query.
    pub(super) fn of(message: &ClusterMessage) -> Option<Self> {
        let port = message.port.unwrap_or(-1);
        let kind = message.address_type.clone().unwrap_or(Value::Null);
        let host = message.address.as_deref();
        // Node's own key has the index always (to 20) or for port 0 only; it is opaque to the worker.
        let mut key = format!("{}:{port}:{kind}:{}", host.unwrap_or("null"), message.fd.unwrap_or(-1));
        if port == 0 {
            key = format!("{key}:{}", message.index.unwrap_or(0));
        }
        let v6only = message.flags.unwrap_or(0) & 1 != 0;
        let address = match (&kind, host, u16::try_from(port)) {
            _ if message.fd.is_some_and(|fd| fd >= 0) => Address::Unsupported,
            (Value::Number(number), None, Ok(port)) if number.as_i64() == Some(4) => Address::AnyTcp { port },
            (Value::Number(number), Some(host), Ok(port)) if matches!(number.as_i64(), Some(4 | 6)) => {
                Address::Tcp { address: SocketAddr::new(host.parse().ok()?, port), v6only }
            }
            (Value::Number(number), Some(path), _) if number.as_i64() == Some(-1) => Address::Unix {
                path: PathBuf::from(path),
                readable_all: message.readable_all.unwrap_or(false),
                writable_all: message.writable_all.unwrap_or(false),
            },
            _ => Address::Unsupported,
        };
        let backlog = match message.backlog.as_ref().and_then(Value::as_i64) {
            Some(backlog) if backlog > 0 => i32::try_from(backlog).unwrap_or(i32::MAX),
            _ => DEFAULT_BACKLOG,
        };
        Some(Self { seq: message.seq?, key, address, backlog, data: message.data.clone().unwrap_or(Value::Null) })
    }
}

fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// The round-robin answer to a query: no descriptor, the worker listens on a fake handle.
pub(super) fn listening_reply(seq: u64, ack: u64, key: &str, data: &Value, bound: &Bound) -> Vec<u8> {
    let mut reply = json!({"cmd": "NODE_CLUSTER", "seq": seq, "ack": ack, "errno": null, "key": key, "data": data});
    if let Bound::Tcp(bound) = bound {
        let family = if bound.is_ipv6() { "IPv6" } else { "IPv4" };
        reply["sockname"] = json!({"address": bound.ip().to_string(), "family": family, "port": bound.port()});
    }
    line(&reply)
}

/// A refusal. The data goes back even so: the TLS side reads it without looking.
pub(super) fn error_reply(seq: u64, ack: u64, key: &str, data: &Value, errno: i32) -> Vec<u8> {
    line(&json!({"cmd": "NODE_CLUSTER", "seq": seq, "ack": ack, "errno": -errno.abs(), "key": key, "data": data}))
}

/// A bare acknowledgement.
pub(super) fn acknowledgement(seq: u64, ack: u64) -> Vec<u8> {
    format!("{{\"cmd\":\"NODE_CLUSTER\",\"seq\":{seq},\"ack\":{ack}}}\n").into_bytes()
}

/// A connection, into a buffer; `key` is JSON text already, as this is written once for each of them.
pub(super) fn new_connection(line: &mut Vec<u8>, seq: u64, key: &str) {
    let head = br#"{"cmd":"NODE_HANDLE","type":"net.Native","msg":{"cmd":"NODE_CLUSTER","act":"newconn","key":"#;
    line.extend_from_slice(head);
    line.extend_from_slice(key.as_bytes());
    // Memory doesn't refuse.
    let _ = writeln!(line, ",\"seq\":{seq}}}}}");
}

/// Begins a graceful close in the worker.
pub(super) fn disconnect(seq: u64) -> Vec<u8> {
    format!("{{\"cmd\":\"NODE_CLUSTER\",\"act\":\"disconnect\",\"seq\":{seq}}}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::{Inbound, decode};

    fn query(text: &str) -> Query {
        let Inbound::Cluster(message) = decode(text.as_bytes()) else { panic!("no cluster message") };
        Query::of(&message).unwrap()
    }

    #[test]
    fn addresses_as_node_writes_them() {
        let head = r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":1,"index":0,"#;
        let any = query(&format!(r#"{head}"address":null,"port":3000,"addressType":4,"backlog":0}}"#));
        assert_eq!((any.address, any.backlog), (Address::AnyTcp { port: 3000 }, 511));
        let v6 = query(&format!(r#"{head}"address":"::1","port":0,"addressType":6,"flags":1,"backlog":7}}"#));
        assert_eq!(v6.address, Address::Tcp { address: "[::1]:0".parse().unwrap(), v6only: true });
        assert_eq!(v6.backlog, 7);
        let unix = query(&format!(r#"{head}"address":"/x.sock","port":-1,"addressType":-1,"readableAll":true}}"#));
        assert!(matches!(unix.address, Address::Unix { readable_all: true, writable_all: false, .. }));
        let udp = query(&format!(r#"{head}"address":"0.0.0.0","port":53,"addressType":"udp4","fd":-1}}"#));
        assert_eq!(udp.address, Address::Unsupported);
        let fd = query(&format!(r#"{head}"address":null,"port":null,"addressType":null,"fd":9}}"#));
        assert_eq!(fd.address, Address::Unsupported);
    }

    #[test]
    fn the_index_counts_for_port_0_only() {
        let of = |port, index| {
            let text = format!(
                r#"{{"cmd":"NODE_CLUSTER","act":"queryServer","seq":1,"index":{index},"address":null,"port":{port},"addressType":4}}"#
            );
            query(&text).key
        };
        assert_eq!(of(3000, 0), of(3000, 1));
        assert_ne!(of(0, 0), of(0, 1));
    }

    #[test]
    fn a_connection_is_one_line() {
        let mut line = Vec::new();
        new_connection(&mut line, 7, r#""null:80:4:-1""#);
        let (end, text) = line.split_last().unwrap();
        let message = json!({"cmd": "NODE_CLUSTER", "act": "newconn", "key": "null:80:4:-1", "seq": 7});
        let wanted = json!({"cmd": "NODE_HANDLE", "type": "net.Native", "msg": message});
        assert_eq!((*end, serde_json::from_slice::<Value>(text).unwrap()), (b'\n', wanted));
    }

    #[test]
    fn a_bad_host_is_no_query() {
        let text =
            r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":1,"address":"nonsense","port":1,"addressType":4}"#;
        let Inbound::Cluster(message) = decode(text.as_bytes()) else { panic!("no cluster message") };
        assert_eq!(Query::of(&message), None);
    }
}
