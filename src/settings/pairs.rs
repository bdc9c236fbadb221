//! `multiset`'s text: keys and values, one after the other.

/// A text that isn't keys and values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPairs {
    #[error("there is a quote that nothing closes")]
    Open,
    #[error("the key {0} has no value")]
    NoValue(String),
    #[error("there are no keys and values")]
    Nothing,
}

/// Words apart by white space. Quotes, single or double, hold words together, and are not part of the value; those of a
/// key are, as they hold its parts together.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, BadPairs> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let is_key = words.len() % 2 == 0;
        let (word, after) = word(rest, is_key).ok_or(BadPairs::Open)?;
        words.push(word);
        rest = after.trim_start();
    }
    if words.is_empty() {
        return Err(BadPairs::Nothing);
    }
    let mut pairs = Vec::with_capacity(words.len() / 2);
    let mut words = words.into_iter();
    while let Some(key) = words.next() {
        let Some(value) = words.next() else { return Err(BadPairs::NoValue(key)) };
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The first word, and what follows it.
fn word(text: &str, keeps_quotes: bool) -> Option<(String, &str)> {
    let (mut word, mut open) = (String::new(), None);
    for (at, c) in text.char_indices() {
        match (open, c) {
            (None, c) if c.is_whitespace() => return Some((word, &text[at..])),
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            (_, c) => {
                word.push(c);
                continue;
            }
        }
        if keeps_quotes && c == '"' {
            word.push(c);
        }
    }
    open.is_none().then_some((word, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs(" app:k1 v1\tz 3 ").unwrap(), [pair("app:k1", "v1"), pair("z", "3")]);
        assert_eq!(pairs("a 'x y' b \"it's\" c ''").unwrap(), [pair("a", "x y"), pair("b", "it's"), pair("c", "")]);
        assert_eq!(pairs("a.\"b.c\" 1").unwrap(), [pair("a.\"b.c\"", "1")]);
        assert_eq!(pairs(r"path C:\x").unwrap(), [pair("path", r"C:\x")]);
    }

    #[test]
    fn what_is_left_over() {
        assert_eq!(pairs("odd 1 two"), Err(BadPairs::NoValue("two".into())));
        assert_eq!(pairs("a 'b"), Err(BadPairs::Open));
        assert_eq!(pairs("  "), Err(BadPairs::Nothing));
    }
}
