//! What the log thread of the daemon before this one has left, and finishing what it was doing.

use crate::logs::{self, Destination, Staging};
use crate::slots::Journal;
use crate::sys::keep::{Inheritance, Keep};
use std::io;

/// The name under which the staging pipe is kept.
const STAGING: &str = "logs/staging";

/// The staging pipe that was kept, else a new one that is kept from now on. The chunk that was on its way is finished.
pub(super) fn staging(journal: Journal, kept: &mut Inheritance, keep: &dyn Keep) -> io::Result<Staging> {
    let staging = match kept.take(STAGING) {
        Some(kept) => Staging::inherited(kept.fd, journal),
        None => new(journal, keep)?,
    };
    let recovered = logs::recover(&staging, |id, spawn, stream| {
        // It stays among what is kept: whoever takes the run over takes its pipes.
        let output = kept.take(&format!("{}/{id}/{spawn}", stream.as_str()))?;
        kept.add(output.clone());
        Some((output.fd, Destination::of_tag(&output.tag)))
    });
    if recovered.redone + recovered.consumed > 0 {
        let logs::Recovered { redone, consumed } = recovered;
        tracing::info!("output was being copied: {redone} bytes are written again, {consumed} were written already");
    }
    Ok(staging)
}

fn new(journal: Journal, keep: &dyn Keep) -> io::Result<Staging> {
    let staging = Staging::new(journal)?;
    if let Err(error) = keep.put(STAGING, b"", staging.pipe()).and_then(|()| keep.settle()) {
        tracing::warn!("a daemon after this one may write a few bytes of output twice: {error}");
    }
    Ok(staging)
}
