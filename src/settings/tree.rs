//! The settings themselves: texts in nested groups.

use super::Key;
use crate::domain::AppSpec;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    root: Map<String, Value>,
}

impl Settings {
    pub(super) const fn new(root: Map<String, Value>) -> Self {
        Self { root }
    }

    pub const fn root(&self) -> &Map<String, Value> {
        &self.root
    }

    /// A text, or a group of them.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        let (last, groups) = key.parts().split_last()?;
        let group = groups.iter().try_fold(&self.root, |group, part| group.get(part)?.as_object())?;
        group.get(last)
    }

    /// A text in the place of a group, and a group in that of a text, replaces it.
    pub fn set(&mut self, key: &Key, value: impl Into<String>) {
        let Some((last, groups)) = key.parts().split_last() else { return };
        let mut group = &mut self.root;
        for part in groups {
            let inner = group.entry(part.as_str()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else { return };
            group = inner;
        }
        group.insert(last.clone(), Value::String(value.into()));
    }

    /// Whether there was one.
    pub fn unset(&mut self, key: &Key) -> bool {
        let Some((last, groups)) = key.parts().split_last() else { return false };
        let mut group = &mut self.root;
        for part in groups {
            let Some(Value::Object(inner)) = group.get_mut(part) else { return false };
            group = inner;
        }
        group.shift_remove(last).is_some()
    }

    /// Takes out everything.
    pub fn clear(&mut self) {
        self.root.clear();
    }

    /// What the processes of an app get as variables: its settings, groups among them as JSON. Names that no variable
    /// can have are left out.
    pub fn of_app(&self, name: &str) -> BTreeMap<String, String> {
        let Some(Value::Object(group)) = self.root.get(name) else { return BTreeMap::new() };
        let usable = |name: &str, value: &str| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        let variables =
            group.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), text(value)));
        variables.filter(|(name, value)| usable(name, value)).collect()
    }

    /// Gives an app the variables that are set for it now, and takes those that are set no more.
    pub fn give(&self, app: &mut AppSpec) {
        app.env.settings = self.of_app(&app.name);
    }

    /// The app with what is set for it now, out of the specs of its processes; `None` where nothing is another.
    pub fn renewed(&self, app: &str, specs: Vec<AppSpec>) -> Option<AppSpec> {
        let own = self.of_app(app);
        let mut specs = specs.into_iter().filter(|spec| spec.name == app).peekable();
        let mut spec = specs.peek()?.clone();
        specs.any(|spec| spec.env.settings != own).then(|| {
            self.give(&mut spec);
            spec
        })
    }
}

/// A setting as a text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn settings(value: Value) -> Settings {
        let Value::Object(root) = value else { panic!("{value}") };
        Settings::new(root)
    }

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[test]
    fn settings_nest() {
        let mut all = Settings::default();
        all.set(&key("plain"), "12");
        all.set(&key("api:port"), "80");
        all.set(&key("api.deep.er"), "x");
        assert_eq!(all, settings(json!({"plain": "12", "api": {"port": "80", "deep": {"er": "x"}}})));
        assert_eq!(all.get(&key("api:port")), Some(&json!("80")));
        assert_eq!(all.get(&key("api")), Some(&json!({"port": "80", "deep": {"er": "x"}})));
        assert_eq!(all.get(&key("plain.x")), None);
        all.set(&key("plain.x"), "1");
        all.set(&key("api"), "gone");
        assert_eq!(all, settings(json!({"plain": {"x": "1"}, "api": "gone"})));
        assert!(all.unset(&key("plain:x")));
        assert!(!all.unset(&key("plain:x")));
        assert!(!all.unset(&key("api.port")));
        assert_eq!(all, settings(json!({"plain": {}, "api": "gone"})));
    }

    #[test]
    fn an_app_gets_its_own() {
        let all = settings(json!({
            "api": {"port": "80", "n": 5, "deep": {"a": "b"}, "none": null, "a=b": "x", "nul": "a\0b"},
            "plain": "x",
        }));
        let expected = [("deep", "{\"a\":\"b\"}"), ("n", "5"), ("port", "80")];
        assert_eq!(all.of_app("api"), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(all.of_app("plain"), BTreeMap::new());
        assert_eq!(all.of_app("other"), BTreeMap::new());
    }

    proptest! {
        #[test]
        fn what_was_set_last_is_there_until_it_is_unset(
            ops in prop::collection::vec(("[ab]([.:][ab]){0,2}", prop::option::of("[a-z]{0,3}")), 0..12)
        ) {
            let mut all = Settings::default();
            for (text, value) in ops {
                let key = key(&text);
                if let Some(value) = value {
                    all.set(&key, value.clone());
                    prop_assert_eq!(all.get(&key), Some(&Value::String(value)));
                } else {
                    let was = all.get(&key).is_some();
                    prop_assert_eq!(all.unset(&key), was);
                    prop_assert_eq!(all.get(&key), None);
                }
            }
        }
    }
}
