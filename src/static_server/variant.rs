//! Files that were compressed before: `app.js.br` beside `app.js`.

use super::conditions::text;
use super::found;
use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    /// What is usually smallest comes first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// What is there of a file.
#[derive(Debug, Default)]
pub(super) struct Variants {
    /// Some variant exists, so that another client may be sent another one.
    pub(super) vary: bool,
    /// The one that this client takes.
    pub(super) chosen: Option<(Coding, File, Metadata)>,
    /// It may be compressed for this client.
    pub(super) takes_gzip: bool,
}

/// Looks for compressed files beside the one at `path`.
pub(super) fn variants(root: &Path, path: &Path, headers: &HeaderMap) -> Variants {
    let accepted = text(headers, &ACCEPT_ENCODING).unwrap_or_default();
    let mut variants = Variants { takes_gzip: accepts(&accepted, Coding::Gzip), ..Variants::default() };
    for coding in Coding::ALL {
        let Some((file, of)) = found::file(root, &beside(path, coding)) else { continue };
        variants.vary = true;
        if variants.chosen.is_none() && accepts(&accepted, coding) {
            variants.chosen = Some((coding, file, of));
        }
    }
    variants
}

fn beside(path: &Path, coding: Coding) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(coding.extension());
    name.into()
}

fn accepts(header: &str, coding: Coding) -> bool {
    let quality = |name: &str| {
        let entry = header
            .split(',')
            .find(|entry| entry.split(';').next().is_some_and(|word| word.trim().eq_ignore_ascii_case(name)))?;
        let weight = entry.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
        Some(weight.is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0)))
    };
    quality(coding.name()).or_else(|| quality("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_what() {
        for (header, coding, expected) in [
            ("gzip, deflate, br, zstd", Coding::Brotli, true),
            ("gzip", Coding::Brotli, false),
            ("GZIP;q=0.5", Coding::Gzip, true),
            ("gzip;q=0", Coding::Gzip, false),
            ("gzip;q=0.0, *", Coding::Gzip, false),
            ("*", Coding::Zstd, true),
            ("*;q=0", Coding::Zstd, false),
            ("identity", Coding::Gzip, false),
            ("", Coding::Gzip, false),
        ] {
            assert_eq!(accepts(header, coding), expected, "{header} {coding:?}");
        }
    }
}
