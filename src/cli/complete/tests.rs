use super::*;
use crate::cli::args::Cli;
use clap::CommandFactory;

/// The cursor stands at the end of the line.
fn asked(line: &str) -> Asked {
    let mut cli = Cli::command();
    cli.build();
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    if line.ends_with(' ') {
        words.push(String::new());
    }
    let place = words.len() - 1;
    at(&cli, &words, place)
}

fn words(line: &str) -> Vec<String> {
    asked(line).candidates.into_iter().map(|candidate| candidate.word).collect()
}

#[test]
fn verbs_come_first() {
    let all = words("rpm ");
    assert!(all.contains(&"start".to_owned()) && all.contains(&"sendSignal".to_owned()), "{all:?}");
    assert!(!all.contains(&"ls".to_owned()), "an alias is one name too many");
    assert_eq!(words("rpm rel"), ["reload", "reloadLogs"]);
    assert_eq!(words("rpm ls"), ["ls"]);
    assert_eq!(words("rpm --silent rel"), ["reload", "reloadLogs"]);
    assert_eq!(words("rpm help unst"), ["unstartup"]);
    assert!(words("rpm nothing ").is_empty());
}

#[test]
fn options_are_those_of_the_verb() {
    let found = words("rpm start app.js --max");
    assert_eq!(found, ["--max-restarts", "--max-memory-restart"]);
    assert!(words("rpm logs --").contains(&"--nostream".to_owned()));
    assert!(words("rpm ls --").contains(&"--silent".to_owned()), "those of all verbs too");
    assert!(!words("rpm update --").contains(&"--program".to_owned()), "hidden");
}

#[test]
fn values_follow_their_options() {
    assert_eq!(asked("rpm start --cwd ").wanted, [Wanted::Files]);
    assert_eq!(asked("rpm start --cwd=/et").wanted, [Wanted::Files]);
    assert_eq!(asked("rpm start --cwd=/et").begun, "/et");
    assert_eq!(asked("rpm --name api start ").wanted, [Wanted::Files, Wanted::Apps]);
    assert_eq!(asked("rpm start --name "), Asked::default());
    assert_eq!(asked("rpm start x.json --only ").wanted, [Wanted::Apps]);
    assert_eq!(words("rpm completion "), ["bash", "zsh", "fish"]);
    assert_eq!(words("rpm completion z"), ["zsh"]);
}

#[test]
fn targets_are_apps_and_files() {
    assert_eq!(asked("rpm stop a").wanted, [Wanted::Files, Wanted::Apps]);
    assert_eq!(asked("rpm describe ").wanted, [Wanted::Apps]);
    assert_eq!(asked("rpm restart a b ").wanted, [Wanted::Files, Wanted::Apps]);
    assert_eq!(asked("rpm describe a ").wanted, [], "it takes one");
    assert_eq!(asked("rpm validate ").wanted, [Wanted::Files]);
    assert_eq!(asked("rpm start app.js -- --na").wanted, [Wanted::Files], "these are the app's");
    assert!(asked("rpm start app.js -- --na").candidates.is_empty());
}

#[test]
fn words_that_a_shell_has_split_are_one() {
    let mut cli = Cli::command();
    cli.build();
    let words = ["rpm", "start", "--cwd", "=", "/et"].map(str::to_owned);
    let asked = at(&cli, &words, 4);
    assert_eq!((asked.begun.as_str(), asked.wanted), ("/et", vec![Wanted::Files]));
    assert_eq!(at(&cli, &words[..2], 2).begun, "", "the cursor is behind the last word");
}

#[test]
fn every_place_in_every_verb_can_be_asked() {
    let mut cli = Cli::command();
    cli.build();
    for verb in cli.get_subcommands() {
        for rest in ["", "-", "--", "x ", "x y ", "--name ", "--name=", "-n "] {
            let line = format!("rpm {} {rest}", verb.get_name());
            let asked = asked(&line);
            assert!(asked.candidates.iter().all(|candidate| candidate.word.starts_with(&asked.begun)), "{line}");
        }
    }
}

#[test]
fn lines_are_lines() {
    let candidates = [Candidate::new("a", "one\ntwo"), Candidate::new("b\nc", "no word of one line")];
    assert_eq!(text(&candidates, true), "files\na\tone\n");
    assert_eq!(text(&[], false), "words\n");
}
