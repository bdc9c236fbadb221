//! The manual page, made from the definition of the command line.

use super::args::Cli;
use super::pages::{Block, blocks};
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

const HEAD: &str = r#".TH RPM 1 "" "rpm-native" "User Commands"
.SH NAME
rpm, rpm\-native \- keep programs running: a process manager
.SH SYNOPSIS
.B rpm
.I command
.RI [ options ]
.RI [ target ...]
.RB [ \-\-
.IR arguments ...]
"#;

const TAIL: &str = r#".SH EXIT STATUS
0 when all went well, 1 otherwise. There are no other codes, but for what runs a program in the foreground.
.SH ENVIRONMENT
.TP
.B RPM_HOME
Where everything is kept, by default ~/.rpm. PM2_HOME is never read.
.TP
.BR RPM_SILENT ", " PM2_SILENT
Any value: nothing is printed but what was asked for, and errors.
.TP
.BR RPM_HEARTBEAT ", " RPM_READY_TIMEOUT ", " RPM_END_TIMEOUT
Milliseconds: between two signs of life of the daemon, for an update to take over, for an orderly end without a daemon.
.TP
.B RPM_BOOT
Set to 1 by the units of
.BR "rpm startup" :
a daemon that has it begins with the list that was last there.
.TP
.B NO_COLOR
Any value: no colours.
.SH FILES
.TP
.I ~/.rpm/rpm.sock
The control socket: HTTP and JSON.
.TP
.I ~/.rpm/state.json
What should run.
.TP
.I ~/.rpm/logs
Output of the apps.
.TP
.I ~/.rpm/rpm.log
What the daemon says.
.TP
.I ~/.rpm/bin
Copies of the programs for the boot of the machine, after
.BR "rpm startup" .
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1),
.BR node (1)
"#;

/// The whole page, as troff.
pub(super) fn page() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut page = HEAD.to_owned();
    let about = cli.get_about().map(ToString::to_string).unwrap_or_default();
    section(&mut page, "DESCRIPTION", &[text(&about)]);
    page.push_str(".SH COMMANDS\n");
    let start = cli.find_subcommand("start").cloned();
    for verb in cli.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        command(&mut page, verb, start.as_ref().filter(|start| start.get_name() != verb.get_name()));
    }
    page.push_str(".SH OPTIONS OF ALL COMMANDS\n");
    cli.get_arguments().for_each(|arg| option(&mut page, arg));
    page.push_str(TAIL);
    page
}

fn section(page: &mut String, name: &str, lines: &[String]) {
    // Writing to a String cannot fail.
    let _ = write!(page, ".SH {name}\n{}\n", lines.join("\n"));
}

fn command(page: &mut String, verb: &Command, start: Option<&Command>) {
    let names: Vec<_> = std::iter::once(verb.get_name()).chain(verb.get_visible_aliases()).map(text).collect();
    let _ = writeln!(page, ".SS {}", names.join(", "));
    let _ = writeln!(page, ".B rpm {}", text(verb.get_name()));
    for arg in verb.get_positionals().filter(|arg| !arg.is_hide_set()) {
        let _ = writeln!(page, "{}", place(arg));
    }
    page.push_str(".PP\n");
    let _ = writeln!(page, "{}.", text(&verb.get_about().map(ToString::to_string).unwrap_or_default()));
    let is_shared = |arg: &Arg| start.is_some_and(|start| start.get_arguments().any(|known| same(known, arg)));
    let shown = verb.get_arguments().filter(|arg| !arg.is_hide_set() && !arg.is_global_set());
    let (shared, own): (Vec<_>, Vec<_>) = shown.partition(|arg| !arg.is_positional() && is_shared(arg));
    // A verb that takes what an app is takes all of it.
    let is_app = shared.len() > 10;
    own.iter().chain(shared.iter().filter(|_| !is_app)).for_each(|arg| option(page, arg));
    if is_app {
        page.push_str(".PP\nAnd the options of\n.BR start .\n");
    }
    if let Some(more) = verb.get_after_help() {
        behind(page, &more.to_string());
    }
}

/// Examples as they are typed, sentences for troff to fill.
fn behind(page: &mut String, more: &str) {
    page.push_str(".PP\n");
    for block in blocks(more) {
        let _ = match block {
            Block::Blank => writeln!(page, ".PP"),
            Block::Example { typed, meaning: "", .. } => writeln!(page, ".TP\n\\fB{}\\fR", text(typed.trim_start())),
            Block::Example { typed, meaning, .. } => {
                writeln!(page, ".TP\n\\fB{}\\fR\n{}", text(typed.trim_start()), text(meaning))
            }
            Block::Paragraph(words) => writeln!(page, "{}", text(&words)),
        };
    }
}

fn same(one: &Arg, other: &Arg) -> bool {
    one.get_id() == other.get_id() && one.get_long() == other.get_long()
}

fn value(arg: &Arg) -> Option<String> {
    if !arg.get_action().takes_values() {
        return None;
    }
    let names = arg.get_value_names()?.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Some(names.to_ascii_lowercase())
}

fn place(arg: &Arg) -> String {
    let name = text(&value(arg).unwrap_or_default());
    match (arg.is_last_set(), arg.is_required_set()) {
        (true, _) => format!(".RB [ \\-\\-\n.IR {name} ]"),
        (false, true) => format!(".I {name}"),
        (false, false) => format!(".RI [ {name} ]"),
    }
}

fn option(page: &mut String, arg: &Arg) {
    if arg.is_hide_set() {
        return;
    }
    let about = text(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    let name = value(arg).map(|name| text(&name));
    if arg.is_positional() {
        let _ = write!(page, ".TP\n.I {}\n{about}\n", name.unwrap_or_default());
        return;
    }
    let short = arg.get_short().map(|letter| format!("\\-{letter}"));
    let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
    let longs = longs.into_iter().map(|long| format!("\\-\\-{}", text(long)));
    let names: Vec<_> = short.into_iter().chain(longs).map(|name| format!("\\fB{name}\\fR")).collect();
    let value = name.map(|name| format!(" \\fI{name}\\fR")).unwrap_or_default();
    let _ = write!(page, ".TP\n{}{value}\n{about}\n", names.join(", "));
}

/// What troff would take for its own stays text.
fn text(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Committed, so that it is packaged; `RPM_WRITE_GENERATED=1` writes it anew.
    #[test]
    fn the_page_is_generated() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rpm.1");
        if std::env::var_os("RPM_WRITE_GENERATED").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == page(), "docs/rpm.1 is not what the commands say now: RPM_WRITE_GENERATED=1 writes it");
    }

    #[test]
    fn it_names_every_command_and_option_once() {
        let page = page();
        for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let line = format!(".SS {}", text(verb.get_name()));
            assert_eq!(page.lines().filter(|found| found.split(',').next() == Some(&line)).count(), 1, "{line}");
        }
        assert_eq!(page.matches("\\fB\\-\\-max\\-memory\\-restart\\fR").count(), 1);
        assert!(!page.contains("\\-\\-program"), "hidden ones are nobody's");
    }

    #[test]
    fn what_looks_like_troff_is_text() {
        assert_eq!(text(".rpm - a\\b"), "\\&.rpm \\- a\\eb");
        assert_eq!(text("'x"), "\\&'x");
    }
}
