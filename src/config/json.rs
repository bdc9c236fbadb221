//! The lines of a JSON text, also where it is JSON5. A scanner of its own: the parser keeps no positions.

use super::places::{Places, below};

/// Lines of all values. Where the text is not what the scanner knows, an expression say, it knows no more lines.
pub(super) fn places(text: &str) -> Places {
    let mut scanner = Scanner { text, at: 0, line: 1, counted: 0, places: Places::default() };
    scanner.skip();
    // What it has found before it got lost is right.
    _ = scanner.value("");
    scanner.places
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The line of the byte at `counted`.
    line: u64,
    counted: usize,
    places: Places,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn note(&mut self, pointer: &str) {
        let passed = self.text[self.counted..self.at].bytes().filter(|byte| *byte == b'\n').count();
        self.line += passed as u64;
        self.counted = self.at;
        self.places.note(pointer, self.line);
    }

    /// Passes white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len()
            };
            if length == 0 {
                return;
            }
            self.at += length;
        }
    }

    /// Passes `c`, if it is next.
    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
            self.skip();
        }
        found
    }

    fn value(&mut self, pointer: &str) -> Option<()> {
        if self.places.line(pointer).is_none() {
            self.note(pointer);
        }
        match self.peek()? {
            '{' => self.object(pointer),
            '[' => self.list(pointer),
            '"' | '\'' => self.quoted().map(drop),
            _ => self.word().map(drop),
        }
    }

    fn object(&mut self, pointer: &str) -> Option<()> {
        self.eat('{');
        while !self.eat('}') {
            let start = self.at;
            let key = if matches!(self.peek()?, '"' | '\'') { self.quoted()? } else { self.word()? };
            let pointer = below(pointer, key);
            let end = std::mem::replace(&mut self.at, start);
            self.note(&pointer);
            self.at = end;
            if !self.eat(':') {
                return None;
            }
            self.value(&pointer)?;
            if !self.eat(',') && self.peek() != Some('}') {
                return None;
            }
        }
        Some(())
    }

    fn list(&mut self, pointer: &str) -> Option<()> {
        self.eat('[');
        let mut index = 0_usize;
        while !self.eat(']') {
            self.value(&below(pointer, index))?;
            index += 1;
            if !self.eat(',') && self.peek() != Some(']') {
                return None;
            }
        }
        Some(())
    }

    /// A text, without what its escapes mean: no field's name needs one.
    fn quoted(&mut self) -> Option<String> {
        let quote = self.peek()?;
        let mut escaped = false;
        let mut chars = self.rest().char_indices().skip(1);
        let end = chars.find_map(|(at, c)| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        })?;
        let inside = self.rest()[1..end].to_owned();
        self.at += end + 1;
        self.skip();
        Some(inside)
    }

    /// A number, a name, `true`.
    fn word(&mut self) -> Option<String> {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '+' | '-' | '.');
        let length = self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        if length == 0 {
            return None;
        }
        let word = self.rest()[..length].to_owned();
        self.at += length;
        self.skip();
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_and_items_have_lines() {
        let text = "\u{feff}// head\n{ apps: [\n  { 'name': \"a//\\\"\",\r\n    /* x\n y */ env: {A: +1.5e3,\n\"B\" : []},},\n  7\n]}";
        let places = places(text);
        for (pointer, line) in [
            ("", 2),
            ("/apps", 2),
            ("/apps/0", 3),
            ("/apps/0/name", 3),
            ("/apps/0/env", 5),
            ("/apps/0/env/B", 6),
            ("/apps/1", 7),
        ] {
            assert_eq!(places.line(pointer), Some(line), "{pointer}");
        }
        assert_eq!(places.line("/apps/2"), None);
    }

    #[test]
    fn a_text_that_is_something_else_is_known_as_far_as_it_goes() {
        let found = places("[\n{name: 'a'},\n{name: f()}, {name: 'b'}]");
        assert_eq!((found.line("/1/name"), found.line("/2")), (Some(3), None));
        assert_eq!(places("").line(""), Some(1));
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_to_an_end(text in "[\\[\\]{},:'\"/*a\\\\ \n0é]{0,60}") {
            places(&text);
        }
    }
}
