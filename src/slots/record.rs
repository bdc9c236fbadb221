//! The fixed form of a process's state: words only, absolute times.

use crate::domain::lifecycle::{Cause, Phase, State, StopStep, Then};
use crate::domain::{Outcome, ProcessId, SpawnId, UnixMs};

/// Words of a record. More may be added at the end with a new version of the table.
pub const WORDS: usize = 24;

/// What is kept of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub id: ProcessId,
    pub state: State,
    /// The live run, named for good: its pid and when it began, in clock ticks since boot.
    pub run: Option<(i32, u64)>,
    pub started_at: UnixMs,
    /// A run that was ended though nobody asked for that, and a number for why.
    pub unwell: Option<(SpawnId, u32)>,
}

impl Record {
    pub fn encode(&self) -> [u64; WORDS] {
        let state = &self.state;
        let (phase, deadline, step, then) = encode_phase(state.phase);
        let (exit, exit_value) = encode_outcome(state.last_exit);
        let (cause, cause_value) = encode_cause(state.cause);
        let (unwell, unwell_for) = self.unwell.unwrap_or((SpawnId(0), 0));
        let (pid, began) = self.run.map_or((0, 0), |(pid, began)| (pid as u64, began));
        [
            u64::from(self.id.0),
            phase,
            deadline,
            step,
            then,
            state.run.0,
            state.created_at,
            state.started_at,
            u64::from(state.restarts),
            u64::from(state.unstable),
            state.backoff,
            exit,
            exit_value,
            pid,
            began,
            self.started_at as u64,
            state.ended_at,
            state.window_start,
            u64::from(state.window_exits),
            cause,
            cause_value,
            state.recycled,
            unwell.0,
            u64::from(unwell_for),
        ]
    }

    /// `None` for what no version of ours has written.
    pub fn decode(words: &[u64; WORDS]) -> Option<Self> {
        let [
            id,
            phase,
            deadline,
            step,
            then,
            run,
            created_at,
            begun_at,
            restarts,
            unstable,
            backoff,
            exit,
            exit_value,
            pid,
            began,
            started_at,
            ended_at,
            window_start,
            window_exits,
            cause,
            cause_value,
            recycled,
            unwell,
            unwell_for,
        ] = *words;
        let state = State {
            phase: decode_phase(phase, deadline, step, then)?,
            run: SpawnId(run),
            created_at,
            started_at: begun_at,
            ended_at,
            restarts: u32::try_from(restarts).ok()?,
            unstable: u32::try_from(unstable).ok()?,
            backoff,
            window_start,
            window_exits: u32::try_from(window_exits).ok()?,
            last_exit: decode_outcome(exit, exit_value)?,
            cause: decode_cause(cause, cause_value)?,
            recycled,
        };
        let pid = i32::try_from(pid).ok()?;
        Some(Self {
            id: ProcessId(u32::try_from(id).ok()?),
            state,
            run: (pid != 0).then_some((pid, began)),
            started_at: started_at as i64,
            unwell: (unwell != 0).then_some((SpawnId(unwell), u32::try_from(unwell_for).ok()?)),
        })
    }
}

fn encode_phase(phase: Phase) -> (u64, u64, u64, u64) {
    match phase {
        Phase::Stopped => (1, 0, 0, 0),
        Phase::Errored => (2, 0, 0, 0),
        Phase::WaitingRestart { until } => (3, until, 0, 0),
        Phase::Launching { deadline } => (4, deadline, 0, 0),
        Phase::Online => (5, 0, 0, 0),
        Phase::Stopping { step, deadline, then } => {
            let step = match step {
                StopStep::Drain => 1,
                StopStep::Main => 2,
                StopStep::MainKilled => 3,
                StopStep::Rest => 4,
                StopStep::RestKilled => 5,
                StopStep::All => 6,
                StopStep::AllKilled => 7,
            };
            let then = match then {
                Then::Stay => 1,
                Then::Restart => 2,
                Then::Delete => 3,
                Then::Judge => 4,
                Then::Unwell => 5,
            };
            (6, deadline, step, then)
        }
        Phase::Deleted => (7, 0, 0, 0),
        Phase::Held => (8, 0, 0, 0),
    }
}

