//! Several requests at the same time.

use crate::api::{ApiError, Boxed};
use std::future::poll_fn;
use std::task::Poll;

/// Waits for all of them, in the order in which they were given.
pub(super) async fn together<T: Unpin>(work: impl Iterator<Item = Boxed<'_, T>>) -> Vec<Result<T, ApiError>> {
    let mut work: Vec<_> = work.map(|future| (future, None)).collect();
    poll_fn(|context| {
        let mut waits = false;
        for (future, done) in &mut work {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(result) => *done = Some(result),
                    Poll::Pending => waits = true,
                }
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    work.into_iter().filter_map(|(_, done)| done).collect()
}
