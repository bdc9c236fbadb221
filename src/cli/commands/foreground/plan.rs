//! What is to be run, and how its output is shown.

use super::super::{apps, flags};
use super::show::Manner;
use crate::cli::args::{AppFlags, FileFlags};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::{self, AppOptions, Caller, FileOptions, Loaded};
use crate::domain::AppSpec;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const OUT: &str = "/dev/stdout";
pub(super) const ERR: &str = "/dev/stderr";
const NOWHERE: &str = "/dev/null";

pub(super) struct Plan {
    pub(super) targets: Vec<String>,
    pub(super) options: AppOptions,
    pub(super) profile: Option<String>,
    pub(super) only: Vec<String>,
    /// `None`: as the apps write it, untouched.
    pub(super) manner: Option<Manner>,
    pub(super) delay: Duration,
    /// Ends when nothing runs any more.
    pub(super) auto_exit: bool,
    pub(super) after_restart: Option<String>,
    /// Where the list can be read.
    pub(super) web: Option<SocketAddr>,
}

impl Plan {
    pub(super) fn new(
        targets: Vec<String>,
        file: &FileFlags,
        app: &AppFlags,
        app_args: &[String],
    ) -> Result<Self, Failure> {
        Ok(Self {
            targets: without_verb(targets),
            options: flags::options(app, app_args)?.options,
            profile: app.env.clone(),
            only: file.names().unwrap_or_default(),
            manner: None,
            delay: Duration::ZERO,
            auto_exit: true,
            after_restart: None,
            web: None,
        })
    }

    /// The apps, with what they write going where it is shown. Gives also whether it has to be followed for that.
    pub(super) fn apps(&self, session: &mut Session<'_>) -> Result<(Vec<AppSpec>, bool), Failure> {
        let caller = session.caller()?;
        let found;
        let targets = if self.targets.is_empty() {
            found = [super::super::start::default_file(&caller)?];
            &found[..]
        } else {
            &self.targets[..]
        };
        let mut all = Vec::new();
        for target in targets {
            all.extend(self.of_target(session, target, &caller)?);
        }
        let mut follows = false;
        for app in &mut all {
            follows |= self.direct(app);
        }
        Ok((all, follows))
    }

    fn of_target(&self, session: &mut Session<'_>, target: &str, caller: &Caller) -> Result<Vec<AppSpec>, Failure> {
        if apps::is_file(target) {
            let overrides = AppOptions { name: None, ..self.options.clone() };
            let options = FileOptions { profile: self.profile.clone(), only: self.only.clone(), overrides };
            return apps::load(session, target, caller, &options);
        }
        let Loaded { apps, warnings } = config::from_target(target, self.options.clone(), caller)?;
        for warning in warnings {
            session.screen.warn(&warning);
        }
        Ok(apps)
    }

    /// Where its output goes: to a file that it names, and beside that to our own output.
    fn direct(&self, app: &mut AppSpec) -> bool {
        let logs = &mut app.logs;
        logs.merge = true;
        if logs.disable {
            logs.combined = None;
        }
        let mut follows = false;
        for (file, own) in [(&mut logs.out, OUT), (&mut logs.error, ERR)] {
            let named = file.take().filter(|_| !logs.disable).filter(|path| path != Path::new(NOWHERE));
            let is_own = named.as_ref().is_none_or(|path| [OUT, ERR].iter().any(|own| path == Path::new(own)));
            *file = Some(match (&self.manner, named) {
                (None, None) => PathBuf::from(own),
                (Some(_), _) if is_own => PathBuf::from(NOWHERE),
                (Some(_), None) => PathBuf::from(NOWHERE),
                (_, Some(named)) => named,
            });
            follows |= self.manner.is_some() || !is_own;
        }
        logs.disable = false;
        follows
    }
}

/// Who types.
pub(super) fn caller() -> Result<Caller, Failure> {
    Caller::current().map_err(|error| Failure::new(format!("the working directory cannot be told: {error}")))
}

/// PM2's `pm2-runtime start app.js`.
fn without_verb(mut targets: Vec<String>) -> Vec<String> {
    if targets.first().is_some_and(|first| first == "start") && !Path::new("start").exists() {
        targets.remove(0);
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Interpreter, LogFiles, Program};

    fn directed(manner: Option<Manner>, logs: LogFiles) -> (String, String, bool) {
        let plan = Plan { manner, ..Plan::new(Vec::new(), &FileFlags::default(), &AppFlags::default(), &[]).unwrap() };
        let program = Program { path: "/a".into(), interpreter: Interpreter::None, interpreter_args: Vec::new() };
        let mut app = AppSpec { logs, ..AppSpec::new("a", program) };
        let follows = plan.direct(&mut app);
        assert!(app.logs.merge && !app.logs.disable);
        let text = |path: Option<PathBuf>| path.unwrap().to_str().unwrap().to_owned();
        (text(app.logs.out), text(app.logs.error), follows)
    }

    #[test]
    fn where_output_goes() {
        let to = |out: &str, error: &str, follows| (out.to_owned(), error.to_owned(), follows);
        let file = |path: &str| LogFiles { out: Some(path.into()), ..LogFiles::default() };
        assert_eq!(directed(None, LogFiles::default()), to(OUT, ERR, false));
        assert_eq!(directed(None, file("/a.log")), to("/a.log", ERR, true));
        assert_eq!(directed(None, file(NOWHERE)), to(OUT, ERR, false));
        assert_eq!(directed(None, file(ERR)), to(ERR, ERR, false));
        assert_eq!(directed(None, LogFiles { disable: true, ..file("/a.log") }), to(OUT, ERR, false));
        assert_eq!(directed(Some(Manner::Json), LogFiles::default()), to(NOWHERE, NOWHERE, true));
        assert_eq!(directed(Some(Manner::Json), file("/a.log")), to("/a.log", NOWHERE, true));
        assert_eq!(directed(Some(Manner::Json), file(OUT)), to(NOWHERE, NOWHERE, true));
    }
}
