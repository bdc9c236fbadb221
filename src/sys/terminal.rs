//! How wide the terminal is.

use std::os::fd::{AsFd, AsRawFd};

/// Columns of the terminal behind `fd`; `None` when it is no terminal or doesn't say.
pub fn width(fd: impl AsFd) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is borrowed for the call, and `size` is a valid winsize for it to fill in.
    let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_no_width() {
        assert_eq!(width(std::fs::File::open("/dev/null").unwrap()), None);
    }
}
