use super::*;
use crate::config::apply;
use regex_lite::Regex;

/// The part of JSON Schema that ours uses. Another keyword fails, so that none is there in vain.
fn accepts(schema: &Value, value: &Value, root: &Value) -> bool {
    let each = |value: &Value, schema: &Value| accepts(schema, value, root);
    schema.as_object().unwrap().iter().all(|(keyword, rule)| match keyword.as_str() {
        "description" | "title" | "$schema" | "definitions" | "format" => true,
        "$ref" => each(value, root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap()),
        "type" => match rule {
            Value::String(name) => is_a(value, name),
            names => names.as_array().unwrap().iter().any(|name| is_a(value, name.as_str().unwrap())),
        },
        "enum" => rule.as_array().unwrap().contains(value),
        "const" => rule == value,
        "anyOf" => rule.as_array().unwrap().iter().any(|schema| each(value, schema)),
        "oneOf" => rule.as_array().unwrap().iter().filter(|schema| each(value, schema)).count() == 1,
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
        "pattern" => value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text)),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| each(item, rule))),
        "required" => value
            .as_object()
            .is_none_or(|object| rule.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))),
        "properties" | "patternProperties" | "additionalProperties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(key, value)| {
                members(schema, keyword, key).is_none_or(|schema| match schema {
                    Value::Bool(allowed) => *allowed,
                    schema => each(value, schema),
                })
            })
        }),
        other => panic!("the test does not know {other}"),
    })
}

/// What a keyword about members says of one of them.
fn members<'a>(schema: &'a Value, keyword: &str, key: &str) -> Option<&'a Value> {
    let named = schema.get("properties").and_then(|properties| properties.get(key));
    let patterns = schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
    let by_pattern = patterns.into_iter().find(|(pattern, _)| matches(pattern, key)).map(|(_, schema)| schema);
    match keyword {
        "properties" => named,
        "patternProperties" => by_pattern,
        _ if named.is_none() && by_pattern.is_none() => schema.get("additionalProperties"),
        _ => None,
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type is called {other}"),
    }
}

/// Rust's expressions have no `(?!…)`: what stands in it is asked apart.
fn matches(pattern: &str, text: &str) -> bool {
    let is_match = |pattern: &str| Regex::new(pattern).unwrap().is_match(text);
    match pattern.split_once("(?!") {
        Some((before, rest)) => {
            let (not, after) = rest.split_once("$)").unwrap();
            is_match(&format!("{before}{after}")) && !is_match(&format!("{before}{not}$"))
        }
        None => is_match(pattern),
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!([[]]),
        json!([{}]),
        json!([null]),
        json!(["a", 1, true]),
        json!([1, 2]),
        json!(["0", 143]),
        json!([300]),
        json!([-1]),
        json!({"a": 1}),
        json!({"A": {"file": "x"}}),
        json!({"A": {"command": "x"}}),
        json!({"A": {"file": 1}}),
        json!({"A": {"file": "x", "command": "y"}}),
        json!({"A": {}}),
        json!({"db": "ready"}),
        json!({"db": "gone"}),
        json!({"db": {"condition": "service_healthy"}}),
        json!({"db": {}}),
        json!({"nofile": 1024}),
        json!({"nofile": "4k"}),
        json!({"NOFILE": ["unlimited", 5]}),
        json!({"core": [1]}),
        json!({"files": 1}),
        json!({"nofile": -1}),
        json!({"http": "http://localhost:3000/x"}),
        json!({"http": "https://x"}),
        json!({"http": 3000}),
        json!({"http": {"path": "/"}}),
        json!({"http": {"port": 80, "headers": {"A": "b"}}}),
        json!({"tcp": "db:5432"}),
        json!({"tcp": {"port": 1}}),
        json!({"tcp": 5432, "period": "5s", "failureThreshold": 3}),
        json!({"tcp": 5432, "periode": 1}),
        json!({"tcp": 1, "exec": "x"}),
        json!({"exec": "true"}),
        json!({"exec": []}),
        json!({"exec": ["a", "b"]}),
        json!({"exec": " "}),
        json!({"tcp": 1, "timeout": "soon"}),
        json!(-2_147_483_649_i64),
        json!(9_999_999_999_i64),
        json!(1e18),
        json!(2.0),
    ];
    values.extend(
        [-1001, -1000, -21, -20, -1, 0, 1, 19, 20, 64, 65, 99, 100, 255, 256, 1000, 1001, 4096, 4097, 65_535, 65_536]
            .map(Value::from),
    );
    values.extend([0.5, 1.5, -0.5].map(Value::from));
    let texts = [
        "",
        " ",
        "x",
        "max",
        "many",
        "true",
        "null",
        "0",
        "1",
        "-1",
        "-20",
        "-21",
        "+4",
        " 4 ",
        "19",
        "20",
        "64",
        "65",
        "99",
        "99ms",
        "100",
        "100ms",
        "255",
        "256",
        "1000",
        "1001",
        "65535",
        "70000",
        "1.5",
        "1.5s",
        ".5s",
        "10s",
        " 10 s ",
        "5m",
        "1h",
        "2d",
        "1w",
        "10 seconds",
        "s",
        "1.2.3",
        "-1s",
        "100M",
        "1.5G",
        "512k",
        "512kb",
        "512KiB",
        "1T",
        "50%",
        "0-2,5",
        "2-1",
        "1,2",
        "0, 143",
        "1,,2",
        "022",
        "0o22",
        "0777",
        "1777",
        "088",
        "SIGTERM",
        "term",
        "TERM",
        "SIGNOT",
        "15",
        "fork",
        "cluster",
        "cluster_mode",
        "threads",
        "on-failure",
        "skip",
        "later",
        "0 4 * * *",
        "deploy",
        "-deploy",
        "a b",
        "http://x",
        "^ready$",
    ];
    values.extend(texts.map(Value::from));
    values
}

