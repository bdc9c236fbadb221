//! What people write to mean one or several versions: `22`, `>=18 <21`, `^20.1 || 22.x`, `lts/iron`, `node`.

use super::version::Version;

/// Which versions are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// What `PATH` has, whatever the project's files say.
    System,
    /// Any of these.
    Versions(Vec<Span>),
    /// A line that has, or had, long-term support; none is the newest of them.
    Lts(Option<u32>),
}

/// From a version to below another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: Version,
    below: Option<Version>,
}

/// The names of Node's long-term lines: one each even major, in the order of the alphabet.
#[rustfmt::skip] // a table
const LTS: &[(&str, u32)] = &[
    ("argon", 4), ("boron", 6), ("carbon", 8), ("dubnium", 10), ("erbium", 12), ("fermium", 14), ("gallium", 16),
    ("hydrogen", 18), ("iron", 20), ("jod", 22), ("krypton", 24),
];

/// From this major on each one has long-term support.
const EVERY_MAJOR: u32 = 27;

const ZERO: Version = Version::new(0, 0, 0);

impl Range {
    /// `None` for what nobody can understand.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        match text.as_str() {
            "system" => return Some(Self::System),
            "node" | "latest" | "stable" | "current" | "*" | "x" => return Some(Self::any()),
            "lts" | "lts/*" | "lts-latest" | "--lts" => return Some(Self::Lts(None)),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("lts/").or_else(|| text.strip_prefix("lts-")) {
            return LTS.iter().find(|(known, _)| *known == name).map(|(_, major)| Self::Lts(Some(*major)));
        }
        text.split("||").map(span).collect::<Option<Vec<_>>>().map(Self::Versions)
    }

    pub(super) fn any() -> Self {
        Self::Versions(vec![Span { from: ZERO, below: None }])
    }

    pub fn has(&self, version: Version) -> bool {
        match self {
            Self::System => true,
            Self::Versions(spans) => spans.iter().any(|span| span.has(version)),
            Self::Lts(Some(major)) => version.major == *major,
            Self::Lts(None) => version.major >= 4 && (version.major.is_multiple_of(2) || version.major >= EVERY_MAJOR),
        }
    }
}

impl Span {
    fn has(&self, version: Version) -> bool {
        version >= self.from && self.below.is_none_or(|below| version < below)
    }

    fn and(self, other: Self) -> Self {
        let below = match (self.below, other.below) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { from: self.from.max(other.from), below }
    }
}

/// All conditions between two `||`.
fn span(text: &str) -> Option<Span> {
    if let Some((first, last)) = text.split_once(" - ") {
        let (first, last) = (Partial::parse(first.trim())?, Partial::parse(last.trim())?);
        return Some(Span { from: first.least(), below: last.after() });
    }
    // An operator may stand apart from its version.
    let mut joined = String::new();
    for word in text.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
        joined.push_str(word);
        if !word.ends_with(['<', '>', '=', '^', '~']) {
            joined.push(' ');
        }
    }
    joined.split_whitespace().map(condition).try_fold(Span { from: ZERO, below: None }, |all, one| Some(all.and(one?)))
}

fn condition(text: &str) -> Option<Span> {
    let operator: String = text.chars().take_while(|c| "<>=^~".contains(*c)).collect();
    let version = Partial::parse(&text[operator.len()..])?;
    let least = version.least();
    Some(match operator.as_str() {
        "" | "=" => Span { from: least, below: version.after() },
        ">=" => Span { from: least, below: None },
        ">" => Span { from: version.after()?, below: None },
        "<" => Span { from: ZERO, below: Some(least) },
        "<=" => Span { from: ZERO, below: version.after() },
        "~" | "~>" if version.minor.is_some() => Span { from: least, below: Some(least.next_minor()) },
        "~" | "~>" => Span { from: least, below: version.after() },
        "^" => Span { from: least, below: Some(caret(&version)?) },
        _ => return None,
    })
}

