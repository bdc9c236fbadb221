//! PM2's packets, as its bus has them.

use crate::api::bus::Message;
use crate::api::{Event, EventKind, RolloutStep};
use crate::domain::{Origin, OutputStream, UnixMs};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// What an app has said: `{at, data | raw, process}`.
pub fn message<'a>(message: &'a Message<'a>) -> impl Serialize + use<'a> {
    #[derive(Serialize)]
    struct Packet<'a> {
        at: UnixMs,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
        process: Value,
    }
    Packet { at: message.at, raw: message.raw, data: message.data, process: process(message.process) }
}

fn process(origin: &Origin) -> Value {
    json!({ "pm_id": origin.id, "name": origin.name, "namespace": origin.namespace })
}

/// What has happened to a process, with its `pm2_env`: `None` for what PM2 has no word for.
pub fn event(event: &Event, mut pm2_env: Map<String, Value>) -> Option<Value> {
    let is_pm2s = match event.event {
        EventKind::Start
        | EventKind::Online
        | EventKind::Exit
        | EventKind::Stop
        | EventKind::Restart
        | EventKind::Delete
        | EventKind::RestartOverlimit => true,
        EventKind::Reload => event.rollout.as_ref().is_none_or(|rollout| rollout.step == RolloutStep::Replaced),
        EventKind::Rollout | EventKind::MemoryLimit | EventKind::Ready | EventKind::Unhealthy => false,
    };
    pm2_env.remove("env");
    is_pm2s.then(|| json!({ "event": event.event, "manually": event.manually, "process": pm2_env, "at": event.at }))
}

/// A line of an app, with its line break.
pub fn line(origin: &Origin, at: UnixMs, line: &str) -> Value {
    let mut process = process(origin);
    process["rev"] = Value::Null;
    json!({ "process": process, "at": at, "data": format!("{line}\n") })
}

/// A line of the daemon's own log.
pub fn own_line(at: UnixMs, line: &str) -> Value {
    json!({ "process": { "pm_id": "PM2", "name": "PM2", "rev": null }, "at": at, "data": line })
}

/// The topic of an app's output.
pub const fn topic_of(stream: OutputStream) -> &'static str {
    match stream {
        OutputStream::Out => "log:out",
        OutputStream::Err => "log:err",
    }
}

/// The daemon leaves.
pub fn killed() -> Value {
    json!({ "status": "killed", "msg": "pm2 has been killed via CLI" })
}
