//! Which variables of its caller an app gets.

use serde::{Deserialize, Serialize};

/// Which variables of its caller an app gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherit {
    /// Only these: names, or patterns with `*` and `?`. `None` is all.
    pub allow: Option<Vec<String>>,
    /// Not these of them.
    pub filter: Option<FilterEnv>,
}

/// PM2's `filter_env`: which variables of the caller the app does not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterEnv {
    Nothing,
    Everything,
    /// The one of that name.
    Named(String),
    /// Each whose name contains one of these.
    Containing(Vec<String>),
}

impl Inherit {
    /// Nothing at all.
    pub const fn nothing() -> Self {
        Self { allow: Some(Vec::new()), filter: None }
    }

    /// Whether a variable of this name gets through.
    pub fn passes(&self, name: &str) -> bool {
        let allowed = self.allow.as_ref().is_none_or(|allow| allow.iter().any(|pattern| matches(pattern, name)));
        let filtered = match &self.filter {
            None | Some(FilterEnv::Nothing) => false,
            Some(FilterEnv::Everything) => true,
            Some(FilterEnv::Named(filtered)) => filtered == name,
            Some(FilterEnv::Containing(parts)) => parts.iter().any(|part| !part.is_empty() && name.contains(part)),
        };
        allowed && !filtered
    }
}

/// Whether a name is meant by a pattern in which `*` is any text and `?` any character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // The last star, and how much of the name it has taken so far: more is tried where the rest does not fit.
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((from, taken)) => {
                    star = Some((from, taken + 1));
                    at = from + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("PATH", "PATH", true),
            ("PATH", "PATHS", false),
            ("LC_*", "LC_ALL", true),
            ("LC_*", "LC_", true),
            ("LC_*", "XLC_ALL", false),
            ("*_PROXY", "HTTP_PROXY", true),
            ("A*B*C", "AxBxBxC", true),
            ("A*B*C", "AxBxBx", false),
            ("?", "ü", true),
            ("?", "", false),
            ("*", "", true),
            ("", "", true),
            ("", "A", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_allow_list_first_then_the_filter() {
        let inherit = Inherit {
            allow: Some(vec!["PATH".into(), "AWS_*".into()]),
            filter: Some(FilterEnv::Containing(vec!["SECRET".into()])),
        };
        let passed = |names: &[&str]| names.iter().map(|name| inherit.passes(name)).collect::<Vec<_>>();
        assert_eq!(passed(&["PATH", "HOME", "AWS_REGION", "AWS_SECRET_KEY"]), [true, false, true, false]);
        assert!(!Inherit::nothing().passes("PATH"));
        assert!(Inherit::default().passes("PATH"));
    }

    proptest! {
        #[test]
        fn a_pattern_of_stars_for_parts_of_a_name_means_it(name in "[A-Z_]{0,12}", keep in "[01]{12}") {
            let pattern: String =
                name.chars().zip(keep.chars()).map(|(c, keep)| if keep == '1' { c } else { '*' }).collect();
            prop_assert!(matches(&pattern, &name), "{} {}", pattern, name);
        }
    }
}
