//! Hands packets to listeners. One thread, so that borrowing is enough.

use super::queue::{Feed, Reader, queue};
use super::replies::Replies;
use super::topic::Topics;
use crate::api::bus::{BusQuery, Message, Shape};
use crate::api::pm2;
use crate::clock;
use crate::domain::{Origin, ProcessId};
use crate::ipc::Post;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::cell::RefCell;
use tokio::sync::oneshot;

/// The topic of answers to actions.
const REPLY: &str = "axm:reply";
/// The topic of what has none of its own.
const UNTYPED: &str = "process:msg";

/// All listeners, and all that wait for answers.
#[derive(Debug, Default)]
pub struct Bus {
    listeners: RefCell<Vec<Listener>>,
    replies: Replies,
}

#[derive(Debug)]
struct Listener {
    topics: Topics,
    shape: Shape,
    feed: Feed,
}

impl Bus {
    /// Somebody listens, until the reader is dropped.
    pub fn listen(&self, query: BusQuery) -> Reader {
        let (feed, reader) = queue();
        let listener = Listener { topics: Topics::new(query.topics), shape: query.shape, feed };
        self.listeners.borrow_mut().push(listener);
        reader
    }

    /// Whether anybody listens to this topic.
    pub fn wants(&self, topic: &str) -> bool {
        self.listeners.borrow().iter().any(|listener| !listener.feed.is_over() && listener.topics.has(topic))
    }

    /// An app says something.
    pub fn post(&self, process: &Origin, post: &Post) {
        let (topic, data, raw) = match post {
            Post::Typed { topic, data } => (topic.as_str(), Some(&**data), None),
            Post::Raw(raw) => (UNTYPED, None, Some(&**raw)),
        };
        if let Some(data) = data.filter(|_| topic == REPLY) {
            self.replies.heard(process.id, data);
        }
        let message = Message { at: clock::unix_ms(), process, data, raw };
        self.publish(topic, Some(process.id), |shape| match shape {
            Shape::Rpm => packet(&message),
            Shape::Pm2 => packet(&pm2::bus::message(&message)),
        });
    }

    /// Makes a packet for those that want the topic, once for each shape. `None`: it has none in that shape. `from`: a
    /// process that can send as many as it likes.
    pub fn publish(&self, topic: &str, from: Option<ProcessId>, mut make: impl FnMut(Shape) -> Option<Box<RawValue>>) {
        let mut listeners = self.listeners.borrow_mut();
        listeners.retain(|listener| !listener.feed.is_over());
        let mut made: [Option<Option<Box<RawValue>>>; 2] = [None, None];
        for listener in listeners.iter().filter(|listener| listener.topics.has(topic)) {
            let packet = made[listener.shape as usize].get_or_insert_with(|| make(listener.shape));
            if let Some(packet) = packet {
                listener.feed.push(topic, packet, from);
            }
        }
    }

    /// The next answer of a process to this action.
    pub fn expect_reply(&self, id: ProcessId, action: &str) -> oneshot::Receiver<Value> {
        self.replies.expect(id, action)
    }
}

/// `None` for what cannot be written as JSON, which nothing of ours is.
pub fn packet(value: &impl Serialize) -> Option<Box<RawValue>> {
    to_raw_value(value).inspect_err(|error| tracing::error!("a packet cannot be written as JSON: {error}")).ok()
}
