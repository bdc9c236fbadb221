//! The control API as it is, for calls that need no shape of their own: a request and its answer as JSON, packets of the
//! bus, and whether anybody is there.

use super::failure::settle;
use super::manager::{Kind, NativeManager};
use super::stream::NativeBusStream;
use crate::api::{ApiError, Backend, BusQuery, Code, Request, Shape};
use crate::client::Presence;
use napi::bindgen_prelude::{Env, PromiseRaw};
use napi_derive::napi;
use serde_json::Value;

#[napi]
impl NativeManager {
    /// Starts the daemon unless it runs, and says whether that was necessary.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn launch<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        let kind = self.kind.clone();
        let work = async move {
            match kind {
                Kind::Daemon(client) => client.ensure_daemon().await.map(|presence| presence == Presence::Launched),
                Kind::Embedded(_) => Ok(false),
            }
        };
        settle(env, work, |launched| launched)
    }

    /// Whether it is there without being launched.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn running<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        let kind = self.kind.clone();
        settle(env, async move { Ok(kind.request_running(Request::Ping).await?.is_some()) }, |running| running)
    }

    /// Any request of the control API (docs/control-api.md), and its answer.
    #[napi(ts_return_type = "Promise<unknown>")]
    pub fn request<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "object")] request: Value,
    ) -> napi::Result<PromiseRaw<'env, Value>> {
        let kind = self.kind.clone();
        settle(env, async move { pass(kind.backend(), request).await }, |answer| answer)
    }

    /// What apps say and what happens to them, as PM2's packets, of topics in which `*` stands for any text.
    #[napi(ts_return_type = "Promise<NativeBusStream>")]
    pub fn bus<'env>(&self, env: &'env Env, topics: Vec<String>) -> napi::Result<PromiseRaw<'env, NativeBusStream>> {
        let kind = self.kind.clone();
        let query = BusQuery { topics, shape: Shape::Pm2 };
        settle(env, async move { kind.backend().bus(query).await }, NativeBusStream::new)
    }
}

/// What was answered, without its kind; `null` where there is nothing to show.
pub(super) async fn pass(backend: &dyn Backend, request: Value) -> Result<Value, ApiError> {
    let request: Request = serde_json::from_value(request)
        .map_err(|error| ApiError::new(Code::Invalid, format!("there is no such request: {error}")))?;
    let response = backend.request(request).await?;
    let mut shown = serde_json::to_value(&response)
        .map_err(|error| ApiError::new(Code::Internal, format!("the answer cannot be shown: {error}")))?;
    Ok(shown.get_mut("value").map_or(Value::Null, Value::take))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Boxed, BusItem, BusQuery, Event, LogItem, LogQuery, Response, Stream};
    use serde_json::json;
    use std::sync::Mutex;

    /// Answers everything alike, and remembers what it was asked.
    struct Parrot {
        answer: Response,
        asked: Mutex<Vec<Request>>,
    }

    impl Backend for Parrot {
        fn request(&self, request: Request) -> Boxed<'_, Response> {
            self.asked.lock().unwrap().push(request);
            Box::pin(async { Ok(self.answer.clone()) })
        }

        fn logs(&self, _: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
            Box::pin(async { Err(ApiError::new(Code::Internal, "no logs")) })
        }

        fn bus(&self, _: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>> {
            Box::pin(async { Err(ApiError::new(Code::Internal, "no bus")) })
        }

        fn events(&self) -> Boxed<'_, Stream<Event>> {
            Box::pin(async { Err(ApiError::new(Code::Internal, "no events")) })
        }
    }

    async fn asked(answer: Response, request: Value) -> (Result<Value, ApiError>, Vec<Request>) {
        let parrot = Parrot { answer, asked: Mutex::default() };
        let shown = pass(&parrot, request).await;
        (shown, parrot.asked.into_inner().unwrap())
    }

    #[tokio::test]
    async fn a_request_goes_through_and_its_answer_comes_back() {
        let (shown, requests) =
            asked(Response::Pm2([json!({"pm_id": 3})].into_iter().collect()), json!({"do": "pm2_list"})).await;
        assert_eq!(shown, Ok(json!([{"pm_id": 3}])));
        assert_eq!(requests, [Request::Pm2List]);
        let (shown, _) = asked(Response::Done, json!({"do": "reopen_logs"})).await;
        assert_eq!(shown, Ok(Value::Null));
    }

    #[tokio::test]
    async fn what_is_no_request_is_not_sent() {
        let (shown, requests) = asked(Response::Done, json!({"do": "dance"})).await;
        assert_eq!(shown.unwrap_err().code, Code::Invalid);
        assert_eq!(requests, []);
    }
}
