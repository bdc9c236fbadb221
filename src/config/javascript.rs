//! Application files that are JavaScript: read by the user's own node, handed over as JSON.

use super::command::{self, Command, Failure};
use super::interpreter::node_version_of;
use super::{Caller, Problem, environment, search};
use crate::interpreter::{Stripping, stripping};
use serde::Deserialize;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOADER: &str = include_str!("loader.js");

/// Stands before and after the answer, so that whatever else reaches standard output is told from it.
const MARK: &[u8] = b"\x1erpm-native\x1e";

const LIMIT: Duration = Duration::from_secs(30);

/// What a module exports; functions are called and promises awaited.
pub(super) fn module(file: &Path, caller: &Caller) -> Result<Value, Problem> {
    load(&Reader::node(caller)?, "module", file, None, caller, LIMIT)
}

/// The same of a module in TypeScript, by who can strip its types.
pub(super) fn typescript(file: &Path, caller: &Caller) -> Result<Value, Problem> {
    load(&Reader::typescript(caller)?, "module", file, None, caller, LIMIT)
}

/// The value of an expression. `file` is where it stands, or a name for that.
pub(super) fn expression(text: &str, file: &Path, caller: &Caller) -> Result<Value, Problem> {
    let stdin = as_file(text).map_err(|source| Problem::NodeFailed { source })?;
    load(&Reader::node(caller)?, "expression", file, Some(stdin), caller, LIMIT)
}

/// A file rather than a pipe: nobody has to feed it.
fn as_file(text: &str) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Who evaluates a file.
struct Reader {
    program: PathBuf,
    flags: &'static [&'static str],
}

impl Reader {
    fn find(name: &str, caller: &Caller) -> Option<PathBuf> {
        search::find(name, caller.env.get("PATH").map(String::as_str), &caller.cwd)
    }

    fn node(caller: &Caller) -> Result<Self, Problem> {
        Ok(Self { program: Self::find("node", caller).ok_or(Problem::NodeMissing)?, flags: &[] })
    }

    /// Node, if it is new enough, else bun.
    fn typescript(caller: &Caller) -> Result<Self, Problem> {
        let version = node_version_of(caller);
        let flags: &[&str] = match version.map(stripping) {
            Some(Stripping::ByDefault) => &["--disable-warning=ExperimentalWarning"],
            Some(Stripping::WithFlag) => &["--experimental-strip-types", "--disable-warning=ExperimentalWarning"],
            Some(Stripping::No) | None => {
                let bun = Self::find("bun", caller)
                    .ok_or(Problem::NoTypeScriptReader { node: version.map(|version| version.to_string()) })?;
                return Ok(Self { program: bun, flags: &[] });
            }
        };
        Ok(Self { flags, ..Self::node(caller)? })
    }
}

fn load(
    reader: &Reader,
    kind: &str,
    file: &Path,
    stdin: Option<File>,
    caller: &Caller,
    limit: Duration,
) -> Result<Value, Problem> {
    let env = caller.env.iter().filter(|(name, _)| !environment::CHANNEL.contains(&name.as_str())).collect();
    let file_name = file.to_string_lossy();
    let args: Vec<&str> = reader.flags.iter().copied().chain(["-e", LOADER, kind, &file_name]).collect();
    let command = Command { program: &reader.program, args: &args, env, cwd: &caller.cwd, stdin };
    let finished = command::run(command, limit, Some(MARK)).map_err(|failure| match failure {
        Failure::Io(source) => Problem::NodeFailed { source },
        Failure::TimedOut => Problem::TimedOut { seconds: limit.as_secs() },
        Failure::TooMuch => Problem::TooMuchExported { limit: command::MAX_OUTPUT },
    })?;
    let nothing = || Problem::NothingExported { status: finished.status.to_string() };
    answer(between_marks(&finished.output).ok_or_else(nothing)?, file)
}

fn between_marks(output: &[u8]) -> Option<&[u8]> {
    let inside = output.strip_suffix(MARK)?;
    let start = memchr::memmem::rfind(inside, MARK)? + MARK.len();
    Some(&inside[start..])
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Value(Value),
    Error(Exception),
}

