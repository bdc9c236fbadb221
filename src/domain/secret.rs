//! Which variables are nobody's business.

use std::borrow::Cow;

/// Words in a variable's name that make its value a secret.
const WORDS: [&str; 10] =
    ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "PRIVATE", "CREDENTIAL", "API_KEY", "APIKEY", "ACCESS_KEY"];

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Whether the value of a variable of this name is not to be shown.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
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

/// `postgres://me:hunter2@db` as `postgres://me:[redacted]@db`, wherever in the text.
fn without_passwords(text: &str) -> Cow<'_, str> {
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
