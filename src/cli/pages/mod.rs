//! What `--help` and `help` show of a command, laid out for the width that there is.
//!
//! ```text
//!  definition of a command ─▶ page ─┬─ columns   names at the left, what they mean at the right
//!                                   └─ blocks    examples, and the sentences behind them
//! ```

mod blocks;
mod columns;
mod page;
#[cfg(test)]
mod tests;

pub(super) use blocks::{Block, blocks};
pub(super) use page::{page, told, width};