#[derive(Deserialize)]
struct Exception {
    message: String,
    code: Option<String>,
    file: Option<PathBuf>,
    line: Option<u64>,
    column: Option<u64>,
}

fn answer(json: &[u8], file: &Path) -> Result<Value, Problem> {
    match serde_json::from_slice(json) {
        Ok(Answer::Value(value)) => Ok(value),
        Ok(Answer::Error(Exception { message, code, file: thrown_in, line, column })) => {
            // The kernel may know the file by another name than the user: symlinks are resolved by Node.
            let elsewhere =
                |thrown_in: &PathBuf| thrown_in != file && file.canonicalize().ok().as_ref() != Some(thrown_in);
            Err(Problem::Exception { message, code, file: thrown_in.filter(elsewhere), line, column })
        }
        Err(error) => Err(Problem::Exception {
            message: format!("it exports what has no place in JSON: {error}"),
            code: None,
            file: None,
            line: None,
            column: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn export(name: &str, text: &str) -> Result<Value, Problem> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
        module(&dir.path().join(name), &Caller::current().unwrap())
    }

    #[test]
    fn exports_of_each_kind() {
        for (name, text) in [
            ("a.config.js", "module.exports = {a: 1}"),
            ("a.config.cjs", "exports.a = 1"),
            ("a.config.cjs", "exports.__esModule = true; exports.default = {a: 1}"),
            ("a.config.mjs", "export default {a: 1}"),
            ("a.config.mjs", "export const a = 1"),
            ("a.config.js", "module.exports = () => ({a: 1})"),
            ("a.config.mjs", "export default async () => ({a: await 1})"),
            ("a.config.js", "module.exports = Promise.resolve({a: 1, f () {}, u: undefined})"),
            ("a.config.js", "setInterval(() => {}, 1000); module.exports = {a: 1}"),
        ] {
            assert_eq!(export(name, text).unwrap(), json!({"a": 1}), "{text}");
        }
    }

    #[test]
    fn what_a_file_prints_is_not_its_value() {
        let noisy = "console.log('{\"value\":2}\\u001erpm-native\\u001e');
            require('child_process').execSync('echo raw', {stdio: 'inherit'});
            process.stdout.write('x'.repeat(100000));
            module.exports = {argv: process.argv.length, long: 'y'.repeat(200000)}";
        let value = export("a.config.js", noisy).unwrap();
        assert_eq!(value["argv"], 1);
        assert_eq!(value["long"].as_str().unwrap().len(), 200_000);
    }

    #[test]
    fn exceptions_say_where() {
        for (name, text, expected) in [
            (
                "a.config.js",
                "module.exports = {\n  a: 'x' b\n}",
                "line 2, column 10: SyntaxError: Unexpected identifier",
            ),
            (
                "a.config.mjs",
                "export default {\n  a: 'x' b\n}",
                "line 2, column 10: SyntaxError: Unexpected identifier",
            ),
            ("a.config.js", "\n\nnope()", "line 3, column 1: ReferenceError: nope is not defined"),
            (
                "a.config.js",
                "module.exports = () => {\n  throw new Error('boom\\nmore')\n}",
                "line 2, column 9: Error: boom",
            ),
            ("a.config.mjs", "export default Promise.reject(new TypeError('no'))", "line 1, column 31: TypeError: no"),
            (
                "a.config.js",
                "require('no-such-module')",
                "line 1, column 1: Error: Cannot find module 'no-such-module'",
            ),
            ("a.config.js", "throw 'text'", "threw text"),
            ("a.config.js", "module.exports = new Promise(() => {})", "it exports a promise that nothing resolves"),
        ] {
            let told = export(name, text).unwrap_err().to_string();
            // Newer versions of Node say which identifier.
            assert!(told.starts_with(expected), "{text}: {told}");
        }
        let cyclic = export("a.config.js", "const a = {}; a.a = a; module.exports = a").unwrap_err().to_string();
        assert!(cyclic.contains("TypeError: Converting circular structure to JSON"), "{cyclic}");
    }

    #[test]
    fn a_missing_module_has_a_hint_of_its_own() {
        let error = export("a.config.mjs", "import 'no-such-module'").unwrap_err();
        assert!(error.hint().unwrap().starts_with("install the module"), "{error}");
    }

    #[test]
    fn leaving_or_hanging_is_an_error() {
        let left = export("a.config.js", "process.exit(7)").unwrap_err();
        assert_eq!(left.to_string(), "node ended before the file was read (exit status: 7)");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.config.js");
        std::fs::write(&file, "for (;;);").unwrap();
        let caller = Caller::current().unwrap();
        let node = Reader::node(&caller).unwrap();
        let hung = load(&node, "module", &file, None, &caller, Duration::from_secs(1)).unwrap_err();
        assert_eq!(hung.to_string(), "it was still being read after 1 s");
    }

    #[test]
    fn expressions_see_node() {
        let read = |text: &str| expression(text, Path::new("/x/eco.json"), &Caller::current().unwrap());
        assert_eq!(read("// c\n{a: 1 + 1, b: typeof process.env.PATH}").unwrap(), json!({"a": 2, "b": "string"}));
        let error = read("{a: 1,\n b: 2 c}").unwrap_err();
        assert!(error.to_string().starts_with("line 2, column 7: SyntaxError: Unexpected identifier"), "{error}");
        let error = read("{a: foo}").unwrap_err();
        assert_eq!(error.to_string(), "line 1, column 5: ReferenceError: foo is not defined");
    }

    /// A caller whose `PATH` has these programs alone.
    fn with_programs(dir: &Path, programs: &[(&str, &str)]) -> Caller {
        use std::os::unix::fs::PermissionsExt;
        for (name, text) in programs {
            std::fs::write(dir.join(name), text).unwrap();
            std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = dir.to_str().unwrap().to_owned();
        Caller { env: [("PATH".to_owned(), path)].into(), ..Caller::current().unwrap() }
    }

    #[test]
    fn typescript_is_read_by_who_can() {
        let node = |version: &str| format!("#!/bin/sh\necho {version}\n");
        let (old, flagged, new) = (node("v20.20.2"), node("v22.7.0"), node("v24.1.0"));
        let reader = |programs: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            let reader = Reader::typescript(&with_programs(dir.path(), programs))?;
            Ok::<_, Problem>((reader.program.file_name().unwrap().to_owned(), reader.flags))
        };
        assert_eq!(reader(&[("node", &old), ("bun", "")]).unwrap(), ("bun".into(), &[][..]));
        assert_eq!(reader(&[("bun", "")]).unwrap(), ("bun".into(), &[][..]));
        assert_eq!(reader(&[("node", &flagged)]).unwrap().1[0], "--experimental-strip-types");
        assert_eq!(reader(&[("node", &new), ("bun", "")]).unwrap().0, "node");
        let error = reader(&[("node", &old)]).unwrap_err();
        let hint = "install Node 22.6 or later (this is v20.20.2), or bun; or write the apps as JavaScript";
        assert_eq!(
            (error.to_string().as_str(), error.hint().as_deref()),
            ("nothing here reads TypeScript", Some(hint))
        );
        assert!(reader(&[]).unwrap_err().hint().unwrap().ends_with("or bun"));
    }

    #[test]
    fn types_are_stripped_where_this_node_can() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.config.ts");
        std::fs::write(&file, "type N = number\nconst a: N = 1\nexport default { a } satisfies { a: N }\n").unwrap();
        match typescript(&file, &Caller::current().unwrap()) {
            Ok(value) => assert_eq!(value, json!({"a": 1})),
            Err(problem) => assert!(matches!(problem, Problem::NoTypeScriptReader { .. }), "{problem}"),
        }
    }

    #[test]
    fn without_node_it_says_so() {
        let caller = Caller { env: [("PATH".to_owned(), "/nowhere".to_owned())].into(), ..Caller::current().unwrap() };
        let error = expression("1", Path::new("/x"), &caller).unwrap_err();
        assert_eq!(error.to_string(), "node is not in PATH, and it takes node to read this file");
    }
}
