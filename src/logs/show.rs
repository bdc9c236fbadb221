//! What followers get of a source: whole lines, and pieces of those that nobody waits for.

use super::source::{Cut, Source};
use crate::clock;
use crate::domain::{BootMs, UnixMs};

impl Source {
    /// Hands bytes that are out of the pipe to the followers, and keeps the unfinished line. Gives their number.
    pub(super) fn show(&mut self, bytes: &[u8], now: BootMs) -> usize {
        let cut = Cut::of(&self.partial, bytes);
        if self.dress.is_some() {
            let shown = if cut.spills { bytes } else { cut.lines };
            if !shown.is_empty() {
                self.show_dressed(&[self.partial.bytes.as_slice(), shown].concat());
            }
        } else if !self.followers.is_empty() {
            let at = clock::unix_ms();
            for feed in &self.followers {
                let mut head = self.partial.bytes.as_slice();
                if !cut.lines.is_empty() {
                    feed.lines(&self.label, at, head, cut.lines);
                    head = &[];
                }
                if cut.spills {
                    feed.pieces(&self.label, at, head, cut.rest);
                }
            }
        }
        self.partial.advance(&cut, now);
        bytes.len()
    }

    /// Hands the unfinished line to the followers as it is: nobody waits for its end.
    pub(super) fn close_line(&mut self) {
        if self.dress.is_some() {
            self.show_dressed(&self.partial.bytes);
        } else if !self.followers.is_empty() && !self.partial.bytes.is_empty() {
            let at = clock::unix_ms();
            for feed in &self.followers {
                feed.pieces(&self.label, at, &self.partial.bytes, &[]);
            }
        }
        self.partial.clear();
    }

    /// Lines, and perhaps a piece of one that nobody waits for.
    fn show_dressed(&self, lines: &[u8]) {
        if let Some(dress) = self.dress.as_ref().filter(|_| !self.followers.is_empty()) {
            let at = clock::unix_ms();
            dress.put_on_all(lines, at, |text| self.tell(text, at));
        }
    }

    /// Hands whole lines to the followers, as they are in the file.
    pub(super) fn tell(&self, lines: &[u8], at: UnixMs) {
        for feed in &self.followers {
            feed.lines(&self.label, at, &[], lines);
        }
    }
}
