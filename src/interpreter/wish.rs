//! Which Node a project asks for, in the files that its tools read.

use super::range::Range;
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Nothing that says a version is longer.
const MOST: u64 = 1024 * 1024;

/// What was asked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub range: Option<Range>,
    pub text: String,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `node@…` of the app.
    Interpreter,
    /// `.nvmrc`, `.node-version`, or `volta` in a package.json: that one, and no other.
    Pin(PathBuf),
    /// `engines` in a package.json: npm warns, and so do we.
    Engines(PathBuf),
}

impl Wish {
    fn new(text: &str, origin: Origin) -> Self {
        Self { range: Range::parse(text), text: text.to_owned(), origin }
    }

    pub fn of_interpreter(text: &str) -> Self {
        Self::new(text, Origin::Interpreter)
    }

    /// Whether the app rather doesn't run than with another one.
    pub fn is_strict(&self) -> bool {
        !matches!(self.origin, Origin::Engines(_))
    }
}

/// What the nearest file above the script asks for, else above the working directory.
pub(super) fn of_files(script: &Path, cwd: &Path) -> Option<Wish> {
    let beside = script.parent().and_then(of_project);
    above(beside.unwrap_or(cwd)).or_else(|| above(cwd))
}

/// The directory itself, or for a dependency the one whose dependency it is: what a dependency asks for is no wish of
/// the app.
fn of_project(directory: &Path) -> Option<&Path> {
    directory
        .ancestors()
        .filter(|path| path.file_name().is_some_and(|name| name == "node_modules"))
        .last()
        .map_or(Some(directory), Path::parent)
}

fn above(directory: &Path) -> Option<Wish> {
    directory.ancestors().find_map(inside)
}

fn inside(directory: &Path) -> Option<Wish> {
    for name in [".node-version", ".nvmrc"] {
        let file = directory.join(name);
        if let Some(text) = read(&file).and_then(|bytes| String::from_utf8(bytes).ok()) {
            let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
            if let Some(line) = lines.into_iter().find(|line| !line.is_empty()) {
                return Some(Wish::new(line, Origin::Pin(file)));
            }
        }
    }
    let file = directory.join("package.json");
    let package: Value = serde_json::from_slice(&read(&file)?).ok()?;
    let text = |pointer| package.pointer(pointer).and_then(Value::as_str);
    let pinned = text("/volta/node").map(|text| Wish::new(text, Origin::Pin(file.clone())));
    pinned.or_else(|| text("/engines/node").map(|text| Wish::new(text, Origin::Engines(file))))
}

/// A file of ordinary size.
pub(super) fn read(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let open = File::open(file).ok()?;
    open.metadata().ok()?.is_file().then_some(())?;
    open.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_file_speaks() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let put = |name: &str, text: &str| {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), text).unwrap();
        };
        put("package.json", r#"{"engines": {"node": ">=18"}}"#);
        put("api/.nvmrc", "# ours\nv20.11.0  # and no other\n");
        put("web/package.json", r#"{"volta": {"node": "22.1.0"}, "engines": {"node": ">=16"}}"#);
        put("web/node_modules/dep/package.json", r#"{"engines": {"node": "0.10"}}"#);
        put("both/.nvmrc", "18");
        put("both/.node-version", "22");
        let wish = |script: &str| of_files(&root.join(script), Path::new("/")).unwrap();
        assert_eq!(wish("app.js"), Wish::new(">=18", Origin::Engines(root.join("package.json"))));
        assert_eq!(wish("api/src/app.js"), Wish::new("v20.11.0", Origin::Pin(root.join("api/.nvmrc"))));
        assert_eq!(wish("web/app.js").text, "22.1.0");
        assert_eq!(wish("web/node_modules/dep/bin.js").text, "22.1.0");
        assert_eq!(wish("both/x.js").text, "22");
        let elsewhere = of_files(Path::new("/usr/lib/node_modules/npm/bin/npm-cli.js"), &root.join("api"));
        assert_eq!(elsewhere.unwrap().text, "v20.11.0");
    }
}
