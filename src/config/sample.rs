//! The application file that `init` writes: what fits the directory, so that it can be started as it is.

use super::Caller;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub file_name: &'static str,
    pub text: String,
}

/// What a script is called most often.
const SCRIPTS: [&str; 6] = ["index.js", "server.js", "app.js", "main.js", "index.mjs", "index.ts"];

/// A file for the caller's directory; `simple` has an app and nothing else.
pub fn sample(caller: &Caller, simple: bool) -> Sample {
    let package = fs::read(caller.cwd.join("package.json")).ok();
    let package: Value = package.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let app = App { name: name(&package, &caller.cwd), script: script(&package, &caller.cwd) };
    // In a package of ES modules `.js` is one, and `module.exports` is nothing there.
    let is_module = package["type"] == "module";
    let file_name = if is_module { "ecosystem.config.cjs" } else { "ecosystem.config.js" };
    Sample { file_name, text: if simple { app.simple() } else { app.full() } }
}

struct App {
    /// As JavaScript writes them, in quotes.
    name: String,
    script: String,
}

fn name(package: &Value, cwd: &Path) -> String {
    let of_package = package["name"].as_str().and_then(|name| name.rsplit('/').next()).filter(|name| !name.is_empty());
    let of_directory = || cwd.file_name().map(|name| name.to_string_lossy().into_owned());
    quoted(&of_package.map(str::to_owned).or_else(of_directory).unwrap_or_else(|| "app".to_owned()))
}

fn script(package: &Value, cwd: &Path) -> String {
    let is_there = |name: &&str| cwd.join(name).is_file();
    let main = package["main"].as_str().filter(is_there);
    let found = main.or_else(|| SCRIPTS.into_iter().find(is_there)).unwrap_or("app.js");
    let relative = if found.starts_with(['.', '/']) { found.to_owned() } else { format!("./{found}") };
    quoted(&relative)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

impl App {
    fn simple(&self) -> String {
        let Self { name, script } = self;
        format!(
            "/** @type {{import('rpm-native').Apps}} */
module.exports = {{
  apps: [
    {{
      name: {name},
      script: {script},
    }},
  ],
}}
"
        )
    }

    fn full(&self) -> String {
        let Self { name, script } = self;
        format!(
            "// Check it with `rpm validate`, start it with `rpm start`. Times are milliseconds, or text such as '10s'.
/** @type {{import('rpm-native').Apps}} */
module.exports = {{
  apps: [
    {{
      name: {name},
      script: {script},
      // args: ['--port', '3000'],
      // cwd: '.',

      // Processes that share a port: a number, or 'max' for one a core. `rpm reload` then drops no request.
      // instances: 'max',

      env: {{
        NODE_ENV: 'development',
      }},
      // Added by: rpm start --env production
      env_production: {{
        NODE_ENV: 'production',
      }},

      // It is ready when it says process.send('ready'), within this time.
      // wait_ready: true,
      // listen_timeout: '10s',

      // How long it has to end after SIGINT.
      // kill_timeout: '5s',

      // After so many runs shorter than min_uptime it is left alone.
      // max_restarts: 16,
      // min_uptime: '1s',
      // exp_backoff_restart_delay: 100,

      // Replaced when it needs more.
      // max_memory_restart: '512M',
    }},
  ],
}}
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FileOptions, load_file};

    fn made(files: &[(&str, &str)], simple: bool) -> (Sample, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let caller = Caller { cwd: dir.path().to_owned(), ..Caller::current().unwrap() };
        let made = sample(&caller, simple);
        fs::write(dir.path().join(made.file_name), &made.text).unwrap();
        let loaded = load_file(Path::new(made.file_name), &caller, &FileOptions::default()).unwrap();
        assert_eq!(loaded.warnings, [""; 0]);
        let app = &loaded.apps[0];
        let script = app.program.path.file_name().unwrap().to_string_lossy().into_owned();
        (made, vec![app.name.clone(), script])
    }

    #[test]
    fn what_it_writes_can_be_started() {
        for simple in [true, false] {
            let package = r#"{"name": "@me/it's", "main": "lib.js"}"#;
            let (sample, app) = made(&[("package.json", package), ("lib.js", ""), ("app.js", "")], simple);
            assert_eq!(
                (sample.file_name, &app[..]),
                ("ecosystem.config.js", &["it's".to_owned(), "lib.js".to_owned()][..])
            );
            let (sample, app) =
                made(&[("package.json", r#"{"name": "m", "type": "module"}"#), ("server.js", "")], simple);
            assert_eq!(
                (sample.file_name, &app[..]),
                ("ecosystem.config.cjs", &["m".to_owned(), "server.js".to_owned()][..])
            );
            assert_eq!(made(&[("app.js", "")], simple).1[1], "app.js");
        }
    }
}
