//! Where the output of a run goes, and what its lines look like there. It is settled when the run begins, and kept beside
//! its pipes: whoever comes next writes on in the same way, whatever the settings have become.

use super::source::PIECE;
use crate::domain::log_line::{LineForm, Writer};
use crate::domain::{OutputStream, ProcessId, UnixMs};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destination {
    /// `None`: neither files nor followers. `/dev/null`: no file of its own.
    pub path: Option<Arc<Path>>,
    /// The file that has both streams.
    pub combined: Option<Arc<Path>>,
    /// `None`: the bytes as they are.
    pub form: Option<LineForm>,
}

/// Between the parts of a tag that is more than a path. No path has it, and no JSON.
const SEPARATOR: u8 = 0;

impl Destination {
    /// A few bytes that say the same, to be kept beside a pipe.
    pub fn tag(&self) -> Vec<u8> {
        let bytes =
            |path: &Option<Arc<Path>>| path.as_ref().map_or(Vec::new(), |path| path.as_os_str().as_bytes().into());
        let path = bytes(&self.path);
        if self.combined.is_none() && self.form.is_none() {
            return path;
        }
        // Text of ours, which has a form in JSON.
        let form = self.form.as_ref().and_then(|form| serde_json::to_vec(form).ok()).unwrap_or_default();
        [path, bytes(&self.combined), form].join(&SEPARATOR)
    }

    pub fn of_tag(tag: &[u8]) -> Self {
        let path = |bytes: &[u8]| (!bytes.is_empty()).then(|| Arc::from(Path::new(OsStr::from_bytes(bytes))));
        let mut parts = tag.splitn(3, |byte| *byte == SEPARATOR);
        let mut next = || parts.next().unwrap_or_default();
        Self { path: path(next()), combined: path(next()), form: serde_json::from_slice(next()).ok() }
    }
}

impl From<Option<PathBuf>> for Destination {
    fn from(path: Option<PathBuf>) -> Self {
        Self { path: path.map(Into::into), ..Self::default() }
    }
}

/// What one stream's lines are written like.
pub(super) struct Dress {
    form: LineForm,
    zone: TimeZone,
    by: Writer,
}

impl Dress {
    pub(super) fn new(form: LineForm, id: ProcessId, stream: OutputStream) -> Self {
        let named = form.time_zone.as_ref().map(|name| TimeZone::get(name));
        let zone = match named {
            Some(Ok(zone)) => zone,
            Some(Err(error)) => {
                tracing::warn!(app = %form.app, %id, %error, "its log has the dates of this machine's time zone");
                TimeZone::system()
            }
            None => TimeZone::system(),
        };
        Self { form, zone, by: Writer { id, stream } }
    }

    /// Writes as many of the lines as are a chunk for a file; how many bytes they were.
    pub(super) fn put_on(&self, lines: &[u8], at: UnixMs, out: &mut Vec<u8>) -> usize {
        let date = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(self.zone.clone());
        self.form.write(self.by, &date, lines, 4 * PIECE, out)
    }

    /// All of them.
    pub(super) fn put_on_all(&self, mut lines: &[u8], at: UnixMs, mut each: impl FnMut(&[u8])) {
        let mut text = Vec::new();
        while !lines.is_empty() {
            text.clear();
            let taken = self.put_on(lines, at, &mut text);
            each(&text);
            lines = &lines[taken..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log_line::LogType;

    #[test]
    fn a_tag_says_all_of_it_and_a_path_alone_is_its_own() {
        let form = |format: Option<&str>| LineForm {
            log_type: LogType::Json,
            date_format: format.map(Into::into),
            time_zone: Some("Europe/Vienna".into()),
            app: "ä\0b".into(),
        };
        for to in [
            Destination::default(),
            Destination::from(Some(PathBuf::from("/l/x.log"))),
            Destination { combined: Some(Path::new("/l/all.log").into()), ..Destination::default() },
            Destination { path: Some(Path::new("/l/x").into()), form: Some(form(None)), ..Destination::default() },
            Destination {
                path: Some(Path::new("/l/x").into()),
                combined: Some(Path::new("/l/y").into()),
                form: Some(form(Some("\u{0}Z"))),
            },
        ] {
            assert_eq!(Destination::of_tag(&to.tag()), to, "{to:?}");
        }
        assert_eq!(Destination::from(Some(PathBuf::from("/l/x.log"))).tag(), b"/l/x.log");
        assert_eq!(Destination::default().tag(), b"");
    }
}