fn decode_phase(phase: u64, deadline: u64, step: u64, then: u64) -> Option<Phase> {
    Some(match phase {
        1 => Phase::Stopped,
        2 => Phase::Errored,
        3 => Phase::WaitingRestart { until: deadline },
        4 => Phase::Launching { deadline },
        5 => Phase::Online,
        6 => {
            let step = match step {
                1 => StopStep::Drain,
                2 => StopStep::Main,
                3 => StopStep::MainKilled,
                4 => StopStep::Rest,
                5 => StopStep::RestKilled,
                6 => StopStep::All,
                7 => StopStep::AllKilled,
                _ => return None,
            };
            let then = match then {
                1 => Then::Stay,
                2 => Then::Restart,
                3 => Then::Delete,
                4 => Then::Judge,
                5 => Then::Unwell,
                _ => return None,
            };
            Phase::Stopping { step, deadline, then }
        }
        7 => Phase::Deleted,
        8 => Phase::Held,
        _ => return None,
    })
}

fn encode_cause(cause: Cause) -> (u64, u64) {
    match cause {
        Cause::None => (0, 0),
        Cause::Command => (1, 0),
        Cause::NoAutorestart => (2, 0),
        Cause::FinalCode => (3, 0),
        Cause::Succeeded => (4, 0),
        Cause::Unstable(exits) => (5, u64::from(exits)),
        Cause::Window(exits) => (6, u64::from(exits)),
        Cause::NotStarted => (7, 0),
        Cause::Delay(delay) => (8, delay),
        Cause::Backoff(delay) => (9, delay),
        Cause::NoRoom => (10, 0),
        Cause::Budget(place) => (11, place),
    }
}

fn decode_cause(cause: u64, value: u64) -> Option<Cause> {
    Some(match cause {
        0 => Cause::None,
        1 => Cause::Command,
        2 => Cause::NoAutorestart,
        3 => Cause::FinalCode,
        4 => Cause::Succeeded,
        5 => Cause::Unstable(u32::try_from(value).ok()?),
        6 => Cause::Window(u32::try_from(value).ok()?),
        7 => Cause::NotStarted,
        8 => Cause::Delay(value),
        9 => Cause::Backoff(value),
        10 => Cause::NoRoom,
        11 => Cause::Budget(value),
        _ => return None,
    })
}

fn encode_outcome(outcome: Option<Outcome>) -> (u64, u64) {
    match outcome {
        None => (0, 0),
        Some(Outcome::Code(code)) => (1, code as u64),
        Some(Outcome::Signal(signal)) => (2, signal as u64),
        Some(Outcome::Unknown) => (3, 0),
        Some(Outcome::NotStarted(errno)) => (4, errno as u64),
        Some(Outcome::OomKilled) => (5, 0),
    }
}

#[expect(clippy::option_option, reason = "outside: whether it can be understood; inside: whether there was an exit")]
fn decode_outcome(kind: u64, value: u64) -> Option<Option<Outcome>> {
    let value = value as i32;
    Some(match kind {
        0 => None,
        1 => Some(Outcome::Code(value)),
        2 => Some(Outcome::Signal(value)),
        3 => Some(Outcome::Unknown),
        4 => Some(Outcome::NotStarted(value)),
        5 => Some(Outcome::OomKilled),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(phase: Phase, cause: Cause, last_exit: Option<Outcome>) -> Record {
        let state = State {
            phase,
            cause,
            last_exit,
            run: SpawnId(9),
            started_at: 2,
            ended_at: 3,
            restarts: 4,
            unstable: 5,
            backoff: 6,
            window_start: 7,
            window_exits: 8,
            recycled: 9,
            ..State::new(1)
        };
        Record { id: ProcessId(10), state, run: Some((11, 12)), started_at: -13, unwell: Some((SpawnId(9), 3)) }
    }

    #[test]
    fn what_is_written_is_read() {
        let causes = [
            Cause::None,
            Cause::Command,
            Cause::NoAutorestart,
            Cause::FinalCode,
            Cause::Succeeded,
            Cause::Unstable(16),
            Cause::Window(3),
            Cause::NotStarted,
            Cause::Delay(1),
            Cause::Backoff(2),
            Cause::NoRoom,
            Cause::Budget(u64::MAX),
        ];
        for cause in causes {
            let written = record(Phase::WaitingRestart { until: 77 }, cause, Some(Outcome::Code(-1)));
            assert_eq!(Record::decode(&written.encode()), Some(written));
        }
        let stopping = Phase::Stopping { step: StopStep::RestKilled, deadline: 5, then: Then::Judge };
        let unwell = Phase::Stopping { step: StopStep::Main, deadline: 6, then: Then::Unwell };
        for phase in [
            Phase::Stopped,
            Phase::Errored,
            Phase::Online,
            Phase::Launching { deadline: 9 },
            Phase::Held,
            unwell,
            stopping,
        ] {
            let written = record(phase, Cause::None, Some(Outcome::Signal(9)));
            assert_eq!(Record::decode(&written.encode()), Some(written));
        }
    }
}
