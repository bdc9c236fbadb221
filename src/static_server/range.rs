//! Which part of a file is asked for.

/// More parts at once are no download that somebody goes on with.
const MOST: usize = 16;

/// What a `Range` header comes to for a file of a known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing that is understood is asked for, or more in parts than there is as a whole: the file, which is always a
    /// right answer.
    Whole,
    Bytes(Span),
    /// Several of them, in the order in which they are wanted; together no more than the file.
    Several(Vec<Span>),
    /// There is nothing of what is asked for.
    Nowhere,
}

/// From the first byte to the last one, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Span {
    pub(super) const fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

pub(super) fn part(header: &str, length: u64) -> Part {
    let Some((unit, ranges)) = header.split_once('=') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Part::Whole;
    }
    let mut spans = Vec::new();
    // Empty ones between commas are none (RFC 9110, 5.6.1).
    for (number, range) in ranges.split(',').map(str::trim).filter(|range| !range.is_empty()).enumerate() {
        match one(range, length) {
            _ if number == MOST => return Part::Whole,
            Err(Senseless) => return Part::Whole,
            Ok(span) => spans.extend(span),
        }
    }
    let together = spans.iter().fold(0, |sum: u64, span| sum.saturating_add(span.length()));
    match spans[..] {
        [] if ranges.trim_matches([' ', ',']).is_empty() => Part::Whole,
        [] => Part::Nowhere,
        [span] => Part::Bytes(span),
        _ if together > length => Part::Whole,
        _ => Part::Several(spans),
    }
}

/// It is no range.
struct Senseless;

/// `None`: the file has nothing of it.
fn one(range: &str, length: u64) -> Result<Option<Span>, Senseless> {
    let (first, last) = range.split_once('-').ok_or(Senseless)?;
    let number = |text: &str| {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| {
            // More than there are numbers for is more than any file has.
            text.parse::<u64>().unwrap_or(u64::MAX)
        })
    };
    let end = length.saturating_sub(1);
    let (first, last) = match (number(first), number(last), first.is_empty(), last.is_empty()) {
        (Some(first), Some(last), ..) if last < first => return Err(Senseless),
        (Some(first), Some(last), ..) => (first, last.min(end)),
        (Some(first), None, _, true) => (first, end),
        (None, Some(0), true, _) => return Ok(None),
        (None, Some(count), true, _) => (length.saturating_sub(count), end),
        _ => return Err(Senseless),
    };
    Ok((first < length).then_some(Span { first, last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_ten_bytes() {
        let bytes = |first, last| Part::Bytes(Span { first, last });
        for (header, expected) in [
            ("bytes=0-3", bytes(0, 3)),
            ("bytes=0-", bytes(0, 9)),
            ("bytes=9-9", bytes(9, 9)),
            ("bytes=4-400", bytes(4, 9)),
            ("bytes=-3", bytes(7, 9)),
            ("bytes=-30", bytes(0, 9)),
            ("BYTES = 1-2", bytes(1, 2)),
            ("bytes=0-99999999999999999999999", bytes(0, 9)),
            ("bytes=10-", Part::Nowhere),
            ("bytes=99999999999999999999999-", Part::Nowhere),
            ("bytes=-0", Part::Nowhere),
            ("bytes=3-1", Part::Whole),
            ("bytes=0-1,40-", bytes(0, 1)),
            ("bytes=40-,50-60", Part::Nowhere),
            ("bytes=,", Part::Whole),
            ("bytes=0-1,x", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(part(header, 10), expected, "{header}");
        }
    }

    #[test]
    fn several_parts_are_never_more_than_the_whole() {
        let spans = |of: &[(u64, u64)]| {
            Part::Several(of.iter().map(|(first, last)| Span { first: *first, last: *last }).collect())
        };
        assert_eq!(part("bytes=0-1, 4-5", 10), spans(&[(0, 1), (4, 5)]));
        assert_eq!(part("bytes=-1,,0-0", 10), spans(&[(9, 9), (0, 0)]));
        assert_eq!(part("bytes=0-4,3-7", 10), spans(&[(0, 4), (3, 7)]));
        assert_eq!(part("bytes=0-,0-", 10), Part::Whole);
        let many = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        assert!(matches!(part(&many(MOST), 1000), Part::Several(_)));
        assert_eq!(part(&many(MOST + 1), 1000), Part::Whole);
    }

    #[test]
    fn an_empty_file_has_no_part() {
        assert_eq!(part("bytes=0-", 0), Part::Nowhere);
        assert_eq!(part("bytes=-1", 0), Part::Nowhere);
    }
}
