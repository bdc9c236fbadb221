//! Who comes before whom: apps by what they depend on.

use super::AppSpec;
use std::collections::{BTreeMap, BTreeSet};

/// Of each app those that it depends on, by name. Names that are no app of the graph count for nothing.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// Whom apps wait for.
pub fn graph<'a>(specs: impl IntoIterator<Item = &'a AppSpec>) -> Graph {
    let mut graph = Graph::new();
    for spec in specs {
        graph.entry(spec.name.clone()).or_default().extend(spec.depends_on.iter().map(|other| other.app.clone()));
    }
    graph
}

/// Apps that wait for each other in a circle, the first of them once more at the end.
pub fn cycle(graph: &Graph) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    graph.keys().find_map(|app| visit(graph, app, &mut Vec::new(), &mut done))
}

fn visit<'a>(
    graph: &'a Graph,
    app: &'a str,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<String>> {
    if let Some(at) = path.iter().position(|known| *known == app) {
        return Some(path[at..].iter().chain([&app]).map(|app| (*app).to_owned()).collect());
    }
    if done.contains(app) {
        return None;
    }
    path.push(app);
    let found = graph.get(app).into_iter().flatten().find_map(|next| visit(graph, next, path, done));
    path.pop();
    done.insert(app);
    found
}

/// The order in which all of them are started: each group after the groups it depends on. Backwards it is the order in
/// which they are stopped. What waits for each other in a circle comes last.
pub fn groups(graph: &Graph) -> Vec<Vec<String>> {
    let mut left: BTreeSet<&str> = graph.keys().map(String::as_str).collect();
    let mut groups = Vec::new();
    while !left.is_empty() {
        let waits = |app: &str| graph[app].iter().any(|other| other != app && left.contains(other.as_str()));
        let mut group: Vec<&str> = left.iter().copied().filter(|app| !waits(app)).collect();
        if group.is_empty() {
            group = left.iter().copied().collect();
        }
        left.retain(|app| !group.contains(app));
        groups.push(group.into_iter().map(str::to_owned).collect());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        edges.iter().map(|(app, others)| ((*app).to_owned(), names(others))).collect()
    }

    #[test]
    fn dependencies_come_first() {
        let shop = graph(&[("web", &["api", "cache"]), ("api", &["db"]), ("db", &[]), ("cache", &["elsewhere"])]);
        assert_eq!(cycle(&shop), None);
        assert_eq!(groups(&shop), [vec!["cache", "db"], vec!["api"], vec!["web"]]);
    }

    #[test]
    fn a_circle_is_named() {
        let circle = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["d", "b"]), ("d", &[])]);
        assert_eq!(cycle(&circle).unwrap(), ["b", "c", "b"]);
        assert_eq!(cycle(&graph(&[("a", &["a"])])).unwrap(), ["a", "a"]);
        assert_eq!(groups(&circle), [vec!["d"], vec!["a", "b", "c"]]);
    }

    proptest! {
        #[test]
        fn any_graph(edges in prop::collection::btree_set((0..8u8, 0..8u8), 0..20)) {
            let mut graph = Graph::new();
            for app in 0..8 {
                graph.insert(app.to_string(), BTreeSet::new());
            }
            for (app, other) in edges {
                graph.get_mut(&app.to_string()).unwrap().insert(other.to_string());
            }
            let groups = groups(&graph);
            let all: BTreeSet<&String> = groups.iter().flatten().collect();
            prop_assert_eq!((all.len(), groups.iter().flatten().count()), (8, 8));
            if let Some(circle) = cycle(&graph) {
                prop_assert!(circle.len() > 1 && circle.first() == circle.last());
                for pair in circle.windows(2) {
                    prop_assert!(graph[&pair[0]].contains(&pair[1]), "{:?}", circle);
                }
            } else {
                let place = |app: &String| groups.iter().position(|group| group.contains(app)).unwrap();
                for (app, others) in &graph {
                    for other in others {
                        prop_assert!(place(other) < place(app), "{} before {}", other, app);
                    }
                }
            }
        }
    }
}
