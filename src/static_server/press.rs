//! Files that are compressed when somebody wants them, and kept for the next one who does.

use super::body;
use super::kinds::is_compressible;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

/// What is smaller fits into a packet as it is.
const SMALLEST: u64 = 1 << 10;
/// What is larger is for whoever builds the site to compress: some 20 ms of a core are spent here, no more.
const LARGEST: u64 = 1 << 20;
/// So many bytes of compressed files are kept.
const KEPT: usize = 8 << 20;

/// Compresses, and keeps what was asked for last.
#[derive(Default)]
pub(super) struct Press {
    kept: Mutex<Kept>,
}

/// The one asked for last stands last.
#[derive(Default)]
struct Kept {
    entries: VecDeque<(Key, Pressed)>,
    bytes: usize,
}

/// What compression comes to.
#[derive(Clone)]
enum Pressed {
    Smaller(Bytes),
    NoSmaller,
}

impl Pressed {
    fn bytes(self) -> Option<Bytes> {
        match self {
            Self::Smaller(bytes) => Some(bytes),
            Self::NoSmaller => None,
        }
    }

    /// An entry without bytes costs something too.
    fn cost(&self) -> usize {
        ENTRY
            + match self {
                Self::Smaller(bytes) => bytes.len(),
                Self::NoSmaller => 0,
            }
    }
}

/// One state of one file.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Key {
    place: (u64, u64),
    length: u64,
    modified: (i64, i64),
}

const ENTRY: usize = 256;

impl Press {
    /// Whether a file of this kind is compressed for who wants that.
    pub(super) fn takes(kind: &str, of: &Metadata) -> bool {
        (SMALLEST..=LARGEST).contains(&of.len()) && is_compressible(kind)
    }

    /// The file, compressed; `None` where it doesn't get smaller.
    pub(super) fn press(&self, file: &File, of: &Metadata) -> io::Result<Option<Bytes>> {
        let key = Key { place: (of.dev(), of.ino()), length: of.len(), modified: (of.mtime(), of.mtime_nsec()) };
        if let Some(known) = self.lock().find(key) {
            return Ok(known.bytes());
        }
        let plain = body::read(file, 0, of.len())?;
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::default());
        encoder.write_all(&plain)?;
        let pressed = encoder.finish()?;
        let pressed = if pressed.len() < plain.len() { Pressed::Smaller(pressed.into()) } else { Pressed::NoSmaller };
        self.lock().keep(key, pressed.clone());
        Ok(pressed.bytes())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn find(&mut self, key: Key) -> Option<Pressed> {
        let index = self.entries.iter().position(|(known, _)| *known == key)?;
        let entry = self.entries.remove(index)?;
        let found = entry.1.clone();
        self.entries.push_back(entry);
        Some(found)
    }

    fn keep(&mut self, key: Key, pressed: Pressed) {
        // Somebody else may have been asked for it at the same time.
        if self.find(key).is_some() {
            return;
        }
        self.bytes += pressed.cost();
        self.entries.push_back((key, pressed));
        while self.bytes > KEPT {
            let Some((_, gone)) = self.entries.pop_front() else { return };
            self.bytes -= gone.cost();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::fs;
    use std::io::Read;

    fn open(directory: &tempfile::TempDir, text: &[u8]) -> (File, Metadata) {
        let path = directory.path().join("file");
        fs::write(&path, text).unwrap();
        let file = File::open(path).unwrap();
        let of = file.metadata().unwrap();
        (file, of)
    }

    #[test]
    fn what_is_compressed_is_the_file_and_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let text = "one and two and three\n".repeat(1000);
        let (file, of) = open(&directory, text.as_bytes());
        assert!(Press::takes("text/html", &of) && !Press::takes("image/png", &of));
        let press = Press::default();
        let pressed = press.press(&file, &of).unwrap().unwrap();
        let mut plain = String::new();
        GzDecoder::new(&pressed[..]).read_to_string(&mut plain).unwrap();
        assert!(plain == text && pressed.len() < text.len() / 10);
        let again = press.press(&file, &of).unwrap().unwrap();
        assert_eq!(again.as_ptr(), pressed.as_ptr(), "it was compressed twice");
    }

    #[test]
    fn what_does_not_get_smaller_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let mut noise = vec![0; 4096];
        getrandom::fill(&mut noise).unwrap();
        let (file, of) = open(&directory, &noise);
        assert_eq!(Press::default().press(&file, &of).unwrap(), None);
    }

    #[test]
    fn only_so_much_is_kept_and_the_oldest_goes_first() {
        let key = |number| Key { place: (0, number), length: 0, modified: (0, 0) };
        let mut kept = Kept::default();
        let large = Pressed::Smaller(Bytes::from(vec![0; KEPT / 4]));
        for number in 0..4 {
            kept.keep(key(number), large.clone());
            assert!(kept.find(key(0)).is_some());
        }
        assert!(kept.find(key(1)).is_none() && kept.find(key(3)).is_some());
        assert!(
            kept.bytes <= KEPT && kept.bytes == kept.entries.iter().map(|(_, pressed)| pressed.cost()).sum::<usize>()
        );
    }
}
