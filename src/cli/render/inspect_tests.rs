use super::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};

#[test]
fn as_node_writes_it() {
    for (value, expected) in [
        (json!([]), "[]"),
        (json!({}), "{}"),
        (json!([0, 2]), "[ 0, 2 ]"),
        (
            json!({"watch": ["src", "lib"], "a-b": 1, "": null, "$x": true}),
            "{ watch: [ 'src', 'lib' ], 'a-b': 1, '': null, '$x': true }",
        ),
        (json!({"b": 1, "10": 2, "9": 3, "01": 4}), "{ '9': 3, '10': 2, b: 1, '01': 4 }"),
        (json!({"msg": "it's"}), "{ msg: \"it's\" }"),
        (json!(["'\"", "'\"`", "'\"${"]), "[ `'\"`, '\\'\"`', '\\'\"${' ]"),
        (json!("a\u{1b}[1m\u{7f}\u{85}\\"), "'a\\x1B[1m\\x7F\\x85\\\\'"),
        (
            json!([1e21, 1e-7, 123_456_789_012_345_680_000_f64, 0.000_001, -0.0, 1.5, -2]),
            "[ 1e+21, 1e-7, 123456789012345680000, 0.000001, -0, 1.5, -2 ]",
        ),
        (json!([2_052_587_079_381_800.2, 0.001, 1e21, -1.5e-9]), "[ 2052587079381800.2, 0.001, 1e+21, -1.5e-9 ]"),
        (json!([10, 200, 3000, 4, 50, 600, 7, 80]), "[\n  10, 200, 3000,\n   4,  50,  600,\n   7,  80\n]"),
        (json!({"a": {"b": {"c": {}}}}), "{ a: { b: { c: {} } } }"),
        (json!({"a": {"b": {"c": {"d": 1}}}}), "{\n  a: { b: { c: { d: 1 } } }\n}"),
    ] {
        assert_eq!(inspect(&value), expected, "{value}");
    }
}

/// What a key or a string is made of: what has to be quoted, escaped, split or measured.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{0,12}",
        "[ -~]{0,100}",
        "[a-z\n\t'\"`${}\\\\]{0,60}",
        "(line [0-9]{1,20}\n){1,6}",
        "[日本語é\u{1f600}a]{0,12}",
        "[0-9]{1,5}",
        Just("__proto__".to_owned()),
        "\u{1b}\\[[0-9]m[\u{80}-\u{9f}]",
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::from),
        (0..200_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
        (-30..30_i32, 1..10_000_i32)
            .prop_map(|(exponent, digits)| Value::from(f64::from(digits) * 10f64.powi(exponent))),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), text().prop_map(Value::from)];
    leaf.prop_recursive(5, 80, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..9).prop_map(Value::from),
            prop::collection::vec(number(), 0..40).prop_map(Value::from),
            prop::collection::vec("[a-z]{0,9}", 0..40).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Reads a JSON array and prints what Node makes of each of its elements.
const NODE: &str = "const values = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(values.map((value) =>
  require('util').inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null }))))";

#[test]
#[expect(clippy::disallowed_methods, reason = "Node is asked the ordinary way")]
fn the_same_as_node_itself() {
    let mut runner = TestRunner::new(Config { cases: 1, ..Config::default() });
    let values = prop::collection::vec(value(), 1500);
    // One Node answers for all of them.
    let values = values.new_tree(&mut runner).unwrap().current();
    let node = Command::new("node").args(["-e", NODE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut node) = node else {
        eprintln!("no node in PATH: not compared with it");
        return;
    };
    let mut input = node.stdin.take().unwrap();
    input.write_all(&serde_json::to_vec(&values).unwrap()).unwrap();
    drop(input);
    let out = node.wait_with_output().unwrap();
    let expected: Vec<String> = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(expected.len(), values.len());
    for (value, expected) in values.iter().zip(&expected) {
        assert_eq!(&inspect(value), expected, "{value}");
    }
}
