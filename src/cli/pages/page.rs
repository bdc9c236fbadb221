//! One command's page.

use super::blocks::laid_out;
use super::columns::{filled, pair};
use crate::cli::args::Cli;
use crate::cli::render::text;
use crate::sys::terminal;
use clap::builder::{PossibleValue, StyledStr, Styles};
use clap::{Arg, ArgAction, Command, CommandFactory};
use std::fmt::Write;
use std::io::{self, IsTerminal};

/// Longer lines are hard to read, however wide the window is.
const WIDEST: usize = 110;
const NARROWEST: usize = 40;
/// Where nobody tells.
const USUAL: usize = 100;
const OPTIONS: &str = "Options";
const USAGE: &str = "Usage:";

/// The width of pages on standard output.
pub(in crate::cli) fn width() -> usize {
    let out = io::stdout();
    let columns = if out.is_terminal() { terminal::width(&out) } else { None };
    columns.unwrap_or(USUAL).clamp(NARROWEST, WIDEST)
}

/// The whole command line, whose commands tell of themselves in these pages.
pub(in crate::cli) fn told(width: usize) -> Command {
    let mut cli = Cli::command().term_width(width);
    cli.build();
    let names: Vec<String> = cli.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for name in names {
        cli = cli.mut_subcommand(name, |mut verb| {
            let page = page(&mut verb, width);
            verb.override_help(page)
        });
    }
    cli
}

pub(in crate::cli) fn page(verb: &mut Command, width: usize) -> StyledStr {
    let styles = verb.get_styles().clone();
    let head = styles.get_header();
    let mut page = String::new();
    let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
    for line in filled(&about, width) {
        push(&mut page, &line);
    }
    let usage = verb.render_usage().to_string();
    let usage = filled(usage.trim_start_matches("Usage:"), width - USAGE.len() - 1);
    push(&mut page, &format!("\n{head}{USAGE}{head:#} {}", usage.join(&format!("\n{}", " ".repeat(USAGE.len() + 1)))));
    let shown: Vec<&Arg> = verb.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    let (places, options): (Vec<&Arg>, Vec<&Arg>) = shown.into_iter().partition(|arg| arg.is_positional());
    section(&mut page, "Arguments", &places, &styles, (column_of(&places, width), width));
    let column = column_of(&options, width);
    for heading in headings(&options) {
        let of: Vec<&Arg> = options.iter().copied().filter(|arg| heading_of(arg) == heading).collect();
        section(&mut page, heading, &of, &styles, (column, width));
    }
    if let Some(more) = verb.get_after_help() {
        page.push('\n');
        page.push_str(&laid_out(&more.to_string(), width));
    }
    StyledStr::from(page.trim_end().to_owned() + "\n")
}

fn push(page: &mut String, line: &str) {
    page.push_str(line);
    page.push('\n');
}

fn heading_of(arg: &Arg) -> &str {
    arg.get_help_heading().unwrap_or(OPTIONS)
}

/// In the order in which they come first, what belongs nowhere before all others.
fn headings<'a>(options: &[&'a Arg]) -> Vec<&'a str> {
    let mut headings = Vec::new();
    if options.iter().any(|arg| heading_of(arg) == OPTIONS) {
        headings.push(OPTIONS);
    }
    for arg in options {
        if !headings.contains(&heading_of(arg)) {
            headings.push(heading_of(arg));
        }
    }
    headings
}

/// Where meanings begin. A name that is longer than a good column has its meaning below it.
fn column_of(args: &[&Arg], width: usize) -> usize {
    let most = width * 2 / 5;
    let widths = args.iter().map(|arg| text::width(&name(arg, &Styles::plain()).0) + 2);
    widths.filter(|width| *width <= most).max().unwrap_or(most)
}

fn section(page: &mut String, heading: &str, args: &[&Arg], styles: &Styles, (column, width): (usize, usize)) {
    if args.is_empty() {
        return;
    }
    let head = styles.get_header();
    push(page, &format!("\n{head}{heading}:{head:#}"));
    for arg in args {
        let (name, styled) = name(arg, styles);
        pair(page, (&name, &styled), &meaning(arg), column, width);
    }
}

/// As it is, and as it is shown.
fn name(arg: &Arg, styles: &Styles) -> (String, String) {
    let literal = styles.get_literal();
    // Clap's own way to write it: `--name <NAME>`, `[TARGET]...`.
    let written = arg.to_string();
    if arg.is_positional() {
        let name = format!("  {written}");
        return (name.clone(), name);
    }
    let end = written.find([' ', '[', '<']).unwrap_or(written.len());
    let (long, value) = written.split_at(end);
    let short = match arg.get_short() {
        Some(short) if arg.get_long().is_some() => format!("-{short}, "),
        _ => "    ".to_owned(),
    };
    let mut styled = String::new();
    // Writing to a String cannot fail.
    let _ = write!(styled, "  {literal}{short}{long}{literal:#}{value}");
    (format!("  {short}{long}{value}"), styled)
}

fn meaning(arg: &Arg) -> String {
    let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let also = arg.get_visible_aliases().unwrap_or_default();
    if !also.is_empty() {
        let also: Vec<String> = also.iter().map(|alias| format!("--{alias}")).collect();
        let _ = write!(meaning, " (also {})", also.join(", "));
    }
    if !matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        return meaning;
    }
    let usual: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !usual.is_empty() && !arg.is_hide_default_value_set() {
        let _ = write!(meaning, " [default: {}]", usual.join(" "));
    }
    let values = arg.get_possible_values();
    let values: Vec<_> = values.iter().filter(|value| !value.is_hide_set()).map(PossibleValue::get_name).collect();
    if !values.is_empty() && !arg.is_hide_possible_values_set() {
        let _ = write!(meaning, " [{}]", values.join(", "));
    }
    meaning
}
