//! The probes of a run, decided: when each is asked next, and what its answers mean. Kubernetes' rules, but that what
//! has not succeeded yet is asked more often than its period says: readiness is found out when it is there.
//!
//! * The startup probe is asked first; until it succeeds the others wait. It fails when it has had
//!   `initial_delay + period × failure_threshold` and has not succeeded.
//! * The ready probe says whether the run can serve now: ready after `success_threshold` successes in a row, not ready
//!   after `failure_threshold` failures in a row.
//! * `failure_threshold` failures of the live probe in a row mean that the run is not well. It is asked no more then.

use super::BootMs;
use super::spec::{Probe, Probes};
use std::fmt;

/// Before the second question to what has not succeeded yet; each wait after it is twice as long, up to the period.
const EAGER: u64 = 100;
/// Apps that start at the same moment begin to ask within so many milliseconds of each other.
const FIRST_SPREAD: u64 = 50;
/// The part of a period by which a question may be late, so that apps that were started together drift apart.
const SPREAD: u64 = 20;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Startup,
    Ready,
    Live,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Startup, Self::Ready, Self::Live];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Ready => "ready",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an answer changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The startup probe has succeeded.
    StartedUp,
    /// It can serve.
    Ready,
    /// It cannot serve any more.
    NotReady,
    /// Its live probe has succeeded for the first time.
    Well,
    /// It never started up, or doesn't live any more: it has to be ended.
    Unwell(Kind),
}

/// What is known of a run that somebody else has asked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    pub started_up: bool,
    pub ready: bool,
}

/// All probes of a run.
#[derive(Debug, Clone)]
pub struct Health {
    courses: [Option<Course>; 3],
    /// It was found unwell: nothing is asked any more.
    over: bool,
}

/// One probe and its answers so far.
#[derive(Debug, Clone)]
struct Course {
    period: u64,
    success_threshold: u32,
    failure_threshold: u32,
    next: BootMs,
    under_way: bool,
    /// How often it was asked.
    asked: u32,
    /// In a row.
    successes: u32,
    failures: u32,
    /// What its answers amount to.
    passes: bool,
    /// They did once.
    ever: bool,
    /// When a failure was counted last: what is asked more often than its period counts once a period.
    counted: BootMs,
    seed: u64,
}

impl Health {
    /// Of a run that begins now. Runs with different seeds are not asked at the same moments.
    pub fn new(probes: &Probes, now: BootMs, seed: u64) -> Self {
        let course = |probe: &Option<Box<Probe>>, kind| Some(Course::new(probe.as_ref()?, now, mix(seed, kind as u64)));
        let courses = [(&probes.startup, Kind::Startup), (&probes.ready, Kind::Ready), (&probes.live, Kind::Live)];
        Self { courses: courses.map(|(probe, kind)| course(probe, kind)), over: false }
    }

    /// Of a run that somebody else has asked before: its counters begin anew, what it was stays.
    pub fn resume(probes: &Probes, known: Known, now: BootMs, seed: u64) -> Self {
        let mut health = Self::new(probes, now, seed);
        for (kind, passes) in [(Kind::Startup, known.started_up), (Kind::Ready, known.ready)] {
            if let Some(course) = health.course_mut(kind).filter(|_| passes) {
                (course.passes, course.ever) = (true, true);
            }
        }
        for course in health.courses.iter_mut().flatten() {
            // All apps are taken over at the same moment; who was not ready is waited for.
            let most = if course.ever { course.period } else { FIRST_SPREAD };
            course.next = now + course.spread(most);
        }
        health
    }

    fn course(&self, kind: Kind) -> Option<&Course> {
        self.courses[kind as usize].as_ref()
    }

    fn course_mut(&mut self, kind: Kind) -> Option<&mut Course> {
        self.courses[kind as usize].as_mut()
    }

    /// The next question, and when it is due. Those under way are not due.
    pub fn due(&self) -> Option<(BootMs, Kind)> {
        let candidates = Kind::ALL.into_iter().filter(|kind| !self.over && self.is_its_time(*kind));
        let due = |kind| self.course(kind).filter(|course| !course.under_way).map(|course| (course.next, kind));
        candidates.filter_map(due).min()
    }

