//! Which part of a file is asked for.

/// What a `Range` header comes to for a file of a known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing that is understood is asked for, or several parts at once: the file, which is always a right answer.
    Whole,
    /// From the first byte to the last one, both included.
    Bytes { first: u64, last: u64 },
    /// There is nothing of what is asked for.
    Nowhere,
}

pub(super) fn part(header: &str, length: u64) -> Part {
    let Some((unit, ranges)) = header.split_once('=') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return Part::Whole;
    }
    let Some((first, last)) = ranges.trim().split_once('-') else { return Part::Whole };
    let number = |text: &str| {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| {
            // More than there are numbers for is more than any file has.
            text.parse::<u64>().unwrap_or(u64::MAX)
        })
    };
    match (number(first), number(last), first.is_empty(), last.is_empty()) {
        (Some(first), Some(last), ..) if last < first => Part::Whole,
        (Some(first), Some(last), ..) => bytes(first, last.min(length.saturating_sub(1)), length),
        (Some(first), None, _, true) => bytes(first, length.saturating_sub(1), length),
        (None, Some(0), true, _) => Part::Nowhere,
        (None, Some(count), true, _) => bytes(length.saturating_sub(count), length.saturating_sub(1), length),
        _ => Part::Whole,
    }
}

fn bytes(first: u64, last: u64, length: u64) -> Part {
    if first < length { Part::Bytes { first, last } } else { Part::Nowhere }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_ten_bytes() {
        let bytes = |first, last| Part::Bytes { first, last };
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
            ("bytes=0-1,4-5", Part::Whole),
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
    fn an_empty_file_has_no_part() {
        assert_eq!(part("bytes=0-", 0), Part::Nowhere);
        assert_eq!(part("bytes=-1", 0), Part::Nowhere);
    }
}
