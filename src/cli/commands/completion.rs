//! `completion`: a script for a shell, which asks this program for what could stand where the cursor is.

use crate::api::{Request, Response};
use crate::boot::{Owner, Place};
use crate::cli::args::{Cli, CompletionArgs, ShellArg};
use crate::cli::complete::{self, Candidate, Shell, Wanted};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::domain::Selector;
use clap::CommandFactory;
use std::env;
use std::path::PathBuf;

pub(super) async fn run(session: &mut Session<'_>, args: &CompletionArgs) -> Result<Exit, Failure> {
    if let Some(at) = args.at {
        return answer(session, &args.words, at).await;
    }
    let install = args.install || args.shell == Some(ShellArg::Install);
    let shell = match args.shell {
        Some(ShellArg::Bash) => Shell::Bash,
        Some(ShellArg::Zsh) => Shell::Zsh,
        Some(ShellArg::Fish) => Shell::Fish,
        Some(ShellArg::Install) | None => of_environment()?,
    };
    if install {
        return put(session, shell);
    }
    session.screen.data(shell.script())?;
    Ok(Exit::Success)
}

fn of_environment() -> Result<Shell, Failure> {
    let shell = env::var("SHELL").unwrap_or_default();
    Shell::named(shell.rsplit('/').next().unwrap_or_default()).ok_or_else(|| {
        Failure::new("$SHELL names no shell that there are completions for")
            .hint("name it: rpm completion bash, zsh or fish")
    })
}

/// A shell waits for this at each press of the key: nothing is launched, and what fails is no completion.
async fn answer(session: &mut Session<'_>, words: &[String], at: usize) -> Result<Exit, Failure> {
    let mut cli = Cli::command();
    cli.build();
    let asked = complete::at(&cli, words, at);
    let mut candidates = asked.candidates;
    if asked.wanted.contains(&Wanted::Apps) {
        candidates.extend(apps(session).await.into_iter().filter(|app| app.word.starts_with(&asked.begun)));
    }
    session.screen.data(complete::text(&candidates, asked.wanted.contains(&Wanted::Files)))?;
    Ok(Exit::Success)
}

async fn apps(session: &Session<'_>) -> Vec<Candidate> {
    let listed = session.link.request_running(Request::List { selector: Selector::all() }).await;
    let Ok(Some(Response::Processes(processes))) = listed else { return Vec::new() };
    let mut apps = vec![Candidate::new("all", "all apps")];
    for process in processes {
        if !apps.iter().any(|known| known.word == process.name) {
            apps.push(Candidate::new(&process.name, process.status.as_str()));
        }
    }
    apps
}

fn put(session: &mut Session<'_>, shell: Shell) -> Result<Exit, Failure> {
    let owner = Owner::named(None).map_err(Failure::new)?;
    let directory = owner.usual_home().with_file_name("");
    let named = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = named("XDG_DATA_HOME").unwrap_or_else(|| directory.join(".local/share"));
    let mut steps = Vec::new();
    for path in shell.files(&data, &owner.config()) {
        let written = Place::new(None).write(&path, shell.script(), 0o644);
        steps.push(written.map_err(|error| super::machine::failed(&path, &error))?);
    }
    super::machine::tell(session, &steps)?;
    session.screen.hint(shell.hint());
    Ok(Exit::Success)
}
