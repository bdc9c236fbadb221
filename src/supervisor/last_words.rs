//! What an app wrote last of its own end: the line of its error log that says most.

use super::registry::Entry;
use super::world::World;
use crate::clock;
use crate::domain::lifecycle::Phase;
use crate::domain::secret::{REDACTED, is_secret};
use crate::domain::{AppSpec, Outcome, ProcessId, UnixMs};
use crate::logs;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Of a log file only its end is looked at.
const LOOKED_AT: usize = 8 << 10;
/// Of a longer line only so many characters are shown.
const LONGEST: usize = 160;
/// Shorter values stand in too many lines that have nothing to do with them.
const SHORTEST_SECRET: usize = 4;
/// Clocks of files are coarser than ours.
const COARSE: i64 = 1000;

impl World {
    /// Of those that have failed and wrote something about it. Read beside the actor: a disk may be slow.
    pub(super) async fn last_words(&self, ids: &[ProcessId]) -> BTreeMap<ProcessId, String> {
        let wanted: Vec<(ProcessId, PathBuf, UnixMs)> = {
            let registry = self.registry.borrow();
            ids.iter().filter_map(|id| wanted(registry.get(*id)?)).collect()
        };
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let read = move || {
            let words = |(id, path, since): (ProcessId, PathBuf, UnixMs)| Some((id, pick(&tail(&path, since)?)?));
            wanted.into_iter().filter_map(words).collect::<Vec<_>>()
        };
        let found = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        let registry = self.registry.borrow();
        let shown = |(id, line): (ProcessId, String)| Some((id, cut(&redact(line, &registry.get(id)?.spec))));
        found.into_iter().filter_map(shown).collect()
    }
}

/// Whose end is worth a look, where it wrote, and when that run began.
fn wanted(entry: &Entry) -> Option<(ProcessId, PathBuf, UnixMs)> {
    let seen = entry.handle.observed();
    let rests = matches!(seen.state.phase, Phase::Errored | Phase::WaitingRestart { .. }) || seen.state.has_ended();
    let failed = !matches!(seen.state.last_exit, None | Some(Outcome::Code(0) | Outcome::NotStarted(_)));
    let age = clock::boot_ms().saturating_sub(seen.state.started_at) as i64;
    let path = entry.identity.error_log.clone().filter(|_| rests && failed)?;
    Some((entry.identity.id, path.to_path_buf(), clock::unix_ms() - age - COARSE))
}

/// The end of a file that was written since then. Older lines are of other runs.
fn tail(path: &std::path::Path, since: UnixMs) -> Option<String> {
    let end = logs::end_of(path, LOOKED_AT).ok().filter(|end| end.modified >= since)?;
    let text = String::from_utf8_lossy(&end.bytes).into_owned();
    // Of the first line only a part may be there.
    let whole = if end.is_cut { text.split_once('\n')?.1 } else { &text };
    Some(whole.to_owned())
}

/// The last line that names an error, else the last that says anything.
fn pick(text: &str) -> Option<String> {
    let lines: Vec<String> = text.lines().map(plain).collect();
    let line = lines.iter().rev().find(|line| names_error(line)).or_else(|| lines.iter().rev().find(|line| says(line)));
    line.map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("Uncaught ").unwrap_or(line);
        line.strip_prefix("Error: ").unwrap_or(line).to_owned()
    })
}

/// `TypeError: …`, `pkg.SomeException: …`, `panic: …`, and how Ruby and Rust write theirs. Not indented: those are
/// parts of others.
fn names_error(line: &str) -> bool {
    if line.starts_with([' ', '\t']) {
        return false;
    }
    let line = line.strip_prefix("Uncaught ").unwrap_or(line);
    let head = line.split_once(':').map_or("", |(head, _)| head);
    let name = head.split(" [").next().unwrap_or(head);
    let is_name = !name.is_empty() && !name.contains(' ');
    let lower = name.to_ascii_lowercase();
    is_name && (lower.ends_with("error") || lower.ends_with("exception") || lower == "panic" || lower == "fatal")
        || head == "fatal error"
        || line.starts_with("Exception in thread")
        || line.contains("' panicked at ")
        || line.ends_with("Error)")
}

/// Not a frame of a stack, a lone bracket, or what Node says of itself.
fn says(line: &str) -> bool {
    let is_part = line.starts_with([' ', '\t']) || line.starts_with("Node.js v") || line.starts_with("note: ");
    !is_part && line.chars().any(char::is_alphanumeric)
}

