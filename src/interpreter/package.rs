//! A package script into the program that it comes to, with what npm would have given it.

use super::node::{Place, local};
use super::runner::{Invocation, What, invocation};
use super::shell::{GIVE, HOLD, Line, line};
use super::wish::read;
use crate::sys::spawn::{find_program, is_executable};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Scripts that call scripts.
const DEEPEST: usize = 8;

/// What is executed in place of the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Final {
    pub program: PathBuf,
    pub argv: Vec<String>,
    /// The directory of the package.
    pub cwd: PathBuf,
    /// What it gets beside the app's own.
    pub env: BTreeMap<String, String>,
}

/// A package, and the way to it.
struct Package {
    directory: PathBuf,
    manifest: Value,
}

/// `None` when the runner has to do it itself. An error is for people.
pub fn final_command(program: &Path, args: &[String], place: &Place<'_>) -> Result<Option<Final>, String> {
    resolve(program, args, place, place.cwd, 0)
}

/// The program and words of a line that does nothing but ask a package runner.
pub fn runner_line(text: &str) -> Option<(String, Vec<String>)> {
    let Line::Direct { env, words } = line(text) else { return None };
    let (program, args) = words.split_first()?;
    let asks = env.is_empty() && invocation(Path::new(program), args).is_some();
    asks.then(|| (program.clone(), args.to_vec()))
}

fn resolve(
    program: &Path,
    args: &[String],
    place: &Place<'_>,
    from: &Path,
    depth: usize,
) -> Result<Option<Final>, String> {
    let Some(asked) = invocation(program, args).filter(|_| depth < DEEPEST) else { return Ok(None) };
    let from = asked.directory.as_ref().map_or_else(|| from.to_owned(), |directory| from.join(directory));
    let Some(package) = Package::above(&from) else { return Ok(None) };
    match &asked.what {
        What::Script(name) => match package.script(name) {
            Some(text) => script(&asked, &package, name, &text, place, depth).map(Some),
            None => Err(package.lacks(name)),
        },
        What::Either(name) => match package.script(name) {
            Some(text) => script(&asked, &package, name, &text, place, depth).map(Some),
            None => Ok(package.tool(name, &asked, place)),
        },
        What::Tool(name) => Ok(package.tool(name, &asked, place)),
    }
}

fn script(
    asked: &Invocation,
    package: &Package,
    name: &str,
    text: &str,
    place: &Place<'_>,
    depth: usize,
) -> Result<Final, String> {
    let mut env = package.environment(asked, name, text, place);
    let mut text = text.to_owned();
    for arg in &asked.args {
        text.push(' ');
        text.push_str(&shell_words::quote(arg));
    }
    let path = env.get("PATH").cloned().unwrap_or_default();
    let (before, after) = (package.hook("pre", name), package.hook("post", name));
    let mut line = line(&text);
    if let Line::Direct { env: own, words } = &line
        && before.is_none()
        && after.is_none()
    {
        env.extend(own.iter().cloned());
        let found = find_program(&words[0], &path, &package.directory).ok_or_else(|| {
            format!("{:?} of the script {name} is neither in node_modules/.bin nor in PATH", words[0])
        })?;
        // A script that calls another one.
        let inner = Place { cwd: &package.directory, ..*place };
        if let Some(mut last) = resolve(&found, &words[1..], &inner, &package.directory, depth + 1)? {
            env.extend(std::mem::take(&mut last.env));
            return Ok(Final { env, ..last });
        }
        return Ok(Final { program: found, argv: words.clone(), cwd: package.directory.clone(), env });
    }
    if let Line::Direct { .. } = line {
        line = Line::Shell(format!("exec {}", text.trim()));
    }
    let Line::Shell(main) = line else { return Err(format!("the script {name} cannot be run")) };
    let program = find_program("sh", &path, &package.directory).ok_or("there is no sh in PATH for package scripts")?;
    let argv = with_hooks(name, &main, before, after);
    Ok(Final { program, argv, cwd: package.directory.clone(), env })
}

