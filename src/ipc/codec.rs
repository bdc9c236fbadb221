//! Bytes to messages. Nothing that a worker writes is trusted: unknown fields and commands are ignored, lines are
//! bounded.

use memchr::memchr;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// A longer line ends the channel: it would otherwise be kept in memory as a whole.
pub(super) const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// What is kept of the buffer after a long line.
const KEPT_BUFFER: usize = 1024 * 1024;

/// Splits a byte stream into lines, whatever the reads.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Up to here the buffer holds no line break.
    searched: usize,
}

/// A line exceeded the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTooLong;

impl Lines {
    /// Whether no line has begun without its end.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Adds bytes and calls `each` for every complete line, without its break.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        self.buffer.extend_from_slice(bytes);
        let mut start = 0;
        let mut search = self.searched;
        while let Some(found) = memchr(b'\n', &self.buffer[search..]) {
            let end = search + found;
            each(&self.buffer[start..end]);
            start = end + 1;
            search = start;
        }
        self.buffer.drain(..start);
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BUFFER {
            self.buffer = Vec::new();
        }
        self.searched = self.buffer.len();
        if self.buffer.len() > LONGEST_LINE {
            self.buffer = Vec::new();
            self.searched = 0;
            return Err(LineTooLong);
        }
        Ok(())
    }
}

/// What a line says.
#[derive(Debug, PartialEq)]
pub enum Inbound {
    Cluster(Box<ClusterMessage>),
    /// The answer to a connection: the worker has it, or we still do.
    Answer {
        seq: u64,
        accepted: bool,
    },
    /// A descriptor we sent has arrived.
    HandleAck,
    /// It has not.
    HandleNack,
    /// The app sends a handle: it waits for our acknowledgement.
    Handle,
    /// Internal to Node and of no meaning to us.
    OtherInternal,
    /// What the app sent by `process.send`.
    User(Value),
    /// No JSON.
    Garbage,
}

/// A message of Node's cluster protocol, worker to primary.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterMessage {
    pub act: Option<String>,
    pub seq: Option<u64>,
    pub ack: Option<u64>,
    pub accepted: Option<bool>,
    pub key: Option<String>,
    pub index: Option<u64>,
    pub address: Option<String>,
    pub port: Option<i64>,
    /// 4, 6, -1 (unix path), or `udp4`, `udp6`.
    pub address_type: Option<Value>,
    pub fd: Option<i64>,
    pub flags: Option<i64>,
    pub backlog: Option<Value>,
    pub readable_all: Option<bool>,
    pub writable_all: Option<bool>,
    /// Absent and `null` differ for nobody but the server that gets it back, so it is kept as it came.
    pub data: Option<Value>,
}

#[derive(Deserialize)]
struct Command<'a> {
    #[serde(borrow, default)]
    cmd: Option<Cow<'a, str>>,
}

/// Understands one line. A leading 0x02 is Bun's mark of internal messages.
pub fn decode(line: &[u8]) -> Inbound {
    let line = line.strip_prefix(&[2]).unwrap_or(line);
    if let Some(usual) = usual(line) {
        return usual;
    }
    if !line.starts_with(b"{") {
        return user(line);
    }
    let Ok(Command { cmd: Some(cmd) }) = serde_json::from_slice::<Command<'_>>(line) else { return user(line) };
    match &*cmd {
        "NODE_CLUSTER" => serde_json::from_slice(line).map_or(Inbound::Garbage, |message: ClusterMessage| {
            match (message.ack, message.accepted) {
                (Some(seq), Some(accepted)) => Inbound::Answer { seq, accepted },
                _ => Inbound::Cluster(Box::new(message)),
            }
        }),
        "NODE_HANDLE_ACK" => Inbound::HandleAck,
        "NODE_HANDLE_NACK" => Inbound::HandleNack,
        "NODE_HANDLE" => Inbound::Handle,
        // Node's own rule: `NODE_` and at least one more character.
        other if other.len() > 5 && other.starts_with("NODE_") => Inbound::OtherInternal,
        _ => user(line),
    }
}

