//! Where the values of a document stand in its text.

use serde_json::Value;
use std::collections::BTreeMap;

/// A document, and the lines of its values as far as they are known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    pub value: Value,
    pub places: Places,
}

/// Lines by the pointer of a value: `/apps/0/name`. For a member of an object the line of its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places(BTreeMap<String, u64>);

impl Places {
    pub(super) fn note(&mut self, pointer: &str, line: u64) {
        self.0.insert(pointer.to_owned(), line);
    }

    pub(super) fn line(&self, pointer: &str) -> Option<u64> {
        self.0.get(pointer).copied()
    }
}

impl From<Value> for Document {
    /// A value without a text.
    fn from(value: Value) -> Self {
        Self { value, places: Places::default() }
    }
}

/// The pointer of a member of `parent`. Names are not escaped: pointers are made in one way and only compared.
pub(super) fn below(parent: &str, member: impl std::fmt::Display) -> String {
    format!("{parent}/{member}")
}
