//! What doesn't matter: patterns as in a `.gitignore`, and PM2's regular expressions.

use super::glob::expression;
use regex_lite::Regex;
use std::path::{Path, PathBuf};

/// What nobody wants to be restarted for. A pattern with `!` brings some of it back.
const ALWAYS: [&str; 2] = [".*", "node_modules/"];

/// The patterns of an app; the last that matches decides.
#[derive(Debug)]
pub struct Ignore {
    base: PathBuf,
    rules: Vec<Rule>,
    never: Vec<PathBuf>,
}

#[derive(Debug)]
struct Rule {
    expression: Regex,
    /// Seen from the base; PM2's expressions look at the whole path.
    whole_path: bool,
    directories_only: bool,
    brings_back: bool,
}

impl Ignore {
    /// `never` are files and directories that don't count whatever the patterns say.
    pub fn new(base: &Path, patterns: &[String], never: Vec<PathBuf>) -> Self {
        let always = ALWAYS.iter().copied();
        // What the system cannot understand was refused when it was written; here it matches nothing.
        let rules =
            always.chain(patterns.iter().map(String::as_str)).filter_map(|text| rule(text, base).ok()).flatten();
        Self { base: base.to_owned(), rules: rules.collect(), never }
    }

    /// The first pattern that is none, with what is wrong.
    pub fn check(patterns: &[String]) -> Result<(), String> {
        patterns.iter().try_for_each(|text| match rule(text, Path::new("/")) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{text:?} is no pattern: {error}")),
        })
    }

    pub fn is_ignored(&self, path: &Path, is_directory: bool) -> bool {
        if self.never.iter().any(|never| path.starts_with(never)) {
            return true;
        }
        let seen = path.strip_prefix(&self.base).unwrap_or(path).to_string_lossy();
        let seen = seen.trim_start_matches('/');
        let whole = path.to_string_lossy();
        let matches = |rule: &&Rule| {
            (is_directory || !rule.directories_only)
                && rule.expression.is_match(if rule.whole_path { &whole } else { seen })
        };
        !seen.is_empty() && self.rules.iter().rev().find(matches).is_some_and(|rule| !rule.brings_back)
    }
}

/// `None` for an empty line or a comment.
fn rule(text: &str, base: &Path) -> Result<Option<Rule>, regex_lite::Error> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if let Some(inner) = regular(text) {
        let (expression, whole_path) = (Regex::new(&inner)?, true);
        return Ok(Some(Rule { expression, whole_path, directories_only: false, brings_back: false }));
    }
    let (brings_back, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (directories_only, text) = match text.strip_suffix('/') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    // Absolute paths into the base, and those that begin with a dot, are meant from the base.
    let from_base = base.to_str().and_then(|base| text.strip_prefix(base)).filter(|rest| rest.starts_with('/'));
    let text = from_base.or_else(|| text.strip_prefix('.').filter(|rest| rest.starts_with('/'))).unwrap_or(text);
    let anchored = text.contains('/');
    let expression = Regex::new(&expression(text.trim_start_matches('/'), anchored))?;
    Ok(Some(Rule { expression, whole_path: false, directories_only, brings_back }))
}

