//! What apps say, and what happens to them, as one stream of packets with topics.

pub use crate::domain::Origin;
use crate::domain::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a listener wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BusQuery {
    /// Topics, in which `*` stands for any text; none are all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    #[serde(default)]
    pub shape: Shape,
}

/// How packets look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// [`Event`](super::Event)s under `process:event`, [`LogItem`](super::LogItem)s under `log:out`, `log:err`,
    /// [`Message`]s under all others.
    #[default]
    Rpm,
    /// What PM2's bus has: see [`pm2::bus`](super::pm2::bus).
    Pm2,
}

/// One item of the stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusItem {
    Packet {
        topic: String,
        packet: Box<RawValue>,
    },
    /// The listener was too slow, or an app too fast: so many packets are missing here, and so many bytes of output.
    Dropped {
        packets: u64,
        #[serde(default)]
        bytes: u64,
    },
    /// The daemon was replaced under this listener; what was said in between is missing. Said by the client, never by a
    /// daemon.
    Resumed,
}

/// What an app has said by `process.send`: `data` of one that has a type, `raw` of any other.
#[derive(Debug, Clone, Serialize)]
pub struct Message<'a> {
    pub at: UnixMs,
    pub process: &'a Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<&'a RawValue>,
}

/// What has come of an action in one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub at: UnixMs,
    pub process: Origin,
    /// The whole of what it has answered: `action_name`, `return` and what else it says. Absent where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
    /// Why none came, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}
