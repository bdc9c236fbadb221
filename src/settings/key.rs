//! Where in the tree a setting is: `api.port` or `api:port`.

use std::fmt;

/// The parts of a key, at least one, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    parts: Vec<String>,
}

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("the key {0:?} has an empty part")]
    Empty(String),
    #[error("the key {0:?} has a quote that nothing closes")]
    Open(String),
    /// Programs in JavaScript read the file, and these reach what all their objects have in common.
    #[error("{part} cannot be a part of a key")]
    Refused { part: String },
}

const REFUSED: [&str; 3] = ["__proto__", "constructor", "prototype"];

impl Key {
    /// Parts are apart by dots, or where there is none by colons; what is in double quotes is one part.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let separator = if has_bare(text, '.') { '.' } else { ':' };
        let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
        for c in text.chars() {
            match c {
                '"' => quoted = !quoted,
                c if c == separator && !quoted => parts.push(std::mem::take(&mut part)),
                c => part.push(c),
            }
        }
        parts.push(part);
        if quoted {
            return Err(BadKey::Open(text.to_owned()));
        }
        if parts.iter().any(String::is_empty) {
            return Err(BadKey::Empty(text.to_owned()));
        }
        if let Some(part) = parts.iter().find(|part| REFUSED.contains(&part.as_str())) {
            return Err(BadKey::Refused { part: part.clone() });
        }
        Ok(Self { parts })
    }

    pub(super) fn of(parts: Vec<String>) -> Self {
        Self { parts }
    }

    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The app that it is a setting of: a key of one part is nobody's.
    pub fn app(&self) -> Option<&str> {
        (self.parts.len() > 1).then(|| self.parts[0].as_str())
    }
}

/// As it can be typed again.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            let between = if index > 0 { ":" } else { "" };
            if part.contains(['.', ':']) {
                write!(f, "{between}\"{part}\"")?;
            } else {
                write!(f, "{between}{part}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character stands outside of quotes.
fn has_bare(text: &str, wanted: char) -> bool {
    let mut quoted = false;
    text.chars().any(|c| {
        quoted ^= c == '"';
        c == wanted && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_win_over_colons_and_quotes_over_both() {
        for (text, parts) in [
            ("plain", &["plain"][..]),
            ("app:key", &["app", "key"]),
            ("app.key", &["app", "key"]),
            ("a.b.c", &["a", "b", "c"]),
            ("a:b.c", &["a:b", "c"]),
            ("a.\"x.y\".c", &["a", "x.y", "c"]),
            ("a:\"x.y\"", &["a", "x.y"]),
            ("\"a.b\"", &["a.b"]),
            ("my-app:HTTP_PORT", &["my-app", "HTTP_PORT"]),
        ] {
            assert_eq!(Key::parse(text).unwrap().parts(), parts, "{text}");
        }
        assert_eq!(Key::parse("app:key").unwrap().app(), Some("app"));
        assert_eq!(Key::parse("key").unwrap().app(), None);
    }

    #[test]
    fn what_is_no_key() {
        for text in ["", "a.", ".a", "a..b", "a::b", "\"\""] {
            assert_eq!(Key::parse(text), Err(BadKey::Empty(text.into())), "{text}");
        }
        assert_eq!(Key::parse("a.\"b"), Err(BadKey::Open("a.\"b".into())));
        for text in ["__proto__", "a.constructor", "a:prototype:b", "a.\"__proto__\".b"] {
            assert!(matches!(Key::parse(text), Err(BadKey::Refused { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(parts in prop::collection::vec("[a-zA-Z0-9_.: -]{1,6}", 1..4)) {
            let key = Key::of(parts);
            prop_assert_eq!(Key::parse(&key.to_string()).unwrap(), key);
        }
    }
}
