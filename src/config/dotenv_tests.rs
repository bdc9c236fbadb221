use super::*;
use proptest::prelude::*;

/// Names and values, with `A` known as `1`.
fn read(text: &str) -> Vec<(String, String)> {
    let look_up = |name: &str| match name {
        "A" => Some("1".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    parse(text).unwrap().into_iter().map(|entry| (entry.name, expand(&entry.value, look_up))).collect()
}

fn value(text: &str) -> String {
    let mut read = read(text);
    assert_eq!(read.len(), 1, "{text:?}: {read:?}");
    read.remove(0).1
}

#[test]
fn values() {
    for (text, expected) in [
        ("X=plain", "plain"),
        ("X=", ""),
        ("X =  spaced out  ", "spaced out"),
        ("\u{feff}X=bom", "bom"),
        ("X=crlf\r\n", "crlf"),
        ("export X=shell", "shell"),
        ("export\tX=tab", "tab"),
        ("X=a#b", "a#b"),
        ("X=a #b", "a"),
        ("X=#b", ""),
        ("X=it's", "it's"),
        ("X='single \"$A ${A} \\n'", "single \"$A ${A} \\n"),
        ("X='a # b' # c", "a # b"),
        ("X=`it's \"quoted\"`", "it's \"quoted\""),
        ("X=\"double 'x' # y\"", "double 'x' # y"),
        (r#"X="a\nb\tc\\d\"e\$f\qg""#, "a\nb\tc\\d\"e$f\\qg"),
        ("X='one\ntwo'", "one\ntwo"),
        ("X=\"one\n two\"\n", "one\n two"),
        ("X=\"one\r\ntwo\"\n", "one\ntwo"),
        ("X=${A}", "1"),
        ("X=\"<${A}>\"", "<1>"),
        ("X=${A}${A}/${A}", "11/1"),
        ("X=${NONE}", ""),
        ("X=${NONE:-other}", "other"),
        ("X=${EMPTY:-other}", "other"),
        ("X=${A:-other}", "1"),
        ("X=${NONE:-}", ""),
        ("X=\\${A}", "${A}"),
        ("X=\"\\${A}\"", "${A}"),
        // A hash of a password, not variables.
        ("X=$2b$10$abc", "$2b$10$abc"),
        ("X=C:\\new", "C:\\new"),
        ("X=ü 日本", "ü 日本"),
        ("X=a=b=c", "a=b=c"),
        ("X={\"a\": [1]}", "{\"a\": [1]}"),
    ] {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn lines() {
    let text = "# first\n\nA=1\n  B='2\n3' # two lines\n\n\texport C=${A:-x}\nA=again\n# last";
    let entries = parse(text).unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.line)).collect();
    assert_eq!(told, [("A", 3), ("B", 4), ("C", 7), ("A", 8)]);
    assert_eq!(parse("").unwrap(), []);
    assert_eq!(parse("\n# nothing\n  ").unwrap(), []);
}

#[test]
fn what_is_wrong_and_where() {
    for (text, line, what) in [
        ("A=1\nNAME", 2, "= is expected"),
        ("NAME: x", 1, "= is expected"),
        ("=x", 1, "a name is expected"),
        ("1A=x", 1, "a name is expected"),
        ("A=1\n\n\"x\"=1", 3, "a name is expected"),
        ("A='1\n\n", 1, "never closed"),
        ("A=\"1\n\n", 1, "never closed"),
        ("A='1' 2", 1, "may follow the closing quote"),
        ("\nA=${}", 2, "the name of a variable"),
        ("A=${B", 1, "} is expected"),
        ("A=\"${B\n}\"", 1, "} is expected"),
        ("A=\0", 1, "NUL"),
        ("export =1", 1, "a name is expected"),
    ] {
        let wrong = parse(text).unwrap_err();
        assert_eq!(wrong.line, line, "{text:?}");
        assert!(wrong.what.contains(what), "{text:?}: {}", wrong.what);
    }
    assert_eq!(value("export=1"), "1");
}

proptest! {
    #[test]
    fn whatever_is_read_has_an_answer_of_its_lines(text in "(?s).{0,200}") {
        let lines = text.lines().count() as u32 + 1;
        match parse(&text) {
            Ok(entries) => prop_assert!(entries.iter().all(|entry| entry.line <= lines)),
            Err(wrong) => prop_assert!(wrong.line <= lines),
        }
    }

    /// Text of the characters that mean something.
    #[test]
    fn whatever_is_made_of_its_signs_has_an_answer(text in "[A={}$:\"'`\\\\# \n-]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_value_can_be_written_in_double_quotes(expected in "[^\0\r]{0,40}") {
        let escaped = expected.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        let text = format!("A=1\nX=\"{escaped}\" # end\nB=2");
        let read = read(&text);
        prop_assert_eq!(read.len(), 3);
        prop_assert_eq!(&read[1].1, &expected);
    }

    #[test]
    fn a_value_without_signs_needs_no_quotes(expected in "[A-Za-z0-9_./:@%+,=-]([A-Za-z0-9_./:@%+,= -]{0,20}[A-Za-z0-9])?") {
        prop_assert_eq!(value(&format!("X={expected}")), expected);
    }
}
