//! Topics, and who wants which.

pub const PROCESS_EVENT: &str = "process:event";
pub const LOG_OUT: &str = "log:out";
pub const LOG_ERR: &str = "log:err";

/// The topics that a listener wants.
#[derive(Debug, Clone, Default)]
pub struct Topics {
    /// None are all.
    patterns: Vec<String>,
}

impl Topics {
    pub fn new(patterns: Vec<String>) -> Self {
        Self { patterns }
    }

    pub fn has(&self, topic: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| matches(pattern, topic))
    }
}

/// `*` stands for any text, `:` included. In time that grows with the product of both lengths, whatever the pattern.
fn matches(pattern: &str, topic: &str) -> bool {
    let (pattern, topic) = (pattern.as_bytes(), topic.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Where the last star is, and up to where it reaches.
    let mut star: Option<(usize, usize)> = None;
    while seen < topic.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, seen));
            at += 1;
        } else if pattern.get(at) == Some(&topic[seen]) {
            (at, seen) = (at + 1, seen + 1);
        } else if let Some((back, reached)) = star {
            star = Some((back, reached + 1));
            (at, seen) = (back + 1, reached + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex_lite::Regex;

    #[test]
    fn a_star_stands_for_any_text() {
        let topics = Topics::new(vec!["log:*".into(), "process:event".into()]);
        assert!(topics.has("log:out") && topics.has("log:") && topics.has("process:event"));
        assert!(!topics.has("process:msg") && !topics.has("xlog:out") && !topics.has("process:event:x"));
        assert!(Topics::default().has("anything"));
    }

    proptest! {
        #[test]
        fn it_is_what_a_regular_expression_says(pattern in "[ab:*]{0,8}", topic in "[ab:]{0,10}") {
            let regex = Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(matches(&pattern, &topic), regex.is_match(&topic));
        }
    }
}
