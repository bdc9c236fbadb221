//! Durations in one unit: `12s`, `3m`, `2h`, `4D`.

const SECOND: i64 = 1000;
const UNITS: [(i64, &str); 3] = [(86_400 * SECOND, "D"), (3600 * SECOND, "h"), (60 * SECOND, "m")];

/// A unit is used from 2 upwards: 119 seconds are `119s`, 120 are `2m`.
pub(crate) fn short(ms: i64) -> String {
    let ms = ms.max(0);
    for (unit, name) in UNITS {
        if ms / unit >= 2 {
            return format!("{}{name}", ms / unit);
        }
    }
    format!("{}s", ms / SECOND)
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_unit_is_used_from_two_upwards() {
        let cases = [
            (-5, "0s"),
            (999, "0s"),
            (12_000, "12s"),
            (119_999, "119s"),
            (120_000, "2m"),
            (119 * 60_000, "119m"),
            (120 * 60_000, "2h"),
            (47 * 3_600_000, "47h"),
            (48 * 3_600_000, "2D"),
            (400 * 86_400_000, "400D"),
        ];
        for (ms, text) in cases {
            assert_eq!(short(ms), text);
        }
    }
}
