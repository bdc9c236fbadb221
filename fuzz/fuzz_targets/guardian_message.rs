//! Packets between guardian and daemon: whatever the bytes, a message or none, and a message has one form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpm_native::guardian::message::{LONGEST_MESSAGE, Message};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::decode(bytes) {
        assert!(bytes.len() <= LONGEST_MESSAGE, "a message that no packet holds");
        assert_eq!(message.encode(), bytes);
    }
});
