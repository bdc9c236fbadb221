//! How long is waited for a daemon that was lost: another one takes its place, and connections to it queue meanwhile.

use super::failure::Failure;
use crate::api::ApiError;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// As long as this a request is sent again while daemons keep dying under it.
const PERSEVERANCE: Duration = Duration::from_secs(30);
/// A wait for another daemon that takes longer is told.
const PATIENCE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Told once, when a command waits for another daemon.
#[derive(Clone)]
pub(super) struct Told(Arc<dyn Fn() + Send + Sync>);

impl Told {
    pub(super) fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl Default for Told {
    fn default() -> Self {
        Self::new(|| {})
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told")
    }
}

/// One request through however many daemons.
#[derive(Debug)]
pub(super) struct Patience {
    told: Told,
    /// When the first daemon was lost, or found to be absent.
    since: Option<Instant>,
    lost: Option<ApiError>,
    has_told: bool,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(told: Told) -> Self {
        Self { told, since: None, lost: None, has_told: false, pause: FIRST_PAUSE }
    }

    /// Waits for `work`; says so once if another daemon is waited for and doesn't come at once.
    pub(super) async fn watch<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if let Some(since) = self.since.filter(|_| self.lost.is_some() && !self.has_told) {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = sleep_until(since + PATIENCE) => {
                    self.has_told = true;
                    (self.told.0)();
                }
            }
        }
        work.await
    }

    /// After a failure that another try may mend: a pause, unless enough were tried.
    pub(super) async fn pause(&mut self, failure: Failure) -> Result<(), Failure> {
        let first = self.since.is_none();
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PERSEVERANCE || matches!(failure, Failure::Other(_)) {
            return Err(self.of_whole(failure));
        }
        if let Failure::Lost(error) = failure {
            self.lost = Some(error);
        }
        if !first {
            sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// A daemon that was lost first says more than that none came after it.
    pub(super) fn of_whole(&mut self, failure: Failure) -> Failure {
        match (failure, self.lost.take()) {
            (Failure::Absent, Some(lost)) => Failure::Lost(lost),
            (failure, _) => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Code;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn lost() -> Failure {
        Failure::Lost(ApiError::new(Code::Unreachable, "lost"))
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_after_half_a_minute() {
        let mut patience = Patience::new(Told::default());
        let start = Instant::now();
        let mut tries = 0;
        while patience.pause(lost()).await.is_ok() {
            tries += 1;
        }
        let took = start.elapsed();
        assert!((PERSEVERANCE..PERSEVERANCE + LONGEST_PAUSE).contains(&took), "{took:?}");
        assert!((60..80).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_try_after_a_loss_is_made_at_once() {
        let mut patience = Patience::new(Told::default());
        let start = Instant::now();
        patience.pause(lost()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_told_once_and_only_after_a_loss() {
        let count = Arc::new(AtomicU32::new(0));
        let told = Told::new({
            let count = Arc::clone(&count);
            move || {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut patience = Patience::new(told);
        // The request itself may take its time.
        patience.watch(sleep(PATIENCE * 3)).await;
        assert_eq!(count.load(Ordering::Relaxed), 0);
        patience.pause(lost()).await.unwrap();
        patience.watch(sleep(PATIENCE / 2)).await;
        assert_eq!(count.load(Ordering::Relaxed), 0);
        for _ in 0..2 {
            patience.watch(sleep(PATIENCE)).await;
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_a_daemon_refuses_is_not_asked_again() {
        let mut patience = Patience::new(Told::default());
        let refused = Failure::Other(ApiError::new(Code::NotFound, "no"));
        assert!(matches!(patience.pause(refused).await, Err(Failure::Other(_))));
    }

    #[tokio::test]
    async fn the_loss_is_told_rather_than_the_absence_after_it() {
        let mut patience = Patience::new(Told::default());
        patience.pause(lost()).await.unwrap();
        assert!(matches!(patience.of_whole(Failure::Absent), Failure::Lost(_)));
    }
}
