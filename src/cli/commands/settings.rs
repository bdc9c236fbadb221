//! `set`, `multiset`, `get`, `conf`, `unset`: the settings store, and the apps that have their variables from it.

use crate::api::request::{Existing, Start};
use crate::api::{Request, Response};
use crate::cli::args::{ConfArgs, GetArgs, MultisetArgs, SetArgs, UnsetArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::render::text;
use crate::cli::session::{About, Session, processes_of};
use crate::domain::Selector;
use crate::settings::{BadKey, BadPairs, Key, Settings, SettingsError, lines, pairs};
use serde_json::Value;

/// The word that means every setting.
const ALL: &str = "all";

pub(super) async fn set(session: &mut Session<'_>, args: &SetArgs) -> Result<Exit, Failure> {
    match &args.value {
        Some(value) => assign(session, vec![(Key::parse(&args.key)?, value.clone())]).await,
        None => show(session, Some(&args.key)),
    }
}

pub(super) async fn multiset(session: &mut Session<'_>, args: &MultisetArgs) -> Result<Exit, Failure> {
    // One word as PM2 has it, or each as a word of its own.
    let pairs = match &args.words[..] {
        [text] => pairs(text)?,
        words => {
            let quoted = words.iter().map(|word| shell_words::quote(word).into_owned()).collect::<Vec<_>>();
            pairs(&quoted.join(" "))?
        }
    };
    let pairs = pairs.into_iter().map(|(key, value)| Ok((Key::parse(&key)?, value)));
    let pairs = pairs.collect::<Result<Vec<_>, BadKey>>()?;
    assign(session, pairs).await
}

pub(super) fn get(session: &mut Session<'_>, args: &GetArgs) -> Result<Exit, Failure> {
    show(session, args.key.as_deref())
}

pub(super) async fn conf(session: &mut Session<'_>, args: &ConfArgs) -> Result<Exit, Failure> {
    match (&args.key, &args.value) {
        (Some(key), Some(value)) => assign(session, vec![(Key::parse(key)?, value.clone())]).await,
        (key, _) => show(session, key.as_deref()),
    }
}

pub(super) fn unset(session: &mut Session<'_>, args: &UnsetArgs) -> Result<Exit, Failure> {
    if args.key == ALL {
        session.store()?.change(Settings::clear)?;
        session.screen.say("all settings are gone; apps lose them with their next restart\n")?;
        return Ok(Exit::Success);
    }
    let key = Key::parse(&args.key)?;
    let (_, was_set) = session.store()?.change(|settings| settings.unset(&key))?;
    if !was_set {
        // PM2's scripts take out what may not be there.
        session.screen.warn(&format!("{key} was not set"));
    } else if let Some(app) = key.app() {
        session.screen.say(&format!("{key} is unset; {app} loses it with its next restart\n"))?;
    } else {
        session.screen.say(&format!("{key} is unset\n"))?;
    }
    Ok(Exit::Success)
}

/// Sets them all at once, then restarts the apps that they are for.
async fn assign(session: &mut Session<'_>, pairs: Vec<(Key, String)>) -> Result<Exit, Failure> {
    let (settings, ()) =
        session.store()?.change(|settings| pairs.iter().for_each(|(key, value)| settings.set(key, value)))?;
    for (key, _) in &pairs {
        session.screen.say(&format!("{} is set\n", text::clean(&key.to_string())))?;
    }
    let mut apps: Vec<&str> = pairs.iter().filter_map(|(key, _)| key.app()).collect();
    apps.sort_unstable();
    apps.dedup();
    let mut acted = Vec::new();
    for app in apps {
        let Some(start) = restart_of(session, app, &settings).await? else { continue };
        if start.existing == Existing::Keep {
            processes_of(session.link.request(Request::Start(start)).await?)?;
            session.screen.say(&format!("{app} has it when it is started\n"))?;
        } else {
            let about = About::Apps { names: vec![app.to_owned()], processes: 0 };
            let verb = if start.existing == Existing::Reload { Verb::Reload } else { Verb::Restart };
            acted.extend(session.act(verb, Request::Start(start), about).await?);
        }
    }
    if session.screen.wants_json() {
        session.screen.data_json(settings.root())?;
    } else if !acted.is_empty() {
        return session.finish(&acted).await;
    }
    Ok(session.exit())
}

/// What gives an app its new settings, unless it has them, or nothing is called so. What is stopped stays stopped.
async fn restart_of(session: &Session<'_>, app: &str, settings: &Settings) -> Result<Option<Start>, Failure> {
    // Without a daemon nothing runs, and none is launched to find that out.
    let request = Request::Specs { selector: Selector::all() };
    let specs = match session.link.request_running(request).await {
        Ok(Some(Response::Specs(specs))) => specs,
        Ok(None) => return Ok(None),
        Ok(Some(_)) => return Err(Failure::unexpected_answer()),
        Err(error) if error.code == crate::api::Code::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(spec) = settings.renewed(app, specs.into_iter().map(|(_, spec)| spec).collect()) else { return Ok(None) };
    let list = session.list(Selector::all()).await?;
    let runs = list.iter().any(|process| process.name == app && process.status.is_alive());
    let existing = match runs {
        false => Existing::Keep,
        true if spec.overlaps() => Existing::Reload,
        true => Existing::Restart,
    };
    Ok(Some(Start { apps: vec![spec], existing, force: false, parallel: None }))
}

fn show(session: &mut Session<'_>, key: Option<&str>) -> Result<Exit, Failure> {
    let settings = session.store()?.load()?;
    let key = key.map(Key::parse).transpose()?;
    let value = match &key {
        None => None,
        Some(key) => Some(settings.get(key).ok_or_else(|| unknown(key, &settings))?),
    };
    if session.screen.wants_json() {
        match value {
            Some(value) => session.screen.data_json(value)?,
            None => session.screen.data_json(settings.root())?,
        }
        return Ok(Exit::Success);
    }
    if let Some(Value::String(value)) = value {
        session.screen.data(format!("{value}\n"))?;
        return Ok(Exit::Success);
    }
    let mut out = lines(&settings, key.as_ref()).join("\n");
    if !out.is_empty() {
        out.push('\n');
        session.screen.data(out)?;
    } else if key.is_none() {
        session.screen.hint("nothing is set; as in: rpm set api:LOG_LEVEL debug");
    }
    Ok(Exit::Success)
}

fn unknown(key: &Key, settings: &Settings) -> Failure {
    let groups: Vec<_> = settings.root().keys().map(|name| text::clean(name)).collect();
    let failure = Failure::new(format!("{key} is not set"));
    if groups.is_empty() {
        failure
    } else {
        failure.hint(format!("there are: {} (see all: rpm get)", groups.join(", ")))
    }
}

impl From<BadKey> for Failure {
    fn from(error: BadKey) -> Self {
        Self::new(error.to_string()).hint("a key is app:key or app.key; double quotes hold a part together")
    }
}

impl From<BadPairs> for Failure {
    fn from(error: BadPairs) -> Self {
        Self::new(format!("nothing was set: {error}")).hint("as in: rpm multiset \"api:PORT 80 api:HOST 0.0.0.0\"")
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let hint = error.hint();
        Self::new(error.to_string()).hint(hint)
    }
}
