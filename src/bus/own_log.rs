//! This program's own log, for those who listen to it.

use super::hub::{Bus, packet};
use crate::api::{Shape, pm2};
use crate::clock;
use serde_json::json;
use std::rc::Rc;
use tokio::sync::mpsc;

/// PM2's topic.
const TOPIC: &str = "log:PM2";

/// Until there are no more lines.
pub async fn pass_on(mut lines: mpsc::Receiver<String>, bus: Rc<Bus>) {
    while let Some(line) = lines.recv().await {
        let at = clock::unix_ms();
        bus.publish(TOPIC, None, |shape| match shape {
            Shape::Rpm => packet(&json!({ "at": at, "line": line.trim_end() })),
            Shape::Pm2 => packet(&pm2::bus::own_line(at, &line)),
        });
    }
}
