//! What the primary says to its workers, as text.

use super::listener::Bound;
use serde_json::{Value, json};
use std::io::Write as _;

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

/// The answer with the listener itself, which travels with it: the worker listens, and accepts, on its copy.
pub(super) fn shared_reply(seq: u64, ack: u64, key: &str, data: &Value, kind: &str) -> Vec<u8> {
    let reply = json!({"cmd": "NODE_CLUSTER", "seq": seq, "ack": ack, "errno": 0, "key": key, "data": data});
    line(&json!({"cmd": "NODE_HANDLE", "type": kind, "msg": reply}))
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

    #[test]
    fn a_connection_is_one_line() {
        let mut line = Vec::new();
        new_connection(&mut line, 7, r#""null:80:4:-1""#);
        let (end, text) = line.split_last().unwrap();
        let message = json!({"cmd": "NODE_CLUSTER", "act": "newconn", "key": "null:80:4:-1", "seq": 7});
        let wanted = json!({"cmd": "NODE_HANDLE", "type": "net.Native", "msg": message});
        assert_eq!((*end, serde_json::from_slice::<Value>(text).unwrap()), (b'\n', wanted));
    }
}
