//! What becomes of a time that has come: clocks are set, machines sleep, daemons die.

use super::pattern::Pattern;
use crate::domain::UnixMs;
use crate::domain::spec::CatchUp;
use jiff::tz::TimeZone;

/// Later than this, in milliseconds, and it was missed: nobody was there, or the machine was asleep.
pub const LATE: i64 = 60_000;
/// A clock that is set back by less doesn't bring back what has been.
const SET_BACK: i64 = 3 * 3_600_000;

/// What to do about a time that was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    NotYet,
    /// Now; once, however many were missed.
    Now,
    /// Now, in the place of those that were missed.
    CatchUp,
    /// It was missed, and is let go.
    Missed,
}

/// Whether `next` is due. `None` for what is done late rather than not at all.
pub const fn due(next: UnixMs, now: UnixMs, catch_up: Option<CatchUp>) -> Due {
    match catch_up {
        _ if now < next => Due::NotYet,
        Some(CatchUp::None) if now - next > LATE => Due::Missed,
        Some(CatchUp::Once) if now - next > LATE => Due::CatchUp,
        _ => Due::Now,
    }
}

/// The time after `now`, where `last` is the last that has been dealt with.
pub fn after(pattern: &Pattern, zone: &TimeZone, now: UnixMs, last: UnixMs) -> Option<UnixMs> {
    let is_set_back = last > now && last - now <= SET_BACK;
    pattern.next(zone, if is_set_back { last } else { now })
}
