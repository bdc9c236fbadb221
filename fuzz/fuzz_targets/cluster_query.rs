//! What a cluster worker asks for: no line is a panic, what is long is refused, and the same question has the same key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpm_native::cluster::explain;
use rpm_native::ipc::{Inbound, decode};

fuzz_target!(|line: &[u8]| {
    match decode(line) {
        Inbound::Cluster(message) => {
            if let Ok((key, address)) = explain(&message) {
                assert!(!key.is_empty() && !address.is_empty());
                assert_eq!(explain(&message), Ok((key, address)));
            }
        }
        Inbound::User(message) => {
            assert!(message.is_json() || line.len() > 64 * 1024);
            assert!(!message.is_word("ready") || message.as_json().len() < 64);
        }
        Inbound::TooLong => assert!(line.len() > 64 * 1024),
        Inbound::Taken(seqs) => assert!(seqs.len() <= line.len()),
        Inbound::Answer { .. } | Inbound::Agent(_) => {}
        Inbound::Handle | Inbound::HandleAck | Inbound::HandleNack | Inbound::OtherInternal | Inbound::Garbage => {}
    }
});
