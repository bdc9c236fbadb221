//! The small shell scripts that pnpm, yarn and npm put into `node_modules/.bin`. Node takes one for JavaScript and stops
//! with `SyntaxError: missing ) after argument list`.

use super::wish::read;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shim {
    /// It executes Node with this script.
    Node {
        script: PathBuf,
        /// Before the script.
        flags: Vec<String>,
        /// In front of the app's own.
        node_path: Option<String>,
    },
    /// Some other script of a shell.
    Shell,
}

/// What a file is, when a shell runs it.
pub fn shim(file: &Path) -> Option<Shim> {
    let text = String::from_utf8(read(file)?).ok()?;
    is_shells(text.lines().next()?).then(|| parse(&text, file.parent().unwrap_or(Path::new("/"))))
}

fn is_shells(line: &str) -> bool {
    let Some(line) = line.strip_prefix("#!") else { return false };
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = words.next().filter(|word| *word != "env").or_else(|| words.next());
    matches!(program, Some("sh" | "bash" | "dash" | "ash" | "zsh" | "ksh"))
}

fn parse(text: &str, directory: &Path) -> Shim {
    let Some((flags, relative)) = text.lines().find_map(executed) else { return Shim::Shell };
    let node_path = text.lines().find_map(|line| {
        let value = line.trim().strip_prefix("export NODE_PATH=\"")?.strip_suffix('"')?;
        (!value.contains('$')).then(|| value.to_owned())
    });
    Shim::Node { script: directory.join(relative), flags, node_path }
}

/// `exec node [flags] "$basedir/…" "$@"`.
fn executed(line: &str) -> Option<(Vec<String>, String)> {
    let rest = line.trim().strip_prefix("exec ")?.trim().strip_prefix("node ")?;
    let (flags, rest) = rest.split_once("\"$basedir/")?;
    let (script, rest) = rest.split_once('"')?;
    let plain = !flags.contains(['"', '$', '\'']) && !script.contains('$') && rest.trim() == "\"$@\"";
    plain.then(|| (flags.split_whitespace().map(str::to_owned).collect(), script.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNPM: &str = r#"#!/bin/sh
basedir=$(dirname "$(echo "$0" | sed -e 's,\\,/,g')")
if [ -z "$NODE_PATH" ]; then
  export NODE_PATH="/p/node_modules/.pnpm/x/node_modules:/p/node_modules/.pnpm/node_modules"
else
  export NODE_PATH="/p/node_modules/.pnpm/x/node_modules:$NODE_PATH"
fi
if [ -x "$basedir/node" ]; then
  exec "$basedir/node"  "$basedir/../next/dist/bin/next" "$@"
else
  exec node  "$basedir/../next/dist/bin/next" "$@"
fi
"#;

    #[test]
    fn what_a_shim_executes() {
        let shim = parse(PNPM, Path::new("/p/node_modules/.bin"));
        let Shim::Node { script, flags, node_path } = shim else { panic!("{shim:?}") };
        assert_eq!(script, Path::new("/p/node_modules/.bin/../next/dist/bin/next"));
        assert_eq!(flags, [""; 0]);
        assert_eq!(node_path.unwrap(), "/p/node_modules/.pnpm/x/node_modules:/p/node_modules/.pnpm/node_modules");
        let with_flags = "#!/bin/sh\nexec node --no-warnings \"$basedir/../a.js\" \"$@\"\n";
        assert!(matches!(parse(with_flags, Path::new("/b")), Shim::Node { flags, .. } if flags == ["--no-warnings"]));
        for other in ["exec node server.js", "exec node \"$basedir/$x\" \"$@\"", "node \"$basedir/a\" \"$@\""] {
            assert_eq!(parse(other, Path::new("/b")), Shim::Shell, "{other}");
        }
    }

    #[test]
    fn only_a_shells_script_is_one() {
        for (line, expected) in [
            ("#!/bin/sh", true),
            ("#!/usr/bin/env bash", true),
            ("#!/usr/bin/env node", false),
            ("'use strict'", false),
        ] {
            assert_eq!(is_shells(line), expected, "{line}");
        }
    }
}