/// The two lines that come for each connection, in the form that Node writes them.
fn usual(line: &[u8]) -> Option<Inbound> {
    if line == br#"{"cmd":"NODE_HANDLE_ACK"}"# {
        return Some(Inbound::HandleAck);
    }
    let (seq, rest) = number(line.strip_prefix(br#"{"cmd":"NODE_CLUSTER","ack":"#)?)?;
    let rest = rest.strip_prefix(br#","accepted":"#)?;
    let (accepted, rest) = match rest.strip_prefix(b"true") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(b"false")?),
    };
    let (_, rest) = number(rest.strip_prefix(br#","seq":"#)?)?;
    (rest == b"}").then_some(Inbound::Answer { seq, accepted })
}

/// A number without a sign, a fraction or a needless 0 at its head, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // More may be too much for a u64.
    if !(1..=19).contains(&digits) || (digits > 1 && text[0] == b'0') {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    Some((digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')), rest))
}

fn user(line: &[u8]) -> Inbound {
    serde_json::from_slice(line).map_or(Inbound::Garbage, Inbound::User)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_line() {
        assert_eq!(decode(br#"{"cmd":"NODE_HANDLE_ACK"}"#), Inbound::HandleAck);
        assert_eq!(decode(br#"{"cmd":"NODE_HANDLE_NACK"}"#), Inbound::HandleNack);
        assert_eq!(decode(br#"{"cmd":"NODE_HANDLE","type":"net.Socket","msg":1}"#), Inbound::Handle);
        assert_eq!(decode(br#"{"cmd":"NODE_SOCKET_NOTIFY_CLOSE"}"#), Inbound::OtherInternal);
        assert_eq!(decode(br#"{"cmd":"NODE_"}"#), Inbound::User(json!({"cmd": "NODE_"})));
        assert_eq!(decode(br#"{"cmd":7}"#), Inbound::User(json!({"cmd": 7})));
        assert_eq!(decode(br#""ready""#), Inbound::User(json!("ready")));
        assert_eq!(decode(b"12"), Inbound::User(json!(12)));
        assert_eq!(decode(b"{nonsense"), Inbound::Garbage);
        assert_eq!(decode(b"\xff\xfe"), Inbound::Garbage);
        let ack = decode(br#"{"ack":3,"accepted":true,"cmd":"NODE_CLUSTER","seq":4}"#);
        assert_eq!(ack, Inbound::Answer { seq: 3, accepted: true });
    }

    #[test]
    fn a_query_as_node_writes_it() {
        let line = br#"{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":null,"port":3000,"addressType":4,"flags":0,"backlog":0,"seq":1}"#;
        let Inbound::Cluster(message) = decode(line) else { panic!("not understood") };
        assert_eq!((message.port, message.address, message.data), (Some(3000), None, None));
        assert_eq!(message.address_type, Some(json!(4)));
    }

    #[test]
    fn bun_marks_internal_messages() {
        assert!(matches!(decode(b"\x02{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\"}"), Inbound::Cluster(_)));
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; 8 * 1024 * 1024];
        let refused = (0..9).any(|_| lines.push(&chunk, |_| ()).is_err());
        assert!(refused);
        let mut seen = 0;
        lines.push(b"after\n", |_| seen += 1).unwrap();
        assert_eq!(seen, 1);
    }

    proptest! {
        #[test]
        fn lines_come_out_as_they_went_in(lines in prop::collection::vec("[^\n]{0,40}", 0..20), cuts in prop::collection::vec(1..30usize, 1..40)) {
            let bytes: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
            let (mut splitter, mut seen, mut at) = (Lines::default(), Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                if at >= bytes.len() { break; }
                let end = (at + cut).min(bytes.len());
                splitter.push(&bytes[at..end], |line| seen.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
                at = end;
            }
            prop_assert_eq!(seen, lines);
        }

        /// An answer means the same however it is written.
        #[test]
        fn the_usual_form_is_no_other(ack in any::<u64>(), cut in 0..20u32, accepted in any::<bool>(), extra in "|[0-9 a-z.,\"-]{1,3}", at in 0..70usize) {
            let ack = ack >> (cut * 3);
            let mut line = format!("{{\"cmd\":\"NODE_CLUSTER\",\"ack\":{ack},\"accepted\":{accepted},\"seq\":5}}");
            prop_assert_eq!(decode(line.as_bytes()), Inbound::Answer { seq: ack, accepted });
            line.insert_str(at.min(line.len()), &extra);
            if let Some(usual) = usual(line.as_bytes()) {
                let message: ClusterMessage = serde_json::from_str(&line).unwrap();
                prop_assert_eq!(usual, Inbound::Answer { seq: message.ack.unwrap(), accepted: message.accepted.unwrap() });
            }
        }

        #[test]
        fn no_line_is_a_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&line);
        }
    }
}