/// Without colours, and what else a terminal would obey.
pub(super) fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            // CSI: parameters, then one letter.
            if chars.clone().next() == Some('[') {
                chars.by_ref().skip(1).find(|char| ('@'..='~').contains(char));
            }
        } else if char == '\t' || !char.is_control() {
            out.push(char);
        }
    }
    out
}

/// Without the values of variables that are secrets, and without passwords in addresses.
pub(super) fn redact(mut line: String, spec: &AppSpec) -> String {
    for (name, value) in spec.env.inherited.iter().chain(&spec.env.app).chain(&spec.env.settings) {
        if is_secret(name) && value.len() >= SHORTEST_SECRET && line.contains(value.as_str()) {
            line = line.replace(value.as_str(), REDACTED);
        }
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once("://") {
        let address = after.split(|char: char| char.is_whitespace() || char == '/').next().unwrap_or("");
        out.push_str(before);
        out.push_str("://");
        rest = after;
        if let Some((account, _)) = address.rsplit_once('@')
            && let Some((user, _)) = account.split_once(':')
        {
            out.push_str(user);
            out.push(':');
            out.push_str(REDACTED);
            rest = &after[account.len()..];
        }
    }
    out + rest
}

pub(super) fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Interpreter, Program};

    #[track_caller]
    fn picks(text: &str, expected: Option<&str>) {
        assert_eq!(pick(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn the_line_that_names_the_error() {
        let node = "node:internal/modules/cjs/loader:1148\n  throw err;\n  ^\n\nError: Cannot find module 'x'\n\
                    Require stack:\n- /srv/a.js\n    at Module._load (node:internal:986:27) {\n  \
                    code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}\n\nNode.js v20.11.0\n";
        picks(node, Some("Cannot find module 'x'"));
        let coded = "/srv/a.js:1\nAssertionError [ERR_ASSERTION]: 1 == 2\n    at Object.<anonymous> {\n  x: 1\n}\n";
        picks(coded, Some("AssertionError [ERR_ASSERTION]: 1 == 2"));
        let python = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    import x\n\
                      ModuleNotFoundError: No module named 'x'\n";
        picks(python, Some("ModuleNotFoundError: No module named 'x'"));
        let java = "Exception in thread \"main\" java.lang.IllegalStateException: no\n\tat A.main(A.java:3)\n";
        picks(java, Some("Exception in thread \"main\" java.lang.IllegalStateException: no"));
        let go = "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:4 +0x1d\n";
        picks(go, Some("panic: runtime error: index out of range"));
        let rust = "thread 'main' panicked at src/main.rs:2:5:\nno\nnote: run with `RUST_BACKTRACE=1`\n";
        picks(rust, Some("thread 'main' panicked at src/main.rs:2:5:"));
        picks("a.rb:1:in `<main>': no (RuntimeError)\n\tfrom a.rb:9\n", Some("a.rb:1:in `<main>': no (RuntimeError)"));
        picks("bash: line 1: nothing: command not found\n", Some("bash: line 1: nothing: command not found"));
        picks("\x1b[31mTypeError: red\x1b[0m\n\n}\n", Some("TypeError: red"));
        picks("\n  \n}\n", None);
    }

    #[test]
    fn secrets_and_passwords_are_left_out() {
        let program = Program { path: "/a".into(), interpreter: Interpreter::None, interpreter_args: Vec::new() };
        let mut spec = AppSpec::new("a", program);
        spec.env.app.insert("DB_PASSWORD".into(), "hunter2".into());
        spec.env.app.insert("TINY_TOKEN".into(), "no".into());
        let shown = |line: &str| redact(line.to_owned(), &spec);
        assert_eq!(shown("no login with hunter2"), "no login with [redacted]");
        assert_eq!(
            shown("connect to postgres://web:s3:c@t@db:5432/x or http://host/a@b failed"),
            "connect to postgres://web:[redacted]@db:5432/x or http://host/a@b failed"
        );
        assert_eq!(shown("at the end://"), "at the end://");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let shown = cut(&"ä".repeat(LONGEST + 1));
        assert_eq!(shown.chars().count(), LONGEST + 1);
        assert!(shown.ends_with('…'));
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn what_an_earlier_run_wrote_is_not_this_ones() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "x".repeat(LOOKED_AT) + "\nlast\n").unwrap();
        let now = clock::unix_ms();
        assert_eq!(tail(file.path(), now - 60_000).as_deref(), Some("last\n"));
        assert_eq!(tail(file.path(), now + 60_000), None);
        assert_eq!(tail(std::path::Path::new("/dev/null"), 0), None);
    }
}
