//! Room: ipc.
