//! What a group does when some time has passed. One task for each, however often there is a reason.

use super::group::Group;
use super::state::{Inner, State};
use crate::clock;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// A server that nobody listens to is closed after this, unless a worker is still on its way to it.
const PRUNE_AFTER: Duration = Duration::from_secs(1);

impl Group {
    pub(super) fn prune_later(&self) {
        let at = clock::boot() + PRUNE_AFTER;
        if self.inner.state.borrow_mut().prune_at.replace(at).is_none() {
            tokio::task::spawn_local(prune(Rc::downgrade(&self.inner)));
        }
    }
}

/// Workers that have refused a connection are asked again, and connections don't wait for their workers for ever: there
/// is a timer as long as there are such.
pub(super) fn try_again_later(inner: &Rc<Inner>) {
    let mut state = inner.state.borrow_mut();
    if !state.retrying && state.primary.next_try(clock::boot()).is_some() {
        state.retrying = true;
        tokio::task::spawn_local(try_again(Rc::downgrade(inner)));
    }
}

async fn prune(inner: Weak<Inner>) {
    while let Some(at) = with(&inner, |state| state.prune_at).flatten() {
        if at > clock::boot() {
            sleep_until(at).await;
            continue;
        }
        with(&inner, |state| {
            state.prune_at = None;
            state.prune();
        });
    }
}

async fn try_again(inner: Weak<Inner>) {
    loop {
        let next = with(&inner, |state| {
            let next = state.primary.next_try(clock::boot());
            state.retrying = next.is_some();
            next
        });
        let Some(at) = next.flatten() else { return };
        sleep_until(at).await;
        if let Some(inner) = inner.upgrade() {
            inner.pump();
        }
    }
}

fn with<T>(inner: &Weak<Inner>, work: impl FnOnce(&mut State) -> T) -> Option<T> {
    inner.upgrade().map(|inner| work(&mut inner.state.borrow_mut()))
}

async fn sleep_until(at: Duration) {
    // The timer's milliseconds are not the clock's: never too early.
    tokio::time::sleep(at.saturating_sub(clock::boot()) + Duration::from_millis(1)).await;
}