    /// The startup probe until it succeeds, the others from then on.
    fn is_its_time(&self, kind: Kind) -> bool {
        let started_up = self.passes(Kind::Startup);
        if kind == Kind::Startup { !started_up } else { started_up }
    }

    /// The question is on its way.
    pub fn ask(&mut self, kind: Kind, now: BootMs) {
        if let Some(course) = self.course_mut(kind) {
            course.under_way = true;
            course.asked = course.asked.saturating_add(1);
            course.next = now + course.gap();
        }
    }

    /// The question was answered, or not in time.
    pub fn answer(&mut self, kind: Kind, success: bool, now: BootMs) -> Option<Verdict> {
        let eager = self.is_eager(kind);
        let course = self.course_mut(kind)?;
        course.under_way = false;
        course.next = course.next.max(now);
        if success { self.succeeded(kind) } else { self.failed(kind, now, eager) }
    }

    fn succeeded(&mut self, kind: Kind) -> Option<Verdict> {
        let course = self.course_mut(kind)?;
        course.failures = 0;
        course.successes = course.successes.saturating_add(1);
        if course.passes || course.successes < course.success_threshold {
            return None;
        }
        course.passes = true;
        let first = !std::mem::replace(&mut course.ever, true);
        match kind {
            Kind::Startup => Some(Verdict::StartedUp),
            Kind::Ready => Some(Verdict::Ready),
            Kind::Live => first.then_some(Verdict::Well),
        }
    }

    fn failed(&mut self, kind: Kind, now: BootMs, eager: bool) -> Option<Verdict> {
        let course = self.course_mut(kind)?;
        course.successes = 0;
        if eager {
            if now < course.counted + course.period {
                return None;
            }
            course.counted += course.period;
        }
        course.failures = course.failures.saturating_add(1);
        if course.failures < course.failure_threshold {
            return None;
        }
        let passed = std::mem::replace(&mut course.passes, false);
        match kind {
            Kind::Ready => passed.then_some(Verdict::NotReady),
            Kind::Startup | Kind::Live => {
                self.over = true;
                Some(Verdict::Unwell(kind))
            }
        }
    }

    /// Nobody has to wait for a success longer than necessary; whether it lives is no such question.
    fn is_eager(&self, kind: Kind) -> bool {
        kind != Kind::Live && self.course(kind).is_some_and(|course| !course.ever)
    }

    /// Whether its answers amount to a yes; what is not asked does.
    pub fn passes(&self, kind: Kind) -> bool {
        self.course(kind).is_none_or(|course| course.passes)
    }

    /// How many failures there were in a row, as far as they count.
    pub fn failures(&self, kind: Kind) -> u32 {
        self.course(kind).map_or(0, |course| course.failures)
    }
}

impl Course {
    fn new(probe: &Probe, now: BootMs, seed: u64) -> Self {
        let begins = now + probe.initial_delay;
        let mut course = Self {
            period: probe.period.max(1),
            success_threshold: probe.success_threshold.max(1),
            failure_threshold: probe.failure_threshold.max(1),
            next: begins,
            under_way: false,
            asked: 0,
            successes: 0,
            failures: 0,
            passes: false,
            ever: false,
            counted: begins,
            seed,
        };
        course.next += course.spread(FIRST_SPREAD.min(course.period));
        course
    }

    /// Until the next question.
    fn gap(&self) -> u64 {
        let eager = EAGER.saturating_mul(1 << self.asked.saturating_sub(1).min(32));
        let gap = if self.ever { self.period } else { self.period.min(eager) };
        gap + self.spread(gap / SPREAD)
    }

    /// From 0 to `most`, another one each time.
    fn spread(&self, most: u64) -> u64 {
        mix(self.seed, u64::from(self.asked)) % (most + 1)
    }
}

/// How long a startup may take at most, the last question included.
pub fn startup_budget(probe: &Probe) -> u64 {
    let turn = probe.period.max(probe.timeout);
    let asking = turn.saturating_mul(u64::from(probe.failure_threshold.max(1)));
    // The last question may be as late as all of them.
    let late = turn.saturating_add(turn / SPREAD);
    probe.initial_delay.saturating_add(asking).saturating_add(late).saturating_add(probe.timeout)
}

/// Splitmix64: numbers that look like chance, and are the same each time.
const fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
