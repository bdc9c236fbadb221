//! Sizes: `512b`, `1.5kb`, `45.2mb`, `3.0gb`, in steps of 1024.

const UNITS: [&str; 3] = ["kb", "mb", "gb"];

pub(crate) fn short(bytes: i64) -> String {
    let bytes = bytes.max(0);
    if bytes < 1024 {
        return format!("{bytes}b");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024.0 is 1.0 of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn one_decimal_in_steps_of_1024() {
        let cases = [
            (0, "0b"),
            (-1, "0b"),
            (1023, "1023b"),
            (1024, "1.0kb"),
            (1536, "1.5kb"),
            (1024 * 1024 - 1, "1.0mb"),
            (47_395_635, "45.2mb"),
            (3 << 30, "3.0gb"),
            (5000 << 30, "5000.0gb"),
        ];
        for (bytes, text) in cases {
            assert_eq!(short(bytes), text);
        }
    }
}
