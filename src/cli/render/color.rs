//! The few styles there are. What is normal is plain; colour is for what wants a look.

use crate::domain::{ProcessId, Status};
use anstyle::{AnsiColor, Style};
use std::fmt::Display;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const MARKED: Style = Style::new().bg_color(Some(anstyle::Color::Ansi(AnsiColor::BrightBlack)));
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BUSY: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();

/// Without red, which belongs to errors.
const PALETTE: [AnsiColor; 6] =
    [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Green, AnsiColor::Blue, AnsiColor::Yellow, AnsiColor::BrightBlack];

pub(crate) const fn of_status(status: Status) -> Style {
    match status {
        Status::Online => GOOD,
        Status::Launching | Status::Stopping | Status::WaitingRestart => BUSY,
        Status::Stopped => DIM,
        Status::Errored => BAD,
    }
}

/// A colour that stays with a process.
pub(crate) const fn of_process(id: ProcessId) -> Style {
    PALETTE[id.0 as usize % PALETTE.len()].on_default()
}

pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
