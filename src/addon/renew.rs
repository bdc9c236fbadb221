//! `updateEnv`: apps get the variables of the calling program instead of those they were started with.

use super::failure::unexpected;
use crate::api::{ApiError, Backend, Code, Request, Response};
use crate::config::{Caller, inherited, reread_env_files};
use crate::domain::{AppSpec, ProcessId, Selector};
use std::sync::Arc;

/// The apps behind a selector, as they would be if the caller had started them.
pub(super) async fn renewed(
    backend: &dyn Backend,
    selector: Selector,
    caller: &Caller,
) -> Result<Vec<AppSpec>, ApiError> {
    let meant = specs(backend, selector).await?;
    let all = specs(backend, Selector::all()).await?;
    let mut apps: Vec<AppSpec> = Vec::new();
    for (_, spec) in &meant {
        if apps.iter().any(|app| app.name == spec.name) {
            continue;
        }
        let count = |specs: &[(ProcessId, AppSpec)]| specs.iter().filter(|(_, other)| other.name == spec.name).count();
        if count(&meant) != count(&all) {
            return Err(ApiError::new(
                Code::Invalid,
                format!("{}: the environment belongs to all its processes", spec.name),
            )
            .hint("Name the app instead of one process."));
        }
        let mut spec = spec.clone();
        spec.env.inherited = Arc::new(inherited(&spec.env.inherit, &caller.env));
        reread_env_files(&mut spec.env).map_err(|error| ApiError::new(Code::Config, error.to_string()))?;
        apps.push(spec);
    }
    Ok(apps)
}

async fn specs(backend: &dyn Backend, selector: Selector) -> Result<Vec<(ProcessId, AppSpec)>, ApiError> {
    match backend.request(Request::Specs { selector }).await? {
        Response::Specs(specs) => Ok(specs),
        _ => Err(unexpected("a request for settings")),
    }
}
