//! Options may stand before the command: `rpm --name api start app.js`.

use clap::{ArgAction, Command};
use std::ffi::{OsStr, OsString};

/// Moves the command in front of the options that stand before it. `command` is asked for only where there are any.
pub(super) fn command_first(mut args: Vec<OsString>, command: impl FnOnce() -> Command) -> Vec<OsString> {
    let is_option = |arg: &OsString| arg.as_encoded_bytes().starts_with(b"-");
    if args.get(1).is_some_and(is_option)
        && let Some(position) = position(&args, &command())
    {
        args[1..=position].rotate_right(1);
    }
    args
}

/// Where the command stands, if anywhere before `--`.
fn position(args: &[OsString], command: &Command) -> Option<usize> {
    let mut is_value = false;
    for (index, arg) in args.iter().enumerate().skip(1) {
        if arg == "--" {
            return None;
        }
        let known = command.find_subcommand(arg).is_some();
        if is_value {
            is_value = false;
        } else if known {
            return Some(index);
        } else {
            is_value = takes_next(arg, command);
        }
    }
    None
}

/// Whether the argument after this one is its value.
fn takes_next(arg: &OsStr, command: &Command) -> bool {
    let Some(arg) = arg.to_str() else { return false };
    let all = || command.get_subcommands().flat_map(Command::get_arguments);
    let mut needing = all().filter(|known| {
        matches!(known.get_action(), ArgAction::Set | ArgAction::Append)
            && known.get_num_args().is_none_or(|count| count.min_values() > 0)
    });
    if let Some(long) = arg.strip_prefix("--") {
        return needing.any(|known| known.get_long_and_visible_aliases().is_some_and(|names| names.contains(&long)));
    }
    // A value may follow its letter at once: `-i4`. Only a last letter takes the next argument.
    let mut letters = arg.strip_prefix('-').unwrap_or_default().chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => needing.any(|known| known.get_short() == Some(letter)),
        _ => false,
    }
}
