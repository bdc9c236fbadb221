//! The guardian: parent of all apps, keeper of their descriptors, restarter of the daemon.

fn main() {}
