//! The small program beside the others: no runtime, no parsing of anything but its own few messages.

pub mod leash;
