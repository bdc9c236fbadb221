//! TypeScript under Node: its own type stripping, else the project's `tsx` as a loader, so that the app stays the
//! process that we watch. (The program `tsx` starts a second one.)

use super::node::Place;
use super::version::Version;
use super::wish::read;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What Node needs to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Flags(Vec<String>),
    /// This one can't.
    No,
}

pub fn is_typescript(script: &Path) -> bool {
    script.extension().is_some_and(|extension| ["ts", "mts", "cts", "tsx"].iter().any(|known| extension == *known))
}

/// `args` are those that the user gives to Node.
pub fn typescript(script: &Path, version: Option<Version>, args: &[String], place: &Place<'_>) -> Answer {
    const OWN: [&str; 8] = [
        "--import",
        "--loader",
        "--experimental-loader",
        "--require",
        "-r",
        "--experimental-strip-types",
        "--experimental-transform-types",
        "--strip-types",
    ];
    let is_own = |arg: &String| OWN.contains(&arg.split('=').next().unwrap_or(arg));
    if args.iter().any(is_own) {
        return Answer::Flags(Vec::new());
    }
    let has_markup = script.extension().is_some_and(|extension| extension == "tsx");
    match version.map_or(Stripping::No, stripping) {
        Stripping::ByDefault if !has_markup => Answer::Flags(Vec::new()),
        Stripping::WithFlag if !has_markup => Answer::Flags(vec!["--experimental-strip-types".to_owned()]),
        _ => match tsx(script, place) {
            Some(loader) => Answer::Flags(vec![import(version), format!("file://{}", loader.display())]),
            None => Answer::No,
        },
    }
}

/// `--import` came with 18.19 and 20.6.
fn import(version: Option<Version>) -> String {
    let old = version.is_some_and(|version| {
        version < Version::new(18, 19, 0) || (version.major == 19) || (version.major == 20 && version.minor < 6)
    });
    if old { "--loader" } else { "--import" }.to_owned()
}

/// The loader of the `tsx` that is installed nearest above the script.
fn tsx(script: &Path, place: &Place<'_>) -> Option<PathBuf> {
    let above = |from: &Path| {
        from.ancestors().map(|directory| directory.join("node_modules/tsx")).find(|directory| directory.is_dir())
    };
    let package = above(script.parent()?).or_else(|| above(place.cwd))?;
    let manifest: Value = serde_json::from_slice(&read(&package.join("package.json"))?).ok()?;
    let main = ["/exports/.", "/exports", "/main"].into_iter().find_map(|at| manifest.pointer(at)?.as_str());
    Some(package.join(main?.trim_start_matches("./")))
}

/// Whether a Node takes types out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stripping {
    No,
    WithFlag,
    ByDefault,
}

pub const fn stripping(version: Version) -> Stripping {
    match (version.major, version.minor) {
        (22, 6..=17) | (23, 0..=5) => Stripping::WithFlag,
        (22, 18..) | (23.., _) => Stripping::ByDefault,
        _ => Stripping::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_node_strips_types() {
        for (version, expected) in [
            ("v20.20.2", Stripping::No),
            ("v22.5.1", Stripping::No),
            ("v22.6.0", Stripping::WithFlag),
            ("v22.17.9", Stripping::WithFlag),
            ("v22.18.0", Stripping::ByDefault),
            ("v23.5.0", Stripping::WithFlag),
            ("v23.6.0", Stripping::ByDefault),
            ("v24.0.0-nightly", Stripping::ByDefault),
        ] {
            assert_eq!(stripping(version.parse().unwrap()), expected, "{version}");
        }
    }
}
