//! The product from outside: a real daemon with real apps, each test in a home of its own.
//!
//! Nothing here waits by sleeping: [`support::eventually`] asks for a fact until it is there, or its deadline is. A
//! [`support::Home`] ends what runs in it when the test is over, and fails the test if anything is left.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "what fails here fails a test, and tells why")]

mod apply;
mod attended;
mod balancing;
mod boot;
mod cluster;
mod cluster_bun;
mod cluster_hostile;
mod cluster_protocol;
mod cluster_udp;
mod conformance;
mod control;
mod corpus;
mod crowd;
mod daemon;
mod depends;
mod descriptors;
mod dispatch;
mod draining;
mod ecosystem;
mod ecosystems;
mod env_layers;
mod environment;
mod errors;
mod foreground;
mod fork;
mod full_disk;
mod hops;
mod inherited;
mod interpreters;
mod ipc;
mod jobs;
mod lifecycle;
mod limits;
mod listening;
mod log_lines;
mod logs;
mod many;
mod options;
mod owner;
mod package_scripts;
mod ports;
mod probes;
mod readiness;
mod reload;
mod restarts;
mod rollout;
mod rotation;
mod saved_lists;
mod scale;
mod schedule;
mod secrets;
mod serve;
mod settings;
mod stopping;
mod storm;
mod support;
mod survival;
mod torture;
mod validate;
mod views;
mod watch;
mod web;
