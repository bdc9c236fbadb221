//! What the path of a request means: which file below the root.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Names that begin with a dot are not served, but for what is meant to be public (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// A file or directory below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Ordinary names alone: neither `..` nor anything absolute is in it.
    pub(super) path: PathBuf,
    /// It was written as a directory: with a slash at its end.
    pub(super) is_directory: bool,
}

/// Why a path means no file that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Senseless {
    /// It is no path.
    Malformed,
    /// It leads out of the root.
    Outside,
    /// It is hidden: `.env`, `.git`.
    Hidden,
}

/// Reads the path of a request, as it was sent.
pub(super) fn wanted(path: &str) -> Result<Wanted, Senseless> {
    let decoded = decode(path.as_bytes()).ok_or(Senseless::Malformed)?;
    if decoded.contains(&0) {
        return Err(Senseless::Malformed);
    }
    let mut names: Vec<&[u8]> = Vec::new();
    // Decoded first, so that an escaped slash or dot is no way around what follows.
    for name in decoded.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop().ok_or(Senseless::Outside)?),
            name => names.push(name),
        }
    }
    if names.iter().any(|name| name.starts_with(b".") && *name != WELL_KNOWN) {
        return Err(Senseless::Hidden);
    }
    let is_directory = decoded.ends_with(b"/") || decoded.ends_with(b"/.") || decoded.ends_with(b"/..");
    let path = names.into_iter().map(|name| OsString::from_vec(name.to_vec())).collect();
    Ok(Wanted { path, is_directory })
}

/// Takes percent escapes out; `None` where one is broken.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let [high, low, tail @ ..] = tail else { return None };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            decoded.push((digit(*high)? * 16 + digit(*low)?) as u8);
            rest = tail;
        } else {
            decoded.push(*first);
        }
    }
    Some(decoded)
}

/// A name as a part of a URL.
pub(super) fn encode(name: &[u8]) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push('%');
            for half in [byte >> 4, byte & 0xf] {
                encoded.extend(char::from_digit(u32::from(half), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    fn means(path: &str) -> Result<(String, bool), Senseless> {
        wanted(path).map(|wanted| (wanted.path.to_str().unwrap().to_owned(), wanted.is_directory))
    }

    #[test]
    fn paths_and_what_they_mean() {
        for (path, meant, is_directory) in [
            ("/", "", true),
            ("/a.txt", "a.txt", false),
            ("/a/b/", "a/b", true),
            ("//a///b", "a/b", false),
            ("/a/./b/../c", "a/c", false),
            ("/a%20b/%C3%BC", "a b/ü", false),
            ("/a%2fb", "a/b", false),
            ("/a/..", "", true),
            ("/.well-known/acme", ".well-known/acme", false),
            ("/a+b", "a+b", false),
        ] {
            assert_eq!(means(path), Ok((meant.to_owned(), is_directory)), "{path}");
        }
    }

    #[test]
    fn paths_that_mean_nothing() {
        for (path, why) in [
            ("/..", Senseless::Outside),
            ("/../etc/passwd", Senseless::Outside),
            ("/a/../../b", Senseless::Outside),
            ("/%2e%2e/etc/passwd", Senseless::Outside),
            ("/..%2fetc", Senseless::Outside),
            ("/a/%2E%2E/%2e./x", Senseless::Outside),
            ("/a%00.txt", Senseless::Malformed),
            ("/%", Senseless::Malformed),
            ("/%4", Senseless::Malformed),
            ("/%zz", Senseless::Malformed),
            ("/.env", Senseless::Hidden),
            ("/a/.git/config", Senseless::Hidden),
            ("/%2egit/config", Senseless::Hidden),
            ("/...", Senseless::Hidden),
        ] {
            assert_eq!(means(path), Err(why), "{path}");
        }
    }

    proptest! {
        #[test]
        fn nothing_leads_upwards(path in "(/|\\.|%2e|%2F|%5c|%00|a|%|\\\\|:){0,24}") {
            if let Ok(wanted) = wanted(&format!("/{path}")) {
                prop_assert!(wanted.path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }

        #[test]
        fn what_is_encoded_means_itself(name in "[^/\0.][^/\0]{0,20}") {
            let url = format!("/{}", encode(name.as_bytes()));
            prop_assert!(url.is_ascii());
            prop_assert_eq!(means(&url), Ok((name, false)));
        }
    }
}
