//! The top level of an application file: where the apps are in it.

use super::error::kind;
use super::places::below;
use super::{Fault, Problem, sites};
use serde_json::{Map, Value};

/// Parts of an application file that hold something else than apps.
const OTHER_PARTS: [&str; 1] = ["deploy"];

pub(super) type App = Map<String, Value>;

/// What is in a document.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Each with its pointer.
    pub apps: Vec<(String, App)>,
    /// Parts that do nothing yet, by name.
    pub unsupported: Vec<String>,
    /// Items that are no apps, with their pointers.
    pub wrong: Vec<(String, Fault)>,
}

/// The app objects of a document, and the parts of it that do nothing yet. In a `package.json` only the parts that are
/// meant for us count; elsewhere an object without any of them is an app itself.
pub(super) fn parts(document: Value, is_package: bool) -> Result<Parts, Problem> {
    let mut found = Parts::default();
    let mut aside = Aside::default();
    let (base, items) = items(document, is_package, "", &mut aside)?;
    found.unsupported = aside.unsupported;
    for (pointer, value) in aside.sites {
        sites::read(&pointer, value, &mut found);
    }
    if items.is_empty() && found.apps.is_empty() && found.wrong.is_empty() {
        return Err(Problem::NoApps);
    }
    let of_sites = std::mem::take(&mut found.apps);
    for (index, item) in items.into_iter().enumerate() {
        let pointer = if base.is_list { below(&base.pointer, index) } else { base.pointer.clone() };
        match item {
            Value::Object(app) => found.apps.push((pointer, app)),
            other => {
                let problem = Problem::AppNotObject { number: index + 1, value: kind(&other) };
                found.wrong.push((pointer, problem.into()));
            }
        }
    }
    found.apps.extend(of_sites);
    Ok(found)
}

/// What stands beside the apps.
#[derive(Debug, Default)]
struct Aside {
    unsupported: Vec<String>,
    /// `static`: sites, each list with its pointer.
    sites: Vec<(String, Value)>,
}

/// Where the items are.
struct Base {
    pointer: String,
    is_list: bool,
}

fn items(document: Value, is_package: bool, pointer: &str, aside: &mut Aside) -> Result<(Base, Vec<Value>), Problem> {
    let list = |pointer: &str, items| Ok((Base { pointer: pointer.to_owned(), is_list: true }, items));
    let one = |pointer: &str, app| Ok((Base { pointer: pointer.to_owned(), is_list: false }, vec![app]));
    let mut parts = match document {
        Value::Array(items) => return list(pointer, items),
        Value::Object(parts) => parts,
        other => return Err(Problem::NotApps { value: kind(&other) }),
    };
    let inner = ["apps", "pm2"].into_iter().find_map(|name| Some((name, parts.remove(name)?)));
    aside.unsupported.extend(OTHER_PARTS.into_iter().filter(|part| parts.contains_key(*part)).map(str::to_owned));
    // In a package.json it is somebody else's.
    if let Some(sites) = parts.remove(sites::PART).filter(|_| !is_package) {
        aside.sites.push((below(pointer, sites::PART), sites));
    }
    let Some((name, inner)) = inner else {
        let is_about_others = !aside.unsupported.is_empty() || !aside.sites.is_empty();
        let holds_none = is_package || parts.keys().all(|key| key == super::apply::SCHEMA) || is_about_others;
        return if holds_none { list(pointer, Vec::new()) } else { one(pointer, Value::Object(parts)) };
    };
    let pointer = below(pointer, name);
    match inner {
        Value::Array(items) => list(&pointer, items),
        inner @ Value::Object(_) if name == "pm2" => items(inner, false, &pointer, aside),
        app @ Value::Object(_) => one(&pointer, app),
        other => Err(Problem::NotApps { value: kind(&other) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(document: Value, is_package: bool) -> Vec<String> {
        let apps = parts(document, is_package).unwrap().apps;
        apps.iter().map(|(_, app)| app["name"].as_str().unwrap().to_owned()).collect()
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
        let document = json!({"apps": [{}], "deploy": {}});
        assert_eq!(parts(document, false).unwrap().unsupported, ["deploy"]);
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
            (json!({"$schema": "x"}), false, "there are no apps in it"),
        ] {
            assert_eq!(parts(document, is_package).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn apps_know_their_place() {
        let pointers =
            |document| parts(document, false).unwrap().apps.into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        let app = json!({"name": "a"});
        assert_eq!(pointers(json!([app, app])), ["/0", "/1"]);
        assert_eq!(pointers(app.clone()), [""]);
        assert_eq!(pointers(json!({"apps": app})), ["/apps"]);
        assert_eq!(pointers(json!({"pm2": {"apps": [app]}})), ["/pm2/apps/0"]);
    }

    #[test]
    fn what_is_no_app_does_not_hide_the_others() {
        let found = parts(json!([{}, "a.js", null]), false).unwrap();
        let told: Vec<_> = found.wrong.iter().map(|(at, fault)| format!("{at} {fault}")).collect();
        assert_eq!(told, ["/1 app 2 is text and not an object", "/2 app 3 is nothing and not an object"]);
        assert_eq!(found.apps.len(), 1);
    }
}
