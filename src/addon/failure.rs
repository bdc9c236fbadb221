//! Errors of the contract as JavaScript errors: `message`, `code`, `hint`.

use crate::api::{ApiError, Code};
use crate::config::ConfigError;
use napi::bindgen_prelude::{Env, JsObjectValue, JsValue, PromiseRaw, ToNapiValue};
use std::future::Future;

/// A promise of `work`'s result, shown to JavaScript by `show`.
pub(super) fn settle<T, V>(
    env: &Env,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    show: impl FnOnce(T) -> V + 'static,
) -> napi::Result<PromiseRaw<'_, V>>
where
    T: Send + 'static,
    V: ToNapiValue,
{
    // The error object can be made on JavaScript's thread only, so it travels as a value until there.
    env.spawn_future_with_callback(async move { Ok(work.await) }, move |env, outcome| {
        outcome.map(show).map_err(|failure| thrown(*env, &failure))
    })
}

/// What to return from a call so that JavaScript sees `failure` thrown.
pub(super) fn thrown(env: Env, failure: &ApiError) -> napi::Error {
    error_object(env, failure).unwrap_or_else(|error| error)
}

fn error_object(env: Env, failure: &ApiError) -> napi::Result<napi::Error> {
    let mut object = env.create_error(napi::Error::from_reason(failure.message.clone()))?;
    object.set_named_property("code", failure.code.as_str())?;
    if let Some(hint) = &failure.hint {
        object.set_named_property("hint", hint.as_str())?;
    }
    Ok(napi::Error::from(object.to_unknown()))
}

/// A mistake in an application file, an object or an option.
pub(super) fn of_config(error: &ConfigError) -> ApiError {
    let failure = ApiError::new(Code::Config, error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// An answer of another kind than the request asks for.
pub(super) fn unexpected(request: &str) -> ApiError {
    ApiError::new(Code::Internal, format!("the answer to {request} makes no sense")).hint(
        "The supervisor that answered may be of another version: `rpm update` replaces the daemon by the installed one.",
    )
}
