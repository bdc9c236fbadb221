//! Room: addon.
