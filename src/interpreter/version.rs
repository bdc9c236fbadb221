//! Versions of Node.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The next one that has another major.
    pub(super) const fn next_major(self) -> Self {
        Self::new(self.major + 1, 0, 0)
    }

    pub(super) const fn next_minor(self) -> Self {
        Self::new(self.major, self.minor + 1, 0)
    }

    pub(super) const fn next_patch(self) -> Self {
        Self::new(self.major, self.minor, self.patch + 1)
    }
}

impl FromStr for Version {
    type Err = ();

    /// `v20.11.0` or `20.11.0`; what stands after it (`-nightly…`) is not minded.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = text.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Ok(Self::new(major, minor, patch)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_whole() {
        assert_eq!("v20.11.0\n".parse(), Ok(Version::new(20, 11, 0)));
        assert_eq!("24.0.0-nightly2025".parse(), Ok(Version::new(24, 0, 0)));
        for text in ["20", "20.1", "20.1.x", "lts", "", "1.2.3.4"] {
            assert_eq!(text.parse::<Version>(), Err(()), "{text}");
        }
    }
}
