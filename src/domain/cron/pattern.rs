//! A pattern, read.

use super::field::{DAY, HOUR, MINUTE, MONTH, Piece, SECOND, WEEKDAY};
use std::fmt;
use std::str::FromStr;

/// When something happens, as cron writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: Days,
    pub(super) months: u64,
    pub(super) weekdays: Weekdays,
    /// A day has to be right by both; else, where both say something, by one of them.
    pub(super) both: bool,
    /// It has a `*` in its time of day: it follows the clock on the wall, twice through an hour that comes twice, and
    /// not at all through one that is left out.
    pub(super) is_running: bool,
}

/// Days of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Days {
    pub(super) any: bool,
    pub(super) set: u64,
    /// `L`.
    pub(super) last: bool,
    /// `LW`.
    pub(super) last_workday: bool,
    /// `15W`: the workday next to it.
    pub(super) near: u64,
}

/// Days of the week, Sunday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Weekdays {
    pub(super) any: bool,
    pub(super) set: u64,
    /// `5#2`: a set of numbers for each day.
    pub(super) nth: [u64; 7],
    /// `5L`, the last of a month.
    pub(super) last: u64,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    pub field: Option<&'static str>,
    /// From 1.
    pub column: usize,
    pub what: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{field} (column {}): {}", self.column, self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for PatternError {}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.trim_end();
        let column = 1 + text.len() - text.trim_start().len();
        let whole = Piece { text: text.trim_start(), column };
        if whole.text.starts_with('@') {
            let long = nickname(whole.text).ok_or_else(|| {
                let what = format!("{:?} is none of @yearly, @monthly, @weekly, @daily and @hourly", whole.text);
                PatternError { field: None, column, what }
            })?;
            return long.parse();
        }
        let fields: Vec<_> = whole.split(' ').flat_map(|piece| piece.split('\t')).collect();
        let fields: Vec<_> = fields.into_iter().filter(|piece| !piece.text.is_empty()).collect();
        let zero = Piece { text: "0", column: 0 };
        let [second, minute, hour, day, month, weekday] = match fields.as_slice() {
            [minute, hour, day, month, weekday] => [zero, *minute, *hour, *day, *month, *weekday],
            [second, minute, hour, day, month, weekday] => [*second, *minute, *hour, *day, *month, *weekday],
            others => {
                let what = format!("it has {} fields; 5 are needed, or 6 with seconds first", others.len());
                return Err(PatternError { field: None, column, what });
            }
        };
        let weekday_only = weekday.text.strip_prefix('+').map(|text| Piece { text, column: weekday.column + 1 });
        Ok(Self {
            seconds: SECOND.set(second)?,
            minutes: MINUTE.set(minute)?,
            hours: HOUR.set(hour)?,
            days: days(day)?,
            months: MONTH.set(month)?,
            weekdays: weekdays(weekday_only.unwrap_or(weekday))?,
            both: weekday_only.is_some(),
            is_running: [second, minute, hour].iter().any(|piece| piece.text.contains(['*', '?'])),
        })
    }
}

fn nickname(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => return None,
    })
}

fn days(piece: Piece<'_>) -> Result<Days, PatternError> {
    let mut days = Days { any: piece.is_any(), ..Days::default() };
    for part in piece.split(',') {
        if part.text.eq_ignore_ascii_case("L") {
            days.last = true;
        } else if part.text.eq_ignore_ascii_case("LW") {
            days.last_workday = true;
        } else if let Some(day) = part.without("W") {
            days.near |= 1 << DAY.number(day)?;
        } else {
            days.set |= DAY.range(part)?;
        }
    }
    Ok(days)
}

fn weekdays(piece: Piece<'_>) -> Result<Weekdays, PatternError> {
    let mut weekdays = Weekdays { any: piece.is_any(), ..Weekdays::default() };
    for part in piece.split(',') {
        if let Some((day, number)) = part.text.split_once('#') {
            let column = part.column + day.len() + 1;
            let day = WEEKDAY.number(Piece { text: day, ..part })? % 7;
            match number.parse() {
                Ok(number @ 1..=5u8) => weekdays.nth[usize::from(day)] |= 1 << number,
                _ if number.eq_ignore_ascii_case("L") => weekdays.last |= 1 << day,
                _ => {
                    let piece = Piece { text: number, column };
                    return Err(WEEKDAY.wrong(piece, format!("{number:?} after # is not a number from 1 to 5, nor L")));
                }
            }
        } else if let Some(day) = part.without("L") {
            if day.text.is_empty() {
                return Err(WEEKDAY.wrong(part, "L needs a day before it: 5L is the last Friday of the month"));
            }
            weekdays.last |= 1 << (WEEKDAY.number(day)? % 7);
        } else {
            let set = WEEKDAY.range(part)?;
            weekdays.set |= set & 0x7f | set >> 7;
        }
    }
    Ok(weekdays)
}
