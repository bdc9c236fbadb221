//! Room: process.
