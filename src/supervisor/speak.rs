//! What is said to apps: lines for their input, messages for their channel, and what they are asked to do.

use super::world::World;
use crate::api::{ApiError, Code, Reply, Response};
use crate::clock;
use crate::domain::spec::Mode;
use crate::domain::{Origin, ProcessId, Selector, SpawnId};
use crate::process::{self, Command, Unheard};
use serde_json::{Map, Value, json};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

type Answer = Result<Response, ApiError>;

/// An app that doesn't read its input for so long is not written to any more.
const READS_WITHIN: Duration = Duration::from_secs(5);
/// An app has so long to answer, unless who asks says otherwise.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

impl World {
    /// Writes to the input of processes.
    pub(super) async fn send(&self, selector: &Selector, text: &str) -> Answer {
        let ids = self.registry.borrow().select(selector)?;
        for id in &ids {
            let (reply, answer) = oneshot::channel();
            self.order(*id, Command::Input(reply));
            let input: OwnedFd = match answer.await {
                Ok(opened) => opened.map_err(|why| self.unheard(*id, &why, "its input"))?,
                // Deleted meanwhile.
                Err(_) => continue,
            };
            let written = tokio::time::timeout(READS_WITHIN, process::write_input(input, text.as_bytes())).await;
            match written {
                Ok(written) => written.map_err(|error| self.unheard(*id, &Unheard::Failed(error), "its input"))?,
                Err(_) => return Err(self.unheard(*id, &Unheard::DoesNotRead, "its input")),
            }
        }
        Ok(Response::Processes(self.views(&ids)))
    }

    /// Sends a message to the channel of processes.
    pub(super) async fn message(&self, selector: &Selector, message: &Value) -> Answer {
        let ids = self.registry.borrow().select(selector)?;
        for id in &ids {
            self.tell(*id, message).await?;
        }
        Ok(Response::Processes(self.views(&ids)))
    }

    /// Workers that keep log files of their own open these anew too.
    pub(super) async fn tell_workers_of_new_logs(&self) {
        let workers: Vec<ProcessId> = {
            let registry = self.registry.borrow();
            let workers = registry.iter().filter(|entry| entry.spec.mode == Mode::Cluster);
            workers.filter(|entry| entry.handle.observed().pid.is_some()).map(|entry| entry.identity.id).collect()
        };
        for id in workers {
            // One that has ended meanwhile opens its files anyway.
            let _ = self.tell(id, &json!({ "type": "log:reload" })).await;
        }
    }

    /// Has processes do what they have announced, and waits for the answer of each.
    pub(super) async fn trigger(
        &self,
        selector: &Selector,
        action: &str,
        param: Option<&Value>,
        timeout: Option<u64>,
    ) -> Answer {
        let ids = self.registry.borrow().select(selector)?;
        let able = self.able(&ids, action);
        if able.is_empty() {
            return Err(self.nobody_does(selector, &ids, action));
        }
        let limit = timeout.map_or(ANSWERS_WITHIN, Duration::from_millis);
        let until = Instant::now() + limit;
        let question = question(selector, action, param);
        let mut asked = Vec::new();
        for (origin, run) in able {
            let waiting = self.context.bus.expect_reply(origin.id, action);
            let refused = self.tell(origin.id, &question).await.err();
            asked.push((origin, run, waiting, refused));
        }
        let mut replies = Vec::new();
        for (process, run, waiting, refused) in asked {
            let answer = if let Some(error) = refused {
                Err(error.message)
            } else {
                tokio::select! {
                    answer = waiting => answer.map_err(|_| "the daemon is leaving".to_owned()),
                    () = self.run_ends(process.id, run) => Err("it ended before it answered".to_owned()),
                    () = tokio::time::sleep_until(until) => Err(format!("no answer within {} s", limit.as_secs_f64())),
                }
            };
            let (data, missing) = match answer {
                Ok(data) => (Some(data), None),
                Err(why) => (None, Some(why)),
            };
            replies.push(Reply { at: clock::unix_ms(), process, data, missing });
        }
        Ok(Response::Replies(replies))
    }

