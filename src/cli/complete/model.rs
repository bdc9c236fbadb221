//! From words and a place among them to candidates. Pure.

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

/// A word that could stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) word: String,
    pub(crate) about: String,
}

impl Candidate {
    pub(crate) fn new(word: &str, about: &str) -> Self {
        Self { word: word.to_owned(), about: about.to_owned() }
    }
}

/// What only others know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Names of apps.
    Apps,
    /// The shell's own.
    Files,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What stands before the cursor.
    pub(crate) begun: String,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) wanted: Vec<Wanted>,
}

/// What could stand at the place `at` of the words, of which the first is the program. The definition has been built.
pub(crate) fn at(cli: &Command, words: &[String], at: usize) -> Asked {
    let mut words = joined(words, at);
    let begun = words.pop().unwrap_or_default();
    let before = words.get(1..).unwrap_or_default();
    let mut asked = Asked { begun: begun.clone(), ..Asked::default() };
    if before.iter().any(|word| word == "--") {
        asked.wanted.push(Wanted::Files);
        return asked;
    }
    let Position { verb, value_of, places } = Position::after(cli, before);
    let (option, typed) = match begun.split_once('=').filter(|_| begun.starts_with("--")) {
        Some((name, value)) => (find(cli, verb, name), Some(value.to_owned())),
        None => (value_of, None),
    };
    if let Some(option) = option {
        values(cli, option, &mut asked);
        if let Some(value) = typed {
            // Shells take what stands behind the sign for a word of its own.
            asked.begun = value;
        }
    } else if begun.starts_with('-') {
        asked.candidates = options(cli, verb);
    } else if let Some(verb) = verb {
        if let Some(place) = place(verb, places) {
            values(cli, place, &mut asked);
        }
    } else if places == 0 {
        asked.candidates = verbs(cli, &begun);
    }
    let begun = asked.begun.clone();
    asked.candidates.retain(|candidate| candidate.word.starts_with(&begun));
    asked
}

/// Up to the place. Some shells split words at signs of equality.
fn joined(words: &[String], at: usize) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut is_open = false;
    for (index, word) in words.iter().enumerate().take(at + 1) {
        match joined.last_mut() {
            Some(last) if index > 1 && word == "=" && last.starts_with("--") => {
                last.push('=');
                is_open = true;
            }
            Some(last) if is_open => {
                last.push_str(word);
                is_open = false;
            }
            _ => joined.push(word.clone()),
        }
    }
    // The cursor may stand behind the last word.
    if words.len() <= at {
        joined.push(String::new());
    }
    joined
}

/// Where words end.
#[derive(Default)]
struct Position<'a> {
    verb: Option<&'a Command>,
    /// The option whose value comes next.
    value_of: Option<&'a Arg>,
    /// How many words were no options; without a verb the first of them is none.
    places: usize,
}

impl<'a> Position<'a> {
    fn after(cli: &'a Command, words: &[String]) -> Self {
        let mut position = Self::default();
        for word in words {
            if position.value_of.take().is_some() {
                continue;
            }
            if word.starts_with('-') {
                position.value_of = find(cli, position.verb, word).filter(|arg| needs_value(arg));
            } else if position.verb.is_none() && position.places == 0 {
                position.verb = cli.find_subcommand(word);
                position.places = usize::from(position.verb.is_none());
            } else {
                position.places += 1;
            }
        }
        position
    }
}

fn needs_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
        && arg.get_num_args().is_none_or(|count| count.min_values() > 0)
}

/// The option that a word is. Before the verb it can be any verb's.
fn find<'a>(cli: &'a Command, verb: Option<&'a Command>, word: &str) -> Option<&'a Arg> {
    let mut known: Box<dyn Iterator<Item = &Arg>> = match verb {
        Some(verb) => Box::new(verb.get_arguments().chain(cli.get_arguments())),
        None => Box::new(cli.get_arguments().chain(cli.get_subcommands().flat_map(Command::get_arguments))),
    };
    match (word.strip_prefix("--"), word.strip_prefix('-')) {
        (Some(long), _) => known.find(|arg| arg.get_long_and_visible_aliases().is_some_and(|all| all.contains(&long))),
        (None, Some(letters)) => {
            // `-i4` has its value already.
            let mut letters = letters.chars();
            let letter = letters.next().filter(|_| letters.next().is_none())?;
            known.find(|arg| arg.get_short_and_visible_aliases().is_some_and(|all| all.contains(&letter)))
        }
        (None, None) => None,
    }
}

fn options(cli: &Command, verb: Option<&Command>) -> Vec<Candidate> {
    let all = verb.into_iter().flat_map(Command::get_arguments).chain(cli.get_arguments());
    let mut options: Vec<Candidate> = Vec::new();
    for arg in all.filter(|arg| !arg.is_hide_set() && !arg.is_positional()) {
        let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let word = match (arg.get_long(), arg.get_short()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some(short)) => format!("-{short}"),
            (None, None) => continue,
        };
        if !options.iter().any(|known| known.word == word) {
            options.push(Candidate { word, about });
        }
    }
    options
}

/// Aliases only where they are meant.
fn verbs(cli: &Command, begun: &str) -> Vec<Candidate> {
    let mut verbs = Vec::new();
    for verb in cli.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        let names = std::iter::once(verb.get_name()).chain(verb.get_visible_aliases());
        let meant = names.filter(|name| name.starts_with(begun)).take(1);
        verbs.extend(meant.map(|name| Candidate::new(name, &about)));
    }
    verbs
}

/// The argument at a place; the last takes all that follow.
fn place(verb: &Command, number: usize) -> Option<&Arg> {
    let mut places: Vec<_> = verb.get_positionals().filter(|arg| !arg.is_last_set() && !arg.is_hide_set()).collect();
    places.sort_by_key(|arg| arg.get_index());
    let last = places.last().copied();
    places.get(number).copied().or_else(|| last.filter(|arg| matches!(arg.get_action(), ArgAction::Append)))
}

/// What an argument can be.
fn values(cli: &Command, arg: &Arg, asked: &mut Asked) {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let shown = possible.iter().filter(|value| !value.is_hide_set());
        let about = |value: &PossibleValue| value.get_help().map(ToString::to_string).unwrap_or_default();
        asked.candidates.extend(shown.map(|value| Candidate::new(value.get_name(), &about(value))));
        return;
    }
    let name = arg.get_value_names().and_then(|names| names.first()).map(|name| name.to_ascii_lowercase());
    let (name, is_place) = (name.unwrap_or_default(), arg.is_positional());
    if is_place && name == "command" {
        asked.candidates.extend(verbs(cli, &asked.begun));
    }
    let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let takes_files = matches!(name.as_str(), "file" | "dir" | "path" | "program");
    if takes_files || is_place && about.to_ascii_lowercase().contains("file") {
        asked.wanted.push(Wanted::Files);
    }
    if is_place && matches!(name.as_str(), "target" | "name" | "id" | "job" | "app") || name == "names" {
        asked.wanted.push(Wanted::Apps);
    }
}

/// For a script: whether the shell's files belong to it, then a line a word.
pub(crate) fn text(candidates: &[Candidate], files: bool) -> String {
    let mut text = String::from(if files { "files\n" } else { "words\n" });
    for Candidate { word, about } in candidates {
        // What is no line of its own cannot be told.
        if !word.contains(['\n', '\t']) {
            let about = about.lines().next().unwrap_or_default();
            text.extend([word, "\t", about, "\n"]);
        }
    }
    text
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
