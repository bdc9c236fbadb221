//! When a process that uses more memory than it may is replaced: not for one high sample, and not in a circle.

use super::{BootMs, SpawnId};

/// Samples above the limit, one after another, before it is replaced: a collection of garbage may be on its way.
const SAMPLES: u32 = 2;
/// A run that is above its limit before this age began above it, or nearly: another one will be no better.
const SETTLED: u64 = 60_000;
/// The longest time that such runs are left alone.
const LONGEST_HOLD: u64 = 300_000;

/// What is remembered of a process that has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recycler {
    run: SpawnId,
    /// Samples above the limit in a row.
    over: u32,
    over_since: BootMs,
    /// Runs in a row that were above it soon after their start.
    quick: u32,
    /// It is not replaced before.
    hold_until: BootMs,
}

/// What is seen of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub run: SpawnId,
    pub started_at: BootMs,
    pub now: BootMs,
    pub bytes: u64,
}

/// What a process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub limit: u64,
    /// No run is replaced before this age.
    pub min_uptime: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Within,
    /// Above the limit. It is replaced if it still is then.
    Over {
        until: BootMs,
    },
    Replace,
}

impl Recycler {
    /// Whether this run will not be replaced for now, however much it uses.
    pub fn is_holding(&self, run: SpawnId, now: BootMs) -> bool {
        self.run == run && now < self.hold_until
    }

    pub fn judge(&mut self, sample: Sample, allowance: Allowance) -> Verdict {
        let Sample { run, started_at, now, bytes } = sample;
        if run != self.run {
            let quick = self.quick;
            *self = Self { run, quick, hold_until: started_at + hold(quick, allowance), ..Self::default() };
        }
        if bytes <= allowance.limit {
            self.over = 0;
            if now.saturating_sub(started_at) > SETTLED.max(hold(self.quick, allowance)) {
                self.quick = 0;
            }
            return Verdict::Within;
        }
        if self.over == 0 {
            self.over_since = now;
        }
        self.over = self.over.saturating_add(1);
        if self.over < SAMPLES || now < self.hold_until {
            return Verdict::Over { until: self.hold_until.max(now) };
        }
        self.quick = if self.over_since.saturating_sub(started_at) < SETTLED { self.quick + 1 } else { 0 };
        self.over = 0;
        // Where the replacement fails this very run goes on.
        self.hold_until = now + hold(self.quick, allowance);
        Verdict::Replace
    }
}

fn hold(quick: u32, allowance: Allowance) -> u64 {
    allowance.min_uptime.saturating_mul(1 << quick.min(20)).min(LONGEST_HOLD.max(allowance.min_uptime))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance { limit: 100, min_uptime: 1000 };

    fn sample(run: u64, started_at: u64, now: u64, bytes: u64) -> Sample {
        Sample { run: SpawnId(run), started_at, now, bytes }
    }

    /// The ages at which runs are replaced that are all above the limit from their first moment.
    fn ages(runs: u64) -> Vec<u64> {
        let mut recycler = Recycler::default();
        let (mut now, mut ages) = (0, Vec::new());
        for run in 1..=runs {
            let started_at = now;
            loop {
                now += 1000;
                if recycler.judge(sample(run, started_at, now, 101), ALLOWANCE) == Verdict::Replace {
                    break ages.push(now - started_at);
                }
            }
        }
        ages
    }

    #[test]
    fn one_high_sample_is_none() {
        let mut recycler = Recycler::default();
        let mut judge = |now, bytes| recycler.judge(sample(1, 0, now, bytes), ALLOWANCE);
        assert_eq!(judge(10_000, 100), Verdict::Within);
        assert_eq!(judge(11_000, 101), Verdict::Over { until: 11_000 });
        assert_eq!(judge(12_000, 90), Verdict::Within);
        assert_eq!(judge(13_000, 101), Verdict::Over { until: 13_000 });
        assert_eq!(judge(14_000, 101), Verdict::Replace);
    }

    #[test]
    fn what_begins_above_the_limit_is_replaced_less_and_less_often() {
        assert_eq!(
            ages(12),
            [2000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000, 300_000]
        );
    }

    #[test]
    fn a_leak_that_takes_its_time_is_no_circle() {
        let mut recycler = Recycler::default();
        for run in 1..5 {
            let begin = run * 1_000_000;
            recycler.judge(sample(run, begin, begin + 1000, 50), ALLOWANCE);
            recycler.judge(sample(run, begin, begin + 70_000, 101), ALLOWANCE);
            assert_eq!(recycler.judge(sample(run, begin, begin + 71_000, 101), ALLOWANCE), Verdict::Replace);
            assert_eq!(recycler.quick, 0);
        }
    }

    #[test]
    fn a_replacement_that_failed_is_not_tried_at_once() {
        let mut recycler = Recycler::default();
        recycler.judge(sample(1, 0, 2000, 101), ALLOWANCE);
        assert_eq!(recycler.judge(sample(1, 0, 3000, 101), ALLOWANCE), Verdict::Replace);
        assert_eq!(recycler.judge(sample(1, 0, 3001, 101), ALLOWANCE), Verdict::Over { until: 5000 });
        assert_eq!(recycler.judge(sample(1, 0, 4999, 101), ALLOWANCE), Verdict::Over { until: 5000 });
        assert_eq!([4999, 5000].map(|now| recycler.is_holding(SpawnId(1), now)), [true, false]);
        assert_eq!(recycler.judge(sample(1, 0, 5000, 101), ALLOWANCE), Verdict::Replace);
    }

    #[test]
    fn a_good_run_ends_the_circle() {
        let mut recycler = Recycler { run: SpawnId(1), quick: 3, ..Recycler::default() };
        recycler.judge(sample(2, 0, 61_000, 50), ALLOWANCE);
        assert_eq!(recycler.quick, 0);
    }
}