/// `sh -c …`: what comes before, the script, what comes after. The script takes the shell's place unless something
/// comes after it.
fn with_hooks(name: &str, main: &str, before: Option<String>, after: Option<String>) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    if before.is_none() && after.is_none() {
        return words(&["sh", "-c", main]);
    }
    let mut script = HOLD.to_owned();
    if before.is_some() {
        script.push_str(
            "(export npm_lifecycle_event=\"pre$1\" npm_lifecycle_script=\"$3\"; exec sh -c \"$3\") || exit; ",
        );
    }
    if after.is_some() {
        // The app has its own signals; the shell stays to see how it ends.
        script.push_str("trap : INT TERM HUP QUIT; ");
        script.push_str(GIVE);
        script.push_str("sh -c \"$2\" || exit; export npm_lifecycle_event=\"post$1\" npm_lifecycle_script=\"$4\"; exec sh -c \"$4\"");
    } else {
        script.push_str("exec ");
        script.push_str(GIVE);
        script.push_str("sh -c \"$2\"");
    }
    words(&["sh", "-c", &script, "sh", name, main, &before.unwrap_or_default(), &after.unwrap_or_default()])
}

impl Package {
    fn above(directory: &Path) -> Option<Self> {
        directory.ancestors().find_map(|directory| {
            let manifest = serde_json::from_slice(&read(&directory.join("package.json"))?).ok()?;
            Some(Self { directory: directory.to_owned(), manifest })
        })
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.manifest.pointer(pointer)?.as_str()
    }

    fn script(&self, name: &str) -> Option<String> {
        let text = self.manifest.get("scripts").and_then(|scripts| scripts.get(name)?.as_str());
        let text = text.filter(|text| !text.trim().is_empty()).map(str::to_owned);
        // What npm does without one.
        text.or_else(|| {
            (name == "start" && self.directory.join("server.js").is_file()).then(|| "node server.js".to_owned())
        })
    }

    fn hook(&self, prefix: &str, name: &str) -> Option<String> {
        self.script(&format!("{prefix}{name}"))
    }

    fn lacks(&self, name: &str) -> String {
        let scripts = self.manifest.get("scripts").and_then(Value::as_object);
        let known: Vec<&str> = scripts.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        format!("{} has no script {name:?}; {known}", self.directory.join("package.json").display())
    }

    fn tool(&self, name: &str, asked: &Invocation, place: &Place<'_>) -> Option<Final> {
        // With a version it may have to be downloaded.
        let inside = Place { script: &self.directory.join("package.json"), ..*place };
        let program = local(name, &inside).filter(|_| !name.contains(['@', '/']))?;
        let argv = [&[name.to_owned()][..], &asked.args].concat();
        let env = self.environment(asked, "npx", name, place);
        Some(Final { program, argv, cwd: place.cwd.to_owned(), env })
    }

