//! Where text goes: standard output for what was asked, standard error for what is said about it.

use crate::cli::failure::Failure;
use crate::sys::terminal;
use anstream::AutoStream;
use std::io::{self, IsTerminal, Write};

use super::color::{self, paint};
use super::json;

#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with one another")]
pub(crate) struct Screen {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Columns of the terminal that shows standard output; `None` when it is no terminal.
    width: Option<usize>,
    /// Whether standard error is a terminal, on which a line may be drawn anew.
    live: bool,
    colored: bool,
    silent: bool,
    json: bool,
}

/// What a terminal that doesn't tell its size is taken for.
const USUAL_WIDTH: usize = 80;

/// A table of some hundred rows is one write.
const BUFFER: usize = 32 << 10;

impl Screen {
    /// The process's own streams.
    pub(crate) fn standard(silent: bool, json: bool, color: bool) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let choice = |usual| if color { usual } else { anstream::ColorChoice::Never };
        let (of_out, of_err) = (choice(AutoStream::choice(&stdout)), choice(AutoStream::choice(&stderr)));
        let width = stdout.is_terminal().then(|| terminal::width(&stdout).unwrap_or(USUAL_WIDTH));
        let live = stderr.is_terminal();
        // Under the stream that takes colours out: that one writes piece by piece, and standard output line by line.
        let buffered: Box<dyn Write> = Box::new(io::BufWriter::with_capacity(BUFFER, stdout));
        let out = Box::new(AutoStream::new(buffered, of_out));
        let colored = of_out != anstream::ColorChoice::Never;
        Self { out, err: Box::new(AutoStream::new(stderr, of_err)), width, live, colored, silent, json }
    }

    #[cfg(test)]
    pub(crate) fn captured(out: Box<dyn Write>, err: Box<dyn Write>, silent: bool, json: bool) -> Self {
        let strip = |stream| Box::new(AutoStream::never(stream));
        Self { out: strip(out), err: strip(err), width: None, live: false, colored: false, silent, json }
    }

    /// As if standard error were a terminal.
    #[cfg(test)]
    pub(crate) const fn live(mut self) -> Self {
        self.live = true;
        self
    }

    pub(crate) const fn width(&self) -> Option<usize> {
        self.width
    }

    pub(crate) const fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Whether standard output shows colours.
    pub(crate) const fn is_colored(&self) -> bool {
        self.colored
    }

    pub(crate) const fn is_live(&self) -> bool {
        self.live && !self.silent
    }

    pub(crate) const fn wants_json(&self) -> bool {
        self.json
    }

    /// Whether tables and remarks are wanted.
    pub(crate) const fn is_decorated(&self) -> bool {
        !self.silent && !self.json
    }

    /// What the command was asked for; shown even when silent.
    pub(crate) fn data(&mut self, text: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.out.write_all(text.as_ref()).and_then(|()| self.out.flush()).map_err(Failure::output)
    }

    pub(crate) fn data_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let text = json::text(value, self.is_terminal()).map_err(|source| Failure::output(source.into()))?;
        self.data(text)
    }

    /// What was done, and tables: muted by `--silent`, and absent beside JSON.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Failure> {
        if self.is_decorated() { self.data(text) } else { Ok(()) }
    }

    /// A remark on standard error, one line; losing it is no failure.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.silent {
            _ = writeln!(self.err, "{text}");
        }
    }

    pub(crate) fn warn(&mut self, text: &str) {
        self.note(&format!("{} {text}", paint(color::BUSY, "warning:")));
    }

    pub(crate) fn hint(&mut self, text: &str) {
        self.note(&format!("{} {text}", paint(color::HINT, "hint:")));
    }

    /// An error; not muted, or a script could fail without a word.
    pub(crate) fn error(&mut self, message: &str, hint: Option<&str>) {
        _ = writeln!(self.err, "{} {message}", paint(color::BAD, "error:"));
        if let Some(hint) = hint {
            _ = writeln!(self.err, "{} {hint}", paint(color::HINT, "hint:"));
        }
    }

    /// Draws over the line that is being updated; an empty text clears it.
    pub(crate) fn redraw(&mut self, text: &str) {
        if self.is_live() {
            let width = terminal::width(io::stderr()).unwrap_or(USUAL_WIDTH);
            let text = super::text::truncate(text, width.saturating_sub(1));
            _ = write!(self.err, "\r\x1b[2K{text}");
            _ = self.err.flush();
        }
    }
}
