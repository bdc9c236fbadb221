//! What one listener may leave unread. Behind it packets are dropped and counted, and no app can take all of it.

use crate::api::BusItem;
use crate::domain::ProcessId;
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;
use std::rc::{Rc, Weak};
use tokio::sync::Notify;

/// Bytes of packets that wait for one listener.
const BUDGET: usize = 4 << 20;
/// What of it the packets of one process may take: whoever floods leaves room for the others.
const SHARE: usize = BUDGET / 4;
/// What a packet takes beside its text.
const PACKET: usize = 96;

#[derive(Debug, Default)]
struct Waiting {
    items: Vec<BusItem>,
    used: usize,
    by_process: BTreeMap<ProcessId, usize>,
    /// Not queued since the last item.
    dropped: u64,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: RefCell<Waiting>,
    filled: Notify,
}

/// The side that fills it. It is over when the reader is dropped.
#[derive(Debug)]
pub(super) struct Feed {
    shared: Weak<Shared>,
}

/// The listener's side.
#[derive(Debug)]
pub struct Reader {
    shared: Rc<Shared>,
}

pub(super) fn queue() -> (Feed, Reader) {
    let shared = Rc::new(Shared::default());
    (Feed { shared: Rc::downgrade(&shared) }, Reader { shared })
}

impl Feed {
    pub(super) fn is_over(&self) -> bool {
        self.shared.strong_count() == 0
    }

    /// `from`: the process that it is from, where one can send as many as it likes.
    pub(super) fn push(&self, topic: &str, packet: &RawValue, from: Option<ProcessId>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let waiting = &mut *shared.waiting.borrow_mut();
        let cost = topic.len() + packet.get().len() + PACKET;
        let share = from.map(|id| waiting.by_process.entry(id).or_default());
        if waiting.used + cost > BUDGET || share.as_deref().is_some_and(|share| *share + cost > SHARE) {
            waiting.dropped += 1;
        } else {
            if let Some(share) = share {
                *share += cost;
            }
            waiting.used += cost;
            waiting.note_dropped();
            waiting.items.push(BusItem::Packet { topic: topic.to_owned(), packet: packet.to_owned() });
        }
        shared.filled.notify_one();
    }
}

impl Waiting {
    fn note_dropped(&mut self) {
        match mem::take(&mut self.dropped) {
            0 => {}
            packets => self.items.push(BusItem::Dropped { packets, bytes: 0 }),
        }
    }
}

impl Reader {
    /// All that came since the last call; waits for something. Safe to cancel.
    pub async fn next(&mut self) -> Vec<BusItem> {
        loop {
            let items = {
                let waiting = &mut *self.shared.waiting.borrow_mut();
                waiting.note_dropped();
                waiting.used = 0;
                waiting.by_process.clear();
                mem::take(&mut waiting.items)
            };
            if !items.is_empty() {
                return items;
            }
            self.shared.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(length: usize) -> Box<RawValue> {
        RawValue::from_string(format!("\"{}\"", "x".repeat(length))).unwrap()
    }

    fn told(items: &[BusItem]) -> Vec<String> {
        let one = |item: &BusItem| match item {
            BusItem::Packet { topic, .. } => topic.clone(),
            BusItem::Dropped { packets, .. } => format!("-{packets}"),
            BusItem::Resumed => "resumed".to_owned(),
        };
        items.iter().map(one).collect()
    }

    #[tokio::test]
    async fn one_app_cannot_take_the_room_of_another() {
        let (feed, mut reader) = queue();
        let large = packet(SHARE / 2);
        for topic in ["a1", "a2", "a3"] {
            feed.push(topic, &large, Some(ProcessId(1)));
        }
        feed.push("b1", &large, Some(ProcessId(2)));
        feed.push("ours", &large, None);
        assert_eq!(told(&reader.next().await), ["a1", "-2", "b1", "ours"]);
        feed.push("a4", &large, Some(ProcessId(1)));
        assert_eq!(told(&reader.next().await), ["a4"]);
    }

    #[tokio::test]
    async fn what_nobody_reads_is_bounded_and_counted() {
        let (feed, mut reader) = queue();
        for _ in 0..100_000 {
            feed.push("x", &packet(100), None);
        }
        let items = reader.next().await;
        let kept = items.len() - 1;
        assert!(kept * 100 < BUDGET && kept > 10_000, "{kept}");
        assert_eq!(told(&items).last(), Some(&format!("-{}", 100_000 - kept)));
        drop(reader);
        assert!(feed.is_over());
    }
}
