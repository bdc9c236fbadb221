//! The text behind the options: examples as they are typed, and sentences, which are filled into lines.

use super::columns::{filled, pair};
use crate::cli::render::text;

/// What a text is made of.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Block<'a> {
    Blank,
    /// A line that is to be typed, and what it does; it begins with two blanks.
    Example {
        typed: &'a str,
        meaning: &'a str,
        /// Where meanings begin in this text.
        column: usize,
    },
    Paragraph(String),
}

/// Takes a text apart. Lines that follow on one another are a paragraph, wherever they were broken.
pub(in crate::cli) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for line in text.lines() {
        if line.is_empty() {
            blocks.push(Block::Blank);
        } else if let Some(example) = line.strip_prefix("  ") {
            // What is typed has no two blanks in a row.
            let (typed, meaning) = example.split_once("  ").unwrap_or((example, ""));
            let meaning = meaning.trim_start();
            let column = if meaning.is_empty() { 0 } else { text::width(line) - text::width(meaning) };
            blocks.push(Block::Example { typed: &line[..typed.len() + 2], meaning, column });
        } else if let Some(Block::Paragraph(paragraph)) = blocks.last_mut() {
            paragraph.push(' ');
            paragraph.push_str(line);
        } else {
            blocks.push(Block::Paragraph(line.to_owned()));
        }
    }
    blocks
}

/// The text in lines of a width.
pub(in crate::cli) fn laid_out(text: &str, width: usize) -> String {
    let mut laid_out = String::new();
    for block in blocks(text) {
        match block {
            Block::Blank => laid_out.push('\n'),
            Block::Example { typed, meaning, column } => pair(&mut laid_out, (typed, typed), meaning, column, width),
            Block::Paragraph(words) => {
                for line in filled(&words, width) {
                    laid_out.push_str(&line);
                    laid_out.push('\n');
                }
            }
        }
    }
    laid_out
}
