//! What the bus carries, as JavaScript objects. Packets stay text: JavaScript's own parser is the quickest way to objects.

use crate::api::BusItem;
use napi_derive::napi;

/// What was said under a topic.
#[napi(object, object_from_js = false)]
pub struct BusPacket {
    pub topic: String,
    /// The packet as JSON.
    pub json: String,
}

/// Some packets, and how many were left out among them because the reader was too slow.
#[napi(object, object_from_js = false)]
pub struct BusBatch {
    pub packets: Vec<BusPacket>,
    pub dropped: i64,
}

impl From<Vec<BusItem>> for BusBatch {
    fn from(items: Vec<BusItem>) -> Self {
        let mut batch = Self { packets: Vec::with_capacity(items.len()), dropped: 0 };
        for item in items {
            match item {
                BusItem::Packet { topic, packet } => {
                    batch.packets.push(BusPacket { topic, json: packet.get().to_owned() });
                }
                BusItem::Dropped { packets, .. } => batch.dropped += packets as i64,
                BusItem::Resumed => {}
            }
        }
        batch
    }
}
