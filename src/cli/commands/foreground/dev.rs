//! `dev`: apps while they are written. Restarted when files change, gone when it ends.

use super::plan::Plan;
use super::play::play;
use super::show::Manner;
use crate::cli::args::{DevArgs, Global};
use crate::config::{AppOptions, Watched};

/// What would else be watched, and is nobody's to write.
const IGNORED: [&str; 2] = [".*", "node_modules/"];
/// Before an app that has ended by itself is started again: nobody can read it faster.
const RESTART_DELAY: u64 = 1000;

/// Runs until somebody asks for the end, and gives the exit code.
pub(in crate::cli) fn dev(global: &Global, args: DevArgs) -> u8 {
    play(global, || {
        let plan = Plan::new(args.targets, &args.file, &args.app, &args.app_args)?;
        let manner = match (global.json, args.raw) {
            (true, _) => Manner::Json,
            (false, true) => Manner::Raw,
            (false, false) => Manner::Prefixed { timestamp: args.timestamp },
        };
        let options = watching(plan.options, args.ignore);
        Ok(Plan { options, manner: Some(manner), auto_exit: args.auto_exit, after_restart: args.post_exec, ..plan })
    })
}

fn watching(mut options: AppOptions, ignored: Vec<String>) -> AppOptions {
    options.watch.get_or_insert(Watched::Everything);
    options.restart_delay.get_or_insert(RESTART_DELAY);
    if !ignored.is_empty() {
        let ignore = options.ignore_watch.get_or_insert_default();
        ignore.extend(ignored);
        ignore.extend(IGNORED.map(str::to_owned));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_and_what_is_not() {
        let plain = watching(AppOptions::default(), Vec::new());
        assert_eq!((plain.watch, plain.ignore_watch), (Some(Watched::Everything), None));
        assert_eq!(plain.restart_delay, Some(1000));
        let some = AppOptions { watch: Some(Watched::Paths(vec!["src".into()])), ..AppOptions::default() };
        let some = watching(some, vec!["tmp".into()]);
        assert_eq!(some.watch, Some(Watched::Paths(vec!["src".into()])));
        assert_eq!(some.ignore_watch.unwrap(), ["tmp", ".*", "node_modules/"]);
    }
}
