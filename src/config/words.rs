//! A string of arguments into words, by PM2's rule rather than a shell's.
//!
//! Words end at white space. Quotes around a whole word are removed and keep its white space. Quotes right after a `=`
//! keep white space too, and stay: `--k="v w"` is one word, with its quotes. A quote that is never closed is an
//! ordinary character; a backslash always is. Unlike PM2, `""` is an empty argument and not nothing.

pub(super) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = quoted(rest).unwrap_or_else(|| rest.split_at(bare_length(rest)));
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// The inside of the quotes that `text` starts with, and what follows them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(quote)
}

/// Length of the unquoted word at the start of `text`.
fn bare_length(text: &str) -> usize {
    let mut previous = '\0';
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            return at;
        }
        if previous == '='
            && let Some((inside, _)) = quoted(&text[at..])
        {
            return at + inside.len() + 2;
        }
        previous = c;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_quotes() {
        for (text, expected) in [
            ("", vec![]),
            ("  lead  trail ", vec!["lead", "trail"]),
            ("tab\tx\ny", vec!["tab", "x", "y"]),
            (r#"'a b' "c""#, vec!["a b", "c"]),
            (r#"--k="v w" x"#, vec![r#"--k="v w""#, "x"]),
            (r#"--k="v 'w' x""#, vec![r#"--k="v 'w' x""#]),
            (r"a='b c' --m='q r'", vec!["a='b c'", "--m='q r'"]),
            (r#"--k= "v w""#, vec!["--k=", "v w"]),
            (r#""it's ok" y"#, vec!["it's ok", "y"]),
            (r#"-e "x=1; y='2'""#, vec!["-e", "x=1; y='2'"]),
            (r#"x"y z"w"#, vec![r#"x"y"#, r#"z"w"#]),
            (r#""a b"c"#, vec!["a b", "c"]),
            (r#"a="b c"d"#, vec![r#"a="b c""#, "d"]),
            ("'unclosed foo", vec!["'unclosed", "foo"]),
            (r#"--k="unclosed foo"#, vec![r#"--k="unclosed"#, "foo"]),
            (r"a\ b", vec![r"a\", "b"]),
            (r#""" x"#, vec!["", "x"]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_quotes_and_white_space_is_lost(text in "[ab=\"' \t\\\\é]{0,40}") {
            let solid = |s: &str| s.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect::<String>();
            prop_assert_eq!(solid(&split(&text).concat()), solid(&text));
        }

        #[test]
        fn plain_words_come_back(words in prop::collection::vec("[a-z=:/._-]{1,8}", 0..8)) {
            prop_assert_eq!(split(&words.join("  ")), words);
        }

        #[test]
        fn quoted_words_come_back(words in prop::collection::vec("[a-z ='\t]{0,8}", 0..8)) {
            let text: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            prop_assert_eq!(split(&text.join(" ")), words);
        }
    }
}
