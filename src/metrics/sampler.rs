//! CPU and memory of processes, from stat files that stay open: a read costs a fifth of an open, read and close.

use crate::domain::ProcessId;
use crate::sys::proc::{StatFile, ticks_per_second};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is shown of a process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    /// Percent of one core since the sample before.
    pub cpu: f64,
    /// Resident bytes.
    pub memory: u64,
}

#[derive(Debug)]
struct Watched {
    pid: i32,
    file: StatFile,
    ticks: u64,
    at: Duration,
    sample: Sample,
}

/// The processes that are sampled.
#[derive(Debug, Default)]
pub struct Sampler {
    watched: BTreeMap<ProcessId, Watched>,
}

impl Sampler {
    /// Samples those that live, at the boot-clock time `now`, and forgets all others.
    pub fn sample(&mut self, alive: &BTreeMap<ProcessId, i32>, now: Duration) {
        self.watched.retain(|id, watched| alive.get(id) == Some(&watched.pid));
        for (id, pid) in alive {
            match self.watched.get_mut(id) {
                Some(watched) => watched.update(now),
                None => {
                    self.watched.extend(Watched::begin(*pid, now).map(|watched| (*id, watched)));
                }
            }
        }
    }

    /// The last sample of a process. One that has just begun is sampled now, for its memory.
    pub fn get(&mut self, id: ProcessId, pid: i32, now: Duration) -> Sample {
        match self.watched.get(&id) {
            Some(watched) if watched.pid == pid => watched.sample,
            _ => Watched::begin(pid, now).map_or_else(Sample::default, |watched| {
                let sample = watched.sample;
                self.watched.insert(id, watched);
                sample
            }),
        }
    }
}

impl Watched {
    fn begin(pid: i32, now: Duration) -> Option<Self> {
        let file = StatFile::open(pid).ok()?;
        let stat = file.read().ok()?;
        let sample = Sample { cpu: 0.0, memory: stat.rss_bytes() };
        Some(Self { pid, file, ticks: stat.cpu_ticks, at: now, sample })
    }

    fn update(&mut self, now: Duration) {
        // A process that is gone keeps its last sample until its exit is known.
        let Ok(stat) = self.file.read() else { return };
        let passed = now.saturating_sub(self.at).as_secs_f64();
        if passed <= 0.0 {
            return;
        }
        let used = stat.cpu_ticks.saturating_sub(self.ticks) as f64 / ticks_per_second() as f64;
        self.sample = Sample { cpu: used / passed * 100.0, memory: stat.rss_bytes() };
        self.ticks = stat.cpu_ticks;
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_busy_process_uses_a_core() {
        let me = BTreeMap::from([(ProcessId(1), std::process::id() as i32)]);
        let mut sampler = Sampler::default();
        let begun = clock::boot();
        sampler.sample(&me, begun);
        // Until the kernel has counted some ticks of ours.
        let used = || StatFile::open(std::process::id() as i32).unwrap().read().unwrap().cpu_ticks;
        let first = used();
        while used() < first + 5 {
            std::hint::black_box((0..10_000u64).sum::<u64>());
        }
        sampler.sample(&me, clock::boot());
        let sample = sampler.get(ProcessId(1), std::process::id() as i32, clock::boot());
        assert!(sample.cpu > 1.0 && sample.memory > 100_000, "{sample:?}");
    }

    #[test]
    fn who_is_not_alive_is_forgotten() {
        let mut sampler = Sampler::default();
        let me = std::process::id() as i32;
        sampler.sample(&BTreeMap::from([(ProcessId(1), me)]), Duration::from_secs(1));
        sampler.sample(&BTreeMap::new(), Duration::from_secs(2));
        assert!(sampler.watched.is_empty());
        assert_eq!(sampler.get(ProcessId(2), i32::MAX, Duration::from_secs(3)), Sample::default());
    }
}
