//! How Bun's workers are told what comes with a descriptor: by a word inside the message, and not in an envelope around
//! it as Node's. It holds for whoever marks its messages ([`crate::ipc::Channel::marks`]); the rest is the same.

use serde_json::{Value, json};
use std::io::Write as _;

/// As [`super::message::new_connection`].
pub(super) fn new_connection(line: &mut Vec<u8>, seq: u64, key: &str) {
    line.extend_from_slice(br#"{"cmd":"NODE_CLUSTER","act":"newconn","key":"#);
    line.extend_from_slice(key.as_bytes());
    // Memory doesn't refuse.
    let _ = writeln!(line, ",\"$hasHandle\":true,\"seq\":{seq}}}");
}

/// As [`super::message::shared_reply`].
pub(super) fn shared_reply(seq: u64, ack: u64, key: &str, data: &Value) -> Vec<u8> {
    let reply = json!({
        "cmd": "NODE_CLUSTER", "seq": seq, "ack": ack, "errno": 0, "key": key, "data": data, "$hasHandle": true,
    });
    format!("{reply}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::message;
    use super::*;

    fn parsed(line: &[u8]) -> Value {
        assert_eq!(line.split(|byte| *byte == b'\n').count(), 2);
        serde_json::from_slice(line).unwrap()
    }

    fn written(write: fn(&mut Vec<u8>, u64, &str)) -> Vec<u8> {
        let mut line = Vec::new();
        write(&mut line, 7, "\"k\"");
        line
    }

    #[test]
    fn what_node_has_in_an_envelope_bun_has_with_a_word() {
        let pairs = [
            (written(new_connection), written(message::new_connection)),
            (
                shared_reply(7, 3, "k", &json!({"ticketKeys": "00"})),
                message::shared_reply(7, 3, "k", &json!({"ticketKeys": "00"}), "net.Native"),
            ),
        ];
        for (buns, nodes) in pairs {
            let mut wanted = parsed(&nodes)["msg"].clone();
            wanted["$hasHandle"] = json!(true);
            assert_eq!(parsed(&buns), wanted);
        }
    }
}
