//! When a cron pattern comes next. Pure: the zone and the time come in as values.
//!
//! The grammar is that of the croner package of npm, which application files are written for: five fields, or six with
//! seconds first; names, lists, ranges, steps, `L`, `W`, `#`, `?` and `@daily`.

mod field;
mod next;
mod pattern;
mod tick;

pub use pattern::{Pattern, PatternError};
pub use tick::{Due, LATE, after, due};

#[cfg(test)]
mod tests;
