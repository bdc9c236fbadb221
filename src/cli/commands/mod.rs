//! One file a verb; `dispatch` knows them all.

mod amend;
mod apply;
mod apps;
pub(in crate::cli) mod changes;
mod delete;
mod describe;
mod dispatch;
pub(in crate::cli) mod env;
mod flags;
mod flush;
mod fresh;
mod init;
mod jlist;
mod jobs;
mod kill;
mod list;
mod logs;
mod ping;
pub(in crate::cli) mod plan;
mod reapply;
mod reload;
mod reset;
mod restart;
mod run;
mod scale;
mod signal;
mod start;
mod stop;
mod update;
mod validate;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;

pub(crate) use dispatch::run;
