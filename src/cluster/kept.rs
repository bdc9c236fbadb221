//! What is written beside a kept listener, so that a daemon after this one knows whose it is.

use super::listener::Bound;
use crate::sys::keep::{Kept, LONGEST_TAG};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;

/// What the names of all kept listeners begin with.
const PREFIX: &str = "listen/";

/// A server, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tag {
    pub(super) app: String,
    pub(super) key: String,
    /// Its number in the app, by which workers are known as its members.
    pub(super) number: u32,
    pub(super) address: Bound,
    /// The workers accept by themselves: each has a copy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) shared: bool,
    /// A worker has bound it, and not we.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) given: bool,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) data: Value,
    /// Of several listeners at the address: whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<Place>,
}

/// One listener of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    /// How many were bound before it: the kernel's number.
    pub(super) index: u32,
    pub(super) seat: u32,
    /// Of the two that a seat has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) second: bool,
}

impl Tag {
    pub(super) fn of(kept: &Kept) -> Option<Self> {
        serde_json::from_slice(&kept.tag).ok()
    }

    /// Without the data, where it is too much: the next worker that has some gives it again.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let tag = serde_json::to_vec(self)?;
        if tag.len() <= LONGEST_TAG || self.data.is_null() {
            return Ok(tag);
        }
        Self { data: Value::Null, ..self.clone() }.encode()
    }
}

/// The app whose listener this is; `None` for what is no listener of an app's cluster.
pub fn app_of(kept: &Kept) -> Option<String> {
    kept.name.starts_with(PREFIX).then(|| Tag::of(kept)).flatten().map(|tag| tag.app)
}

/// A name that no listener of any app, and of any daemon before this one, has had.
pub(super) fn unused_name() -> io::Result<String> {
    fresh_name(PREFIX)
}

/// A name with this prefix that nothing kept has had.
pub fn fresh_name(prefix: &str) -> io::Result<String> {
    let number = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{prefix}{number:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn tag(data: Value) -> Tag {
        let address = Bound::Unix("/run/app.sock".into());
        Tag {
            app: "app".into(),
            key: "/run/app.sock:-1:-1:-1".into(),
            number: 3,
            address,
            shared: true,
            given: true,
            data,
            place: Some(Place { index: 1, seat: 4, second: true }),
        }
    }

    fn kept(name: &str, tag: &[u8]) -> Kept {
        let fd = Arc::new(std::fs::File::open("/dev/null").unwrap().into());
        Kept { name: name.into(), tag: tag.into(), fd }
    }

    #[test]
    fn a_tag_is_read_as_it_was_written() {
        for data in [Value::Null, serde_json::json!({"ticketKeys": "00ff"})] {
            let kept = kept("listen/1", &tag(data.clone()).encode().unwrap());
            assert_eq!(Tag::of(&kept).unwrap(), tag(data));
            assert_eq!(app_of(&kept).as_deref(), Some("app"));
        }
    }

    #[test]
    fn too_much_data_is_left_out() {
        let encoded = tag(Value::from("x".repeat(LONGEST_TAG))).encode().unwrap();
        assert_eq!(Tag::of(&kept("listen/1", &encoded)).unwrap(), tag(Value::Null));
    }

    #[test]
    fn other_descriptors_belong_to_no_app() {
        let text = tag(Value::Null).encode().unwrap();
        assert_eq!(app_of(&kept("out/1/2", &text)), None);
        assert_eq!(app_of(&kept("listen/1", b"nonsense")), None);
    }
}
