//! Bytes to messages. Nothing that a worker writes is trusted: unknown fields and commands are ignored, lines are
//! bounded.

use super::usual;
use memchr::memchr;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// A longer line ends the channel: it would otherwise be kept in memory as a whole.
pub(super) const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// A longer message of Node's cluster does, too: what it says is kept as it is. Node's own have some hundred bytes and
/// a path.
pub(super) const LONGEST_INTERNAL: usize = 64 * 1024;

/// What is kept of the buffer after a long line.
pub(super) const KEPT_BUFFER: usize = 1024 * 1024;

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
    /// Memory that is held for a line without its end.
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether no line has begun without its end.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Adds bytes and calls `each` for every complete line, without its break.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        self.make_room(bytes.len());
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
        if self.buffer.len() < KEPT_BUFFER && self.buffer.capacity() > KEPT_BUFFER {
            self.buffer.shrink_to(KEPT_BUFFER);
        }
        self.searched = self.buffer.len();
        if self.buffer.len() > LONGEST_LINE {
            self.buffer = Vec::new();
            self.searched = 0;
            return Err(LineTooLong);
        }
        Ok(())
    }

    /// Twice as much each time, but not twice the longest line.
    fn make_room(&mut self, bytes: usize) {
        let wanted = self.buffer.len() + bytes;
        if wanted > self.buffer.capacity() {
            let twice = self.buffer.capacity().saturating_mul(2).min(LONGEST_LINE);
            self.buffer.reserve_exact(wanted.max(twice) - self.buffer.len());
        }
    }
}

/// What an app has sent by `process.send`: a JSON value, as text. It is not made a value of here, which would take many
/// times its length; and a long one is not looked through, so that it may be no JSON at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserMessage(Box<str>);

impl UserMessage {
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Whether it is a JSON value. Looked through without recursion, and without keeping anything.
    pub fn is_json(&self) -> bool {
        serde_json::from_str::<IgnoredAny>(&self.0).is_ok()
    }

    /// Whether it is just this string.
    pub fn is_word(&self, word: &str) -> bool {
        self.0.len() <= 8 * (word.len() + 1) && serde_json::from_str::<String>(&self.0).is_ok_and(|text| text == word)
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
    /// The connections with these numbers have been taken: our agent's word for many [`Self::Answer`]s.
    Taken(Vec<u64>),
    /// A descriptor we sent has arrived.
    HandleAck,
    /// It has not.
    HandleNack,
    /// The app sends a handle: it waits for our acknowledgement.
    Handle,
    /// What our agent in the app says.
    Agent(AgentWord),
    /// Internal to Node and of no meaning to us.
    OtherInternal,
    /// What the app sent by `process.send`.
    User(UserMessage),
    /// A message of Node's cluster that is longer than any of them is.
    TooLong,
    /// No JSON, or a message of Node's cluster that can't be one.
    Garbage,
}

/// A message of our agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentWord {
    /// It is there: the process can be asked to drain.
    Here,
    /// So many connections are open in a process that drains.
    Open(u32),
}

/// A message of Node's cluster protocol, worker to primary. A field of a wrong type counts as absent: whoever needs it
/// refuses, and the worker gets an answer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterMessage {
    #[serde(deserialize_with = "lenient")]
    pub act: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub seq: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub ack: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub accepted: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub key: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub index: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub address: Option<String>,
    /// UDP sockets pass on what the app has written, which may be text.
    #[serde(deserialize_with = "lenient_number")]
    pub port: Option<i64>,
    /// 4, 6, -1 (unix path), or `udp4`, `udp6`.
    pub address_type: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    pub fd: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub flags: Option<i64>,
    pub backlog: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    pub readable_all: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub writable_all: Option<bool>,
    /// Bun's, of servers that can't be handed connections: those of HTTP/2.
    #[serde(deserialize_with = "lenient")]
    pub shared_only: Option<bool>,
    /// Absent and `null` differ for nobody but the server that gets it back, so it is kept as it came.
    pub data: Option<Value>,
}

fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

fn lenient_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    })
}

