//! `runtime`: apps as the program of a container.

use super::plan::Plan;
use super::play::play;
use super::show::Manner;
use crate::cli::args::{Global, RuntimeArgs};
use crate::sys::init;
use std::io::Write;
use std::time::Duration;

/// Runs until the apps have ended or somebody asks for the end, and gives the exit code.
pub(in crate::cli) fn runtime(global: &Global, args: RuntimeArgs) -> u8 {
    if args.init || init::is_first() {
        match init::divide() {
            Ok(None) => {}
            Ok(Some(code)) => return code,
            Err(error) => {
                _ = writeln!(anstream::stderr(), "warning: orphans are not buried: {error}");
            }
        }
    }
    play(global, |screen| {
        if args.web.is_some() {
            screen.warn("--web is ignored: there is no listing over HTTP here");
        }
        let plan = Plan::new(args.targets, &args.file, &args.app, &args.app_args)?;
        let manner = if global.json {
            Some(Manner::Json)
        } else if args.format {
            Some(Manner::Pairs)
        } else {
            args.formatted.then_some(Manner::Prefixed { timestamp: false })
        };
        Ok(Plan { manner, delay: Duration::from_secs(args.delay.into()), auto_exit: !args.no_auto_exit, ..plan })
    })
}
