//! Settings as the commands that set them.

use super::tree::text;
use super::{Key, Settings};
use serde_json::Value;

/// A line for each setting, under `key` where there is one; a single text is one line.
pub fn lines(settings: &Settings, key: Option<&Key>) -> Vec<String> {
    let mut lines = Vec::new();
    match key {
        None => settings.root().iter().for_each(|(name, value)| collect(&mut lines, vec![name.clone()], value)),
        Some(key) => {
            if let Some(value) = settings.get(key) {
                collect(&mut lines, key.parts().to_vec(), value);
            }
        }
    }
    lines
}

fn collect(lines: &mut Vec<String>, parts: Vec<String>, value: &Value) {
    match value {
        Value::Object(group) => {
            for (name, value) in group {
                let parts = parts.iter().cloned().chain([name.clone()]).collect();
                collect(lines, parts, value);
            }
        }
        value => lines.push(line(&Key::of(parts), &text(value))),
    }
}

/// The command that sets it, for a shell.
pub fn line(key: &Key, value: &str) -> String {
    format!("rpm set {} {}", shell_words::quote(&key.to_string()), shell_words::quote(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn they_can_be_pasted() {
        let Value::Object(root) = json!({"plain": "12", "api": {"port": "80", "who": "a b", "x.y": {"c": "it's"}}})
        else {
            panic!()
        };
        let settings = Settings::new(root);
        let all = lines(&settings, None);
        assert_eq!(all[..3], ["rpm set plain 12", "rpm set api:port 80", "rpm set api:who 'a b'"]);
        let mut again = Settings::default();
        for line in &all {
            let words = shell_words::split(line).unwrap();
            again.set(&Key::parse(&words[2]).unwrap(), &words[3]);
        }
        assert_eq!(again, settings);
        assert_eq!(lines(&settings, Some(&Key::parse("api:port").unwrap())), ["rpm set api:port 80"]);
        assert_eq!(lines(&settings, Some(&Key::parse("api").unwrap())).len(), 3);
        assert_eq!(lines(&settings, Some(&Key::parse("none").unwrap())), [""; 0]);
    }
}
