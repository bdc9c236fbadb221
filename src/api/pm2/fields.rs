//! An object of JSON as it is written: fields in their order, each value written once, and copied from there.

use serde::Serialize;
use std::borrow::Cow;
use std::ops::Range;

/// Where a value stands among those that were written.
pub(super) type Place = Range<usize>;

#[derive(Debug)]
pub(super) struct Fields<'a> {
    rows: Vec<(Cow<'a, str>, Place)>,
    values: Vec<u8>,
}

impl<'a> Fields<'a> {
    /// `room` is what others have left: a list of many objects needs it once.
    pub(super) fn new(mut room: Vec<u8>) -> Self {
        room.clear();
        Self { rows: Vec::with_capacity(128), values: room }
    }

    pub(super) fn into_room(self) -> Vec<u8> {
        self.values
    }

    /// Writes a value that fields may have.
    pub(super) fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Place {
        let begins = self.values.len();
        write(&mut self.values, value);
        begins..self.values.len()
    }

    /// Writes an object of values that were written before.
    pub(super) fn object<'b>(&mut self, rows: impl IntoIterator<Item = (&'b str, Place)>) -> Place {
        let begins = self.values.len();
        self.values.push(b'{');
        for (name, place) in rows {
            if self.values.len() > begins + 1 {
                self.values.push(b',');
            }
            write(&mut self.values, name);
            self.values.push(b':');
            self.values.extend_from_within(place);
        }
        self.values.push(b'}');
        begins..self.values.len()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.rows.iter().any(|(known, _)| known == name)
    }

    /// One that is not there yet.
    pub(super) fn add(&mut self, name: impl Into<Cow<'a, str>>, value: &(impl Serialize + ?Sized)) {
        let place = self.value(value);
        self.add_at(name, place);
    }

    pub(super) fn add_at(&mut self, name: impl Into<Cow<'a, str>>, place: Place) {
        let name = name.into();
        debug_assert!(!self.has(&name), "{name} is there twice");
        self.rows.push((name, place));
    }

    /// In the place of one of that name, if there is one.
    pub(super) fn set(&mut self, name: impl Into<Cow<'a, str>>, value: &(impl Serialize + ?Sized)) {
        let place = self.value(value);
        self.set_at(name, place);
    }

    pub(super) fn set_at(&mut self, name: impl Into<Cow<'a, str>>, place: Place) {
        let name = name.into();
        match self.rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = place,
            None => self.rows.push((name, place)),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (name, place)) in self.rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write(out, name.as_ref());
            out.push(b':');
            out.extend_from_slice(&self.values[place.clone()]);
        }
        out.push(b'}');
    }
}

/// What JSON has no word for, such as a path that is no text, is `null`.
pub(super) fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let begins = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(begins);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn the_order_is_that_of_first_mention_and_the_value_the_last() {
        let mut fields = Fields::new(b"old".to_vec());
        fields.add("a", &1);
        fields.add("b\"", "x\n");
        let (one, two) = (fields.value("1"), fields.value(&true));
        let object = fields.object([("p", one.clone()), ("q", two)]);
        fields.set_at("a", object);
        fields.set("c", Path::new(OsStr::from_bytes(b"\xff")));
        fields.add_at("d", one);
        assert!(fields.has("c") && !fields.has("p"));
        let mut out = Vec::new();
        fields.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":{"p":"1","q":true},"b\"":"x\n","c":null,"d":"1"}"#);
    }

    #[test]
    fn of_nothing_it_is_an_empty_object() {
        let mut fields = Fields::new(Vec::new());
        assert_eq!(fields.object([]), 0..2);
        let mut out = Vec::new();
        fields.write(&mut out);
        assert_eq!(out, b"{}");
    }
}
