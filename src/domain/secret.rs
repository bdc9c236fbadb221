//! Which variables are nobody's business.

use regex_lite::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Words in a variable's name that make its value a secret.
const WORDS: [&str; 10] =
    ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "PRIVATE", "CREDENTIAL", "API_KEY", "APIKEY", "ACCESS_KEY"];

/// Of those words.
const FIRST_LETTERS: &[u8] = b"STPCA";

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Whether the value of a variable of this name is not to be shown.
pub fn is_secret(name: &str) -> bool {
    // Without a copy: a list of many apps asks for thousands of names.
    let name = name.as_bytes();
    let begins = |at: usize, word: &str| {
        name.get(at..at + word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    let may_begin = |letter: u8| FIRST_LETTERS.contains(&letter.to_ascii_uppercase());
    (0..name.len()).filter(|at| may_begin(name[*at])).any(|at| WORDS.iter().any(|word| begins(at, word)))
}

/// The value of a variable as it may be shown: none of a secret, and no password in an address.
pub fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if value.is_empty() {
        Cow::Borrowed(value)
    } else if is_secret(name) {
        Cow::Borrowed(REDACTED)
    } else {
        without_passwords(value)
    }
}

/// A line of text, such as one of a log, without values of variables and headers that are secrets by their names, and
/// without passwords in addresses.
pub fn in_text(line: &str) -> String {
    let line = without_passwords(line);
    let line = NAMED.replace_all(&line, format!("${{1}}{REDACTED}"));
    BEARER.replace_all(&line, format!("${{1}} {REDACTED}")).into_owned()
}

/// `DB_PASSWORD=x`, `"token": "x"`, `--api-key x`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let words = WORDS.map(|word| word.replace('_', "[_-]?")).join("|");
    // Without a sign in between only after an option: "unexpected token" is none.
    let name = format!(r"[\w-]*(?:{words})[\w-]*");
    pattern(&format!(r#"(?i)({name}["']?\s*[=:]\s*|--{name}\s+)("[^"]*"|'[^']*'|[^\s"',;&]+)"#))
});

static BEARER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"));

#[expect(clippy::expect_used, reason = "the patterns are ours, and a test uses them")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours is valid")
}

/// `postgres://me:hunter2@db` as `postgres://me:[redacted]@db`, wherever in the text.
fn without_passwords(text: &str) -> Cow<'_, str> {
    // Few have one, and this looks quicker than what comes then.
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let authority =
            &after[..after.find(|c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace()).unwrap_or(after.len())];
        shown.push_str(before);
        shown.push_str("://");
        rest = after;
        // The last @, as a password may hold one that nobody has escaped.
        if let Some((user, _)) = authority.rsplit_once('@')
            && let Some((name, password)) = user.split_once(':')
            && !password.is_empty()
        {
            shown.push_str(name);
            shown.push(':');
            shown.push_str(REDACTED);
            rest = &after[user.len()..];
        }
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_by_name() {
        for (name, expected) in [
            ("DB_PASSWORD", true),
            ("github_token", true),
            ("GPG_PASSPHRASE", true),
            ("STRIPE_APIKEY", true),
            ("PORT", false),
            ("KEYBOARD", false),
        ] {
            assert_eq!(is_secret(name), expected, "{name}");
        }
        assert_eq!(shown("TOKEN", ""), "", "that there is none is no secret");
        assert!(WORDS.iter().all(|word| is_secret(word) && is_secret(&format!("x{}", word.to_ascii_lowercase()))));
    }

    #[test]
    fn secrets_in_text() {
        for (line, expected) in [
            ("GET /?access_token=abc&x=1 200", "GET /?access_token=[redacted]&x=1 200"),
            (r#"{"apiKey":"a b","n":1}"#, r#"{"apiKey":[redacted],"n":1}"#),
            ("DB_PASSWORD = 'a b' tail", "DB_PASSWORD = [redacted] tail"),
            ("authorization: Bearer abcdefgh.ij", "authorization: Bearer [redacted]"),
            ("cannot reach postgres://me:hunter2@db", "cannot reach postgres://me:[redacted]@db"),
            ("run --api-key abc --port 80", "run --api-key [redacted] --port 80"),
            ("Unexpected token } in JSON", "Unexpected token } in JSON"),
            ("listening on port 80", "listening on port 80"),
        ] {
            assert_eq!(in_text(line), expected, "{line}");
        }
    }

    #[test]
    fn passwords_in_addresses() {
        for (value, expected) in [
            ("postgres://me:hunter2@db:5432/x", "postgres://me:[redacted]@db:5432/x"),
            ("redis://:hunter2@cache", "redis://:[redacted]@cache"),
            ("amqp://me:p@ss@host", "amqp://me:[redacted]@host"),
            ("a://u:p@h,b://v:q@i/x", "a://u:[redacted]@h,b://v:[redacted]@i/x"),
            ("a://u:p@h b://v:q@i/x", "a://u:[redacted]@h b://v:[redacted]@i/x"),
            ("http://host:80/a@b:c", "http://host:80/a@b:c"),
            ("http://me@host", "http://me@host"),
            ("http://me:@host", "http://me:@host"),
            ("no address: a:b@c", "no address: a:b@c"),
            ("://", "://"),
            ("", ""),
        ] {
            assert_eq!(shown("URL", value), expected);
        }
    }
}
