//! Clients that ask all the time, from threads of their own.

use super::http::{Client, get};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How often each answer came.
    pub(crate) answers: BTreeMap<String, u64>,
    pub(crate) failures: Vec<String>,
    /// Failures of a request on a connection that had served one before: the server may close it at any time.
    pub(crate) reused: u64,
}

impl Outcome {
    pub(crate) fn total(&self) -> u64 {
        self.answers.values().sum()
    }

    /// Connections that nobody was there for.
    pub(crate) fn refused(&self) -> usize {
        self.failures.iter().filter(|failure| failure.contains("refused")).count()
    }

    /// Nothing failed, and something was asked.
    #[track_caller]
    pub(crate) fn all_answered(&self) {
        assert_eq!((self.failures.as_slice(), self.reused), (&[][..], 0), "of {}", self.total());
        assert!(self.total() > 0);
    }
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Outcome>>,
}

impl Load {
    /// A new connection for each request.
    pub(crate) fn of_new_connections(port: u16, threads: usize) -> Self {
        Self::of_new_connections_every(Duration::ZERO, port, threads)
    }

    /// With a rest before each, so that there is time for something else too.
    pub(crate) fn of_new_connections_every(pause: Duration, port: u16, threads: usize) -> Self {
        Self::begin(threads, move |stop, answered| {
            let mut outcome = Outcome::default();
            while !stop.load(Ordering::Relaxed) {
                rest(pause);
                match get(port, "/") {
                    Ok(reply) if reply.status == 200 => count(&mut outcome, reply.body, answered),
                    other => outcome.failures.push(format!("{other:?}")),
                }
            }
            outcome
        })
    }

    /// Each client keeps its connection as long as the server does.
    pub(crate) fn of_kept_connections(port: u16, threads: usize) -> Self {
        Self::of_kept_connections_every(Duration::ZERO, port, threads)
    }

    pub(crate) fn of_kept_connections_every(pause: Duration, port: u16, threads: usize) -> Self {
        Self::begin(threads, move |stop, answered| {
            let mut outcome = Outcome::default();
            while !stop.load(Ordering::Relaxed) {
                keep_asking(port, pause, stop, answered, &mut outcome);
            }
            outcome
        })
    }

    fn begin(threads: usize, work: impl Fn(&AtomicBool, &AtomicU64) -> Outcome + Clone + Send + 'static) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..threads)
            .map(|_| {
                let (stop, answered, work) = (Arc::clone(&stop), Arc::clone(&answered), work.clone());
                spawn(move || work(&stop, &answered))
            })
            .collect();
        Self { stop, answered, threads }
    }

    /// Answers so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn end(mut self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Outcome::default();
        for thread in self.threads.drain(..) {
            let one = thread.join().unwrap();
            for (answer, times) in one.answers {
                *sum.answers.entry(answer).or_default() += times;
            }
            sum.failures.extend(one.failures);
            sum.reused += one.reused;
        }
        sum
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn keep_asking(port: u16, pause: Duration, stop: &AtomicBool, answered: &AtomicU64, outcome: &mut Outcome) {
    let mut client = match Client::connect(port) {
        Ok(client) => client,
        Err(error) => return outcome.failures.push(format!("connecting: {error}")),
    };
    let mut first = true;
    while !stop.load(Ordering::Relaxed) {
        rest(pause);
        match client.get("/") {
            Ok(reply) if reply.status == 200 => {
                let last = reply.last;
                count(outcome, reply.body, answered);
                if last {
                    return;
                }
            }
            other if first => return outcome.failures.push(format!("{other:?}")),
            _ => {
                outcome.reused += 1;
                return;
            }
        }
        first = false;
    }
}

/// A thread that nobody wakes: it is back when the time is over, or a little before.
fn rest(pause: Duration) {
    if !pause.is_zero() {
        std::thread::park_timeout(pause);
    }
}

fn count(outcome: &mut Outcome, body: String, answered: &AtomicU64) {
    *outcome.answers.entry(body).or_default() += 1;
    answered.fetch_add(1, Ordering::Relaxed);
}
