//! PM2's `jlist` as text: whoever prints it takes nothing apart.

use super::element::{Parts, write};
use crate::domain::ProcessId;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;
use serde_json::value::RawValue;

/// The elements as one array of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List(Bytes);

/// About as much as an element takes.
const ELEMENT: usize = 4096;

/// A list that is being written.
#[derive(Debug)]
pub struct ListWriter {
    out: Vec<u8>,
    room: Vec<u8>,
}

impl ListWriter {
    pub fn new(count: usize) -> Self {
        let mut out = Vec::with_capacity(count * ELEMENT + 2);
        out.push(b'[');
        Self { out, room: Vec::new() }
    }

    pub fn push(&mut self, parts: &Parts<'_>) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        write(parts, &mut self.room, &mut self.out);
    }

    pub fn finish(mut self) -> List {
        self.out.push(b']');
        List(self.out.into())
    }
}

impl List {
    /// As it is printed.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    pub fn elements(&self) -> serde_json::Result<Vec<Value>> {
        serde_json::from_slice(&self.0)
    }

    /// The `pm2_env` of each, as text: few readers need more than one of them.
    pub fn environments(&self) -> serde_json::Result<Vec<(ProcessId, &RawValue)>> {
        #[derive(Deserialize)]
        struct Element<'a> {
            pm_id: ProcessId,
            #[serde(borrow)]
            pm2_env: &'a RawValue,
        }
        let elements: Vec<Element<'_>> = serde_json::from_slice(&self.0)?;
        Ok(elements.into_iter().map(|element| (element.pm_id, element.pm2_env)).collect())
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Self {
        Self(Value::from_iter(elements).to_string().into())
    }
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_slice::<&RawValue>(&self.0).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::from(Box::<str>::from(Box::<RawValue>::deserialize(deserializer)?));
        if text.starts_with('[') { Ok(Self(text.into())) } else { Err(de::Error::custom("a list was expected")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Response;
    use serde_json::json;

    #[test]
    fn it_goes_through_json_as_it_is() {
        let list: List = [json!({"pm_id": 3}), json!({"a": "\u{1b}ü"})].into_iter().collect();
        let answer = Response::Pm2(list.clone());
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(text, r#"{"kind":"pm2","value":[{"pm_id":3},{"a":"\u001bü"}]}"#);
        assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), answer);
        assert_eq!(serde_json::to_value(&answer).unwrap()["value"], json!(list.elements().unwrap()));
        let list: List = [json!({"pid": 1, "pm_id": 3, "pm2_env": {"a": 1}})].into_iter().collect();
        let environments = list.environments().unwrap();
        assert_eq!(environments.iter().map(|(id, env)| (id.0, env.get())).collect::<Vec<_>>(), [(3, r#"{"a":1}"#)]);
        assert!(serde_json::from_str::<Response>(r#"{"kind":"pm2","value":{}}"#).is_err());
        assert_eq!(ListWriter::new(0).finish().into_bytes(), "[]");
    }
}
