//! `monit`: all processes, and of one of them its output, its metrics, and what it is. On a screen of its own.

mod board;
mod panes;
mod run;

pub(super) use run::run;
