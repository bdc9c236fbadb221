//! `restart --name`: an app gets another name.

use super::reapply::Known;
use crate::api::request::{Existing, Start};
use crate::api::{Process, Request};
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::{About, Session, processes_of};
use crate::domain::{AppSpec, Selector};

/// One name is for one app, and for all of it.
pub(super) fn refuse(meant: &[Known], new: &str) -> Result<(), Failure> {
    let several = || {
        Failure::new(format!("--name {new} is for one app, and several are meant")).hint("name one: rpm ls shows them")
    };
    match meant {
        [_] | [] => Ok(()),
        _ => Err(several()),
    }
}

/// New settings first, then the name: whoever is interrupted in between has an app that runs.
pub(super) async fn carry_out(
    session: &mut Session<'_>,
    verb: Verb,
    app: Known,
    spec: Option<AppSpec>,
    new: &str,
) -> Result<Vec<Process>, Failure> {
    let old = app.spec.name;
    if let Some(spec) = spec {
        let keep = Start {
            apps: vec![AppSpec { name: old.clone(), ..spec }],
            existing: Existing::Keep,
            force: false,
            parallel: None,
        };
        processes_of(session.link.request(Request::Start(keep)).await?)?;
    }
    let rename = Request::Rename { name: old.clone(), to: new.to_owned() };
    let renamed = session.act(verb, rename, About::Selected(Selector::new(&old))).await?;
    session.screen.say(&format!("{old} is called {new} now\n"))?;
    Ok(renamed)
}
