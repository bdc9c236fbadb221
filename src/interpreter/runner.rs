//! What is asked of npm, yarn, pnpm or npx, by its arguments. What isn't understood for certain is left to them.

use std::path::Path;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) runner: &'static str,
    /// Where its package is, seen from the working directory.
    pub(super) directory: Option<String>,
    pub(super) what: What,
    pub(super) args: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A script of package.json.
    Script(String),
    /// A script, else a program of the dependencies.
    Either(String),
    /// A program of the dependencies.
    Tool(String),
}

/// Words of yarn and pnpm that are no scripts, even where there is one of that name.
const BUILT_IN: &[&str] = &[
    "add",
    "audit",
    "bin",
    "cache",
    "config",
    "create",
    "dedupe",
    "deploy",
    "dlx",
    "exec",
    "fetch",
    "help",
    "import",
    "info",
    "init",
    "install",
    "link",
    "list",
    "login",
    "node",
    "outdated",
    "pack",
    "patch",
    "plugin",
    "prune",
    "publish",
    "rebuild",
    "remove",
    "server",
    "set",
    "setup",
    "store",
    "unlink",
    "up",
    "update",
    "upgrade",
    "version",
    "why",
    "workspace",
    "workspaces",
];

/// The runner that a program is, by its file's name.
pub(super) fn runner(program: &Path) -> Option<&'static str> {
    Some(match program.file_name()?.to_str()? {
        "npm" | "npm-cli.js" => "npm",
        "npx" | "npx-cli.js" => "npx",
        "yarn" | "yarnpkg" | "yarn.js" => "yarn",
        "pnpm" | "pnpm.cjs" => "pnpm",
        _ => return None,
    })
}

pub(super) fn invocation(program: &Path, args: &[String]) -> Option<Invocation> {
    let runner = runner(program)?;
    let mut args = args.iter().map(String::as_str).peekable();
    let mut directory = None;
    while let Some(flag) = args.next_if(|arg| arg.starts_with('-') && *arg != "--") {
        match (runner, flag) {
            (_, "-s" | "--silent" | "-q" | "--quiet") | ("npx", "-y" | "--yes" | "--no-install" | "--no") => {}
            ("npm" | "pnpm", "--prefix" | "-C" | "--dir") | ("yarn", "--cwd") => {
                directory = Some(args.next()?.to_owned())
            }
            _ => return None,
        }
    }
    let word = args.next()?;
    let what = match (runner, word) {
        ("npx", "--") => What::Tool(args.next()?.to_owned()),
        ("npx", tool) => What::Tool(tool.to_owned()),
        (_, "run" | "run-script" | "rum" | "urn") => {
            // Flags may stand here too; only the harmless ones are ours.
            while args.next_if(|arg| matches!(*arg, "-s" | "--silent")).is_some() {}
            What::Script(args.next().filter(|name| !name.starts_with('-'))?.to_owned())
        }
        (_, "start" | "test" | "stop") => What::Script(word.to_owned()),
        ("npm" | "pnpm" | "yarn", "exec" | "x") => {
            args.next_if(|arg| *arg == "--");
            What::Tool(args.next().filter(|name| !name.starts_with('-'))?.to_owned())
        }
        ("yarn" | "pnpm", word) if !BUILT_IN.contains(&word) && word != "--" => What::Either(word.to_owned()),
        _ => return None,
    };
    let rest: Vec<&str> = args.collect();
    let is_tool = matches!(what, What::Tool(_));
    let args = match (runner, rest.as_slice()) {
        // npm keeps what looks like a flag for itself.
        ("npm", rest) if !is_tool => {
            let end = rest.iter().position(|arg| *arg == "--");
            let (before, after) = rest.split_at(end.unwrap_or(rest.len()));
            if before.iter().any(|arg| arg.starts_with('-') && !matches!(*arg, "-s" | "--silent" | "--if-present")) {
                return None;
            }
            [
                &before.iter().filter(|arg| !arg.starts_with('-')).copied().collect::<Vec<_>>()[..],
                after.get(1..).unwrap_or_default(),
            ]
            .concat()
        }
        ("yarn" | "pnpm", ["--", after @ ..]) => after.to_vec(),
        (_, rest) => rest.to_vec(),
    };
    Some(Invocation { runner, directory, what, args: args.into_iter().map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(What, Vec<String>)> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        invocation(&Path::new("/usr/bin").join(&words[0]), &words[1..]).map(|found| (found.what, found.args))
    }

    #[test]
    fn what_runners_are_asked() {
        let script = |name: &str| What::Script(name.to_owned());
        let either = |name: &str| What::Either(name.to_owned());
        let tool = |name: &str| What::Tool(name.to_owned());
        for (line, what, args) in [
            ("npm run dev", script("dev"), &[][..]),
            ("npm start", script("start"), &[]),
            ("npm run serve -- --port 80", script("serve"), &["--port", "80"]),
            ("npm --silent run serve x --silent", script("serve"), &["x"]),
            ("npm --prefix api run serve", script("serve"), &[]),
            ("yarn dev --port 80", either("dev"), &["--port", "80"]),
            ("yarn run dev", script("dev"), &[]),
            ("pnpm dev -- --port", either("dev"), &["--port"]),
            ("pnpm exec next start", tool("next"), &["start"]),
            ("npm exec -- next start -p 1", tool("next"), &["start", "-p", "1"]),
            ("npx -y serve dist", tool("serve"), &["dist"]),
        ] {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(read(line), Some((what, args)), "{line}");
        }
    }

    #[test]
    fn what_is_left_to_them() {
        for line in [
            "npm",
            "npm ci",
            "npm install x",
            "npm run",
            "npm run x -w api",
            "npm run x --port 80",
            "yarn",
            "yarn install",
            "yarn workspace a start",
            "pnpm -r run x",
            "pnpm --filter a dev",
            "npx -p a b",
            "node x",
            "npm run -w a x",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
