//! Captured output: pipes into files, and whoever reads along.
