//! A package script's text: a program and its words, or a line for `sh` whose last command takes the shell's place, so
//! that signals and the exit code are those of the app and not of a shell.

/// How a line is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Direct {
        env: Vec<(String, String)>,
        words: Vec<String>,
    },
    /// For `sh -c`.
    Shell(String),
}

/// Takes the channel to the supervisor from all that comes before the app: each Node would open it.
pub(super) const HOLD: &str = "_c=$NODE_CHANNEL_FD _u=$NODE_UNIQUE_ID; unset NODE_CHANNEL_FD NODE_UNIQUE_ID; ";
/// Gives it to what follows.
pub(super) const GIVE: &str = "env ${_c:+NODE_CHANNEL_FD=$_c} ${_u:+NODE_UNIQUE_ID=$_u} ";

/// Characters that mean something to a shell, outside of quotes and within.
const SPECIAL: &[char] =
    &['$', '`', '|', '&', ';', '<', '>', '(', ')', '*', '?', '[', ']', '{', '}', '~', '!', '\n', '#', '\\'];

/// No programs, or not the same as those of that name.
#[rustfmt::skip] // a table
const BUILT_IN: &[&str] = &[
    ".", ":", "!", "[[", "alias", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else", "esac",
    "eval", "exit", "export", "fi", "for", "function", "if", "local", "popd", "pushd", "read", "readonly", "return",
    "set", "shift", "source", "then", "trap", "type", "ulimit", "umask", "unset", "until", "wait", "while", "exec",
];

pub(super) fn line(text: &str) -> Line {
    direct(text).unwrap_or_else(|| Line::Shell(for_shell(text.trim())))
}

fn direct(text: &str) -> Option<Line> {
    if text.contains(SPECIAL) {
        return None;
    }
    let mut words = shell_words::split(text).ok()?.into_iter().peekable();
    let mut env = Vec::new();
    loop {
        // It does nothing else, and would stay between us and the app.
        if words.next_if(|word| word == "cross-env" || word == "exec").is_some() {
            continue;
        }
        match words.next_if(|word| assignment(word).is_some()) {
            Some(word) => env.extend(assignment(&word).map(|(name, value)| (name.to_owned(), value.to_owned()))),
            None => break,
        }
    }
    let words: Vec<String> = words.collect();
    let program = words.first()?;
    // Quotes around an assignment make it a program's name; who writes that wants a shell.
    let quoted = env.iter().any(|(name, _)| !text.contains(&format!("{name}=")));
    (!BUILT_IN.contains(&program.as_str()) && !program.starts_with('-') && !quoted)
        .then_some(Line::Direct { env, words })
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    (first && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some((name, value))
}

/// The same line with its last command executed in the shell's place, where that changes nothing else.
fn for_shell(text: &str) -> String {
    let Some(start) = last_command(text) else { return format!("{HOLD}{text}") };
    let (before, last) = text.split_at(start);
    let mut words = last.split_whitespace();
    let assigns = last.split_whitespace().next().and_then(assignment).is_some();
    let program = words.find(|word| assignment(word).is_none()).unwrap_or_default();
    if BUILT_IN.contains(&program) || program.is_empty() || program.contains(['$', '"', '\'', '\\']) {
        return format!("{HOLD}{text}");
    }
    match (before.is_empty(), assigns) {
        (true, false) => format!("exec {last}"),
        (true, true) => format!("exec env {last}"),
        (false, _) => format!("{HOLD}{before}exec {GIVE}{last}"),
    }
}

/// Where the last command of a list (`a && b || c; d`) begins. `None` when the line is anything else: a pipeline,
/// something in the background, a compound command.
fn last_command(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut start, mut at, mut quote) = (0, 0, None);
    while at < bytes.len() {
        let (byte, next) = (bytes[at], bytes.get(at + 1).copied());
        match (quote, byte) {
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(b'\''), _) => {}
            (_, b'\\') => at += 1,
            (_, b'`') => return None,
            (_, b'$') if next == Some(b'(') => return None,
            (Some(_), _) => {}
            // 2>&1 and &>file are no operators between commands.
            (None, b'&') if at > 0 && matches!(bytes[at - 1], b'>' | b'<') => {}
            (None, b'&' | b'|') if next == Some(byte) => {
                at += 1;
                start = at + 1;
            }
            (None, b';') if next != Some(b';') => start = at + 1,
            (None, b'<') if next == Some(b'<') => return None,
            (None, b'(' | b')' | b'{' | b'}' | b'\n' | b'#' | b'&' | b'|' | b';') if !in_variable(bytes, at) => {
                return None;
            }
            (None, _) => {}
        }
        at += 1;
    }
    let blanks = text.get(start..)?.len() - text.get(start..)?.trim_start().len();
    (quote.is_none() && !text[start..].trim().is_empty()).then_some(start + blanks)
}

/// The braces of `${NAME}`.
fn in_variable(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b'{' => at > 0 && bytes[at - 1] == b'$',
        b'}' => {
            bytes[..at].iter().rposition(|byte| *byte == b'{').is_some_and(|open| open > 0 && bytes[open - 1] == b'$')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_commands_need_no_shell() {
        for (text, env, words) in [
            ("node server.js", &[][..], &["node", "server.js"][..]),
            (
                "NODE_ENV=production node 'my app.js' --x=\"1 2\"",
                &[("NODE_ENV", "production")],
                &["node", "my app.js", "--x=1 2"],
            ),
            ("cross-env A=1 B= next start", &[("A", "1"), ("B", "")], &["next", "start"]),
            ("exec node x", &[], &["node", "x"]),
        ] {
            let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(line(text), Line::Direct { env, words }, "{text}");
        }
    }

    #[test]
    fn the_last_command_takes_the_shells_place() {
        let held = |before: &str, last: &str| format!("{HOLD}{before} exec {GIVE}{last}");
        for (text, expected) in [
            ("node x -p $PORT", "exec node x -p $PORT".to_owned()),
            ("A=1 node x *.js", "exec env A=1 node x *.js".to_owned()),
            ("tsc && node dist/x.js", held("tsc &&", "node dist/x.js")),
            ("cd dist; node 'a;b' 2>&1", held("cd dist;", "node 'a;b' 2>&1")),
            ("a && b || X=${Y} c", held("a && b ||", "X=${Y} c")),
            ("echo \"a && b\" > f", "exec echo \"a && b\" > f".to_owned()),
        ] {
            assert_eq!(line(text), Line::Shell(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_commands_stays_as_it_is() {
        for text in [
            "node x | pino",
            "node a & node b",
            "(cd x && node y)",
            "for f in 1; do node $f; done",
            "node $(cat x)",
            "node `cat x`",
            "cd x && export A=1",
            "a && $B",
            "node x &",
            "node x # why",
            "a\nb",
            "node x;",
            "if true; then node x; fi",
            "'unclosed",
        ] {
            let Line::Shell(found) = line(text) else { panic!("{text}") };
            assert_eq!(found, format!("{HOLD}{text}"), "{text}");
        }
    }
}
