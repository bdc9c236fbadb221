//! Dates in the tokens of Day.js, as PM2's options have them: `YYYY-MM-DD HH:mm:ss Z`.

use jiff::Zoned;
use std::fmt::Write as _;

/// What `--timestamp` and `time` mean where no format is given.
pub const DEFAULT: &str = "YYYY-MM-DDTHH:mm:ss";

/// The longest first, so that `MMMM` is not two `MM`.
const TOKENS: [&str; 32] = [
    "YYYY", "MMMM", "dddd", "MMM", "ddd", "SSS", "YY", "MM", "DD", "dd", "HH", "hh", "mm", "ss", "ZZ", "kk", "Do", "M",
    "D", "d", "H", "h", "m", "s", "Z", "A", "a", "X", "x", "Q", "k", "S",
];

/// The date in that format. What is in square brackets, and what is no token, stays as it is.
pub fn format(date: &Zoned, format: &str) -> String {
    let mut out = String::with_capacity(format.len() + 8);
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some((text, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            out.push_str(text);
            rest = after;
        } else if let Some(token) = TOKENS.into_iter().find(|token| rest.starts_with(token)) {
            push(&mut out, date, token);
            rest = &rest[token.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn push(out: &mut String, date: &Zoned, token: &str) {
    let hour12 = (date.hour() + 11) % 12 + 1;
    let (month, weekday) = (month(date), weekday(date));
    // Writing to a text does not fail.
    _ = match token {
        "YYYY" => write!(out, "{:04}", date.year()),
        "YY" => write!(out, "{:02}", date.year().rem_euclid(100)),
        "MMMM" => write!(out, "{month}"),
        "MMM" => write!(out, "{}", &month[..3]),
        "MM" => write!(out, "{:02}", date.month()),
        "M" => write!(out, "{}", date.month()),
        "Q" => write!(out, "{}", (date.month() + 2) / 3),
        "DD" => write!(out, "{:02}", date.day()),
        "Do" => write!(out, "{}{}", date.day(), ordinal(date.day())),
        "D" => write!(out, "{}", date.day()),
        "dddd" => write!(out, "{weekday}"),
        "ddd" => write!(out, "{}", &weekday[..3]),
        "dd" => write!(out, "{}", &weekday[..2]),
        "d" => write!(out, "{}", date.weekday().to_sunday_zero_offset()),
        "HH" => write!(out, "{:02}", date.hour()),
        "H" => write!(out, "{}", date.hour()),
        "kk" => write!(out, "{:02}", hour24(date)),
        "k" => write!(out, "{}", hour24(date)),
        "hh" => write!(out, "{hour12:02}"),
        "h" => write!(out, "{hour12}"),
        "mm" => write!(out, "{:02}", date.minute()),
        "m" => write!(out, "{}", date.minute()),
        "ss" => write!(out, "{:02}", date.second()),
        "s" => write!(out, "{}", date.second()),
        "SSS" => write!(out, "{:03}", date.millisecond()),
        "Z" => write!(out, "{}", offset(date, ":")),
        "ZZ" => write!(out, "{}", offset(date, "")),
        "A" => write!(out, "{}", if date.hour() < 12 { "AM" } else { "PM" }),
        "a" => write!(out, "{}", if date.hour() < 12 { "am" } else { "pm" }),
        "X" => write!(out, "{}", date.timestamp().as_second()),
        "x" => write!(out, "{}", date.timestamp().as_millisecond()),
        other => write!(out, "{other}"),
    };
}

/// From 1 to 24.
fn hour24(date: &Zoned) -> i8 {
    if date.hour() == 0 { 24 } else { date.hour() }
}

fn offset(date: &Zoned, between: &str) -> String {
    let minutes = date.offset().seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}{between}{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn ordinal(day: i8) -> &'static str {
    match (day, day % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

fn month(date: &Zoned) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    NAMES[(date.month() - 1) as usize % 12]
}

fn weekday(date: &Zoned) -> &'static str {
    const NAMES: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    NAMES[date.weekday().to_sunday_zero_offset() as usize % 7]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::{Offset, TimeZone};
    use jiff::{Timestamp, ToSpan};
    use proptest::prelude::*;

    fn at(ms: i64, offset_minutes: i32) -> Zoned {
        let zone = TimeZone::fixed(Offset::from_seconds(offset_minutes * 60).unwrap());
        Timestamp::from_millisecond(ms).unwrap().to_zoned(zone)
    }

    #[test]
    fn each_token() {
        // Sunday, the 29th of February 2004, 00:05:09.007 in UTC.
        let night = at(1_078_013_109_007, 0);
        let afternoon = night.checked_add(13.hours()).unwrap();
        for (tokens, expected) in [
            ("YYYY YY", "2004 04"),
            ("MMMM MMM MM M Q", "February Feb 02 2 1"),
            ("DD D Do", "29 29 29th"),
            ("dddd ddd dd d", "Sunday Sun Su 0"),
            ("HH H hh h kk k", "00 0 12 12 24 24"),
            ("mm m ss s SSS", "05 5 09 9 007"),
            ("A a Z ZZ", "AM am +00:00 +0000"),
            ("X x", "1078013109 1078013109007"),
            (DEFAULT, "2004-02-29T00:05:09"),
            ("[YYYY is] YYYY [", "YYYY is 2004 ["),
            ("jün", "jün"),
            ("", ""),
        ] {
            assert_eq!(format(&night, tokens), expected, "{tokens}");
        }
        assert_eq!(format(&afternoon, "HH hh h k A"), "13 01 1 13 PM");
        assert_eq!(format(&at(0, -210), "YYYY-MM-DD HH:mm Z ZZ"), "1969-12-31 20:30 -03:30 -0330");
    }

    #[test]
    fn ordinals() {
        let days: Vec<_> = (1..=31).map(|day| format!("{day}{}", ordinal(day))).collect();
        for expected in ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"] {
            assert!(days.iter().any(|day| day == expected), "{expected}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_format(text in ".{0,24}", ms in -4_000_000_000_000_i64..4_000_000_000_000, offset in -800..800) {
            let date = at(ms, offset);
            let _ = format(&date, &text);
            let bracketed = format!("[{}]", text.replace(']', ""));
            prop_assert_eq!(format(&date, &bracketed), text.replace(']', ""));
        }
    }
}
