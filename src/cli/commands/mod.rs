//! One file a verb; `dispatch` knows them all.

mod amend;
mod apps;
mod changes;
mod delete;
mod describe;
mod dispatch;
mod flags;
mod flush;
mod jlist;
mod jobs;
mod kill;
mod list;
mod logs;
mod ping;
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

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;

pub(crate) use dispatch::run;