    /// What programs look at. Not npm's configuration: that takes npm.
    fn environment(&self, asked: &Invocation, event: &str, text: &str, place: &Place<'_>) -> BTreeMap<String, String> {
        let bins = self.directory.ancestors().filter(|path| path.file_name().is_none_or(|name| name != "node_modules"));
        let bins = bins.map(|directory| directory.join("node_modules/.bin")).filter(|directory| directory.is_dir());
        let mut path: Vec<String> = bins.map(|directory| directory.to_string_lossy().into_owned()).collect();
        path.push(place.path().to_owned());
        let manifest = self.directory.join("package.json");
        let mut env = BTreeMap::from([
            ("PATH", path.join(":")),
            ("INIT_CWD", place.cwd.to_string_lossy().into_owned()),
            ("npm_command", if event == "npx" { "exec" } else { "run-script" }.to_owned()),
            ("npm_lifecycle_event", event.to_owned()),
            ("npm_lifecycle_script", text.to_owned()),
            ("npm_package_json", manifest.to_string_lossy().into_owned()),
            ("npm_config_user_agent", if asked.runner == "npx" { "npm" } else { asked.runner }.to_owned()),
        ]);
        for (variable, pointer) in [("npm_package_name", "/name"), ("npm_package_version", "/version")] {
            env.extend(self.text(pointer).map(|value| (variable, value.to_owned())));
        }
        if let Some(node) = place.find("node").filter(|node| is_executable(node)) {
            let node = node.to_string_lossy().into_owned();
            env.insert("npm_node_execpath", node.clone());
            env.insert("NODE", node);
        }
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    struct Site {
        dir: tempfile::TempDir,
        env: BTreeMap<String, String>,
    }

    impl Site {
        fn new(manifest: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = format!("{0}/bin:/usr/bin:/bin", dir.path().display());
            let site = Self { env: [("PATH".to_owned(), path)].into(), dir };
            site.put("package.json", manifest);
            for program in ["bin/node", "bin/npm", "bin/yarn", "node_modules/.bin/next"] {
                site.put(program, "#!/bin/sh\n");
            }
            site
        }

        fn put(&self, name: &str, text: &str) {
            let file = self.dir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn resolve(&self, line: &str, cwd: &str) -> Result<Option<Final>, String> {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let cwd = self.dir.path().join(cwd);
            let program = self.dir.path().join("bin").join(&words[0]);
            let place = Place { script: &program, cwd: &cwd, env: &self.env, home: None, ids: None, asks: true };
            final_command(&program, &words[1..], &place)
        }

        fn argv(&self, line: &str) -> Vec<String> {
            self.resolve(line, "").unwrap().unwrap().argv
        }
    }

    const MANIFEST: &str = r#"{
        "name": "shop", "version": "1.2.3",
        "scripts": {
            "start": "npm run serve -- --inner", "serve": "PORT=80 node server.js", "next": "next start",
            "build": "tsc && node x", "missing": "no-such-program x", "loop": "npm run loop",
            "hooked": "node x.js", "prehooked": "echo before", "posthooked": "echo after", "premain": "echo before", "main": "node x"
        }
    }"#;

    #[test]
    fn a_script_ends_in_its_program() {
        let site = Site::new(MANIFEST);
        fs::create_dir_all(site.dir.path().join("src/deep")).unwrap();
        let found = site.resolve("npm start", "src/deep").unwrap().unwrap();
        assert_eq!(found.argv, ["node", "server.js", "--inner"]);
        assert_eq!((found.program, found.cwd.as_path()), (site.dir.path().join("bin/node"), site.dir.path()));
        let env = |name: &str| found.env[name].as_str();
        assert_eq!((env("PORT"), env("npm_lifecycle_event"), env("npm_package_name")), ("80", "serve", "shop"));
        assert!(env("PATH").starts_with(&format!("{}/node_modules/.bin:", site.dir.path().display())));
        assert_eq!(site.argv("npm run next -- -p 1"), ["next", "start", "-p", "1"]);
        assert_eq!(site.argv("yarn next"), ["next", "start"]);
        assert_eq!(site.argv("npx next dev"), ["next", "dev"]);
    }

    #[test]
    fn a_shell_where_it_takes_one() {
        let site = Site::new(MANIFEST);
        assert_eq!(site.argv("npm run build")[..2], ["sh", "-c"]);
        let hooked = site.argv("npm run hooked");
        assert_eq!(hooked[4..], ["hooked", "exec node x.js", "echo before", "echo after"]);
        assert!(!hooked[2].contains(&format!("exec {GIVE}")), "something comes after it");
        let main = site.argv("npm run main");
        assert!(main[2].ends_with(&format!("exec {GIVE}sh -c \"$2\"")), "{main:?}");
    }

    #[test]
    fn what_cannot_be_is_told_and_what_is_not_ours_is_left() {
        let site = Site::new(MANIFEST);
        let error = site.resolve("npm run strat", "").unwrap_err();
        assert!(error.contains("has no script \"strat\"; it has start, serve"), "{error}");
        assert!(site.resolve("npm run missing", "").unwrap_err().contains("\"no-such-program\" of the script missing"));
        assert_eq!(site.resolve("npx no-such-tool", "").unwrap(), None);
        assert_eq!(site.resolve("npm ci", "").unwrap(), None);
        assert_eq!(site.argv("npm run loop")[0], "npm", "npm itself may go round in circles");
    }
}