/// The `cmd` of an object, as far as it stands within so much of it as a message of Node's cluster can be long. What
/// comes behind it is not looked at: Node writes it first.
fn command(line: &[u8]) -> Option<Cow<'_, str>> {
    let mut found = None;
    let mut json = serde_json::Deserializer::from_slice(&line[..line.len().min(LONGEST_INTERNAL)]);
    // Its result is that there is more, or an error in what comes behind.
    let _ = json.deserialize_map(Fields { found: &mut found });
    found
}

#[derive(Deserialize)]
struct Open {
    open: u32,
}

/// More than a worker ever has to answer for.
pub(super) const MOST_TAKEN: usize = 64;

#[derive(Deserialize)]
struct Taken {
    acks: Vec<u64>,
}

struct Fields<'a, 'de> {
    found: &'a mut Option<Cow<'de, str>>,
}

impl<'de> Visitor<'de> for Fields<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = fields.next_key()? {
            if name == "cmd" {
                *self.found = fields.next_value::<Option<Text<'de>>>()?.map(|text| text.0);
                return Ok(());
            }
            fields.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Not copied where it need not be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Bun writes this byte before internal messages, and expects it before ours.
pub(super) const MARK: u8 = 2;

/// Understands one line, marked or not.
pub fn decode(line: &[u8]) -> Inbound {
    let line = line.strip_prefix(&[MARK]).unwrap_or(line);
    if let Some(usual) = usual::decode(line) {
        return usual;
    }
    if !line.starts_with(b"{") {
        return user(line);
    }
    let Some(cmd) = command(line) else { return user(line) };
    match &*cmd {
        "NODE_CLUSTER" | "NODE_RPM_TAKEN" if line.len() > LONGEST_INTERNAL => Inbound::TooLong,
        "NODE_CLUSTER" => serde_json::from_slice(line).map_or(Inbound::Garbage, |message: ClusterMessage| {
            match (message.ack, message.accepted) {
                (Some(seq), Some(accepted)) => Inbound::Answer { seq, accepted },
                _ => Inbound::Cluster(Box::new(message)),
            }
        }),
        "NODE_HANDLE_ACK" => Inbound::HandleAck,
        "NODE_HANDLE_NACK" => Inbound::HandleNack,
        "NODE_HANDLE" => Inbound::Handle,
        "NODE_RPM_TAKEN" => match serde_json::from_slice(line) {
            Ok(Taken { acks }) if acks.len() <= MOST_TAKEN => Inbound::Taken(acks),
            _ => Inbound::Garbage,
        },
        "NODE_RPM_AGENT" => Inbound::Agent(AgentWord::Here),
        "NODE_RPM_OPEN" => serde_json::from_slice(line)
            .map_or(Inbound::OtherInternal, |Open { open }| Inbound::Agent(AgentWord::Open(open))),
        // Node's own rule: `NODE_` and at least one more character.
        other if other.len() > 5 && other.starts_with("NODE_") => Inbound::OtherInternal,
        _ => user(line),
    }
}

fn user(line: &[u8]) -> Inbound {
    match std::str::from_utf8(line).map(|text| UserMessage(text.into())) {
        // A long one takes so long to look through that others would notice.
        Ok(message) if line.len() > LONGEST_INTERNAL || message.is_json() => Inbound::User(message),
        _ => Inbound::Garbage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn user(text: &str) -> Inbound {
        Inbound::User(UserMessage(text.into()))
    }

    #[test]
    fn each_kind_of_line() {
        assert_eq!(decode(br#"{"cmd":"NODE_HANDLE_ACK"}"#), Inbound::HandleAck);
        assert_eq!(decode(br#"{"cmd":"NODE_HANDLE_NACK"}"#), Inbound::HandleNack);
        assert_eq!(decode(br#"{"cmd":"NODE_HANDLE","type":"net.Socket","msg":1}"#), Inbound::Handle);
        assert_eq!(decode(br#"{"cmd":"NODE_SOCKET_NOTIFY_CLOSE"}"#), Inbound::OtherInternal);
        assert_eq!(decode(br#"{"cmd":"NODE_RPM_AGENT"}"#), Inbound::Agent(AgentWord::Here));
        assert_eq!(decode(br#"{"cmd":"NODE_RPM_OPEN","open":12}"#), Inbound::Agent(AgentWord::Open(12)));
        assert_eq!(decode(br#"{"cmd":"NODE_RPM_OPEN","open":-1}"#), Inbound::OtherInternal);
        assert_eq!(decode(br#"{"cmd":"NODE_"}"#), user(r#"{"cmd":"NODE_"}"#));
        assert_eq!(decode(br#"{"cmd":7}"#), user(r#"{"cmd":7}"#));
        assert_eq!(decode(br#""ready""#), user("\"ready\""));
        assert_eq!(decode(b"12"), user("12"));
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
    fn a_field_of_a_wrong_type_is_absent() {
        let line = br#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":7,"address":5,"port":"80","fd":[],"key":{},"index":-1,"flags":"x","readableAll":1}"#;
        let wanted =
            ClusterMessage { act: Some("queryServer".into()), seq: Some(7), port: Some(80), ..Default::default() };
        assert_eq!(decode(line), Inbound::Cluster(Box::new(wanted)));
    }

    #[test]
    fn the_word_is_a_word_however_it_is_written() {
        let is_ready = |text: &str| matches!(decode(text.as_bytes()), Inbound::User(text) if text.is_word("ready"));
        assert!(is_ready("\"ready\"") && is_ready(" \"\\u0072eady\" "));
        assert!(!is_ready("\"steady\"") && !is_ready("{\"ready\":1}") && !is_ready("7"));
    }

    #[test]
    fn nesting_is_no_danger() {
        let deep = [&b"["[..], b"]"].map(|one| one.repeat(1_000_000)).concat();
        assert!(matches!(decode(&deep), Inbound::User(text) if text.is_json()));
        let deep = [&b"["[..], b"]"].map(|one| one.repeat(30_000)).concat();
        assert!(matches!(decode(&deep), Inbound::User(_)));
        assert_eq!(decode(&deep[..50_000]), Inbound::Garbage);
        let of = |count| format!(r#"{{"cmd":"NODE_CLUSTER","data":{}{}}}"#, "[".repeat(count), "]".repeat(count));
        assert_eq!(decode(of(30_000).as_bytes()), Inbound::Garbage);
        assert_eq!(decode(of(40_000).as_bytes()), Inbound::TooLong);
    }

    #[test]
    fn the_command_of_a_long_line_is_at_its_beginning() {
        let long = "x".repeat(2 * LONGEST_INTERNAL);
        assert_eq!(
            decode(format!(r#"{{"cmd":"NODE_HANDLE","type":"net.Socket","msg":"{long}"}}"#).as_bytes()),
            Inbound::Handle
        );
        assert_eq!(decode(format!(r#"{{"cmd":"NODE_CLUSTER","key":"{long}"}}"#).as_bytes()), Inbound::TooLong);
        for text in [format!(r#"{{"cmd":"mine","x":"{long}"}}"#), format!(r#"{{"x":"{long}","cmd":"NODE_CLUSTER"}}"#)] {
            assert_eq!(decode(text.as_bytes()), user(&text));
        }
        assert_eq!(decode(br#"{"a":{"cmd":"NODE_HANDLE"},"b":[],"\u0063md":"NODE_HANDLE_ACK"}"#), Inbound::HandleAck);
        assert_eq!(decode(br#"{"cmd":null}"#), user(r#"{"cmd":null}"#));
        assert_eq!(decode(br#"{"cmd":"NODE_X""#), Inbound::OtherInternal);
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

    #[test]
    fn a_long_line_takes_no_more_than_its_length_and_leaves_nothing() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; 1024 * 1024 + 7];
        for _ in 0..60 {
            lines.push(&chunk, |_| ()).unwrap();
            assert!(lines.buffer.capacity() <= LONGEST_LINE + chunk.len());
        }
        lines.push(b"\nhalf", |_| ()).unwrap();
        assert!(!lines.is_empty() && lines.buffer.capacity() <= KEPT_BUFFER);
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

        #[test]
        fn no_line_is_a_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&line);
        }
    }
}
