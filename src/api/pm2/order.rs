//! The order in which PM2 tells events: what was asked for comes behind what came of it.

use crate::api::{Event, EventKind};
use crate::domain::ProcessId;
use std::collections::BTreeMap;

/// What is told later: as much as there are processes.
#[derive(Debug, Default)]
pub struct Order {
    begun: BTreeMap<ProcessId, Event>,
}

impl Order {
    /// What PM2 tells when this happens: `start` and `restart` follow on `online`, a restart that nobody has asked for is
    /// none, and a stop has two ends, of the process and of all that it has started.
    pub fn told(&mut self, event: &Event) -> Vec<Event> {
        let id = event.process.id;
        match event.event {
            EventKind::Restart if !event.manually => Vec::new(),
            EventKind::Start | EventKind::Restart => {
                self.begun.insert(id, event.clone());
                Vec::new()
            }
            EventKind::Online => std::iter::once(event.clone()).chain(self.take(event)).collect(),
            EventKind::Stop => {
                let end = Event { event: EventKind::Exit, manually: false, ..event.clone() };
                self.take(event).into_iter().chain([end, event.clone()]).collect()
            }
            _ => self.take(event).into_iter().chain([event.clone()]).collect(),
        }
    }

    /// What was held back of the same process, as it is by now.
    fn take(&mut self, event: &Event) -> Option<Event> {
        let begun = self.begun.remove(&event.process.id)?;
        Some(Event { at: event.at, process: event.process.clone(), ..begun })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_asked_for_comes_behind_what_came_of_it() {
        let process = json!({
            "id": 0, "name": "app", "namespace": "default", "mode": "fork", "instance": 0, "status": "online",
            "restarts": 0, "unstable_restarts": 0, "created_at": 0, "cpu": 0.0, "memory": 0,
        });
        let process: crate::api::Process = serde_json::from_value(process).unwrap();
        let (mut order, mut told) = (Order::default(), Vec::new());
        let mut happens = |kind, manually| {
            let event = Event { at: 0, event: kind, manually, cause: None, process: process.clone(), rollout: None };
            told.extend(order.told(&event).iter().map(|event| event.event.as_str()));
        };
        for (kind, manually) in [
            (EventKind::Start, true),
            (EventKind::Online, false),
            (EventKind::Exit, false),
            (EventKind::Restart, false),
            (EventKind::Online, false),
            (EventKind::Exit, false),
            (EventKind::Restart, true),
            (EventKind::Exit, false),
            (EventKind::Stop, true),
        ] {
            happens(kind, manually);
        }
        let expected = ["online", "start", "exit", "online", "exit", "restart", "exit", "exit", "stop"];
        assert_eq!(told, expected);
    }
}
