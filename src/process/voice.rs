//! What an app says that is not for us alone: announcements and messages to whoever listens.

use super::announced::Announced;
use super::context::Context;
use crate::bus::Bus;
use crate::domain::panel::Taken;
use crate::domain::{AppSpec, Origin, ProcessId, SpawnId};
use crate::ipc::{Meaning, UserMessage};
use crate::sys::keep::Keep;
use std::cell::Cell;
use std::rc::Rc;

/// One run's.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    origin: Origin,
    run: SpawnId,
    announced: Announced,
    bus: Rc<Bus>,
    keep: Rc<dyn Keep>,
    /// Its log has been told that something was left out.
    has_warned: Cell<bool>,
}

impl Voice {
    pub(super) fn of(spec: &AppSpec, id: ProcessId, run: SpawnId, announced: &Announced, context: &Context) -> Self {
        let origin = Origin { id, name: spec.name.clone(), namespace: spec.namespace.clone() };
        let (bus, keep) = (Rc::clone(&context.bus), Rc::clone(&context.keep));
        Self::new(origin, run, announced.clone(), bus, keep)
    }

    fn new(origin: Origin, run: SpawnId, announced: Announced, bus: Rc<Bus>, keep: Rc<dyn Keep>) -> Self {
        Self { inner: Rc::new(Inner { origin, run, announced, bus, keep, has_warned: Cell::new(false) }) }
    }

    /// Nobody listens.
    #[cfg(test)]
    pub(super) fn alone() -> Self {
        let origin = Origin { id: ProcessId(0), name: "app".into(), namespace: "default".into() };
        Self::new(
            origin,
            SpawnId(1),
            Announced::default(),
            Rc::default(),
            Rc::new(crate::sys::keep::LocalKeep::default()),
        )
    }

    /// What an announcement means to a daemon after this one is written when this returns. Whether the message is the
    /// word `ready`.
    pub(super) fn hear(&self, message: &UserMessage) -> bool {
        let Inner { origin, run, announced, bus, keep, .. } = &*self.inner;
        match message.meaning() {
            Meaning::Ready => return true,
            Meaning::Announcement(announcement) => {
                if announced.take(announcement, origin.id, *run, keep.as_ref()) == Taken::TooMuch {
                    self.warn("it announces more actions or metrics than are kept; what is too much is left out");
                }
            }
            Meaning::Post(post) => bus.post(origin, &post),
            Meaning::TooLong => self.warn("a message of it was too long to be passed on"),
            Meaning::Nothing => {}
        }
        false
    }

    /// Once a run: whoever does it once does it again.
    fn warn(&self, what: &str) {
        if !self.inner.has_warned.replace(true) {
            let Origin { id, name, .. } = &self.inner.origin;
            tracing::warn!("{name} ({id}): {what}");
        }
    }
}
