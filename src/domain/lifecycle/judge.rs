//! The restart decision: whether a run that ended by itself is followed by another, and when.

use super::event::{Effect, Report};
use super::state::{Cause, Phase};
use super::step::Machine;
use crate::domain::Outcome;
use crate::domain::budget::{INTERVAL, jitter};

/// The longest delay of the exponential back-off, before jitter.
pub(super) const LONGEST_BACKOFF: u64 = 15_000;
/// A run longer than this ends the back-off.
pub(super) const BACKOFF_RESET: u64 = 30_000;
/// A delay of the back-off is up to this part of it shorter or longer, so that apps that fell together don't get up
/// together.
const BACKOFF_JITTER: u64 = 5;
/// The delay before another try when the system had no room for a process.
const NO_ROOM_DELAY: u64 = 1_000;
/// The `errno` of a start whose secrets cannot be read, ENOKEY; and the delay before another try: whoever keeps them
/// may be away for a while.
pub const NO_SECRET: i32 = 126;
const NO_SECRET_DELAY: u64 = 5_000;

impl Machine<'_> {
    /// It ended by itself.
    pub(super) fn judge(&mut self) {
        self.state.recycled = 0;
        if let Some(end) = self.end() {
            return self.rest(Phase::Stopped, end);
        }
        if let Some(too_many) = self.count() {
            self.rest(Phase::Errored, too_many);
            self.state.unstable = 0;
            self.state.window_exits = 0;
            self.effects.push(Effect::Report(Report::Overlimit));
            return;
        }
        let policy = self.policy.restart;
        match (policy.exp_backoff_restart_delay, policy.restart_delay) {
            (0, 0) => self.restart_by_itself(),
            (0, delay) => self.wait(delay, Cause::Delay(delay)),
            (first, _) => {
                let delay = self.back_off(first);
                self.wait(delay, Cause::Backoff(delay));
            }
        }
    }

    /// It was ended because it was not well: whatever its exit code says, it was not done.
    pub(super) fn judge_unwell(&mut self) {
        let exit = self.state.last_exit.replace(Outcome::Unknown);
        self.judge();
        self.state.last_exit = exit;
    }

    /// It could not even be executed.
    pub(super) fn judge_not_started(&mut self, errno: i32) {
        match passing(errno) {
            Some(delay) => self.wait(delay, Cause::NoRoom),
            None => self.rest(Phase::Errored, Cause::NotStarted),
        }
    }

    /// The time of a wait is over.
    pub(super) fn waited(&mut self) {
        match self.state.cause {
            // Its place in the budget is its own.
            Cause::Budget(_) => self.spawn_again(Report::Again),
            _ => self.restart_by_itself(),
        }
    }

    /// A command has come before the time of its wait.
    pub(super) fn leave_queue(&mut self) {
        if let Cause::Budget(place) = self.state.cause {
            self.effects.push(Effect::GiveBackPlace(place));
        }
    }

    /// Somebody asked for it: what went wrong before is forgotten.
    pub(super) fn fresh(&mut self) {
        self.state.created_at = self.now;
        self.state.unstable = 0;
        self.state.window_exits = 0;
        self.state.backoff = 0;
        self.state.recycled = 0;
    }

    /// Why this exit is its end, if it is.
    fn end(&self) -> Option<Cause> {
        let policy = self.policy.restart;
        match self.state.last_exit {
            _ if !policy.autorestart => Some(Cause::NoAutorestart),
            Some(Outcome::Code(code)) if policy.stop_exit_codes.contains(&code) => Some(Cause::FinalCode),
            Some(Outcome::Code(0)) if policy.on_failure => Some(Cause::Succeeded),
            _ => None,
        }
    }

    /// Counts this exit; why there have been too many, if so.
    fn count(&mut self) -> Option<Cause> {
        let policy = self.policy.restart;
        let uptime = self.state.ended_at.saturating_sub(self.state.started_at);
        let age = self.state.ended_at.saturating_sub(self.state.created_at);
        let is_short = uptime < policy.min_uptime;
        if !is_short {
            self.state.unstable = 0;
        } else if age < policy.min_uptime.saturating_mul(u64::from(policy.max_restarts)) || policy.max_restarts == 0 {
            self.state.unstable += 1;
        }
        let Some(window) = policy.restart_window else {
            let too_many = is_short && self.state.unstable >= policy.max_restarts;
            return too_many.then_some(Cause::Unstable(self.state.unstable));
        };
        let is_over = self.state.ended_at.saturating_sub(self.state.window_start) >= window;
        if self.state.window_exits == 0 || is_over {
            self.state.window_start = self.state.ended_at;
            self.state.window_exits = 0;
        }
        self.state.window_exits += 1;
        let too_many = self.state.window_exits >= policy.max_restarts;
        too_many.then_some(Cause::Window(self.state.window_exits))
    }

    /// The next delay: PM2's sequence, spread around its values.
    fn back_off(&mut self, first: u64) -> u64 {
        let uptime = self.state.ended_at.saturating_sub(self.state.started_at);
        self.state.backoff = match self.state.backoff {
            _ if uptime > BACKOFF_RESET => first,
            0 => first,
            last => (last.saturating_mul(3) / 2).min(LONGEST_BACKOFF),
        };
        let mean = self.state.backoff;
        let spread = mean / BACKOFF_JITTER;
        mean - spread + jitter(self.state.run, 2 * spread + 1)
    }

    /// Without anybody asking for it: as soon as the machine's budget allows.
    fn restart_by_itself(&mut self) {
        let place = self.policy.place;
        self.effects.push(Effect::TakePlace(place));
        if place <= self.now {
            return self.spawn_again(Report::Again);
        }
        let until = place.saturating_add(jitter(self.state.run, INTERVAL));
        // The machine's time is not its own: else it would outlive the time in which short runs are counted.
        self.state.created_at = self.state.created_at.saturating_add(until - self.now);
        self.state.window_start = self.state.window_start.saturating_add(until - self.now);
        self.rest(Phase::WaitingRestart { until }, Cause::Budget(place));
    }

    fn wait(&mut self, delay: u64, cause: Cause) {
        self.rest(Phase::WaitingRestart { until: self.now.saturating_add(delay) }, cause);
    }
}

/// After how long another try makes sense, if it does: the system may have room again soon (EAGAIN, ENOMEM, ENFILE,
/// EMFILE), a secret may be there.
const fn passing(errno: i32) -> Option<u64> {
    match errno {
        11 | 12 | 23 | 24 => Some(NO_ROOM_DELAY),
        NO_SECRET => Some(NO_SECRET_DELAY),
        _ => None,
    }
}