    fn able(&self, ids: &[ProcessId], action: &str) -> Vec<(Origin, SpawnId)> {
        let registry = self.registry.borrow();
        let entries = ids.iter().filter_map(|id| registry.get(*id));
        let able =
            entries.filter(|entry| entry.handle.observed().pid.is_some() && entry.handle.panel().has_action(action));
        able.map(|entry| {
            let (id, spec) = (entry.identity.id, &entry.spec);
            let origin = Origin { id, name: spec.name.clone(), namespace: spec.namespace.clone() };
            (origin, entry.handle.observed().state.run)
        })
        .collect()
    }

    fn nobody_does(&self, selector: &Selector, ids: &[ProcessId], action: &str) -> ApiError {
        let registry = self.registry.borrow();
        let entries: Vec<_> = ids.iter().filter_map(|id| registry.get(*id)).collect();
        if entries.iter().all(|entry| entry.handle.observed().pid.is_none()) {
            let message = format!("nothing of {} runs, so that nobody can do {action}", selector.text);
            return ApiError::new(Code::NotFound, message).hint(format!("start it: rpm start {}", selector.text));
        }
        let mut known: Vec<String> = entries
            .iter()
            .flat_map(|entry| entry.handle.panel().action_names().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        known.sort();
        known.dedup();
        let error = ApiError::new(Code::NotFound, format!("{} has announced no action called {action}", selector.text));
        match known.len() {
            0 => error.hint("an app announces actions with @pm2/io: io.action(name, callback)"),
            _ => error.hint(format!("it has: {}", known.join(", "))),
        }
    }

    async fn tell(&self, id: ProcessId, message: &Value) -> Result<(), ApiError> {
        let (reply, answer) = oneshot::channel();
        self.order(id, Command::Tell(format!("{message}\n").into_bytes(), reply));
        match answer.await {
            Ok(told) => told.map_err(|why| self.unheard(id, &why, "its channel")),
            // Deleted meanwhile.
            Err(_) => Ok(()),
        }
    }

    fn order(&self, id: ProcessId, command: Command) {
        if let Some(entry) = self.registry.borrow().get(id) {
            entry.handle.send(command);
        }
    }

    async fn run_ends(&self, id: ProcessId, run: SpawnId) {
        let handle = self.registry.borrow().get(id).map(|entry| entry.handle.clone());
        if let Some(handle) = handle {
            // Deleted is ended too.
            let _ = handle.wait_for(|seen| seen.state.run != run || seen.pid.is_none()).await;
        }
    }

    fn unheard(&self, id: ProcessId, why: &Unheard, what: &str) -> ApiError {
        let name = self.registry.borrow().get(id).map(|entry| entry.spec.name.clone()).unwrap_or_default();
        let app = format!("{name} ({id})");
        match why {
            Unheard::DoesNotRun => {
                ApiError::new(Code::NotRunning, format!("{app} does not run")).hint(format!("start it: rpm start {id}"))
            }
            Unheard::HasNone => ApiError::new(Code::Invalid, format!("{app} has no channel: it is no Node program"))
                .hint(format!("write to its input: rpm send {id} <line>")),
            Unheard::DoesNotRead => ApiError::new(Code::Invalid, format!("{app} does not read {what}, which is full")),
            Unheard::Failed(error) => {
                ApiError::new(Code::Invalid, format!("{what} of {app} cannot be written to: {error}"))
            }
        }
    }
}

/// The bare name, or with a parameter an object that says who was meant, as PM2's apps expect it.
fn question(selector: &Selector, action: &str, param: Option<&Value>) -> Value {
    let Some(param) = param else { return Value::from(action) };
    let is_id = !selector.text.is_empty() && selector.text.bytes().all(|byte| byte.is_ascii_digit());
    let mut question = Map::new();
    question.insert("msg".into(), json!(action));
    question.insert("opts".into(), param.clone());
    question.insert(if is_id { "id" } else { "name" }.into(), json!(selector.text));
    Value::Object(question)
}
