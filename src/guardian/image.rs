//! A program that can be the daemon, kept open: replaced or deleted on disk it can still be started.

use super::message::{UpdateRecord, Verdict};
use crate::sys::keep::LONGEST_TAG;
use crate::sys::time::unix_ms;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) fd: Rc<OwnedFd>,
    pub(super) path: Rc<[u8]>,
}

impl Image {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(File::open(path)?.into(), path.as_os_str().as_bytes()))
    }

    /// What has become of it, now.
    pub(super) fn update(&self, outcome: Verdict) -> UpdateRecord {
        UpdateRecord { at: unix_ms(), program: self.path.to_vec(), outcome }
    }

    /// The path is for people.
    pub(super) fn new(fd: OwnedFd, path: &[u8]) -> Self {
        Self { fd: Rc::new(fd), path: path[..path.len().min(LONGEST_TAG)].into() }
    }
}
