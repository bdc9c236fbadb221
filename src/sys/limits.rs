//! Limits of resources by their names.

#[rustfmt::skip] // a table
const RESOURCES: [(&str, i32); 15] = [
    ("as", libc::RLIMIT_AS as i32),
    ("core", libc::RLIMIT_CORE as i32),
    ("cpu", libc::RLIMIT_CPU as i32),
    ("data", libc::RLIMIT_DATA as i32),
    ("fsize", libc::RLIMIT_FSIZE as i32),
    ("memlock", libc::RLIMIT_MEMLOCK as i32),
    ("msgqueue", libc::RLIMIT_MSGQUEUE as i32),
    ("nice", libc::RLIMIT_NICE as i32),
    ("nofile", libc::RLIMIT_NOFILE as i32),
    ("nproc", libc::RLIMIT_NPROC as i32),
    ("rss", libc::RLIMIT_RSS as i32),
    ("rtprio", libc::RLIMIT_RTPRIO as i32),
    ("rttime", libc::RLIMIT_RTTIME as i32),
    ("sigpending", libc::RLIMIT_SIGPENDING as i32),
    ("stack", libc::RLIMIT_STACK as i32),
];

/// The number of a resource as `setrlimit` takes it, by its name in lower case.
pub fn resource(name: &str) -> Option<i32> {
    RESOURCES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// The name of a resource.
pub fn name(resource: i32) -> Option<&'static str> {
    RESOURCES.iter().find(|(_, number)| *number == resource).map(|(name, _)| *name)
}

/// What `setrlimit` takes for "no limit".
pub const UNLIMITED: u64 = libc::RLIM_INFINITY;
