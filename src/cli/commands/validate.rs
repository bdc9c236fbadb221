//! `validate`: an application file as `start` would read it, with all that is wrong, and nothing started.

use super::apps::STDIN;
use super::start::default_file;
use crate::cli::args::ValidateArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::validation::{self, Validation};
use crate::cli::session::Session;
use crate::config::{self, FileOptions};
use std::io::{self, Read};
use std::path::Path;

pub(super) fn run(session: &mut Session<'_>, args: ValidateArgs) -> Result<Exit, Failure> {
    if args.schema {
        let schema = format!("{:#}\n", config::schema());
        return session.screen.data(schema).map(|()| Exit::Success);
    }
    let caller = session.caller()?;
    let file = args.file.map_or_else(|| default_file(&caller), Ok)?;
    let options = FileOptions { profile: args.env, ..FileOptions::default() };
    let report = if file == STDIN {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|source| Failure::new(format!("cannot read an application file from standard input: {source}")))?;
        config::inspect_text(&text, &caller, &options)
    } else {
        config::inspect_file(Path::new(&file), &caller, &options)
    };
    let validation = Validation::of(if file == STDIN { "standard input" } else { &file }, &report);
    if session.screen.wants_json() {
        session.screen.data_json(&validation)?;
    } else {
        validation::tell(&mut session.screen, &validation)?;
    }
    Ok(if validation.valid { Exit::Success } else { Exit::Failure })
}
