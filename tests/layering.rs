//! Holds the import table of the architecture against the code: which room may use which, where `unsafe` and
//! platform conditions may stand. A room that is not in the table fails, so that a new one is thought about.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and what it may use: rooms, or parts of them. What a row leaves out is forbidden.
#[rustfmt::skip] // a table
const TABLE: &[(&str, &[&str])] = &[
    // the ground
    ("sys", &[]),
    ("clock", &["sys"]),
    ("paths", &["sys"]),
    ("guardian", &["sys"]),
    // the core
    ("domain", &[]),
    // the engine
    ("interpreter", &["sys", "clock"]),
    ("config", &["domain", "interpreter", "paths", "sys", "clock"]),
    ("store", &["domain", "paths", "sys", "clock"]),
    ("settings", &["domain", "paths", "sys"]),
    ("slots", &["domain", "sys"]),
    ("ipc", &["domain", "sys", "slots", "clock"]),
    ("bus", &["api", "domain", "ipc", "clock"]),
    ("logs", &["domain", "sys", "slots", "clock"]),
    ("metrics", &["domain", "sys", "slots", "clock"]),
    ("watch", &["domain", "sys", "slots", "clock"]),
    ("cluster", &["domain", "ipc", "sys", "slots", "clock"]),
    ("probe", &["domain", "sys", "clock"]),
    ("process", &["domain", "interpreter", "ipc", "bus", "cluster", "logs", "probe", "slots", "guardian", "paths", "sys", "clock"]),
    // It does nothing to the system itself: of `sys` it knows names of signals, who keeps descriptors for it, where a
    // death matters, and how memory is given back when it has looked at many processes.
    ("supervisor", &["api", "domain", "process", "bus", "cluster", "logs", "metrics", "probe", "watch", "store", "slots", "clock",
        "paths", "sys::fault", "sys::keep", "sys::program", "sys::rest", "sys::signal"]),
    ("engine", &["api", "domain", "bus", "config", "store", "slots", "ipc", "logs", "metrics", "watch", "cluster", "process",
        "supervisor", "guardian", "sys", "clock", "paths"]),
    // saved lists of PM2's shape, and PM2 itself, from outside
    ("dump", &["api", "config", "domain", "paths", "sys::user", "sys::proc", "sys::read_as"]),
    // the contract
    ("api", &["domain"]),
    // the daemon's outside; of the system the server knows its socket and who is at the other end
    ("server", &["api", "domain", "supervisor::Handle", "supervisor::Ending", "logs::follow", "paths", "sys::beside", "sys::keep", "sys::socket", "sys::user"]),
    // An app of ours: it knows nothing of the rest.
    ("static_server", &["domain::site", "domain::spec", "sys::handed", "sys::socket"]),
    ("daemon", &["domain::date_format", "engine", "boot", "server", "supervisor::Handle", "supervisor::Ending", "api", "guardian", "paths", "clock", "sys"]),
    ("boot", &["paths", "sys"]),
    // the edges
    ("client", &["api", "domain", "paths", "sys"]),
    ("cli", &["client", "api", "boot", "config", "domain", "dump", "engine", "logs::tail", "paths", "server::Beside", "settings", "sys::machine", "sys::ready", "sys::signal", "sys::terminal",
        "sys::init", "sys::companion", "sys::proc::catches", "clock"]),
    ("tui", &["client", "api", "config", "domain"]),
    ("addon", &["client", "api", "config", "domain", "dump", "engine", "paths", "settings"]),
    ("main", &["cli", "daemon", "static_server"]),
    ("rpm-guardian", &["guardian"]),
];

/// Files at the top that are not rooms: the module list.
const NOT_ROOMS: &[&str] = &["lib"];

/// Where all unsafe and all platform code stands.
const GROUND: &str = "sys";

#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: PathBuf,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

