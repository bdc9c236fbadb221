//! What a daemon writes for the guardian that it becomes. Only read: no descriptor that it names is touched.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rpm_native::guardian::handover::Inventory;

fuzz_target!(|bytes: &[u8]| {
    let whole = Inventory::read(&mut &bytes[..]);
    // As it comes from a file that is read a little at a time.
    let slow = Inventory::read(&mut Slowly(bytes));
    assert_eq!(whole.ok(), slow.ok());
});

struct Slowly<'a>(&'a [u8]);

impl std::io::Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(3);
        self.0.read(&mut buffer[..most])
    }
}
