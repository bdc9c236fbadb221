//! `help`: what `--help` says, for who asks the other way round; and the manual page.

use crate::cli::args::{Cli, HelpArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::manual;
use crate::cli::pages;
use crate::cli::session::Session;
use clap::CommandFactory;

pub(super) fn run(session: &mut Session<'_>, args: &HelpArgs) -> Result<Exit, Failure> {
    if args.man {
        return session.screen.data(manual::page()).map(|()| Exit::Success);
    }
    let width = pages::width();
    let mut cli = Cli::command().term_width(width);
    cli.build();
    let Some(name) = &args.command else {
        return session.screen.data(cli.render_help().ansi().to_string()).map(|()| Exit::Success);
    };
    let Some(verb) = cli.find_subcommand_mut(name) else {
        return Err(Failure::new(format!("there is no command {name}")).hint("all of them: rpm help"));
    };
    session.screen.data(pages::page(verb, width).ansi().to_string())?;
    Ok(Exit::Success)
}
