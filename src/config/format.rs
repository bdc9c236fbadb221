//! Which files are application files, and in what they are written: by their names.

use std::path::Path;

/// What `start` without a target looks for, in this order.
pub const DEFAULT_FILES: [&str; 11] = [
    "ecosystem.config.js",
    "ecosystem.config.cjs",
    "ecosystem.config.mjs",
    "ecosystem.config.ts",
    "ecosystem.config.cts",
    "ecosystem.config.mts",
    "ecosystem.config.json",
    "ecosystem.config.json5",
    "ecosystem.config.yml",
    "ecosystem.config.yaml",
    "ecosystem.config.toml",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON5, or an expression.
    Json,
    JavaScript,
    TypeScript,
    Yaml,
    Toml,
}

/// PM2's rule, the name contains a known extension. `.json` comes first: `x.config.json` holds `.config.js` too.
const EXTENSIONS: [(&str, Format); 10] = [
    (".json", Format::Json),
    (".yml", Format::Yaml),
    (".yaml", Format::Yaml),
    (".toml", Format::Toml),
    (".config.js", Format::JavaScript),
    (".config.cjs", Format::JavaScript),
    (".config.mjs", Format::JavaScript),
    (".config.ts", Format::TypeScript),
    (".config.cts", Format::TypeScript),
    (".config.mts", Format::TypeScript),
];

impl Format {
    /// Of a file, by the last component of its path.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy();
        EXTENSIONS.into_iter().find(|(extension, _)| name.contains(extension)).map(|(_, format)| format)
    }
}

/// Whether a target of the command line is an application file, and not a shell line that merely mentions one.
pub fn is_application_file(name: &str) -> bool {
    let path = Path::new(name);
    let is_line = name.contains(char::is_whitespace) && !path.is_file();
    !is_line && Format::of(path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_files_are_known_by_name() {
        for (name, format) in [
            ("eco.json", Format::Json),
            ("eco.json5", Format::Json),
            ("eco.config.json", Format::Json),
            ("a/eco.yml", Format::Yaml),
            ("eco.yaml", Format::Yaml),
            ("eco.toml", Format::Toml),
            ("eco.config.js", Format::JavaScript),
            ("eco.config.cjs", Format::JavaScript),
            ("x.config.mjs.bak", Format::JavaScript),
            ("x.config.ts", Format::TypeScript),
        ] {
            assert!(is_application_file(name), "{name}");
            assert_eq!(Format::of(Path::new(name)), Some(format), "{name}");
        }
        for name in
            ["app.js", "app.ts", "all", "config.js", "conf.json.d/app.js", "node x.js --config a.json", "", "/", "app"]
        {
            assert!(!is_application_file(name), "{name}");
        }
        assert!(DEFAULT_FILES.into_iter().all(is_application_file));
    }
}
