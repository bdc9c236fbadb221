//! The settings store, and the apps that have their variables from it.

use super::calls::processes;
use super::failure::{settle, unexpected};
use super::manager::{Kind, NativeManager};
use crate::api::request::{Existing, Start};
use crate::api::{ApiError, Code, Request, Response};
use crate::domain::Selector;
use crate::settings::{BadKey, BadPairs, Key, Settings, SettingsError, Store, pairs};
use napi::bindgen_prelude::{Env, PromiseRaw};
use napi_derive::napi;
use serde_json::Value;
use std::collections::BTreeSet;

#[napi]
impl NativeManager {
    /// What is set: texts in nested groups. With a key what is there, `null` where nothing is.
    #[napi(ts_return_type = "Promise<unknown>")]
    pub fn settings<'env>(&self, env: &'env Env, key: Option<String>) -> napi::Result<PromiseRaw<'env, Value>> {
        let store = self.store();
        let work = async move {
            let settings = store?.load()?;
            let key = key.as_deref().map(Key::parse).transpose()?;
            Ok(key.map_or_else(
                || Value::Object(settings.root().clone()),
                |key| settings.get(&key).cloned().unwrap_or_default(),
            ))
        };
        settle(env, work, |value| value)
    }

    /// Sets a value; an app that it is for is reloaded.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn set<'env>(&self, env: &'env Env, key: String, value: String) -> napi::Result<PromiseRaw<'env, ()>> {
        let (kind, store) = (self.kind.clone(), self.store());
        settle(env, async move { assign(&kind, &store?, vec![(Key::parse(&key)?, value)]).await }, |()| ())
    }

    /// Sets several, keys and values by turns in one text, and reloads the apps that they are for.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn multiset<'env>(&self, env: &'env Env, text: String) -> napi::Result<PromiseRaw<'env, ()>> {
        let (kind, store) = (self.kind.clone(), self.store());
        let work = async move {
            let wanted = pairs(&text)?.into_iter().map(|(key, value)| Ok((Key::parse(&key)?, value)));
            let wanted = wanted.collect::<Result<Vec<_>, BadKey>>()?;
            assign(&kind, &store?, wanted).await
        };
        settle(env, work, |()| ())
    }

    /// Takes a value or a group out, `all` of them; whether there was one. Apps lose it with their next restart.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn unset<'env>(&self, env: &'env Env, key: String) -> napi::Result<PromiseRaw<'env, bool>> {
        let store = self.store();
        let work = async move {
            let store = store?;
            if key == "all" {
                let (_, ()) = store.change(Settings::clear)?;
                return Ok(true);
            }
            let key = Key::parse(&key)?;
            Ok(store.change(|settings| settings.unset(&key))?.1)
        };
        settle(env, work, |was_set| was_set)
    }
}

async fn assign(kind: &Kind, store: &Store, wanted: Vec<(Key, String)>) -> Result<(), ApiError> {
    let apps: BTreeSet<String> = wanted.iter().filter_map(|(key, _)| key.app().map(str::to_owned)).collect();
    let (settings, ()) = store.change(|settings| wanted.iter().for_each(|(key, value)| settings.set(key, value)))?;
    // Without a daemon nothing runs, and none is launched to find that out.
    let Some(response) = kind.request_running(Request::Specs { selector: Selector::all() }).await? else {
        return Ok(());
    };
    let Response::Specs(specs) = response else { return Err(unexpected("a request for settings")) };
    for app in apps {
        let own = specs.iter().map(|(_, spec)| spec.clone()).collect();
        let Some(spec) = settings.renewed(&app, own) else { continue };
        let list = processes(kind.backend(), Request::List { selector: Selector::all() }).await?;
        let runs = list.iter().any(|process| process.name == app && process.status.is_alive());
        let existing = if runs { Existing::Reload } else { Existing::Keep };
        let start = Start { apps: vec![spec], existing, force: false, parallel: None };
        kind.backend().request(Request::Start(start)).await?;
    }
    Ok(())
}

impl From<SettingsError> for ApiError {
    fn from(error: SettingsError) -> Self {
        let hint = error.hint();
        Self::new(Code::Config, error.to_string()).hint(hint)
    }
}

impl From<BadKey> for ApiError {
    fn from(error: BadKey) -> Self {
        Self::new(Code::Invalid, error.to_string()).hint("A key is app:key or app.key.")
    }
}

impl From<BadPairs> for ApiError {
    fn from(error: BadPairs) -> Self {
        Self::new(Code::Invalid, format!("nothing was set: {error}")).hint("As in: 'api:PORT 80 api:HOST 0.0.0.0'.")
    }
}
