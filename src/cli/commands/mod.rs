//! One file a verb; `dispatch` knows them all.

mod amend;
mod apply;
mod apps;
mod attach;
mod attached;
pub(in crate::cli) mod changes;
mod completion;
mod delete;
mod describe;
mod dispatch;
pub(in crate::cli) mod env;
mod examples;
mod flags;
mod flush;
pub(in crate::cli) mod foreground;
mod fresh;
mod groups;
mod help;
mod id;
mod init;
mod jlist;
mod jobs;
mod kill;
mod list;
mod live;
mod logrotate;
mod logs;
mod machine;
pub(in crate::cli) mod migrate;
mod monit;
mod monitor;
mod pid;
mod ping;
pub(in crate::cli) mod plan;
mod prettylist;
mod reapply;
mod reload;
mod removed;
mod rename;
pub(in crate::cli) mod report;
mod reset;
mod restart;
mod resurrect;
mod run;
mod save;
mod scale;
mod send;
mod serve;
mod settings;
mod signal;
mod start;
mod startup;
mod stop;
mod sysinfos;
mod takeover;
mod trigger;
mod unstartup;
mod update;
mod validate;
mod web;
mod write;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod options_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;

pub(crate) use dispatch::run;
