//! `runtime`: apps as the program of a container.

use super::orphans;
use super::plan::{Plan, caller};
use super::play::play;
use super::show::Manner;
use crate::cli::args::{Global, RuntimeArgs};
use crate::cli::web;
use std::time::Duration;

/// Runs until the apps have ended or somebody asks for the end, and gives the exit code.
pub(in crate::cli) fn runtime(global: &Global, args: RuntimeArgs) -> u8 {
    let divided = if args.init { orphans::divide() } else { orphans::divide_first() };
    if let Some(code) = divided {
        return code;
    }
    play(global, || {
        let plan = Plan::new(args.targets, &args.file, &args.app, &args.app_args)?;
        let manner = if global.json {
            Some(Manner::Json)
        } else if args.format {
            Some(Manner::Pairs)
        } else {
            args.formatted.then_some(Manner::Prefixed { timestamp: false })
        };
        let web = args.web.map(|port| web::address(&port, None, &caller()?)).transpose()?;
        Ok(Plan { manner, web, delay: Duration::from_secs(args.delay.into()), auto_exit: !args.no_auto_exit, ..plan })
    })
}
