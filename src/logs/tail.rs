//! The last lines of a file.
//!
//! The file is read backwards in blocks until the first wanted line is found, then forwards a line at a time:
//! however long the file and its lines are, only a block and a line are in memory.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const BLOCK: usize = 64 << 10;

/// Of a longer line only so much is shown.
const LONGEST: usize = 1 << 20;

/// The last lines of a file, oldest first, without their line breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    pub lines: Vec<Vec<u8>>,
    /// The byte after them.
    pub position: u64,
    /// The last line has no line break yet.
    pub partial: bool,
}

/// The last `lines` lines, up to byte `end` if given. Where there may be very many, take [`TailLines`].
pub fn tail(path: &Path, lines: u32, end: Option<u64>) -> io::Result<Tail> {
    let tail = TailLines::open(path, lines, end)?;
    let (position, partial) = (tail.position, tail.partial);
    Ok(Tail { lines: tail.collect::<io::Result<_>>()?, position, partial })
}

/// The last lines of a file, one after the other.
#[derive(Debug)]
pub struct TailLines {
    reader: BufReader<Take<File>>,
    position: u64,
    partial: bool,
}

impl TailLines {
    /// What is not an ordinary file has no lines to go back to.
    pub fn open(path: &Path, lines: u32, end: Option<u64>) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let of = file.metadata()?;
        let length = if of.is_file() { of.len() } else { 0 };
        let position = end.map_or(length, |end| end.min(length));
        let partial = position > 0 && byte_before(&file, position)? != b'\n';
        let start = start_of_lines(&file, lines, if partial { position } else { position.saturating_sub(1) })?;
        let start = if lines == 0 { position } else { start };
        if of.is_file() {
            file.seek(SeekFrom::Start(start))?;
        }
        let reader = BufReader::with_capacity(BLOCK, file.take(position - start));
        Ok(Self { reader, position, partial })
    }

    /// The byte after the last line.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The last line has no line break yet.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    fn read_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let (mut line, mut skipped, mut begun) = (Vec::new(), 0_u64, false);
        loop {
            let block = self.reader.fill_buf()?;
            if block.is_empty() {
                return Ok(begun.then(|| marked(line, skipped)));
            }
            begun = true;
            let end = memchr::memchr(b'\n', block);
            let text = &block[..end.unwrap_or(block.len())];
            let (kept, left_out) = text.split_at(text.len().min(LONGEST - line.len()));
            line.extend_from_slice(kept);
            skipped += left_out.len() as u64;
            let used = text.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(marked(line, skipped)));
            }
        }
    }
}

impl Iterator for TailLines {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_line().transpose()
    }
}

fn marked(mut line: Vec<u8>, skipped: u64) -> Vec<u8> {
    if skipped > 0 {
        line.extend_from_slice(format!(" … [{skipped} more bytes]").as_bytes());
    }
    line
}

fn byte_before(file: &File, position: u64) -> io::Result<u8> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, position - 1)?;
    Ok(byte[0])
}

/// Where the last `lines` lines begin, of those that end at or after byte `end`.
fn start_of_lines(file: &File, lines: u32, end: u64) -> io::Result<u64> {
    let mut block = vec![0; BLOCK];
    let (mut end, mut left) = (end, lines);
    while end > 0 {
        let start = end.saturating_sub(BLOCK as u64);
        let block = &mut block[..(end - start) as usize];
        file.read_exact_at(block, start)?;
        for at in memchr::memrchr_iter(b'\n', block) {
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(start + at as u64 + 1);
            }
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn texts(tail: &Tail) -> Vec<&str> {
        tail.lines.iter().map(|line| std::str::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn the_last_lines_come_oldest_first() {
        let file = file(b"one\ntwo\n\nfour\n");
        let tail = tail(file.path(), 3, None).unwrap();
        assert_eq!(texts(&tail), ["two", "", "four"]);
        assert_eq!((tail.position, tail.partial), (14, false));
    }

    #[test]
    fn no_lines_is_none() {
        let file = file(b"one\ntwo");
        let tail = tail(file.path(), 0, None).unwrap();
        assert_eq!((tail.lines.len(), tail.position), (0, 7));
    }

    #[test]
    fn a_line_too_long_to_show_is_cut_and_says_so() {
        let mut bytes = vec![b'x'; LONGEST + 5];
        bytes.extend_from_slice(b"\nshort\n");
        let tail = tail(file(&bytes).path(), 2, None).unwrap();
        assert!(tail.lines[0].ends_with("x … [5 more bytes]".as_bytes()));
        assert_eq!(tail.lines[1], b"short");
    }

    #[test]
    fn a_device_has_no_past() {
        let tail = tail(Path::new("/dev/null"), 5, None).unwrap();
        assert_eq!((tail.lines.len(), tail.position, tail.partial), (0, 0, false));
    }

    proptest! {
        #[test]
        fn it_is_what_splitting_the_whole_file_gives(
            parts in prop::collection::vec(("[a-z]{0,8}", prop::bool::weighted(0.02)), 0..40),
            complete: bool,
            lines in 0_u32..50,
            cut in 0_usize..400,
        ) {
            // Now and then a line that spans blocks.
            let grow = |(text, long): &(String, bool)| if *long { text.repeat(20_000) } else { text.clone() };
            let mut text = parts.iter().map(grow).collect::<Vec<_>>().join("\n");
            text.push_str(if complete { "\n" } else { "" });
            let end = text.len().saturating_sub(cut);
            let shown = &text[..end];
            let mut all: Vec<&str> = shown.split('\n').collect();
            if shown.is_empty() || shown.ends_with('\n') {
                all.pop();
            }
            let expected = &all[all.len().saturating_sub(lines as usize)..];
            let tail = tail(file(text.as_bytes()).path(), lines, Some(end as u64)).unwrap();
            prop_assert_eq!(texts(&tail), expected);
            prop_assert_eq!(tail.position, end as u64);
            prop_assert_eq!(tail.partial, !shown.is_empty() && !shown.ends_with('\n'));
        }
    }
}
