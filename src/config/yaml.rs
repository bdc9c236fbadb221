//! YAML, with the lines of its values.

use super::Problem;
use super::places::{Document, Places, below};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Spanned};
use std::fmt;

pub(super) fn parse(text: &str, max_depth: usize) -> Result<Document, Problem> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_depth: max_depth, max_nodes: 50_000, max_documents: 1 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 50_000 },
    };
    let node: Spanned<Node> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| match error.without_snippet() {
            Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => Problem::TooDeep { limit: max_depth },
            error => Problem::Syntax {
                line: error.location().map(|location| location.line()),
                column: error.location().map(|location| location.column()),
                message: message(error),
            },
        })?;
    let mut places = Places::default();
    let value = plain(node, "", &mut places);
    Ok(Document { value, places })
}

/// The library's words for people, without the place that we tell before them.
fn message(error: &Error) -> String {
    let message = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
    match message.split_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    }
}

/// A value of which the parts know where they stand.
enum Node {
    Plain(Value),
    List(Vec<Spanned<Node>>),
    Members(Vec<(Spanned<String>, Spanned<Node>)>),
}

/// Takes the lines out.
fn plain(node: Spanned<Node>, pointer: &str, places: &mut Places) -> Value {
    places.note(pointer, node.referenced.line());
    match node.value {
        Node::Plain(value) => value,
        Node::List(items) => {
            let items = items.into_iter().enumerate();
            Value::Array(items.map(|(index, item)| plain(item, &below(pointer, index), places)).collect())
        }
        Node::Members(members) => {
            let mut object = Map::new();
            for (key, value) in members {
                let pointer = below(pointer, &key.value);
                let value = plain(value, &pointer, places);
                places.note(&pointer, key.referenced.line());
                object.insert(key.value, value);
            }
            Value::Object(object)
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Plain(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Plain(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Plain(Value::from(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Plain(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Plain(Value::from(value)))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Plain(Value::from(value)))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Plain(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Plain(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut list: Vec<(Spanned<String>, Spanned<Node>)> = Vec::new();
        while let Some((key, value)) = members.next_entry::<Spanned<String>, _>()? {
            list.push((key, value));
        }
        Ok(Node::Members(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_and_their_lines() {
        let text = "# apps\nbase: &base {cwd: /srv}\napps:\n  - name: a\n    env:\n      A: 1\n      B: yes\n  - <<: *base\n    name: b\n    list: [1.5,\n      null]\n";
        let document = parse(text, 64).unwrap();
        let expected = json!({"base": {"cwd": "/srv"}, "apps": [{"name": "a", "env": {"A": 1, "B": "yes"}}, {"cwd": "/srv", "name": "b", "list": [1.5, null]}]});
        assert_eq!(document.value, expected);
        for (pointer, line) in [("/apps/0/name", 4), ("/apps/0/env/B", 7), ("/apps/1/name", 9), ("/apps/1/list/1", 11)]
        {
            assert_eq!(document.places.line(pointer), Some(line), "{pointer}");
        }
    }

    #[test]
    fn the_line_of_a_member_is_that_of_its_key() {
        let document = parse("a: 1\nargs:\n  - x\n  - y\n", 64).unwrap();
        assert_eq!(document.places.line("/args/1"), Some(4));
        assert_eq!(document.places.line("/args"), Some(2));
    }
}
