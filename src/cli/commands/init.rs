//! `init`: writes an application file for the directory, once.

use crate::cli::args::InitArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::{DEFAULT_FILES, sample};
use std::fs::File;
use std::io::{self, Write};

pub(super) fn run(session: &mut Session<'_>, args: &InitArgs) -> Result<Exit, Failure> {
    let caller = session.caller()?;
    // PM2 takes any other word for the full one.
    let sample = sample(&caller, args.kind.as_deref() == Some("simple"));
    if let Some(known) = DEFAULT_FILES.into_iter().find(|name| caller.cwd.join(name).exists()) {
        return Err(there_already(known));
    }
    let written =
        File::create_new(caller.cwd.join(sample.file_name)).and_then(|mut file| file.write_all(sample.text.as_bytes()));
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(there_already(sample.file_name)),
        Err(source) => {
            let place = caller.cwd.join(sample.file_name);
            return Err(Failure::new(format!("cannot write {}: {source}", place.display())));
        }
    }
    session.screen.say(&format!("{} written\n", sample.file_name))?;
    session.screen.hint("look through it, then: rpm validate && rpm start");
    Ok(Exit::Success)
}

fn there_already(name: &str) -> Failure {
    Failure::new(format!("{name} is here already, and stays as it is"))
        .hint("check it: rpm validate; or remove it first")
}
