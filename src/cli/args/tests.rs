use super::*;
use crate::cli::args::EXAMPLES;
use crate::cli::args::apps::Count;

fn parsed(line: &str) -> Parsed {
    parse(std::iter::once("rpm".into()).chain(shell_words::split(line).unwrap().into_iter().map(OsString::from)))
}

fn command(line: &str) -> (Global, Command) {
    match parsed(line) {
        Parsed::Run(global, command) => (global, command),
        other => panic!("{line}: {other:?}"),
    }
}

fn start(line: &str) -> super::super::StartArgs {
    match command(line).1 {
        Command::Start(args) => *args,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_overview_names_every_command_and_alias() {
    for command in Cli::command().get_subcommands() {
        let line =
            help::OVERVIEW.lines().find(|line| line.trim_start().starts_with(&format!("{} ", command.get_name())));
        let line = line.unwrap_or_else(|| panic!("{} is missing", command.get_name()));
        for alias in command.get_visible_aliases() {
            assert!(line.contains(alias), "{alias} is missing");
        }
    }
}

#[test]
fn every_example_of_the_help_can_be_parsed() {
    let verbs = Cli::command();
    let helps = verbs.get_subcommands().filter_map(|verb| verb.get_after_help()).map(ToString::to_string);
    let mut count = 0;
    for help in helps.chain([help::OVERVIEW_EXAMPLES.to_owned(), EXAMPLES.to_owned()]) {
        for line in help.lines().filter_map(|line| line.strip_prefix("  rpm ")) {
            let example = line.split("   ").next().unwrap().split(" | ").next().unwrap();
            assert!(matches!(parsed(example), Parsed::Run(..)), "{example}: {:?}", parsed(example));
            count += 1;
        }
    }
    assert!(count > 60);
}

#[test]
fn aliases_mean_their_command() {
    for line in ["list", "ls", "l", "ps", "status"] {
        assert!(matches!(command(line).1, Command::List(_)), "{line}");
    }
    for line in ["describe 0", "desc 0", "info 0", "show 0"] {
        assert!(matches!(command(line).1, Command::Describe(_)), "{line}");
    }
    assert!(matches!(command("log").1, Command::Logs(_)));
    assert!(matches!(command("del all").1, Command::Delete(_)));
    assert!(matches!(command("sendSignal SIGHUP 0").1, Command::SendSignal(_)));
}

#[test]
fn options_stand_before_or_after_the_command() {
    for line in [
        "start app.js --name api -i 4 -s",
        "--name api -i 4 -s start app.js",
        "-s start --name=api app.js -i4",
        "--name=api start -s -i 4 app.js",
        "-i4 -s start app.js -n api",
    ] {
        let (global, command) = command(line);
        let Command::Start(args) = command else { panic!("{line}") };
        assert!(global.silent, "{line}");
        assert_eq!(args.targets, ["app.js"], "{line}");
        assert_eq!((args.app.name.as_deref(), args.app.instances.as_deref()), (Some("api"), Some("4")), "{line}");
    }
    assert_eq!(start("--name list start app.js").app.name.as_deref(), Some("list"));
}

#[test]
fn what_follows_two_hyphens_belongs_to_the_app() {
    let (global, command) = command("start app.js -- -s --silent -v start --name x -- y");
    let Command::Start(args) = command else { panic!() };
    assert!(!global.silent);
    assert_eq!(args.targets, ["app.js"]);
    assert_eq!(args.app_args, ["-s", "--silent", "-v", "start", "--name", "x", "--", "y"]);
    assert_eq!(args.app.name, None);
}

#[test]
fn values_may_begin_with_a_hyphen_where_that_makes_sense() {
    assert_eq!(start("start app.js -i -1").app.instances.as_deref(), Some("-1"));
    let args = start("start app.js --node-args --inspect=0");
    assert_eq!(args.app.interpreter_args.as_deref(), Some("--inspect=0"));
    let counts = [("4", 4, false), ("+2", 2, true), ("-1", -1, true)];
    for (text, value, relative) in counts {
        let Command::Scale(args) = command(&format!("scale api {text}")).1 else { panic!() };
        assert_eq!(args.count, Count { value: Some(value), relative });
    }
}

#[test]
fn names_of_only_are_apart_by_commas_or_blanks() {
    let args = start("start x.json --only 'a, b' --only c");
    assert_eq!(args.file.names(), Some(vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(start("start x.json").file.names(), None);
}

#[test]
fn a_prefix_to_filter_may_be_absent() {
    assert_eq!(start("start app.js --filter-env").app.filter_env, [""]);
    assert_eq!(start("start app.js --filter-env A --filter-env B").app.filter_env, ["A", "B"]);
}

#[test]
fn versions_in_every_spelling() {
    for line in ["-v", "-V", "--version", "--no-color -v"] {
        assert!(matches!(parsed(line), Parsed::Version), "{line}");
    }
}

#[test]
fn mistakes_are_told_and_help_is_not_one() {
    for line in
        ["lst", "start --nmae x", "stop", "scale api x", "scale api", "jlist extra", "kill extra", "logs --raw --json"]
    {
        let Parsed::Stop(error) = parsed(line) else { panic!("{line}") };
        assert!(error.use_stderr(), "{line}");
    }
    for line in ["--help", "-h", "start --help", "help-me --help"] {
        assert!(matches!(parsed(line), Parsed::Stop(_)), "{line}");
    }
    let Parsed::Stop(help) = parsed("start --help") else { panic!() };
    assert!(!help.use_stderr());
    let Parsed::Stop(error) = parsed("resart api") else { panic!() };
    assert!(error.to_string().contains("restart"), "{error}");
    assert!(matches!(parsed(""), Parsed::Nothing));
    assert!(matches!(parsed("-s"), Parsed::Nothing));
}
