//! From arguments to an exit code.

use super::args::{self, Cli, Global, Parsed};
use super::commands;
use super::exit::Exit;
use super::failure::Failure;
use super::link::Daemon;
use super::order::Order;
use super::pages;
use super::render::Screen;
use super::session::Session;
use crate::client::Client;
use crate::paths::Home;
use clap::CommandFactory;
use std::env;
use std::ffi::OsString;
use tokio::runtime;

/// Carries out a command line, the program's name first, and gives the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let exit = match args::parse(args) {
        Parsed::Run(global, args::Command::Runtime(args)) => return commands::foreground::runtime(&global, *args),
        Parsed::Run(global, args::Command::Dev(args)) => return commands::foreground::dev(&global, *args),
        Parsed::Run(global, command) if command.stays() => {
            if let Some(code) = commands::foreground::divide_first() {
                return code;
            }
            execute(&global, command)
        }
        Parsed::Run(global, command) => execute(&global, command),
        Parsed::Version => told(&mut Screen::standard(false, false, false), |screen| {
            screen.data(concat!(env!("CARGO_PKG_VERSION"), "\n"))
        }),
        Parsed::Nothing => {
            _ = Cli::command().term_width(pages::width()).print_help();
            Exit::Failure
        }
        Parsed::Stop(error) => {
            // Nothing is left to tell it to where this fails.
            _ = error.print();
            if error.use_stderr() { Exit::Failure } else { Exit::Success }
        }
    };
    exit.code()
}

fn execute(global: &Global, command: args::Command) -> Exit {
    let silent = global.is_silent();
    let screen = Screen::standard(silent, global.json, !global.no_color);
    let link = match connect(silent) {
        Ok(link) => link,
        Err(failure) => return end(screen, failure),
    };
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return end(screen, Failure::new(format!("the system is out of resources: {source}"))),
    };
    let order = match Order::parse(global.sort.as_deref()) {
        Ok(order) => order,
        Err(failure) => return end(screen, failure),
    };
    let mut session = Session::new(&link, screen, global.mini_list).sorted(order).in_home(link.home());
    // Those that bring both together, or tell the version.
    let quiet = matches!(command, args::Command::Update(_) | args::Command::Kill(_) | args::Command::Ping);
    let exit = match runtime.block_on(carry_out(&mut session, &link, command)) {
        Ok(exit) => exit,
        Err(failure) => end(session.screen, failure),
    };
    if !quiet {
        link.notice();
    }
    exit
}

async fn carry_out(session: &mut Session<'_>, link: &Daemon, command: args::Command) -> Result<Exit, Failure> {
    if command.stays() {
        let presence = link.attend()?;
        return commands::foreground::stay(session, presence, command).await;
    }
    commands::run(session, command).await
}

fn connect(quiet: bool) -> Result<Daemon, Failure> {
    let home = Home::from_env().or_else(|error| {
        // In a container nobody may have one; its supervisor doesn't ask for it.
        if Client::is_beside_one() { Ok(Home::nowhere()) } else { Err(Failure::new(error.to_string())) }
    })?;
    let program = env::current_exe()
        .map_err(|source| Failure::new(format!("the path of this program cannot be told: {source}")))?;
    Ok(Daemon::new(Client::new(home.clone(), program), home, quiet, Global::is_discreet()))
}

fn told(screen: &mut Screen, work: impl FnOnce(&mut Screen) -> Result<(), Failure>) -> Exit {
    match work(screen) {
        Ok(()) | Err(Failure::ReaderGone) => Exit::Success,
        Err(_) => Exit::Failure,
    }
}

fn end(mut screen: Screen, failure: Failure) -> Exit {
    match failure {
        Failure::ReaderGone => Exit::Success,
        Failure::Told { message, hint, .. } => {
            screen.error(&message, hint.as_deref());
            Exit::Failure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str) -> u8 {
        run(std::iter::once("rpm".into()).chain(line.split_whitespace().map(Into::into)))
    }

    #[test]
    fn a_command_line_that_makes_no_sense_gives_1() {
        for line in
            ["", "-s", "lst", "stop", "start --nmae x", "scale api x", "jlist extra", "kill extra", "ls --sort size"]
        {
            assert_eq!(code(line), 1, "{line}");
        }
    }

    #[test]
    fn help_and_version_give_0() {
        for line in ["-h", "--help", "start --help", "-v", "-V", "--version"] {
            assert_eq!(code(line), 0, "{line}");
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let screen = || Screen::standard(true, false, false);
        assert_eq!(end(screen(), Failure::ReaderGone), Exit::Success);
        assert_eq!(end(screen(), Failure::output(std::io::ErrorKind::BrokenPipe.into())), Exit::Success);
        assert_eq!(end(screen(), Failure::output(std::io::ErrorKind::StorageFull.into())), Exit::Failure);
    }
}
