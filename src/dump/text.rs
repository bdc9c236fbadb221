//! From a file to the elements of its list.

use crate::config::{self, Caller};
use crate::paths::Home;
use crate::sys::read_as::read_whole;
use serde_json::{Map, Value};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file gives no list.
#[derive(Debug)]
pub enum Unreadable {
    Missing { path: PathBuf },
    Io { path: PathBuf, source: io::Error },
    NoList { path: PathBuf, why: String },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "{} is not there", path.display()),
            Self::Io { path, source } => write!(f, "{} cannot be read: {source}", path.display()),
            Self::NoList { path, why } => write!(f, "{} is no saved list: {why}", path.display()),
        }
    }
}

impl std::error::Error for Unreadable {}

/// A list, and the file that it is from.
pub type SavedList = (PathBuf, Vec<Map<String, Value>>);

/// The elements of a saved list: JSON, or a JavaScript literal.
pub fn read(path: &Path, caller: &Caller) -> Result<Vec<Map<String, Value>>, Unreadable> {
    let bytes = read_whole(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing { path: path.to_owned() },
        _ => Unreadable::Io { path: path.to_owned(), source },
    })?;
    elements(&bytes, path, caller).map_err(|why| Unreadable::NoList { path: path.to_owned(), why })
}

pub(super) fn elements(bytes: &[u8], path: &Path, caller: &Caller) -> Result<Vec<Map<String, Value>>, String> {
    let value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            let text = str::from_utf8(bytes).map_err(|_| error.to_string())?;
            // What is neither is JSON that was damaged, more likely than not.
            config::literal(text, path, caller).map_err(|_| error.to_string())?
        }
    };
    let Value::Array(items) = value else { return Err("it is no list".to_owned()) };
    let object = |(index, item)| match item {
        Value::Object(element) => Ok(element),
        _ => Err(format!("its element {} is no object", index + 1)),
    };
    items.into_iter().enumerate().map(object).collect()
}

/// The saved list of a home with the file that it is from, which is the backup where the other cannot be read; and what
/// was wrong on the way.
pub fn saved(home: &Home, caller: &Caller) -> (Option<SavedList>, Vec<Unreadable>) {
    let mut wrong = Vec::new();
    for path in [home.dump(), home.dump_backup()] {
        match read(&path, caller) {
            Ok(elements) => return (Some((path, elements)), wrong),
            Err(why) => wrong.push(why),
        }
    }
    (None, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read_text(text: &str) -> Result<Vec<Map<String, Value>>, String> {
        elements(text.as_bytes(), Path::new("/h/dump.pm2"), &Caller::current().unwrap())
    }

    #[test]
    fn json_and_literals_are_lists() {
        for text in
            [r#"[{"name": "a"}]"#, "[{name: 'a'}]", "// saved\n[\n {name: 'a',},\n]", "[{name: ['a'].join('')}]"]
        {
            assert_eq!(read_text(text).unwrap()[0]["name"], "a", "{text}");
        }
        assert_eq!(read_text("[]").unwrap(), []);
    }

    #[test]
    fn garbage_is_none() {
        for (text, why) in [
            ("", "EOF while parsing"),
            ("{}", "it is no list"),
            ("[1]", "its element 1 is no object"),
            ("[{\"name\": \"a\"", "EOF while parsing an object at line 1"),
            ("\u{0}\u{0}\u{0}", "line 1"),
        ] {
            let told = read_text(text).unwrap_err();
            assert!(told.contains(why), "{text:?}: {told}");
        }
        assert!(elements(&[0xff, 0xfe], Path::new("/x"), &Caller::current().unwrap()).is_err());
        // Deeper than any list, and no danger to who reads it.
        assert!(read_text(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn the_backup_stands_in() {
        let directory = tempfile::tempdir().unwrap();
        let (home, caller) = (Home::new(directory.path()), Caller::current().unwrap());
        let (found, wrong) = saved(&home, &caller);
        assert!(found.is_none() && wrong.len() == 2);
        fs::write(home.dump_backup(), r#"[{"name": "old"}]"#).unwrap();
        fs::write(home.dump(), "[{").unwrap();
        let (found, wrong) = saved(&home, &caller);
        assert_eq!(found.unwrap().0, home.dump_backup());
        assert!(matches!(&wrong[..], [Unreadable::NoList { .. }]), "{wrong:?}");
        assert!(home.dump().exists(), "nothing is deleted");
        fs::write(home.dump(), "[]").unwrap();
        assert_eq!(saved(&home, &caller).0.unwrap().1, []);
    }
}
