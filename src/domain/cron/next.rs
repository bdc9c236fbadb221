//! The next time of a pattern, over the gaps and folds of a time zone.
//!
//! A pattern with fixed times of day (`30 2 * * *`) comes once a day that it names: a time that the clock skips is made
//! up for at the moment after the gap, one that comes twice counts the first time. One with a `*` in its time of day
//! (`*/15 * * * *`) is a beat: it goes on evenly through both.

use super::field::{from, has};
use super::pattern::{Days, Pattern, Weekdays};
use crate::domain::UnixMs;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// A pattern that doesn't come within so many years never does: a 29th of February on a given weekday may take forty.
const YEARS: i16 = 50;
/// Changes of the clock in as many years, and more.
const MOST_CHANGES: usize = 400;

impl Pattern {
    /// The first time after the given one; `None` when there is none.
    pub fn next(&self, zone: &TimeZone, after: UnixMs) -> Option<UnixMs> {
        let after = Timestamp::from_millisecond(after).ok()?;
        let at = if self.is_running { self.next_beat(zone, after) } else { self.next_fixed(zone, after) };
        at.map(Timestamp::as_millisecond)
    }

    fn next_fixed(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        let mut civil = zone.to_datetime(after);
        loop {
            civil = self.following(civil)?;
            let at = first_instant(zone, civil)?;
            // In an hour that comes a second time all has been already.
            if at > after {
                return Some(at);
            }
        }
    }

    fn next_beat(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        let mut from = after;
        let mut civil = zone.to_datetime(after);
        for _ in 0..MOST_CHANGES {
            let at = zone.to_offset(from).to_timestamp(self.following(civil)?).ok()?;
            let change = zone.following(from).next().map(|change| change.timestamp());
            match change.filter(|change| *change <= at) {
                None => return Some(at),
                Some(change) => {
                    from = change;
                    civil = zone.to_datetime(change).checked_sub(1.second()).ok()?;
                }
            }
        }
        None
    }

    /// The next date and time that match, on a calendar without a zone.
    fn following(&self, after: DateTime) -> Option<DateTime> {
        let begin = after.with().subsec_nanosecond(0).build().ok()?.checked_add(1.second()).ok()?;
        let (mut date, mut least) = (begin.date(), begin.time());
        let end = date.year().saturating_add(YEARS);
        while date.year() <= end {
            if !has(self.months, date.month() as u8) {
                date = date.last_of_month().tomorrow().ok()?;
                least = Time::midnight();
                continue;
            }
            if self.is_on(date)
                && let Some(time) = self.time_from(least)
            {
                return Some(date.to_datetime(time));
            }
            date = date.tomorrow().ok()?;
            least = Time::midnight();
        }
        None
    }

    fn time_from(&self, least: Time) -> Option<Time> {
        let (hour, minute, second) = (least.hour() as u8, least.minute() as u8, least.second() as u8);
        let mut hours = from(self.hours, hour);
        while let Some(at_hour) = hours {
            let same_hour = at_hour == hour;
            let mut minutes = from(self.minutes, if same_hour { minute } else { 0 });
            while let Some(at_minute) = minutes {
                let same = same_hour && at_minute == minute;
                if let Some(at_second) = from(self.seconds, if same { second } else { 0 }) {
                    return Time::new(at_hour as i8, at_minute as i8, at_second as i8, 0).ok();
                }
                minutes = from(self.minutes, at_minute + 1);
            }
            hours = from(self.hours, at_hour + 1);
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let (day, weekday) = (self.days.is_on(date), self.weekdays.is_on(date));
        match (self.days.any, self.weekdays.any) {
            (true, true) => true,
            (true, false) => weekday,
            (false, true) => day,
            (false, false) if self.both => day && weekday,
            (false, false) => day || weekday,
        }
    }
}

impl Days {
    fn is_on(&self, date: Date) -> bool {
        let (day, last) = (date.day() as u8, date.days_in_month() as u8);
        has(self.set, day)
            || self.last && day == last
            || self.last_workday && day == workday_near(date.last_of_month())
            || (1..=last).any(|near| {
                let named = || date.with().day(near as i8).build();
                has(self.near, near) && named().is_ok_and(|named| workday_near(named) == day)
            })
    }
}

/// The day of the month of the workday next to a day, in the same month.
fn workday_near(date: Date) -> u8 {
    let (day, last) = (date.day() as u8, date.days_in_month() as u8);
    match date.weekday().to_sunday_zero_offset() {
        6 if day > 1 => day - 1,
        6 => day + 2,
        0 if day < last => day + 1,
        0 => day - 2,
        _ => day,
    }
}

impl Weekdays {
    fn is_on(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset() as u8;
        let number = (date.day() as u8 - 1) / 7 + 1;
        has(self.set, weekday)
            || has(self.nth[usize::from(weekday)], number)
            || has(self.last, weekday) && date.day() + 7 > date.days_in_month()
    }
}

/// When a clock on the wall shows it for the first time, or jumps over it.
fn first_instant(zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(civil).ok()
        }
        AmbiguousOffset::Gap { before, .. } => {
            let inside = before.to_timestamp(civil).ok()?.checked_add(1.nanosecond()).ok()?;
            zone.preceding(inside).next().map(|change| change.timestamp())
        }
    }
}