/// Where the schema says less, or more, than the parser, and why.
#[rustfmt::skip] // a table
const DIFFERENCES: &[(&str, &str)] = &[
    // PM2 takes any other text for 0; whoever writes it in an editor has mistyped `max`.
    ("instances", "instances"),
    // Numbers in texts are compared, and expressions understood, by the parser alone.
    ("exit codes", "256"), ("exit codes", "300"), ("port", "70000"), ("cores", "0"), ("list of cores", "2-1"),
    ("list of cores", "70000"), ("list of cores", "65535"), ("regular expression", "+4"),
];

fn may_differ(field: &Field, value: &Value, by_parser: bool) -> bool {
    let text = value.as_str();
    DIFFERENCES.iter().any(|(shape, difference)| {
        field.shape.name == *shape
            && (text == Some(*difference) || (difference == shape && by_parser && text.is_some()))
    })
}

#[test]
fn the_schema_and_the_parser_agree() {
    let schema = schema();
    let (mut accepted, mut differences) = (0, Vec::new());
    for field in known_fields() {
        for value in values() {
            let (_, leftover) = apply::read(json!({field.name: value}).as_object().unwrap());
            let by_parser = leftover.wrong.is_empty();
            let document = if field.name == "script" {
                json!([{"script": value}])
            } else {
                json!([{"script": "a", field.name: value}])
            };
            let by_schema = accepts(&schema, &document, &schema);
            accepted += usize::from(by_schema);
            if by_schema != by_parser && !may_differ(field, &value, by_parser) {
                differences.push(format!("{}: {value}: the schema says {by_schema}", field.name));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(accepted > 500);
}

#[test]
fn every_spelling_of_a_field_is_in_the_schema() {
    let schema = schema();
    for field in known_fields() {
        for name in spellings(field) {
            assert!(accepts(&schema, &json!({"script": "a", name.as_str(): null}), &schema), "{name}");
            assert_eq!(apply::find(&name).map(|found| found.name), Some(field.name), "{name}");
        }
    }
}

#[test]
fn documents_of_each_form() {
    let schema = schema();
    let app = json!({"$schema": "x", "script": "a.js", "env_production": {"A": 1}});
    for good in [
        app.clone(),
        json!([app]),
        json!({"$schema": "x", "apps": [app], "deploy": {}}),
        json!({"apps": app}),
        json!({"static": [{"path": "www", "port": 3000, "basic_auth": {"username": "a", "password": "b"}, "instances": 2}]}),
        json!({"apps": app, "static": {"path": "www"}}),
        json!({"name": "package", "pm2": [app]}),
        json!([{"cmd": "a.js", "env_": {}, "env_files": ["x"]}]),
    ] {
        let expected = good != json!([{"cmd": "a.js", "env_": {}, "env_files": ["x"]}]);
        assert_eq!(accepts(&schema, &good, &schema), expected, "{good}");
    }
    for wrong in [
        json!([]),
        json!("a.js"),
        json!({}),
        json!([{"name": "a"}]),
        json!([{"script": "a", "wtach": 1}]),
        json!([{"script": "a", "env_p": "A=1"}]),
    ] {
        assert!(!accepts(&schema, &wrong, &schema), "{wrong}");
    }
}

#[test]
fn each_shape_is_a_schema_and_a_name_is_one_shape() {
    for field in known_fields() {
        let read: Result<Value, _> = serde_json::from_str(field.shape.schema);
        assert!(read.is_ok_and(|schema| schema.is_object()), "{}", field.shape.name);
        let other = known_fields()
            .iter()
            .find(|other| other.shape.name == field.shape.name && other.shape.schema != field.shape.schema);
        assert!(other.is_none(), "{}", field.shape.name);
    }
}
