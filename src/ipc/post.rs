//! What an app means by a message of its own: a word to us, something to announce, or something for whoever listens.

use super::codec::{LONGEST_INTERNAL, UserMessage};
use crate::domain::panel::Announcement;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A longer message is told to nobody. Answers to actions are messages too, and may be profiles of some megabytes.
const LONGEST_POST: usize = 16 * 1024 * 1024;
/// The longest type of a message.
const LONGEST_TOPIC: usize = 256;

/// What an app says to whoever listens.
#[derive(Debug)]
pub enum Post {
    /// `{type, data}`, both of them something.
    Typed { topic: String, data: Box<RawValue> },
    /// Anything else.
    Raw(Box<RawValue>),
}

/// What a message is.
#[derive(Debug)]
pub enum Meaning {
    Ready,
    Announcement(Announcement),
    Post(Post),
    /// It is told to nobody, for its length.
    TooLong,
    /// No JSON, or an announcement of nothing.
    Nothing,
}

/// The fields that matter, as they stand there.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    node_version: Option<&'a RawValue>,
}

impl UserMessage {
    pub fn meaning(&self) -> Meaning {
        let text = self.as_json();
        if self.is_word("ready") {
            return Meaning::Ready;
        }
        if text.len() > LONGEST_POST {
            return Meaning::TooLong;
        }
        match serde_json::from_str::<Envelope<'_>>(text) {
            Ok(envelope) if text.trim_start().starts_with('{') => envelope.meaning(text),
            _ => raw(text),
        }
    }
}

impl Envelope<'_> {
    fn meaning(&self, text: &str) -> Meaning {
        if let Some(version) = self.node_version.and_then(string) {
            return match version.len() {
                0..LONGEST_TOPIC => Meaning::Announcement(Announcement::NodeVersion(version)),
                _ => Meaning::Nothing,
            };
        }
        let topic = self.kind.and_then(string).filter(|topic| (1..=LONGEST_TOPIC).contains(&topic.len()));
        let (Some(topic), Some(data)) = (topic, self.data.filter(|data| is_something(data))) else {
            return raw(text);
        };
        let announced: fn(Map<String, Value>) -> Announcement = match topic.as_str() {
            "axm:action" => Announcement::Action,
            "axm:monitor" => Announcement::Metrics,
            "axm:option:configuration" => Announcement::Options,
            _ => return Meaning::Post(Post::Typed { topic, data: data.to_owned() }),
        };
        if data.get().len() > LONGEST_INTERNAL {
            return Meaning::TooLong;
        }
        serde_json::from_str(data.get()).map_or(Meaning::Nothing, |fields| Meaning::Announcement(announced(fields)))
    }
}

fn raw(text: &str) -> Meaning {
    // A long one has not been looked through yet.
    RawValue::from_string(text.to_owned()).map_or(Meaning::Nothing, |raw| Meaning::Post(Post::Raw(raw)))
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// As JavaScript has it.
fn is_something(value: &RawValue) -> bool {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'n' | b'f') => false,
        Some(b'"') => text.len() > 2,
        Some(b'-' | b'0'..=b'9') => text.parse::<f64>().is_ok_and(|number| number != 0.0),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Inbound, decode};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn meaning(text: &str) -> Meaning {
        let Inbound::User(message) = decode(text.as_bytes()) else { panic!("{text} is no message of an app") };
        message.meaning()
    }

    /// What is told of a message, in short.
    fn told(value: &Value) -> String {
        match meaning(&value.to_string()) {
            Meaning::Post(Post::Typed { topic, data }) => format!("{topic} {data}"),
            Meaning::Post(Post::Raw(raw)) => format!("raw {raw}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_message_with_a_type_and_data_has_a_topic() {
        assert_eq!(told(&json!({ "type": "mine", "data": { "x": 1 } })), r#"mine {"x":1}"#);
        assert_eq!(told(&json!({ "data": [0], "more": 1, "type": "a:b" })), "a:b [0]");
        for data in [json!(null), json!(false), json!(0), json!(-0.0), json!("")] {
            let message = json!({ "type": "mine", "data": data });
            assert_eq!(told(&message), format!("raw {message}"));
        }
        for message in [
            json!("text"),
            json!(7),
            json!(["mine", 1]),
            json!({ "type": "" , "data": 1 }),
            json!({ "type": 5, "data": 1 }),
        ] {
            assert_eq!(told(&message), format!("raw {message}"));
        }
        let long = json!({ "type": "x".repeat(LONGEST_TOPIC + 1), "data": 1 });
        assert!(told(&long).starts_with("raw "));
    }

    #[test]
    fn announcements_are_for_us() {
        let announced = |value: Value| match meaning(&value.to_string()) {
            Meaning::Announcement(announcement) => announcement,
            other => panic!("{other:?}"),
        };
        let fields = |value: &Value| value.as_object().unwrap().clone();
        let data = json!({ "action_name": "a", "arity": 0 });
        let of = |kind: &str| announced(json!({ "type": kind, "data": data }));
        assert_eq!(of("axm:action"), Announcement::Action(fields(&data)));
        assert_eq!(of("axm:monitor"), Announcement::Metrics(fields(&data)));
        assert_eq!(of("axm:option:configuration"), Announcement::Options(fields(&data)));
        let version = announced(json!({ "node_version": "v20.1.0" }));
        assert_eq!(version, Announcement::NodeVersion("v20.1.0".into()));
        assert_eq!(told(&json!({ "type": "axm:monitor", "data": 7 })), "Nothing");
        let large = json!({ "type": "axm:monitor", "data": { "a": "x".repeat(LONGEST_INTERNAL) } });
        assert_eq!(told(&large), "TooLong");
    }

    #[test]
    fn the_word_is_not_told_and_neither_is_what_is_too_long() {
        assert!(matches!(meaning("\"ready\""), Meaning::Ready));
        assert!(matches!(meaning(&format!("\"{}\"", "x".repeat(LONGEST_POST))), Meaning::TooLong));
        assert!(matches!(meaning(&"[".repeat(LONGEST_INTERNAL + 1)), Meaning::Nothing));
    }

    proptest! {
        /// Whatever comes: what is told is JSON.
        #[test]
        fn what_is_told_is_json(line in "[\\[\\]{}\":,a0 ]{0,40}") {
            if let Inbound::User(message) = decode(line.as_bytes())
                && let Meaning::Post(Post::Raw(value) | Post::Typed { data: value, .. }) = message.meaning()
            {
                prop_assert!(serde_json::from_str::<Value>(value.get()).is_ok());
            }
        }
    }
}
