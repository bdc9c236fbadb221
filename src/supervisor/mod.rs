//! Room: supervisor.
