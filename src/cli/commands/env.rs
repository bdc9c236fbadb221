//! `env`: the variables of a process, and with `--explain` where each comes from and whether its file still says so.

use super::apps;
use super::changes::{self, Change};
use super::fresh::{Asked, Files, Fresh};
use crate::api::{ProcessDetail, Request, Response, pm2};
use crate::cli::args::EnvArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::env as shown;
use crate::cli::session::Session;
use crate::domain::spec::{Environment, Layer};
use crate::domain::{AppSpec, ProcessId, Selector};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The variables of one process.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    pub(crate) id: ProcessId,
    pub(crate) name: String,
    pub(crate) variables: Vec<Variable>,
}

/// One variable: its value where it may be shown, and where that comes from.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// `None` for one that the next start will have.
    pub(crate) value: Option<String>,
    pub(crate) from: Option<Layer>,
    /// The layers that have it too, and lose; the lowest first.
    pub(crate) hides: Vec<Layer>,
    /// What its files say now that they did not say then.
    pub(crate) since: Option<Change>,
}

pub(super) async fn run(session: &mut Session<'_>, args: &EnvArgs) -> Result<Exit, Failure> {
    let selector = Selector::new(&args.target);
    let Response::Details(details) = session.link.request(Request::Describe { selector: selector.clone() }).await?
    else {
        return Err(Failure::unexpected_answer());
    };
    if details.is_empty() {
        return Err(apps::unknown(&args.target));
    }
    if args.explain {
        let stale = changed_since(session, selector).await?;
        let none = BTreeMap::new();
        let all: Vec<_> =
            details.iter().map(|detail| explain(detail, stale.get(&detail.process.id).unwrap_or(&none))).collect();
        if session.screen.wants_json() {
            session.screen.data_json(&all)?;
        } else {
            let width = session.screen.width();
            session.screen.data(shown::explained(&all, width))?;
        }
    } else if session.screen.wants_json() {
        let all: BTreeMap<_, _> = details.iter().map(|detail| (detail.process.id, &detail.env)).collect();
        session.screen.data_json(&all)?;
    } else {
        let fields = pm2_fields(session, &details).await?;
        session.screen.data(shown::plain(&details, &fields))?;
    }
    Ok(Exit::Success)
}

/// What PM2 shows beside the variables, by process.
async fn pm2_fields(
    session: &Session<'_>,
    details: &[ProcessDetail],
) -> Result<BTreeMap<ProcessId, Vec<(String, String)>>, Failure> {
    let Response::Pm2(list) = session.link.request(Request::Pm2List).await? else {
        return Err(Failure::unexpected_answer());
    };
    let environments = list.environments().map_err(|_| Failure::unexpected_answer())?;
    let fields = environments.into_iter().filter(|(id, _)| details.iter().any(|detail| detail.process.id == *id));
    let fields = fields.map(|(id, env)| {
        let env: Map<String, Value> = serde_json::from_str(env.get()).map_err(|_| Failure::unexpected_answer())?;
        Ok((id, pm2::shown(&env).map(|(name, value)| (name.to_owned(), value)).collect()))
    });
    fields.collect()
}

type Changes = BTreeMap<String, Change>;

/// Reads the files of the apps again, and tells in which of their variables they differ from the list.
async fn changed_since(session: &mut Session<'_>, selector: Selector) -> Result<BTreeMap<ProcessId, Changes>, Failure> {
    let Response::Specs(specs) = session.link.request(Request::Specs { selector }).await? else {
        return Err(Failure::unexpected_answer());
    };
    let caller = session.caller()?;
    let (mut files, mut all, mut told) = (Files::default(), BTreeMap::new(), Vec::new());
    for (id, spec) in specs {
        let mut now = match files.app(&spec, &Asked::default(), &caller) {
            Ok(Fresh::Now(now)) => *now,
            Ok(Fresh::Same) => spec.clone(),
            Ok(Fresh::Gone(file)) => {
                told.push(format!("{} is no longer in {}", spec.name, file.display()));
                spec.clone()
            }
            Err(error) => {
                told.push(error);
                spec.clone()
            }
        };
        session.give_settings(&mut now);
        all.insert(id, differences(&spec, &now));
    }
    told.dedup();
    for text in told {
        session.screen.warn(&text);
    }
    Ok(all)
}

fn differences(old: &AppSpec, new: &AppSpec) -> Changes {
    let own = changes::own_variables(&old.env, &new.env);
    own.into_iter().map(|(name, change)| (name.to_owned(), change)).collect()
}

fn explain(detail: &ProcessDetail, since: &Changes) -> Explained {
    let env: &Environment = &detail.spec.env;
    let one = |name: &str, value: Option<&String>| {
        let mut hides = env.layers_of(name);
        let from = hides.pop();
        Variable { name: name.to_owned(), value: value.cloned(), from, hides, since: since.get(name).copied() }
    };
    let mut variables: Vec<_> = detail.env.iter().map(|(name, value)| one(name, Some(value))).collect();
    variables.extend(since.keys().filter(|name| !detail.env.contains_key(*name)).map(|name| one(name, None)));
    variables.sort_by(|one, other| one.name.cmp(&other.name));
    Explained { id: detail.process.id, name: detail.process.name.clone(), variables }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::detail::tests::detail;
    use crate::domain::Status;

    #[test]
    fn each_variable_has_its_layers() {
        let mut detail = detail(3, "api", Status::Online);
        let env = &mut detail.spec.env;
        let inherited = [("PORT", "1"), ("HOME", "/root")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        env.inherited = std::sync::Arc::new(inherited.into());
        env.set("PORT", "8080", Layer::Env);
        let since = [("PORT".to_owned(), Change::Changed), ("NEW".to_owned(), Change::Added)].into();
        let told = explain(&detail, &since);
        assert_eq!((told.id, told.name.as_str()), (ProcessId(3), "api"));
        let of = |name: &str| told.variables.iter().find(|variable| variable.name == name).unwrap();
        let port = of("PORT");
        assert_eq!((port.from.as_ref(), &port.hides[..]), (Some(&Layer::Env), &[Layer::Inherited][..]));
        assert_eq!(port.since, Some(Change::Changed));
        assert_eq!((of("NEW").value.as_ref(), of("NEW").since), (None, Some(Change::Added)));
        assert_eq!(of("HOME").since, None);
    }
}
