//! Words in lines of a width, and two columns of them.

use crate::cli::render::text;

/// A column of text that is narrower is no help.
const NARROWEST: usize = 24;

/// Fills lines with words. A word that is longer than a line has a line of its own.
pub(super) fn filled(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text::width(line) + 1 + text::width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A name and what it means: behind it where there is room, below it where the name is too long for its column. `styled`
/// is the name as it is shown, which has the same width.
pub(super) fn pair(into: &mut String, (name, styled): (&str, &str), meaning: &str, column: usize, width: usize) {
    let used = text::width(name);
    into.push_str(styled);
    let mut at = used;
    if used + 2 > column || column + NARROWEST > width {
        into.push('\n');
        at = 0;
    }
    let column = if column + NARROWEST > width { INDENT } else { column };
    for (number, line) in filled(meaning, width.saturating_sub(column)).iter().enumerate() {
        if number > 0 {
            at = 0;
        }
        into.extend(std::iter::repeat_n(' ', column - at));
        into.push_str(line);
        into.push('\n');
    }
    if meaning.trim().is_empty() && at > 0 {
        into.push('\n');
    }
}

/// Where meanings begin that stand below their names.
const INDENT: usize = 6;
