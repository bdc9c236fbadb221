//! The bus as listeners get it: what apps say, what happens to them, and what they print, in one stream.

use super::registry::Entry;
use super::streams::{as_text, output_of};
use super::world::World;
use crate::api::{ApiError, BusItem, BusQuery, Event, Shape, Stream, pm2};
use crate::bus::{LOG_ERR, LOG_OUT, PROCESS_EVENT, Reader, Topics, packet};
use crate::domain::{Origin, OutputStream};
use crate::logs::{self, Follow, FollowItem, Item};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::mem;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Batches that wait for a listener; behind them packets wait in its queue, and then are dropped and counted.
const BATCHES_WAITING: usize = 4;
/// Packets of one batch.
const BATCH: usize = 256;

/// PM2's word for what it tells its listeners when it ends.
const KILL: &str = "pm2:kill";

impl World {
    pub(super) async fn listen_to_bus(&self, query: BusQuery) -> Stream<Vec<BusItem>> {
        let topics = Topics::new(query.topics.clone());
        let streams = [(LOG_OUT, OutputStream::Out), (LOG_ERR, OutputStream::Err)];
        let wanted = streams.map(|(topic, stream)| topics.has(topic).then_some(stream));
        let wanted: Vec<OutputStream> = wanted.into_iter().flatten().collect();
        let output = if wanted.is_empty() {
            None
        } else {
            let of_interest = move |label: &logs::Label| wanted.contains(&label.stream);
            Some(logs::follow(&self.context.logs, Vec::new(), 0, Arc::new(of_interest)).await)
        };
        let (sender, receiver) = mpsc::channel(BATCHES_WAITING);
        let shape = query.shape;
        let packets = self.context.bus.listen(query);
        tokio::task::spawn_local(pump(packets, output, shape, sender));
        receiver
    }

    /// What has happened to a process, for those that listen to the bus.
    pub(super) fn tell_bus(&self, event: &Event) {
        let bus = &self.context.bus;
        bus.publish(PROCESS_EVENT, None, |shape| if shape == Shape::Rpm { packet(event) } else { None });
        for event in self.pm2_order.borrow_mut().told(event) {
            bus.publish(PROCESS_EVENT, None, |shape| match shape {
                Shape::Rpm => None,
                Shape::Pm2 => {
                    let registry = self.registry.borrow();
                    let env = registry.get(event.process.id).map(|entry| self.pm2_env(entry)).unwrap_or_default();
                    packet(&pm2::bus::event(&event, env)?)
                }
            });
        }
    }

    /// This daemon is about to leave in order.
    pub(super) fn tell_bus_of_the_end(&self) {
        self.context.bus.publish(KILL, None, |shape| match shape {
            Shape::Rpm => None,
            Shape::Pm2 => packet(&pm2::bus::killed()),
        });
    }

    fn pm2_env(&self, entry: &Entry) -> Map<String, Value> {
        match self.element(entry) {
            Value::Object(mut element) => match element.get_mut("pm2_env").map(Value::take) {
                Some(Value::Object(env)) => env,
                _ => Map::new(),
            },
            _ => Map::new(),
        }
    }
}

/// Until the listener has gone.
async fn pump(
    mut packets: Reader,
    mut output: Option<Follow>,
    shape: Shape,
    sender: mpsc::Sender<Result<Vec<BusItem>, ApiError>>,
) {
    loop {
        let lines = async {
            match &mut output {
                Some(follow) => follow.next().await,
                None => std::future::pending().await,
            }
        };
        let mut items = tokio::select! {
            items = packets.next() => items,
            lines = lines => if let Some(lines) = lines {
                lines.into_iter().filter_map(|line| line_packet(line, shape)).collect()
            } else {
                // The log thread has ended: nothing is printed any more.
                output = None;
                continue;
            },
            () = sender.closed() => return,
        };
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(BATCH));
            if sender.send(Ok(mem::replace(&mut items, rest))).await.is_err() {
                return;
            }
        }
    }
}

fn line_packet(item: FollowItem, shape: Shape) -> Option<BusItem> {
    let (label, line, at) = match item {
        FollowItem::Live(Item::Line { label, line, at }) => (label, line, at),
        FollowItem::Live(Item::Dropped { bytes }) => return Some(BusItem::Dropped { packets: 0, bytes }),
        FollowItem::File { .. } | FollowItem::Past { .. } | FollowItem::Unreadable { .. } => return None,
    };
    let packet: Box<RawValue> = match shape {
        Shape::Rpm => packet(&output_of(&label, &line, Some(at)))?,
        Shape::Pm2 => {
            let origin = Origin { id: label.id, name: label.name.to_string(), namespace: label.namespace.to_string() };
            packet(&pm2::bus::line(&origin, at, &as_text(&line)))?
        }
    };
    Some(BusItem::Packet { topic: pm2::bus::topic_of(label.stream).to_owned(), packet })
}
