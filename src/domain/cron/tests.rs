use super::*;
use crate::domain::UnixMs;
use crate::domain::spec::CatchUp;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn ms(text: &str) -> UnixMs {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// Times after the first, as they are in UTC.
fn times(text: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let zone = TimeZone::get(zone).unwrap();
    let next = |at: &UnixMs| pattern(text).next(&zone, *at);
    let times = std::iter::successors(next(&ms(after)), next).take(count);
    times.map(|at| Timestamp::from_millisecond(at).unwrap().strftime("%a %F %T").to_string()).collect()
}

#[test]
fn patterns_come_when_they_say() {
    let after = "2026-01-15T10:30:00Z"; // a Thursday
    for (text, expected) in [
        ("* * * * *", ["Thu 2026-01-15 10:31:00", "Thu 2026-01-15 10:32:00"]),
        ("*/20 * * * * *", ["Thu 2026-01-15 10:30:20", "Thu 2026-01-15 10:30:40"]),
        ("30 10 * * *", ["Fri 2026-01-16 10:30:00", "Sat 2026-01-17 10:30:00"]),
        ("5/25 10 * * *", ["Thu 2026-01-15 10:55:00", "Fri 2026-01-16 10:05:00"]),
        ("0 9-17/4 * * *", ["Thu 2026-01-15 13:00:00", "Thu 2026-01-15 17:00:00"]),
        ("0 0 * * MON-FRI", ["Fri 2026-01-16 00:00:00", "Mon 2026-01-19 00:00:00"]),
        ("0 0 * * 6,7", ["Sat 2026-01-17 00:00:00", "Sun 2026-01-18 00:00:00"]),
        ("0 0 * * 5-7", ["Fri 2026-01-16 00:00:00", "Sat 2026-01-17 00:00:00"]),
        ("0 0 31 * *", ["Sat 2026-01-31 00:00:00", "Tue 2026-03-31 00:00:00"]),
        ("0 0 L * *", ["Sat 2026-01-31 00:00:00", "Sat 2026-02-28 00:00:00"]),
        ("0 0 LW * ?", ["Fri 2026-01-30 00:00:00", "Fri 2026-02-27 00:00:00"]),
        ("0 0 1W * *", ["Mon 2026-02-02 00:00:00", "Mon 2026-03-02 00:00:00"]),
        ("0 0 17W * *", ["Fri 2026-01-16 00:00:00", "Tue 2026-02-17 00:00:00"]),
        ("0 0 * * 5L", ["Fri 2026-01-30 00:00:00", "Fri 2026-02-27 00:00:00"]),
        ("0 0 * * FRI#2", ["Fri 2026-02-13 00:00:00", "Fri 2026-03-13 00:00:00"]),
        ("0 0 * * sun#L", ["Sun 2026-01-25 00:00:00", "Sun 2026-02-22 00:00:00"]),
        ("0 0 13 * FRI", ["Fri 2026-01-16 00:00:00", "Fri 2026-01-23 00:00:00"]),
        ("0 0 13 * +FRI", ["Fri 2026-02-13 00:00:00", "Fri 2026-03-13 00:00:00"]),
        ("0 0 29 feb *", ["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"]),
        ("@daily", ["Fri 2026-01-16 00:00:00", "Sat 2026-01-17 00:00:00"]),
        ("@hourly", ["Thu 2026-01-15 11:00:00", "Thu 2026-01-15 12:00:00"]),
        ("  0   0\t1 1 *  ", ["Fri 2027-01-01 00:00:00", "Sat 2028-01-01 00:00:00"]),
    ] {
        assert_eq!(times(text, "UTC", after, 2), expected, "{text}");
    }
}

#[test]
fn what_never_comes_is_known() {
    for text in ["0 0 31 2 *", "0 0 30 FEB *", "0 0 31 4,6,9,11 *"] {
        assert_eq!(pattern(text).next(&TimeZone::UTC, 0), None, "{text}");
    }
    // Once in forty years, around 2100.
    let found = times("0 0 29 2 +MON", "UTC", "2072-03-01T00:00:00Z", 1);
    assert_eq!(found, ["Mon 2112-02-29 00:00:00"]);
}

/// Vienna is an hour ahead of UTC, two in summer: 02:00-03:00 is left out on 2026-03-29, and comes twice on 2026-10-25.
#[test]
fn the_clock_on_the_wall_is_set() {
    for (text, after, expected) in [
        // A fixed time in the gap is made up for at its end.
        ("30 2 * * *", "2026-03-28T12:00:00Z", vec!["Sun 2026-03-29 01:00:00", "Mon 2026-03-30 00:30:00"]),
        ("0,30 2 * * *", "2026-03-28T12:00:00Z", vec!["Sun 2026-03-29 01:00:00", "Mon 2026-03-30 00:00:00"]),
        ("0 3 * * *", "2026-03-28T12:00:00Z", vec!["Sun 2026-03-29 01:00:00", "Mon 2026-03-30 01:00:00"]),
        // In the fold it comes once.
        ("30 2 * * *", "2026-10-24T12:00:00Z", vec!["Sun 2026-10-25 00:30:00", "Mon 2026-10-26 01:30:00"]),
        ("30 2 * * *", "2026-10-25T00:45:00Z", vec!["Mon 2026-10-26 01:30:00"]),
        ("30 2 * * *", "2026-10-25T01:10:00Z", vec!["Mon 2026-10-26 01:30:00"]),
        // A beat goes on.
        (
            "*/30 * * * *",
            "2026-03-29T00:20:00Z",
            vec!["Sun 2026-03-29 00:30:00", "Sun 2026-03-29 01:00:00", "Sun 2026-03-29 01:30:00"],
        ),
        (
            "*/30 * * * *",
            "2026-10-25T00:20:00Z",
            vec!["Sun 2026-10-25 00:30:00", "Sun 2026-10-25 01:00:00", "Sun 2026-10-25 01:30:00"],
        ),
        (
            "0 * * * *",
            "2026-10-24T23:30:00Z",
            vec!["Sun 2026-10-25 00:00:00", "Sun 2026-10-25 01:00:00", "Sun 2026-10-25 02:00:00"],
        ),
        // One that has nothing but the hour that is left out is left out.
        ("*/20 2 * * *", "2026-03-28T12:00:00Z", vec!["Mon 2026-03-30 00:00:00"]),
    ] {
        assert_eq!(times(text, "Europe/Vienna", after, expected.len()), expected, "{text} after {after}");
    }
    // Where the gap begins at midnight, and where it is half an hour.
    assert_eq!(times("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", 1), ["Sun 2018-11-04 03:00:00"]);
    assert_eq!(times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 1), ["Sat 2026-10-03 15:30:00"]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("", "it has 0 fields; 5 are needed, or 6 with seconds first"),
        ("* * * *", "it has 4 fields; 5 are needed, or 6 with seconds first"),
        ("* * * * * * *", "it has 7 fields; 5 are needed, or 6 with seconds first"),
        ("61 * * * *", "minute (column 1): \"61\" is not a number from 0 to 59"),
        ("61 * * * * *", "second (column 1): \"61\" is not a number from 0 to 59"),
        ("0 1,24 * * *", "hour (column 5): \"24\" is not a number from 0 to 23"),
        ("0 0 0 * *", "day of the month (column 5): \"0\" is not a number from 1 to 31"),
        ("0 0 1  JUM *", "month (column 8): \"JUM\" is not a number from 1 to 12, nor a name such as JAN"),
        ("0 0 * * 8", "day of the week (column 9): \"8\" is not a number from 0 to 7, nor a name such as SUN"),
        ("0 0 * * 1#6", "day of the week (column 11): \"6\" after # is not a number from 1 to 5, nor L"),
        ("0 0 * * L", "day of the week (column 9): L needs a day before it: 5L is the last Friday of the month"),
        ("9-5 * * * *", "minute (column 1): the range \"9-5\" goes backwards"),
        ("*/0 * * * *", "minute (column 3): the step \"0\" is not a number from 1 to 59"),
        ("1,,2 * * * *", "minute (column 3): something is missing here"),
        ("+1 * * * *", "minute (column 1): \"+1\" is not a number from 0 to 59"),
        ("@often", "\"@often\" is none of @yearly, @monthly, @weekly, @daily and @hourly"),
        ("ä * * * *", "minute (column 1): \"ä\" is not a number from 0 to 59"),
    ] {
        assert_eq!(text.parse::<Pattern>().unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn what_was_missed_is_done_once_or_let_go() {
    for (next, now, catch_up, expected) in [
        (1000, 999, None, Due::NotYet),
        (1000, 1000, None, Due::Now),
        (1000, 10_000_000, None, Due::Now),
        (1000, 1000 + LATE, Some(CatchUp::None), Due::Now),
        (1000, 1001 + LATE, Some(CatchUp::None), Due::Missed),
        (1000, 1001 + LATE, Some(CatchUp::Once), Due::CatchUp),
        (1000, 999, Some(CatchUp::Once), Due::NotYet),
    ] {
        assert_eq!(due(next, now, catch_up), expected, "{next} {now} {catch_up:?}");
    }
}

#[test]
fn a_clock_that_is_set_back_a_little_brings_nothing_back() {
    let (daily, zone) = (pattern("0 3 * * *"), TimeZone::UTC);
    let fired = ms("2026-01-15T03:00:00Z");
    let tomorrow = Some(ms("2026-01-16T03:00:00Z"));
    assert_eq!(after(&daily, &zone, fired + 5, fired), tomorrow);
    assert_eq!(after(&daily, &zone, fired - 2000, fired), tomorrow);
    // By a day: the clock was wrong before.
    assert_eq!(after(&daily, &zone, fired - 86_400_000, fired), Some(fired));
    // Forward: those in between are one.
    assert_eq!(after(&daily, &zone, fired + 10 * 86_400_000, fired), Some(fired + 11 * 86_400_000));
}

proptest! {
    /// Whatever is written: no panic, and what is understood comes later than it was asked for, in whole seconds.
    #[test]
    fn any_text(text in "[0-9*/,#LW?A-F +@-]{0,24}", after in 0i64..4_000_000_000_000) {
        if let Ok(pattern) = text.parse::<Pattern>()
            && let Some(next) = pattern.next(&TimeZone::get("Europe/Vienna").unwrap(), after)
        {
            prop_assert!(next > after && next % 1000 == 0);
        }
    }

    /// A beat through a whole year never rests longer than it says, whatever the clock does.
    #[test]
    fn a_beat_is_even(step in 1u32..30, at in 0i64..31_536_000) {
        prop_assume!(60 % step == 0);
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let begin = ms("2026-01-01T00:00:00Z") + at * 1000;
        let next = pattern(&format!("*/{step} * * * *")).next(&zone, begin).unwrap();
        prop_assert!(next - begin <= i64::from(step) * 60_000);
    }
}
