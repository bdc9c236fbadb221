//! A terminal's other screen, as long as somebody looks at it. What was there before is there again afterwards.

use crate::sys::ready;
use crate::sys::terminal::{self, Keys};
use anstream::adapter::strip_str;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use tokio::io::unix::AsyncFd;

/// Another screen, without a cursor, on which long lines are cut; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
/// What is left of a line, or of the screen, from before.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_REST: &str = "\x1b[J";

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

pub(crate) struct FullScreen {
    /// Keys that are pressed, where standard input is a terminal.
    keys: Option<AsyncFd<Keys>>,
    color: bool,
}

impl FullScreen {
    pub(crate) fn take(color: bool) -> io::Result<Self> {
        let keys = if io::stdin().is_terminal() { Some(ready::register(Keys::take()?)?) } else { None };
        let screen = Self { keys, color };
        write(ENTER)?;
        Ok(screen)
    }

    #[expect(clippy::unused_self, reason = "of the screen, whoever knows it")]
    pub(crate) fn size(&self) -> Size {
        let (columns, rows) = terminal::size(io::stdout()).unwrap_or((80, 24));
        Size { columns, rows }
    }

    pub(crate) fn draw(&mut self, text: &str) -> io::Result<()> {
        let rows = self.size().rows;
        write(&if self.color { frame(text, rows) } else { frame(&strip_str(text).to_string(), rows) })
    }

    /// Waits for a key that leaves. Others mean nothing.
    pub(crate) async fn somebody_leaves(&mut self) -> io::Result<()> {
        while !self.pressed().await?.leave {}
        Ok(())
    }

    /// Waits for keys; where there are none, for ever. Safe to cancel.
    pub(crate) async fn pressed(&mut self) -> io::Result<Pressed> {
        let Some(keys) = &mut self.keys else { return std::future::pending().await };
        let mut ready = keys.readable_mut().await?;
        let pressed = ready.get_inner().read()?;
        ready.clear_ready();
        Ok(Pressed::of(&pressed))
    }
}

/// What keys that have come together ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pressed {
    /// `q`, Ctrl-C, Ctrl-D or Escape.
    pub(crate) leave: bool,
    /// So many lines down, by the arrows or `j` and `k`; negative is up.
    pub(crate) down: i32,
}

impl Pressed {
    fn of(keys: &[u8]) -> Self {
        // An arrow key begins with it, too, and doesn't come alone.
        let mut pressed = Self { leave: keys == b"\x1b", down: 0 };
        let mut rest = keys;
        while let Some((key, after)) = rest.split_first() {
            rest = after;
            match key {
                b'q' | b'Q' | &CTRL_C | &CTRL_D => pressed.leave = true,
                b'j' => pressed.down += 1,
                b'k' => pressed.down -= 1,
                b'\x1b' => {
                    // As terminals send them, in either of two modes.
                    if let [b'[' | b'O', arrow, after @ ..] = rest {
                        pressed.down += i32::from(*arrow == b'B') - i32::from(*arrow == b'A');
                        rest = after;
                    }
                }
                _ => {}
            }
        }
        pressed
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        // Nothing is left to tell it to where this fails.
        _ = write(LEAVE);
    }
}

/// As many lines as there is room for, over what was there.
fn frame(text: &str, rows: usize) -> String {
    let mut frame = HOME.to_owned();
    let mut left = rows;
    for line in text.lines().take(rows) {
        left -= 1;
        // Cleared first: after a line as wide as the screen the cursor is still on its last character.
        _ = write!(frame, "{CLEAR_LINE}{line}");
        // Not after the last row: that would move all others.
        frame.push_str(if left > 0 { "\r\n" } else { "" });
    }
    if left > 0 {
        frame.push_str(CLEAR_REST);
    }
    frame
}

/// Past the stream that takes colours out: it would take these out, too.
fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_by_their_bytes() {
        let down = |down| Pressed { leave: false, down };
        for (keys, expected) in [
            (&b"\x1b[B"[..], down(1)),
            (b"\x1bOA", down(-1)),
            (b"\x1b[B\x1b[B\x1b[Bk", down(2)),
            (b"\x1b[C", down(0)),
            (b"x", down(0)),
            (b"\x1b[", down(0)),
            (b"q", Pressed { leave: true, down: 0 }),
            (b"j\x03", Pressed { leave: true, down: 1 }),
            (b"\x1b", Pressed { leave: true, down: 0 }),
        ] {
            assert_eq!(Pressed::of(keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn a_frame_is_never_higher_than_the_screen() {
        assert_eq!(frame("a\nb\n", 5), "\x1b[H\x1b[Ka\r\n\x1b[Kb\r\n\x1b[J");
        assert_eq!(frame("a\nb\nc\n", 2), "\x1b[H\x1b[Ka\r\n\x1b[Kb");
        assert_eq!(frame("", 2), "\x1b[H\x1b[J");
    }
}
