//! Our own view for programs: the contract's types as they are.

use serde::Serialize;

/// Indented for eyes, one line for programs; with a line break at the end.
pub(crate) fn text<T: Serialize + ?Sized>(value: &T, for_eyes: bool) -> Result<String, serde_json::Error> {
    let mut text = if for_eyes { serde_json::to_string_pretty(value)? } else { serde_json::to_string(value)? };
    text.push('\n');
    Ok(text)
}
