//! The memory that this program takes without need: code and constants that it doesn't use, and what it has freed.

use std::fs;
use std::io;

/// Gives back the pages of our code and constants. Those that are still needed come back from the page cache as they are;
/// what only a start has needed, or a rare command, doesn't count as ours any more.
pub fn release() -> io::Result<()> {
    let mappings = fs::read_to_string("/proc/self/smaps")?;
    for (start, end) in unchanged(&mappings, release as fn() -> io::Result<()> as usize) {
        // SAFETY: a mapping of a file that cannot be written, and has no page of its own: each page is read again from
        // the file when it is needed next.
        if unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Gives back what has been freed: the C library keeps it for whoever needs memory next.
pub fn trim() {
    // SAFETY: it is allowed at any time, from any thread.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A mapping of `smaps`.
struct Mapping<'a> {
    start: usize,
    end: usize,
    can_be_written: bool,
    /// Device and number.
    file: (&'a str, &'a str),
    /// It has pages that differ from the file's.
    has_own: bool,
}

/// The mappings of the file in which `address` is that are as they are in the file, and stay so.
fn unchanged(smaps: &str, address: usize) -> Vec<(usize, usize)> {
    let mut mappings: Vec<Mapping<'_>> = Vec::new();
    for line in smaps.lines() {
        if let Some(mapping) = header(line) {
            mappings.push(mapping);
        } else if let (Some(mapping), Some(own)) = (mappings.last_mut(), line.strip_prefix("Anonymous:")) {
            mapping.has_own = own.trim() != "0 kB";
        }
    }
    let Some(file) = mappings.iter().find(|it| (it.start..it.end).contains(&address)).map(|it| it.file) else {
        return Vec::new();
    };
    let is_unchanged = |it: &&Mapping<'_>| it.file == file && file.1 != "0" && !it.can_be_written && !it.has_own;
    mappings.iter().filter(is_unchanged).map(|it| (it.start, it.end)).collect()
}

fn header(line: &str) -> Option<Mapping<'_>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let hex = |text| usize::from_str_radix(text, 16).ok();
    let permissions = fields.next()?;
    let _offset = fields.next()?;
    Some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        can_be_written: permissions.contains('w'),
        file: (fields.next()?, fields.next()?),
        // Until it says that it has none.
        has_own: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
1000-3000 r--p 00000000 fe:00 42    /usr/bin/rpm
Size:                  8 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
3000-8000 r-xp 00002000 fe:00 42    /usr/bin/rpm
Anonymous:             0 kB
8000-9000 r--p 00007000 fe:00 42    /usr/bin/rpm
Anonymous:             4 kB
9000-a000 rw-p 00008000 fe:00 42    /usr/bin/rpm
Anonymous:             0 kB
b000-c000 r-xp 00000000 fe:00 43    /usr/lib/libc.so.6
Anonymous:             0 kB
d000-e000 r-xp 00000000 00:00 0     [vdso]
Anonymous:             0 kB
f000-f800 r--p 00000000 fe:00 42    /usr/bin/rpm
";

    #[test]
    fn only_what_is_as_in_the_file_is_given_back() {
        assert_eq!(unchanged(SMAPS, 0x3004), [(0x1000, 0x3000), (0x3000, 0x8000)]);
        assert_eq!(unchanged(SMAPS, 0xb000), [(0xb000, 0xc000)]);
        assert_eq!(unchanged(SMAPS, 0xd000), []);
        assert_eq!(unchanged(SMAPS, 0x500), []);
        assert_eq!(unchanged("nothing\n-\n1-2\n", 1), []);
    }

    #[test]
    fn what_is_given_back_comes_back() {
        let text = "constants and code".repeat(3);
        release().unwrap();
        assert_eq!(text, "constants and code".repeat(3));
        let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
        assert!(!unchanged(&smaps, release as fn() -> io::Result<()> as usize).is_empty());
    }
}