/// What is a regular expression: between slashes with something in it that no path has, or one that begins as PM2's
/// own for dot files does.
fn regular(text: &str) -> Option<String> {
    let special = |text: &str| text.contains(['\\', '^', '$', '(', '|', '+']) || text.contains(".*");
    if let Some((inner, flags)) = text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'))
        && special(inner)
        && flags.bytes().all(|flag| b"gimsuy".contains(&flag))
    {
        let case = if flags.contains('i') { "(?i)" } else { "" };
        // JavaScript escapes slashes; here that is an error.
        return Some(format!("{case}{}", inner.replace("\\/", "/")));
    }
    text.starts_with("[\\/").then(|| text.replace("\\/", "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(patterns: &[&str], path: &str) -> bool {
        let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        Ignore::check(&patterns).unwrap();
        let ignore = Ignore::new(Path::new("/app"), &patterns, vec!["/app/own".into()]);
        let (path, is_directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        ignore.is_ignored(Path::new(path), is_directory)
    }

    #[test]
    fn patterns_of_gitignore() {
        for (pattern, path, expected) in [
            ("*.log", "/app/x.log", true),
            ("*.log", "/app/deep/er/x.log", true),
            ("*.log", "/app/x.logs", false),
            ("/x.js", "/app/x.js", true),
            ("/x.js", "/app/src/x.js", false),
            ("src/x.js", "/app/src/x.js", true),
            ("src/x.js", "/app/lib/src/x.js", false),
            ("./src/x.js", "/app/src/x.js", true),
            ("/app/src/x.js", "/app/src/x.js", true),
            ("build/", "/app/build/", true),
            ("build/", "/app/build", false),
            ("/build/", "/app/build/", true),
            ("/build/", "/app/lib/build/", false),
            ("src/**/*.snap", "/app/src/x.snap", true),
            ("src/**/*.snap", "/app/src/a/b/x.snap", true),
            ("**/tmp", "/app/a/tmp", true),
            ("logs/**", "/app/logs/a/b", true),
            ("logs/*", "/app/logs/a/b", false),
            ("a?c", "/app/abc", true),
            ("a?c", "/app/a/c", false),
            ("[a-c].js", "/app/b.js", true),
            ("[!a-c].js", "/app/b.js", false),
            ("[!a-c].js", "/app/d.js", true),
            ("*.{png,jpg}", "/app/img/x.jpg", true),
            ("*.{png,jpg}", "/app/img/x.js", false),
            ("a.c", "/app/abc", false),
            ("a+b(1)", "/app/a+b(1)", true),
            (r"\!x", "/app/!x", true),
            ("# note", "/app/# note", false),
            ("ü*", "/app/über", true),
            ("[x", "/app/[x", true),
        ] {
            assert_eq!(ignored(&[pattern], path), expected, "{pattern} and {path}");
        }
    }

    #[test]
    fn the_last_that_matches_decides() {
        let patterns = ["*", "!*/", "!*.js", "x.js"];
        for (path, expected) in [
            ("/app/a.js", false),
            ("/app/x.js", true),
            ("/app/a.css", true),
            ("/app/src/", false),
            ("/app/src/a.js", false),
        ] {
            assert_eq!(ignored(&patterns, path), expected, "{path}");
        }
    }

    #[test]
    fn what_nobody_wants_is_ignored_always() {
        for path in ["/app/.git/", "/app/src/.x.swp", "/app/node_modules/", "/app/lib/node_modules/", "/app/own"] {
            assert!(ignored(&["*.log"], path), "{path}");
        }
        assert!(!ignored(&["!.env"], "/app/.env"));
        assert!(!ignored(&[], "/app"), "the base itself, whatever it is called");
        // Dots above the base are not the app's.
        let ignore = Ignore::new(Path::new("/home/me/.apps/api"), &[], Vec::new());
        assert!(!ignore.is_ignored(Path::new("/home/me/.apps/api/x.js"), false));
    }

    #[test]
    fn regular_expressions_as_pm2_has_them() {
        for (pattern, path, expected) in [
            (r"/\.tmp$/", "/app/x.tmp", true),
            (r"/\.tmp$/", "/app/x.tmp.js", false),
            (r"/[\/\\]\./", "/app/src/.x/", true),
            (r"[\/\\]\.", "/app/src/.x/", true),
            (r"/src\/(a|b)/", "/app/src/b/x", true),
            (r"/README.*/i", "/app/readme.md", true),
        ] {
            assert_eq!(ignored(&[pattern], path), expected, "{pattern} and {path}");
        }
        let wrong = Ignore::check(&["*.log".into(), "/a(b/".into()]).unwrap_err();
        assert!(wrong.starts_with("\"/a(b/\" is no pattern: "), "{wrong}");
    }
}
