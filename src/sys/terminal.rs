//! Terminals: how large they are, and keys as they are pressed.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Columns of the terminal behind `fd`; `None` when it is no terminal or doesn't say.
pub fn width(fd: impl AsFd) -> Option<usize> {
    size(fd).map(|(columns, _)| columns)
}

/// Columns and rows.
pub fn size(fd: impl AsFd) -> Option<(usize, usize)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is borrowed for the call, and `size` is a valid winsize for it to fill in.
    let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some((usize::from(size.ws_col), usize::from(size.ws_row).max(1)))
}

/// Keys of the terminal at standard input, each when it is pressed: none is shown, none is a signal. As before when dropped.
pub struct Keys {
    terminal: OwnedFd,
    before: libc::termios,
}

impl Keys {
    pub fn take() -> io::Result<Self> {
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        let mut before = MaybeUninit::uninit();
        // SAFETY: the descriptor is ours, and there is room for a termios, which is filled in where the call succeeds.
        if unsafe { libc::tcgetattr(terminal.as_raw_fd(), before.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has succeeded.
        let before: libc::termios = unsafe { before.assume_init() };
        let mut now = before;
        now.c_lflag &= !(libc::ICANON | libc::ECHO | libc::ISIG | libc::IEXTEN);
        // A read gives what is there, and doesn't wait: the flag for that would be the shell's, too.
        now.c_cc[libc::VMIN] = 0;
        now.c_cc[libc::VTIME] = 0;
        set(&terminal, &now)?;
        Ok(Self { terminal, before })
    }

    /// What has been pressed since.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 64];
        let count = nix::unistd::read(&self.terminal, &mut buffer)?;
        Ok(buffer[..count].to_vec())
    }
}

fn set(terminal: &OwnedFd, state: &libc::termios) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed, and the termios whole; both are only read during the call.
    if unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, state) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

impl AsRawFd for Keys {
    fn as_raw_fd(&self) -> RawFd {
        self.terminal.as_raw_fd()
    }
}

impl AsFd for Keys {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Nothing is left to tell it to where this fails.
        let _ = set(&self.terminal, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_no_size() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert_eq!((width(&null), size(&null)), (None, None));
    }
}
