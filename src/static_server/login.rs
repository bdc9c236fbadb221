//! Basic authentication.

use crate::domain::site::Login;
use std::hint::black_box;

const SCHEME: &str = "Basic";

/// What a client has to send.
pub(super) struct Lock {
    token: Vec<u8>,
}

impl Lock {
    pub(super) fn new(login: &Login) -> Self {
        Self { token: base64(format!("{}:{}", login.username, login.password).as_bytes()) }
    }

    /// Whether the value of an `Authorization` header opens it. How long that takes says nothing of how much of it is
    /// right.
    pub(super) fn opens(&self, header: Option<&[u8]>) -> bool {
        let header = header.unwrap_or_default();
        let space = header.iter().position(|byte| *byte == b' ').unwrap_or(header.len());
        let (scheme, token) = header.split_at(space);
        scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && is_equal(&self.token, token.trim_ascii())
    }
}

fn is_equal(expected: &[u8], given: &[u8]) -> bool {
    let mut difference = u8::from(expected.len() != given.len());
    for (index, byte) in expected.iter().enumerate() {
        difference = black_box(difference | (byte ^ given.get(index).copied().unwrap_or(0)));
    }
    difference == 0
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0_u32, |bits, (index, byte)| bits | u32::from(*byte) << (16 - 8 * index));
        for index in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * index) & 63) as usize];
            encoded.push(if index <= chunk.len() { digit } else { b'=' });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_each_length() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("\u{fe}ÿ?", "w77Dvz8=")]
        {
            assert_eq!(base64(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn the_right_words_and_nothing_else() {
        let lock = Lock::new(&Login { username: "me".into(), password: "pä:ss".into() });
        let right = String::from_utf8(base64("me:pä:ss".as_bytes())).unwrap();
        for (header, opens) in [
            (format!("Basic {right}"), true),
            (format!("bAsIc  {right} "), true),
            (format!("Bearer {right}"), false),
            (right.clone(), false),
            (format!("Basic {}", &right[1..]), false),
            (format!("Basic {right}="), false),
            ("Basic ".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(lock.opens(Some(header.as_bytes())), opens, "{header}");
        }
        assert!(!lock.opens(None));
    }
}
