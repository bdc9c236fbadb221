//! The list on disk, as a damaged disk or a person's editor may have left it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpm_native::store::Snapshot;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = Snapshot::parse(bytes) {
        let written = serde_json::to_vec(&list).expect("a list can be written");
        let again = Snapshot::parse(&written).expect("what is written can be read");
        assert_eq!(again, list);
    }
});
