//! The grammar of `.env` files.
//!
//! ```text
//! # a comment
//! NAME=value            up to the end of the line, or a # after white space
//! export NAME=value     the same
//! A='as it is'          over several lines if need be; also between backticks
//! B="with \n, \t, \" and ${NAME}"   over several lines too
//! C=${NAME} ${NAME:-other}          NAME from an earlier line, an earlier file or what is inherited
//! D=\${NAME}            no variable
//! ```

/// An assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: Vec<Piece>,
    /// The line it begins on, from 1.
    pub(super) line: u32,
}

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Variable {
        name: String,
        /// Where the variable is missing or empty.
        default: Option<String>,
    },
}

/// Why a file is none, and where. Nothing of its text is told: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: u32,
    pub(super) what: &'static str,
}

pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Wrong> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut reader = Reader { rest: &text, line: 1 };
    let mut entries = Vec::new();
    loop {
        reader.skip(char::is_whitespace);
        match reader.peek() {
            None => return Ok(entries),
            Some('#') => reader.skip(|c| c != '\n'),
            Some(_) => entries.push(reader.entry()?),
        }
    }
}

/// The text of a value; `look_up` knows the earlier layers.
pub(super) fn expand(value: &[Piece], look_up: impl Fn(&str) -> Option<String>) -> String {
    let pieces = value.iter().map(|piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Variable { name, default } => {
            let known = look_up(name).filter(|value| default.is_none() || !value.is_empty());
            known.or_else(|| default.clone()).unwrap_or_default()
        }
    });
    pieces.collect()
}

struct Reader<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn skip(&mut self, which: impl Fn(char) -> bool) {
        self.take(which);
    }

    fn take(&mut self, which: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !which(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.line += taken.matches('\n').count() as u32;
        self.rest = rest;
        taken
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, Wrong> {
        Err(Wrong { line: self.line, what })
    }

    fn entry(&mut self) -> Result<Entry, Wrong> {
        let line = self.line;
        let mut name = self.take(is_of_name);
        if name == "export" && self.peek().is_some_and(is_blank) {
            self.skip(is_blank);
            name = self.take(is_of_name);
        }
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.wrong("a name is expected, of letters, digits and _");
        }
        self.skip(is_blank);
        if self.peek() != Some('=') {
            return self.wrong("= is expected after the name");
        }
        self.next();
        self.skip(is_blank);
        let value = match self.peek() {
            Some(quote @ ('\'' | '`')) => self.quoted(quote)?,
            Some('"') => self.double_quoted()?,
            _ => self.plain()?,
        };
        if value.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('\0'))) {
            return Err(Wrong { line, what: "a value cannot hold a NUL byte" });
        }
        Ok(Entry { name: name.to_owned(), value, line })
    }

    fn quoted(&mut self, quote: char) -> Result<Vec<Piece>, Wrong> {
        let began = self.line;
        self.next();
        let text = self.take(|c| c != quote).to_owned();
        if self.next().is_none() {
            return Err(Wrong { line: began, what: "the quote that begins here is never closed" });
        }
        self.nothing_more()?;
        Ok(vec![Piece::Text(text)])
    }

    fn double_quoted(&mut self) -> Result<Vec<Piece>, Wrong> {
        let began = self.line;
        self.next();
        let mut value = Pieces::default();
        loop {
            match self.next() {
                None => return Err(Wrong { line: began, what: "the quote that begins here is never closed" }),
                Some('"') => break,
                Some('\\') => match self.next() {
                    Some('n') => value.text.push('\n'),
                    Some('r') => value.text.push('\r'),
                    Some('t') => value.text.push('\t'),
                    Some(c @ ('"' | '\\' | '$')) => value.text.push(c),
                    // Windows' paths and regular expressions are left alone.
                    Some(other) => value.text.extend(['\\', other]),
                    None => value.text.push('\\'),
                },
                Some('$') if self.peek() == Some('{') => value.variable(self.variable()?),
                Some(other) => value.text.push(other),
            }
        }
        self.nothing_more()?;
        Ok(value.end())
    }

    /// A value without quotes, without the white space around it.
    fn plain(&mut self) -> Result<Vec<Piece>, Wrong> {
        let mut value = Pieces::default();
        let mut blank = true;
        while let Some(c) = self.peek().filter(|c| *c != '\n') {
            if c == '#' && blank {
                self.skip(|c| c != '\n');
                break;
            }
            blank = is_blank(c);
            self.next();
            match c {
                '\\' if self.peek() == Some('$') => value.text.extend(self.next()),
                '$' if self.peek() == Some('{') => value.variable(self.variable()?),
                other => value.text.push(other),
            }
        }
        value.text.truncate(value.text.trim_end().len());
        Ok(value.end())
    }

    /// What follows a `$`: `{NAME}` or `{NAME:-default}`.
    fn variable(&mut self) -> Result<Piece, Wrong> {
        self.next();
        let name = self.take(is_of_name).to_owned();
        if name.is_empty() {
            return self.wrong("the name of a variable is expected after ${; write \\${ for the characters alone");
        }
        let default = if self.rest.starts_with(":-") {
            self.next();
            self.next();
            Some(self.take(|c| c != '}' && c != '\n').to_owned())
        } else {
            None
        };
        if self.peek() != Some('}') {
            return self.wrong("} is expected after the name of a variable");
        }
        self.next();
        Ok(Piece::Variable { name, default })
    }

    /// After a closing quote.
    fn nothing_more(&mut self) -> Result<(), Wrong> {
        self.skip(is_blank);
        match self.peek() {
            None | Some('\n') => Ok(()),
            Some('#') => {
                self.skip(|c| c != '\n');
                Ok(())
            }
            Some(_) => self.wrong("nothing but a comment may follow the closing quote"),
        }
    }
}

#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn variable(&mut self, variable: Piece) {
        self.end_text();
        self.done.push(variable);
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn end(mut self) -> Vec<Piece> {
        self.end_text();
        self.done
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
