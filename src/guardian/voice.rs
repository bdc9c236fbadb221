//! What the guardian says to people: lines in the daemon's log, which is its standard error too.

use crate::sys::time::unix_ms;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// What a pipe takes in one piece when it takes anything.
const LONGEST_LINE: usize = 4096;

/// Says a line, or doesn't: neither a full disk nor a terminal that was stopped is a reason to stop.
pub(super) fn say(line: &str) {
    say_to(&mut io::stderr(), line);
}

fn say_to(to: &mut (impl Write + AsFd), line: &str) {
    let mut line = format!("{} guardian: {line}", unix_ms()).into_bytes();
    line.truncate(LONGEST_LINE - 1);
    line.push(b'\n');
    let has_room = {
        let mut fds = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
        poll(&mut fds, PollTimeout::ZERO).is_ok()
            && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLOUT))
    };
    if has_room {
        // In one piece, so that it cannot stop half-way.
        let _ = to.write(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_pipe_that_nobody_reads_stops_nothing() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        for number in 0..100_000 {
            say_to(&mut writer, &format!("line {number}"));
        }
        drop(writer);
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert!(read.lines().next().unwrap().ends_with(" guardian: line 0"), "{read}");
        assert!(read.ends_with('\n') && read.lines().all(|line| line.contains(" guardian: line ")));
    }

    #[test]
    fn a_long_line_is_cut() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        say_to(&mut writer, &"long ".repeat(5000));
        drop(writer);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!((read.len(), read.last()), (LONGEST_LINE, Some(&b'\n')));
    }
}