#[test]
fn the_code_keeps_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    assert!(files.len() > 10, "the sources were not found under {}", root.display());
    let violations: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let source = fs::read_to_string(file).expect("a source file is readable");
            check(file.strip_prefix(root).expect("it is below the root"), &source)
        })
        .map(|violation| violation.to_string())
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("src is readable").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module path of a file below `src`: `src/cli/render/mod.rs` is `[cli, render]`, `src/clock.rs` is `[clock]`.
/// A program below `src/bin` is a room of its own.
fn module_of(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let roots = if parts.get(1).is_some_and(|part| part == "bin") { 2 } else { 1 };
    parts.drain(..roots);
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

fn check(file: &Path, source: &str) -> Vec<Violation> {
    let module = module_of(file);
    let room = module.first().map_or("", String::as_str);
    let tokens = tokens(&without_text(source));
    let mut violations = Vec::new();
    let mut flag = |line, what: String| violations.push(Violation { file: file.to_owned(), line, what });
    if !NOT_ROOMS.contains(&room) {
        match TABLE.iter().find(|(name, _)| *name == room) {
            None => flag(1, format!("the room `{room}` is not in the table")),
            Some((_, allowed)) => {
                for (line, path) in crate_paths(&tokens, &module) {
                    if path[0] != room && !allowed.iter().any(|allowed| permits(allowed, &path)) {
                        flag(line, format!("`{room}` may not use `{}`", path.join("::")));
                    }
                }
            }
        }
    }
    if room != GROUND {
        for (line, what) in outside_the_ground(&tokens) {
            flag(line, format!("{what} stands in `{room}`, its place is `{GROUND}`"));
        }
    }
    violations
}

/// Whether the permission (`logs`, `logs::follow`) covers the path.
fn permits(permission: &str, path: &[String]) -> bool {
    let permission: Vec<&str> = permission.split("::").collect();
    path.len() >= permission.len() && permission.iter().zip(path).all(|(allowed, used)| allowed == used)
}

/// All paths from the crate's root: after `crate::` (`rpm_native::` in a program), or a chain of `super` that is
/// long enough to get there.
fn crate_paths(tokens: &[Token], module: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let start = at;
        at += 1;
        let follows = |index: usize| tokens.get(index).is_some_and(|token| token.text == "::");
        let continues = start > 0 && follows(start - 1);
        match tokens[start].text.as_str() {
            "crate" | "rpm_native" if follows(at) && !continues => {
                use_tree(tokens, at + 1, &[], tokens[start].line, &mut found);
            }
            "super" if follows(at) && !continues => {
                let mut climbed = 1;
                while tokens.get(at + 1).is_some_and(|token| token.text == "super") && follows(at + 2) {
                    climbed += 1;
                    at += 2;
                }
                // An inline module (`mod tests`) adds a level that is not counted here: such a chain may look as if
                // it ended at the root. What follows is then no room, and is left out.
                if climbed >= module.len() {
                    let mut reached = Vec::new();
                    use_tree(tokens, at + 1, &[], tokens[start].line, &mut reached);
                    let is_room = |path: &[String]| TABLE.iter().any(|(room, _)| *room == path[0]);
                    found.extend(reached.into_iter().filter(|(_, path)| is_room(path)));
                }
            }
            _ => {}
        }
    }
    found
}

/// Reads `a::b`, `a::{b, c::d}` or `*` from `at`; returns where it ended.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    line: usize,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut path = prefix.to_vec();
    let start = at;
    while let Some(token) = tokens.get(at) {
        if token.text == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|token| token.text != "}") {
                let branch = use_tree(tokens, at, &path, tokens[at].line, found);
                at = branch.max(at + 1);
            }
            return at + 1;
        }
        if !token.is_name() && token.text != "*" {
            break;
        }
        if token.text != "self" {
            path.push(token.text.clone());
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    if at > start && !path.is_empty() {
        found.push((line, path));
    }
    // `as name` belongs to the same branch.
    while tokens.get(at).is_some_and(Token::is_name) {
        at += 1;
    }
    at
}

