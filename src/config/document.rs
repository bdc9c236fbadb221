//! The top level of an application file: where the apps are in it.

use super::Problem;
use serde_json::{Map, Value};

/// Parts of an application file that hold something else than apps.
const OTHER_PARTS: [&str; 2] = ["deploy", "static"];

pub(super) type App = Map<String, Value>;

/// The app objects of a document, and the parts of it that do nothing yet. In a `package.json` only the parts that are
/// meant for us count; elsewhere an object without any of them is an app itself.
pub(super) fn apps(document: Value, is_package: bool) -> Result<(Vec<App>, Vec<String>), Problem> {
    let mut unsupported = Vec::new();
    let items = match document {
        Value::Array(items) => items,
        Value::Object(mut parts) => {
            let inner = parts.remove("apps").map(|apps| (apps, false)).or_else(|| Some((parts.remove("pm2")?, true)));
            unsupported = OTHER_PARTS.into_iter().filter(|part| parts.contains_key(*part)).map(str::to_owned).collect();
            match inner {
                Some((Value::Array(items), _)) => items,
                Some((inner @ Value::Object(_), true)) => return apps(inner, false),
                Some((app @ Value::Object(_), false)) => vec![app],
                Some((other, _)) => return Err(Problem::NotApps { value: kind(&other) }),
                None if is_package || parts.is_empty() || !unsupported.is_empty() => Vec::new(),
                None => vec![Value::Object(parts)],
            }
        }
        other => return Err(Problem::NotApps { value: kind(&other) }),
    };
    if items.is_empty() {
        return Err(Problem::NoApps);
    }
    let object = |(index, item)| match item {
        Value::Object(app) => Ok(app),
        other => Err(Problem::AppNotObject { number: index + 1, value: kind(&other) }),
    };
    Ok((items.into_iter().enumerate().map(object).collect::<Result<_, _>>()?, unsupported))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(document: Value, is_package: bool) -> Vec<String> {
        let (apps, _) = apps(document, is_package).unwrap();
        apps.iter().map(|app| app["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn apps_are_found_in_each_shape() {
        let (a, b) = (json!({"name": "a"}), json!({"name": "b"}));
        assert_eq!(names(json!([a, b]), false), ["a", "b"]);
        assert_eq!(names(json!(a), false), ["a"]);
        assert_eq!(names(json!({"apps": [a, b], "other": 1}), false), ["a", "b"]);
        assert_eq!(names(json!({"apps": a}), false), ["a"]);
        assert_eq!(names(json!({"name": "package", "pm2": [a]}), true), ["a"]);
        assert_eq!(names(json!({"name": "package", "pm2": {"apps": [a, b]}}), true), ["a", "b"]);
        assert_eq!(names(json!({"name": "package", "pm2": a}), true), ["a"]);
        assert_eq!(names(json!({"name": "package", "apps": [a]}), true), ["a"]);
    }

    #[test]
    fn parts_that_do_nothing_are_named() {
        let document = json!({"apps": [{}], "deploy": {}, "static": []});
        assert_eq!(apps(document, false).unwrap().1, ["deploy", "static"]);
    }

    #[test]
    fn everything_else_is_refused() {
        for (document, is_package, expected) in [
            (json!([]), false, "there are no apps in it"),
            (json!({}), false, "there are no apps in it"),
            (json!({"apps": []}), false, "there are no apps in it"),
            (json!({"deploy": {}}), false, "there are no apps in it"),
            (json!({"name": "package"}), true, "there are no apps in it"),
            (json!("x"), false, "expected an app, a list of apps, or an object with \"apps\", but this is text"),
            (
                json!({"apps": 1}),
                false,
                "expected an app, a list of apps, or an object with \"apps\", but this is a number",
            ),
            (json!([{}, "a.js"]), false, "app 2 is text and not an object"),
        ] {
            assert_eq!(apps(document, is_package).unwrap_err().to_string(), expected);
        }
    }
}
