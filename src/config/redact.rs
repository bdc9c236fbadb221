//! Values of an application file as messages may show them.

use crate::domain::secret::{REDACTED, is_secret, shown};
use serde_json::Value;

/// The same value, without what may be a secret: what `secrets` holds beside references, and whatever stands under a
/// name that looks like one.
pub(super) fn value(field: &str, value: &Value) -> Value {
    match (field, value) {
        // Somebody has written a value where a reference belongs.
        ("secrets", Value::Object(secrets)) => {
            secrets.iter().map(|(name, source)| (name.clone(), reference(source))).collect()
        }
        ("secrets", _) => Value::from(REDACTED),
        _ => under(field, value),
    }
}

fn reference(source: &Value) -> Value {
    let Value::Object(parts) = source else { return Value::from(REDACTED) };
    let keep = |key: &str| key == "file" || key == "command";
    let part =
        |(key, value): (&String, &Value)| (key.clone(), if keep(key) { value.clone() } else { Value::from(REDACTED) });
    parts.iter().map(part).collect()
}

fn under(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), under(key, value))).collect(),
        Value::Array(items) => items.iter().map(|item| under(name, item)).collect(),
        Value::Null => Value::Null,
        _ if is_secret(name) => Value::from(REDACTED),
        Value::String(text) => Value::from(shown(name, text)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_may_be_a_secret_is_not_in_messages() {
        for (field, written, expected) in [
            ("secrets", json!("hunter2"), json!(REDACTED)),
            ("secrets", json!({"DB": "hunter2"}), json!({"DB": REDACTED})),
            ("secrets", json!({"DB": {"file": "/f", "x": 1}}), json!({"DB": {"file": "/f", "x": REDACTED}})),
            ("env", json!([{"DB_PASSWORD": "x", "A": 1}]), json!([{"DB_PASSWORD": REDACTED, "A": 1}])),
            ("env_p", json!("postgres://me:pw@host/db"), json!("postgres://me:[redacted]@host/db")),
            ("kill_timeout", json!("soon"), json!("soon")),
        ] {
            assert_eq!(value(field, &written), expected, "{field} {written}");
        }
    }
}
