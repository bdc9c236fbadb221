//! Which variables are nobody's business.

/// Words in a variable's name that make its value a secret.
const WORDS: [&str; 8] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PRIVATE", "CREDENTIAL", "API_KEY", "ACCESS_KEY"];

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Whether the value of a variable of this name is not to be shown.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}
