//! `--write`: what a command line said about an app, as an application file that says the same.

use super::{apps, flags};
use crate::cli::args::AppFlags;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::{self, AppOptions, Caller};
use serde_json::{Map, Value};
use std::fs;

/// A file for each target that is none itself: `<name>-pm2.json` in the working directory, as PM2 calls it.
pub(super) fn file(
    session: &mut Session<'_>,
    app: &AppFlags,
    args: &[String],
    caller: &Caller,
    targets: &[String],
) -> Result<(), Failure> {
    for target in targets.iter().filter(|target| !apps::is_file(target)) {
        let written = flags::options(app, args)?.written;
        let mut fields = Map::new();
        fields.insert("script".to_owned(), target.as_str().into());
        fields.extend(written);
        let name = name(&fields, target);
        fields.entry("name").or_insert_with(|| name.as_str().into());
        let path = caller.cwd.join(format!("{}-pm2.json", name.replace('/', "-")));
        let text =
            serde_json::to_string_pretty(&Value::Object(fields)).map_err(|error| Failure::new(error.to_string()))?;
        fs::write(&path, text + "\n").map_err(|source| {
            Failure::new(format!("{target} was started, but {} cannot be written: {source}", path.display()))
                .hint("look at the permissions of the directory")
        })?;
        session.screen.say(&format!("wrote {}\n", path.display()))?;
    }
    Ok(())
}

fn name(fields: &Map<String, Value>, target: &str) -> String {
    let options = AppOptions {
        name: fields.get("name").and_then(Value::as_str).map(str::to_owned),
        script: Some(target.to_owned()),
        ..AppOptions::default()
    };
    config::name_of(&options)
}