/// `unsafe`, and conditions on the platform.
fn outside_the_ground(tokens: &[Token]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "unsafe" => found.push((token.line, "`unsafe`")),
            "cfg" | "cfg_attr" => {
                // As far as the condition's closing parenthesis.
                let mut depth = 0;
                for inner in &tokens[index + 1..] {
                    match inner.text.as_str() {
                        "(" => depth += 1,
                        ")" if depth == 1 => break,
                        ")" => depth -= 1,
                        "]" | ";" => break,
                        "unix" | "windows" => found.push((inner.line, "a condition on the platform")),
                        name if name.starts_with("target_") => found.push((inner.line, "a condition on the platform")),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found
}

#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Names, `::`, and single characters.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, text) in source.lines().enumerate() {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                tokens.push(Token { text: rest[..length].to_owned(), line: number + 1 });
            }
            rest = &rest[length..];
        }
    }
    tokens
}

/// The source with comments and literals taken out, lines kept.
fn without_text(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = text_end(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.push(' ');
            code.extend(chars[at..end].iter().filter(|c| **c == '\n'));
            at = end;
        }
    }
    code
}

/// Where the comment or literal that begins at `at` ends; `at` when none does.
fn text_end(chars: &[char], at: usize) -> usize {
    let is = |index: usize, c: char| chars.get(index) == Some(&c);
    let find =
        |from: usize, wanted: &dyn Fn(usize) -> bool| (from..chars.len()).find(|i| wanted(*i)).unwrap_or(chars.len());
    match chars[at] {
        '/' if is(at + 1, '/') => find(at, &|i| chars[i] == '\n'),
        '/' if is(at + 1, '*') => {
            let mut depth = 0;
            let mut i = at;
            while i < chars.len() {
                if is(i, '/') && is(i + 1, '*') {
                    depth += 1;
                    i += 2;
                } else if is(i, '*') && is(i + 1, '/') {
                    depth -= 1;
                    i += 2;
                    if depth == 0 {
                        return i;
                    }
                } else {
                    i += 1;
                }
            }
            chars.len()
        }
        '"' => quoted_end(chars, at, '"'),
        // A lifetime has no closing quote after one character.
        '\'' if is(at + 1, '\\') || is(at + 2, '\'') => quoted_end(chars, at, '\''),
        'r' if at == 0 || !(chars[at - 1].is_alphanumeric() && chars[at - 1] != 'b') && chars[at - 1] != '_' => {
            let hashes = find(at + 1, &|i| chars[i] != '#') - at - 1;
            if !is(at + 1 + hashes, '"') {
                return at;
            }
            let closes = |i: usize| chars[i] == '"' && (1..=hashes).all(|n| is(i + n, '#'));
            (find(at + 2 + hashes, &closes) + 1 + hashes).min(chars.len())
        }
        _ => at,
    }
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// The checker finds what it is for, and nothing else.
mod checker {
    use super::*;

    fn flagged(file: &str, source: &str) -> Vec<String> {
        check(Path::new(file), source)
            .into_iter()
            .map(|violation| format!("{}: {}", violation.line, violation.what))
            .collect()
    }

    #[test]
    fn a_plain_use_upwards() {
        assert_eq!(
            flagged("src/domain/x.rs", "\nuse crate::engine::Embedded;"),
            ["2: `domain` may not use `engine::Embedded`"]
        );
        assert_eq!(flagged("src/api/x.rs", "use crate::server;"), ["1: `api` may not use `server`"]);
        assert_eq!(flagged("src/clock.rs", "use crate::paths::Home;"), ["1: `clock` may not use `paths::Home`"]);
    }

    #[test]
    fn nested_and_renamed_uses() {
        let source = "pub use crate::{\n  domain::{AppSpec as Spec, Status},\n  cluster::{self as nodes, x::{A, B}},\n  sys,\n};";
        assert_eq!(
            flagged("src/store/x.rs", source),
            [
                "3: `store` may not use `cluster`",
                "3: `store` may not use `cluster::x::A`",
                "3: `store` may not use `cluster::x::B`"
            ]
        );
    }

    #[test]
    fn inline_paths_and_macros() {
        let source = "fn f(at: u64) -> Option<crate::supervisor::Handle> { $crate::server::go!(crate::domain::x(at)) }";
        assert_eq!(
            flagged("src/process/x.rs", source),
            ["1: `process` may not use `supervisor::Handle`", "1: `process` may not use `server::go`"]
        );
    }

    #[test]
    fn the_way_over_super() {
        assert_eq!(
            flagged("src/ipc/a/b.rs", "use super::super::super::process::X;"),
            ["1: `ipc` may not use `process::X`"]
        );
        assert_eq!(flagged("src/ipc/mod.rs", "use super::process;"), ["1: `ipc` may not use `process`"]);
        assert_eq!(flagged("src/ipc/a.rs", "use super::b; mod tests { use super::super::c; }"), [""; 0]);
    }

    #[test]
    fn a_part_of_a_room() {
        assert_eq!(flagged("src/server/x.rs", "use crate::logs::follow::Follow;"), [""; 0]);
        assert_eq!(flagged("src/server/x.rs", "use crate::logs::write;"), ["1: `server` may not use `logs::write`"]);
        assert_eq!(flagged("src/server/x.rs", "use crate::logs;"), ["1: `server` may not use `logs`"]);
    }

    #[test]
    fn a_glob_of_the_whole_crate() {
        assert_eq!(flagged("src/config/x.rs", "use crate::*;"), ["1: `config` may not use `*`"]);
    }

    #[test]
    fn a_room_nobody_thought_about() {
        assert_eq!(flagged("src/misc/mod.rs", ""), ["1: the room `misc` is not in the table"]);
        assert_eq!(flagged("src/bin/other.rs", ""), ["1: the room `other` is not in the table"]);
    }

    #[test]
    fn unsafe_and_platform_conditions() {
        assert_eq!(
            flagged("src/logs/x.rs", "\nfn f() { unsafe { g() } }"),
            ["2: `unsafe` stands in `logs`, its place is `sys`"]
        );
        assert_eq!(flagged("src/lib.rs", "unsafe fn f() {}").len(), 1);
        for condition in
            ["#[cfg(target_os = \"linux\")]", "#[cfg(all(test, not(unix)))]", "#![cfg_attr(target_env = \"musl\", x)]"]
        {
            assert_eq!(flagged("src/logs/x.rs", condition).len(), 1, "{condition}");
            assert_eq!(flagged("src/sys/x.rs", condition).len(), 0, "{condition}");
        }
        assert_eq!(flagged("src/logs/x.rs", "if cfg!(windows) {}").len(), 1);
        assert_eq!(flagged("src/sys/x.rs", "unsafe { g() }"), [""; 0]);
    }

    #[test]
    fn what_is_allowed_passes() {
        let source = "use crate::domain::{AppSpec, Status};\nuse crate::supervisor;\nuse super::x;\npub(crate) fn f() {}\n#[cfg(test)] mod t {}\n#![allow(unsafe_code)]";
        assert_eq!(flagged("src/supervisor/x.rs", source), [""; 0]);
    }

    #[test]
    fn text_is_not_code() {
        let source = r##"
// use crate::server; unsafe
/* crate::server /* nested */ unsafe */
const A: &str = "crate::server \" unsafe";
const B: &str = r#"crate::server " unsafe"#;
const C: (char, &[u8]) = ('"', b"unsafe");
fn f<'a>(x: &'a str) -> char { '\'' }
use crate::engine;
"##;
        assert_eq!(flagged("src/domain/x.rs", source), ["8: `domain` may not use `engine`"]);
    }

    #[test]
    fn each_row_names_rooms_of_the_table() {
        for (room, allowed) in TABLE {
            for permission in *allowed {
                let name = permission.split("::").next().unwrap();
                assert!(TABLE.iter().any(|(known, _)| *known == name), "{room}: {permission}");
            }
        }
    }
}
