//! The list that was saved, taken up again.

use super::calls::{Done, off_thread, processes};
use super::failure::settle;
use super::manager::{ActionResult, Kind, NativeManager, Variables, calling};
use crate::api::{ApiError, Request};
use crate::config::Caller;
use crate::dump::{self, Unreadable};
use crate::paths::Home;
use napi::bindgen_prelude::{Env, PromiseRaw};
use napi_derive::napi;

#[napi]
impl NativeManager {
    /// Starts what was saved, but the names that are on the list. Nothing that was saved is no failure.
    #[napi(ts_return_type = "Promise<ActionResult>")]
    pub fn resurrect<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "Record<string, string | undefined>")] variables: Variables,
    ) -> napi::Result<PromiseRaw<'env, ActionResult>> {
        let (kind, home) = (self.kind.clone(), self.place());
        let caller = calling(*env, variables, None)?;
        settle(env, async move { resurrect(&kind, home?, caller).await }, Into::into)
    }
}

async fn resurrect(kind: &Kind, home: Home, caller: Caller) -> Result<Done, ApiError> {
    let (apps, warnings) = off_thread(move || Ok(saved(&home, &caller))).await?;
    if apps.is_empty() {
        return Ok(Done { processes: Vec::new(), warnings });
    }
    Ok(Done { processes: processes(kind.backend(), Request::Resurrect { apps }).await?, warnings })
}

/// The apps, and what could not be taken of them.
fn saved(home: &Home, caller: &Caller) -> (Vec<crate::api::SavedApp>, Vec<String>) {
    let (found, wrong) = dump::saved(home, caller);
    let mut warnings: Vec<String> =
        wrong.iter().filter(|why| !matches!(why, Unreadable::Missing { .. })).map(ToString::to_string).collect();
    let mut apps = Vec::new();
    for taken in found.map(|(_, elements)| dump::apps(&elements, home.root(), caller)).unwrap_or_default() {
        warnings.extend(taken.notes.iter().map(|note| format!("{}: {note}", taken.name)));
        apps.extend(taken.apps);
    }
    (apps, warnings)
}
