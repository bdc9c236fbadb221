//! One field of a pattern: numbers as bits of a word.

use super::pattern::PatternError;

/// What a field holds.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) least: u8,
    pub(super) most: u8,
    /// The first of them is the number `least`.
    pub(super) names: &'static [&'static str],
}

pub(super) const SECOND: Kind = Kind { name: "second", least: 0, most: 59, names: &[] };
pub(super) const MINUTE: Kind = Kind { name: "minute", least: 0, most: 59, names: &[] };
pub(super) const HOUR: Kind = Kind { name: "hour", least: 0, most: 23, names: &[] };
pub(super) const DAY: Kind = Kind { name: "day of the month", least: 1, most: 31, names: &[] };
pub(super) const MONTH: Kind = Kind {
    name: "month",
    least: 1,
    most: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
/// 7 is Sunday, too.
pub(super) const WEEKDAY: Kind =
    Kind { name: "day of the week", least: 0, most: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };

/// A piece of a pattern, and where it begins in it: columns count from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) column: usize,
}

impl Piece<'_> {
    /// The parts between separators.
    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let begin = self.text.as_ptr() as usize;
        self.text.split(separator).map(move |text| Self { text, column: self.column + text.as_ptr() as usize - begin })
    }

    /// What stands before the last letters.
    pub(super) fn without(self, end: &str) -> Option<Self> {
        let at = self.text.len().checked_sub(end.len())?;
        let tail = self.text.get(at..)?;
        tail.eq_ignore_ascii_case(end).then_some(Self { text: &self.text[..at], ..self })
    }

    fn split_once(self, separator: char) -> (Self, Option<Self>) {
        match self.text.split_once(separator) {
            Some((before, after)) => {
                let column = self.column + before.len() + separator.len_utf8();
                (Self { text: before, ..self }, Some(Self { text: after, column }))
            }
            None => (self, None),
        }
    }

    pub(super) fn is_any(self) -> bool {
        matches!(self.text, "*" | "?")
    }
}

impl Kind {
    pub(super) fn wrong(&self, piece: Piece<'_>, what: impl Into<String>) -> PatternError {
        PatternError { field: Some(self.name), column: piece.column, what: what.into() }
    }

    /// A number or a name.
    pub(super) fn number(&self, piece: Piece<'_>) -> Result<u8, PatternError> {
        if let Some(at) = self.names.iter().position(|name| piece.text.eq_ignore_ascii_case(name)) {
            return Ok(self.least + at as u8);
        }
        let number = piece.text.parse().ok().filter(|_| piece.text.bytes().all(|byte| byte.is_ascii_digit()));
        number.filter(|number| (self.least..=self.most).contains(number)).ok_or_else(|| {
            let what = match piece.text {
                "" => "something is missing here".to_owned(),
                text => format!("{text:?} is not a number from {} to {}", self.least, self.most),
            };
            let names = self.names.first().map(|first| format!(", nor a name such as {first}")).unwrap_or_default();
            self.wrong(piece, what + &names)
        })
    }

    /// `*`, `a`, `a-b`, each with `/step`.
    pub(super) fn range(&self, piece: Piece<'_>) -> Result<u64, PatternError> {
        let (range, step) = piece.split_once('/');
        let (first, last) = range.split_once('-');
        let (first, last) = match last {
            _ if range.is_any() => (self.least, self.most.min(if self.names.len() == 7 { 6 } else { self.most })),
            Some(last) => (self.number(first)?, self.number(last)?),
            // From there on to the end.
            None if step.is_some() => (self.number(first)?, self.most),
            None => {
                let number = self.number(first)?;
                (number, number)
            }
        };
        if last < first {
            return Err(self.wrong(range, format!("the range {:?} goes backwards", range.text)));
        }
        let step = match step {
            Some(step) => {
                let number: usize = step.text.parse().unwrap_or(0);
                let most = usize::from(self.most);
                let valid = (1..=most.max(1)).contains(&number);
                valid.then_some(number).ok_or_else(|| {
                    self.wrong(step, format!("the step {:?} is not a number from 1 to {most}", step.text))
                })?
            }
            None => 1,
        };
        Ok((first..=last).step_by(step).fold(0, |set, number| set | 1 << number))
    }

    pub(super) fn set(&self, piece: Piece<'_>) -> Result<u64, PatternError> {
        piece.split(',').try_fold(0, |set, part| Ok(set | self.range(part)?))
    }
}

/// The least number of the set from `least` on.
pub(super) fn from(set: u64, least: u8) -> Option<u8> {
    let rest = set.checked_shr(u32::from(least))?;
    (rest != 0).then(|| least + rest.trailing_zeros() as u8)
}

pub(super) const fn has(set: u64, number: u8) -> bool {
    set >> number & 1 == 1
}