/// Below which version nothing before the first number that isn't 0 has changed.
fn caret(version: &Partial) -> Option<Version> {
    let least = version.least();
    match (version.major?, version.minor, version.patch) {
        (0, Some(0), Some(_)) => Some(least.next_patch()),
        (0, Some(_), _) => Some(least.next_minor()),
        _ => Some(least.next_major()),
    }
}

/// A version of which the end may be left open.
struct Partial {
    major: Option<u32>,
    minor: Option<u32>,
    patch: Option<u32>,
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text).split(['-', '+']).next()?;
        let mut numbers = [None; 3];
        let mut parts = text.split('.');
        for number in &mut numbers {
            *number = match parts.next() {
                None | Some("x" | "*") => None,
                Some(digits) => Some(digits.parse().ok()?),
            };
        }
        let [major, minor, patch] = numbers;
        // `x.1` means nothing.
        let open_before = (major.is_none() && minor.is_some()) || (minor.is_none() && patch.is_some());
        (parts.next().is_none() && !open_before && !text.is_empty()).then_some(Self { major, minor, patch })
    }

    fn least(&self) -> Version {
        Version::new(self.major.unwrap_or(0), self.minor.unwrap_or(0), self.patch.unwrap_or(0))
    }

    /// The first version that is beyond all that is meant.
    fn after(&self) -> Option<Version> {
        let least = self.least();
        Some(match (self.major?, self.minor, self.patch) {
            (_, None, _) => least.next_major(),
            (_, _, None) => least.next_minor(),
            _ => least.next_patch(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_versions_are_meant() {
        for (range, inside, outside) in [
            ("22", &["22.0.0", "22.99.1"][..], &["21.9.9", "23.0.0"][..]),
            ("v20.11", &["20.11.0", "20.11.9"], &["20.10.9", "20.12.0"]),
            ("20.11.1", &["20.11.1"], &["20.11.0", "20.11.2"]),
            ("22.x", &["22.1.0"], &["23.0.0"]),
            ("22.x.x", &["22.1.0"], &["23.0.0"]),
            (">=18 <21", &["18.0.0", "20.20.2"], &["17.9.9", "21.0.0"]),
            (">= 18.17.0", &["18.17.0", "26.0.0"], &["18.16.9"]),
            (">20", &["21.0.0"], &["20.20.2"]),
            (">20.1.2", &["20.1.3"], &["20.1.2"]),
            ("<=20.1", &["20.1.9", "0.1.0"], &["20.2.0"]),
            ("^20.1", &["20.1.0", "20.99.0"], &["20.0.9", "21.0.0"]),
            ("^0.12.1", &["0.12.9"], &["0.13.0"]),
            ("~20.1.2", &["20.1.2", "20.1.9"], &["20.2.0", "20.1.1"]),
            ("~20", &["20.9.0"], &["21.0.0"]),
            ("18 - 20.1", &["18.0.0", "20.1.9"], &["20.2.0"]),
            ("^18.17.0 || >=20.5.0", &["18.20.8", "20.5.0", "24.0.0"], &["18.16.0", "19.0.0", "20.4.9"]),
            ("lts/iron", &["20.20.2"], &["22.0.0"]),
            ("lts/*", &["22.0.0", "20.1.1"], &["23.1.0", "2.0.0"]),
            ("latest", &["0.1.0", "99.0.0"], &[]),
            ("system", &["1.0.0"], &[]),
            ("", &["20.0.0"], &[]),
        ] {
            let parsed = Range::parse(range).unwrap_or_else(|| panic!("{range}"));
            for version in inside {
                assert!(parsed.has(version.parse().unwrap()), "{range} has {version}");
            }
            for version in outside {
                assert!(!parsed.has(version.parse().unwrap()), "{range} hasn't {version}");
            }
        }
    }

    #[test]
    fn what_nobody_understands_is_nothing() {
        for text in ["twenty", "lts/none", ">", "x.1", "1.2.3.4", "20..1", "><20", ">=a", "20 || b"] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }
}
