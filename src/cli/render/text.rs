//! Text measured in terminal columns.

use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Without control characters: a name must not move the cursor or set a title.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// At most `limit` columns; what is left out at the end is shown by `…`.
pub(crate) fn truncate(text: &str, limit: usize) -> Cow<'_, str> {
    if width(text) <= limit {
        return Cow::Borrowed(text);
    }
    let Some(room) = limit.checked_sub(1) else { return Cow::Borrowed("") };
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_counts_columns_not_characters() {
        let cases = [
            ("api", 3, "api"),
            ("api-server", 6, "api-s…"),
            ("日本語アプリ", 12, "日本語アプリ"),
            ("日本語アプリ", 6, "日本…"),
            ("日本語アプリ", 5, "日本…"),
            ("e\u{301}te\u{301}", 3, "e\u{301}te\u{301}"),
            ("api", 1, "…"),
            ("api", 0, ""),
        ];
        for (text, limit, expected) in cases {
            assert_eq!(truncate(text, limit), expected, "{text} in {limit}");
            assert!(width(&truncate(text, limit)) <= limit);
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert!(matches!(clean("plain ü"), Cow::Borrowed(_)));
    }
}
