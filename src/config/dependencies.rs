//! Apps of a file that wait for each other.

use crate::domain::AppSpec;
use std::collections::BTreeMap;

/// The names of a circle of `depends_on`, the first one again at its end.
pub(super) fn cycle(apps: &[AppSpec]) -> Option<Vec<String>> {
    let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for app in apps {
        let names = app.depends_on.iter().map(|dependency| dependency.app.as_str());
        waits.entry(app.name.as_str()).or_default().extend(names);
    }
    let mut done = Vec::new();
    apps.iter().find_map(|app| walk(&app.name, &waits, &mut Vec::new(), &mut done))
}

/// Follows what `name` waits for; `path` is how we came here, `done` what is known to be no part of a circle.
fn walk<'a>(
    name: &'a str,
    waits: &BTreeMap<&str, Vec<&'a str>>,
    path: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|known| *known == name) {
        return Some(path[start..].iter().copied().chain([name]).map(str::to_owned).collect());
    }
    if done.contains(&name) {
        return None;
    }
    path.push(name);
    let found = waits.get(name).into_iter().flatten().find_map(|next| walk(next, waits, path, done));
    path.pop();
    done.push(name);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Condition, Dependency, Interpreter, Program};

    fn app(name: &str, waits_for: &[&str]) -> AppSpec {
        let program = Program { path: "/a".into(), interpreter: Interpreter::None, interpreter_args: Vec::new() };
        let depends_on = waits_for.iter().map(|app| Dependency { app: (*app).to_owned(), condition: Condition::Ready });
        AppSpec { depends_on: depends_on.collect(), ..AppSpec::new(name, program) }
    }

    #[test]
    fn circles_are_named() {
        let chain = [app("a", &["b", "c"]), app("b", &["d"]), app("c", &["d"]), app("d", &["elsewhere"])];
        assert_eq!(cycle(&chain), None);
        let circle = [app("x", &["a"]), app("a", &["b"]), app("b", &["d", "c"]), app("c", &["a"]), app("d", &[])];
        assert_eq!(cycle(&circle).unwrap(), ["a", "b", "c", "a"]);
        assert_eq!(cycle(&[app("a", &["a"])]).unwrap(), ["a", "a"]);
    }
}
