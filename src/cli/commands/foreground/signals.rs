//! Signals to a program that runs apps in the foreground.

use std::io::{self, IsTerminal};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What one comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Somebody wants it to end.
    End(i32),
    /// It is meant for the apps.
    Pass(i32),
}

pub(super) struct Signals {
    streams: Vec<(i32, Signal)>,
    /// The terminal that it belongs to has gone.
    hangup_ends: bool,
}

impl Signals {
    pub(super) fn watch() -> io::Result<Self> {
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::quit(),
            SignalKind::hangup(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
        ];
        let streams = kinds.into_iter().map(|kind| Ok((kind.as_raw_value(), signal(kind)?)));
        Ok(Self { streams: streams.collect::<io::Result<_>>()?, hangup_ends: io::stdin().is_terminal() })
    }

    pub(super) async fn next(&mut self) -> Told {
        let number = std::future::poll_fn(|context| {
            for (number, stream) in &mut self.streams {
                if let std::task::Poll::Ready(Some(())) = stream.poll_recv(context) {
                    return std::task::Poll::Ready(*number);
                }
            }
            std::task::Poll::Pending
        })
        .await;
        judge(number, self.hangup_ends)
    }
}

fn judge(number: i32, hangup_ends: bool) -> Told {
    let is = |kind: SignalKind| number == kind.as_raw_value();
    let ends = is(SignalKind::terminate()) || is(SignalKind::interrupt()) || is(SignalKind::quit());
    if ends || (is(SignalKind::hangup()) && hangup_ends) { Told::End(number) } else { Told::Pass(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_and_what_is_passed_on() {
        for (number, hangup_ends, told) in [
            (15, false, Told::End(15)),
            (2, false, Told::End(2)),
            (3, true, Told::End(3)),
            (1, false, Told::Pass(1)),
            (1, true, Told::End(1)),
            (10, true, Told::Pass(10)),
            (12, false, Told::Pass(12)),
        ] {
            assert_eq!(judge(number, hangup_ends), told);
        }
    }
}
