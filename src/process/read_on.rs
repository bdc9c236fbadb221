//! Output that another generation of this program has begun to read.

use super::context::Context;
use super::launch::outputs;
use super::task::Task;
use super::wires::{ERR, OUT, name_of, owner_of};
use crate::domain::{OutputStream, ProcessId, SpawnId};
use crate::logs::{Destination, Label};
use crate::sys::keep::Kept;
use crate::sys::pipe;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

impl Task {
    /// Reads its output on. Without a keeper it is found through the app's own end, as long as there is one.
    pub(super) fn read_on(&self, pid: Option<i32>) {
        for (label, to) in outputs(&self.spec, &self.identity, self.state().run) {
            let (what, number) = match label.stream {
                OutputStream::Out => (OUT, 1),
                OutputStream::Err => (ERR, 2),
            };
            let name = name_of(what, label.id, label.spawn);
            let kept = self.context.inherited.borrow_mut().kept.take(&name);
            // Where a run's output goes is settled when it begins, whatever the settings have become.
            let kept = kept.map(|kept| Ok((kept.fd, Destination::of_tag(&kept.tag))));
            let anew = || Some(self.keep_anew(&name, pid?, number, &to).map(|pipe| (pipe, to.clone())));
            match kept.or_else(anew) {
                Some(Ok((pipe, to))) => self.context.logs.capture(label, pipe, to),
                Some(Err(error)) => {
                    let (name, id) = (&self.spec.name, self.identity.id);
                    tracing::warn!("output {number} of {name} ({id}) cannot be read any more: {error}");
                }
                None => {}
            }
        }
    }

    fn keep_anew(&self, name: &str, pid: i32, number: i32, to: &Destination) -> io::Result<Arc<OwnedFd>> {
        let pipe = Arc::new(pipe::reopen(pid, number)?);
        if let Err(error) = self.context.keep.put(name, &to.tag(), &pipe).and_then(|()| self.context.keep.settle()) {
            tracing::warn!("output of {} is not kept over this daemon's death: {error}", self.spec.name);
        }
        Ok(pipe)
    }
}

/// Output of runs that have ended before a generation came to read all of it: it is read now. `name` gives the name
/// and namespace of a process that is still on the list.
pub fn finish_outputs(context: &Context, kept: Vec<Kept>, name: impl Fn(ProcessId) -> Option<(String, String)>) {
    let mut runs: BTreeMap<(ProcessId, SpawnId), Vec<Kept>> = BTreeMap::new();
    for kept in kept {
        if let Some(owner) = owner_of(&kept.name) {
            runs.entry(owner).or_default().push(kept);
        }
    }
    // One run after another, as they were.
    for ((id, spawn), outputs) in runs {
        let (name, namespace) = name(id).unwrap_or_default();
        for Kept { name: key, tag, fd } in outputs {
            let stream = if key.starts_with(OUT) { OutputStream::Out } else { OutputStream::Err };
            let (name, namespace) = (name.as_str().into(), namespace.as_str().into());
            context.logs.capture(Label { id, spawn, name, namespace, stream }, fd, Destination::of_tag(&tag));
        }
        context.unwritten.finish(context, id, spawn);
    }
}
