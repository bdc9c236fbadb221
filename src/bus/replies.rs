//! Those that wait for an answer of an app.

use crate::domain::ProcessId;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::cell::RefCell;
use tokio::sync::oneshot;

/// Who waits for what, in the order of asking: an answer doesn't say which question it is for. As many as there are
/// requests.
#[derive(Debug, Default)]
pub(super) struct Replies {
    waiting: RefCell<Vec<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    id: ProcessId,
    action: String,
    sender: oneshot::Sender<Value>,
}

#[derive(Deserialize)]
struct About {
    action_name: String,
}

impl Replies {
    pub(super) fn expect(&self, id: ProcessId, action: &str) -> oneshot::Receiver<Value> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.borrow_mut();
        // Whoever has lost patience takes nobody's answer.
        waiting.retain(|waiter| !waiter.sender.is_closed());
        waiting.push(Waiter { id, action: action.to_owned(), sender });
        receiver
    }

    /// A process has answered something.
    pub(super) fn heard(&self, id: ProcessId, data: &RawValue) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            return;
        }
        waiting.retain(|waiter| !waiter.sender.is_closed());
        let Ok(About { action_name }) = serde_json::from_str(data.get()) else { return };
        let wanted = |waiter: &Waiter| waiter.id == id && waiter.action == action_name;
        if let Some(at) = waiting.iter().position(wanted)
            && let Ok(answer) = serde_json::from_str(data.get())
        {
            // Whoever asked may have gone.
            let _ = waiting.remove(at).sender.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_go_to_who_asked_first() {
        let replies = Replies::default();
        let raw = |value: Value| RawValue::from_string(value.to_string()).unwrap();
        let answer = |value: u32| raw(json!({ "action_name": "a", "return": value }));
        let gone = replies.expect(ProcessId(1), "a");
        let [mut other, mut first, mut second] =
            [(2, "a"), (1, "a"), (1, "a")].map(|(id, action)| replies.expect(ProcessId(id), action));
        drop(gone);
        replies.heard(ProcessId(1), &raw(json!({ "action_name": "b" })));
        replies.heard(ProcessId(1), &raw(json!(7)));
        replies.heard(ProcessId(1), &answer(1));
        assert_eq!(first.try_recv().unwrap()["return"], 1);
        assert!(second.try_recv().is_err() && other.try_recv().is_err());
        replies.heard(ProcessId(1), &answer(2));
        assert_eq!(second.try_recv().unwrap()["return"], 2);
    }
}
