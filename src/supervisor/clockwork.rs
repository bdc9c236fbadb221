//! What happens by the clock: `cron_restart`, and the times of jobs.
//!
//! A time that has come is written into the app's diary before anything is done about it: a daemon that is killed in
//! between leaves it to the next one, which does what is left of it. So no time is lost, and none is acted on twice.

use super::automatic::Adoption;
use super::resume::Share;
use super::world::World;
use crate::clock::{self, WallTimer};
use crate::domain::cron::{self, Due, Pattern};
use crate::domain::job::Trigger;
use crate::domain::spec::Schedule;
use crate::domain::{AppSpec, SpawnId, UnixMs};
use crate::store::{Diary, DiaryFile, Pending};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The schedule of an app.
pub(super) struct Armed {
    pub(super) schedule: Schedule,
    pattern: Option<(Pattern, TimeZone)>,
    pub(super) next: Option<UnixMs>,
    pub(super) diary: Diary,
    file: DiaryFile,
    /// The run of a job that is ended when it takes too long.
    pub(super) guarded: Option<SpawnId>,
}

impl Armed {
    fn new(schedule: Schedule, file: DiaryFile, adoption: Adoption, now: UnixMs) -> Self {
        let pattern = read(&schedule).unwrap_or_else(|why| {
            tracing::error!("a schedule is not kept: {why}");
            None
        });
        let text = [cron_of(&schedule), schedule.time_zone.as_deref()].map(Option::unwrap_or_default).join(" ");
        let mut diary = file.load().unwrap_or_default();
        // Jobs make up for what they missed, if they want to; a restart that nobody was there for is not wanted any more.
        let goes_on = diary.schedule == text && (adoption == Adoption::Yes || schedule.job.is_some());
        if !goes_on {
            diary = Diary { schedule: text, since: now, history: diary.history, ..Diary::default() };
        }
        let mut armed = Self { schedule, pattern, next: None, diary, file, guarded: None };
        armed.next = armed.pattern.as_ref().and_then(|(pattern, zone)| match armed.diary.since {
            since if since <= now => pattern.next(zone, since),
            since => cron::after(pattern, zone, now, since),
        });
        if !goes_on {
            armed.save();
        }
        armed
    }

    pub(super) fn save(&self) {
        self.file.save(&self.diary);
    }

    /// What is to be done now. What was due is dealt with from here on.
    fn tick(&mut self, now: UnixMs) -> Due {
        let Some((pattern, zone)) = &self.pattern else { return Due::NotYet };
        // Somebody may have set the clock back since the time was found.
        if let Some(earlier) = cron::after(pattern, zone, now, self.diary.since)
            && self.next.is_some_and(|next| next > now && earlier < next)
        {
            self.next = Some(earlier);
        }
        let Some(next) = self.next else { return Due::NotYet };
        let due = cron::due(next, now, self.schedule.job.as_ref().map(|job| job.catch_up));
        if due != Due::NotYet {
            self.diary.since = now;
            self.next = cron::after(pattern, zone, now, now);
        }
        due
    }
}

/// The pattern of a schedule, of whatever kind.
pub(super) fn cron_of(schedule: &Schedule) -> Option<&str> {
    schedule.job.as_ref().map_or(schedule.restart.as_deref(), |job| job.cron.as_deref())
}

/// The pattern and the zone of a schedule, or what is wrong with them.
pub(super) fn read(schedule: &Schedule) -> Result<Option<(Pattern, TimeZone)>, String> {
    let zone = schedule
        .time_zone
        .as_ref()
        .map(|name| TimeZone::get(name).map_err(|_| format!("this machine knows no time zone {name:?}")));
    let zone = zone.transpose()?;
    let Some(text) = cron_of(schedule) else { return Ok(None) };
    // What the machine knows of time zones is large, and stays in memory.
    let zone = zone.unwrap_or_else(TimeZone::system);
    let pattern: Pattern = text.parse().map_err(|error| format!("the cron pattern {text:?}: {error}"))?;
    if pattern.next(&zone, clock::unix_ms()).is_none() {
        return Err(format!("the cron pattern {text:?} never comes"));
    }
    Ok(Some((pattern, zone)))
}

impl World {
    /// Does what is due, and sleeps until the next time.
    pub(super) async fn keep_time(self: Rc<Self>) {
        let timer = WallTimer::new();
        loop {
            self.do_what_is_due();
            let next = self.automatic.schedules.borrow().values().filter_map(|armed| armed.next).min();
            let due = async {
                match next {
                    Some(next) => timer.until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.automatic.rearmed.notified() => {}
            }
        }
    }

    fn do_what_is_due(self: &Rc<Self>) {
        if self.closing.get() {
            return;
        }
        let now = clock::unix_ms();
        let mut due = Vec::new();
        // What is done is saved with what it is done for, in one write.
        for (name, armed) in self.automatic.schedules.borrow_mut().iter_mut() {
            match armed.tick(now) {
                Due::NotYet => {}
                Due::Missed => {
                    tracing::warn!("{name}: nobody was there to run it when it was due; its next time is waited for");
                    armed.diary.history.missed += 1;
                    armed.save();
                }
                Due::Now => due.push((name.clone(), armed.schedule.job.is_some(), Trigger::Schedule)),
                Due::CatchUp => due.push((name.clone(), true, Trigger::CatchUp)),
            }
        }
        for (name, is_job, trigger) in due {
            if is_job {
                self.run_when_due(&name, trigger);
            } else {
                self.restart_when_due(&name);
            }
        }
    }

    fn restart_when_due(self: &Rc<Self>, name: &str) {
        let runs = self.runs(&self.registry.borrow().named(name));
        let share = self.left_of(&runs);
        if let Some(armed) = self.automatic.schedules.borrow_mut().get_mut(name) {
            armed.diary.pending = Some(Pending::Restart(runs));
            armed.save();
        }
        self.restart_scheduled(name, share);
    }

    fn restart_scheduled(self: &Rc<Self>, name: &str, share: Share) {
        let (world, name) = (Rc::clone(self), name.to_owned());
        tokio::task::spawn_local(async move {
            let cron = {
                let schedules = world.automatic.schedules.borrow();
                schedules.get(&name).and_then(|armed| armed.schedule.restart.clone()).unwrap_or_default()
            };
            world.restart_by_itself(&share, &format!("cron_restart {cron}")).await;
            if let Some(armed) = world.automatic.schedules.borrow_mut().get_mut(&name) {
                armed.diary.pending = None;
                armed.save();
            }
        });
    }

    /// Arms what the list has now, and forgets the rest.
    pub(super) fn follow_schedules(self: &Rc<Self>, adoption: Adoption) {
        let wanted: BTreeMap<String, Schedule> = {
            let registry = self.registry.borrow();
            let scheduled = registry.iter().map(|entry| &entry.spec).filter(|spec| is_scheduled(spec));
            scheduled.map(|spec| (spec.name.clone(), spec.schedule.clone())).collect()
        };
        self.automatic.schedules.borrow_mut().retain(|name, armed| {
            let stays = wanted.contains_key(name);
            if !stays {
                armed.file.remove();
            }
            stays
        });
        let now = clock::unix_ms();
        for (name, schedule) in wanted {
            let mut schedules = self.automatic.schedules.borrow_mut();
            if schedules.get(&name).is_some_and(|armed| armed.schedule == schedule) {
                continue;
            }
            let guarded = schedules.get(&name).and_then(|armed| armed.guarded);
            let file = DiaryFile::new(self.home.diary(&name));
            let armed = Armed { guarded, ..Armed::new(schedule, file, adoption, now) };
            let (pending, is_job) = (armed.diary.pending.clone(), armed.schedule.job.is_some());
            schedules.insert(name.clone(), armed);
            drop(schedules);
            match pending {
                Some(Pending::Restart(runs)) => self.restart_scheduled(&name, self.left_of(&runs)),
                _ if is_job => self.go_on_with_job(&name),
                _ => {}
            }
        }
        self.automatic.rearmed.notify_one();
    }

    pub(super) fn next_time(&self, name: &str) -> Option<UnixMs> {
        self.automatic.schedules.borrow().get(name)?.next
    }
}

fn is_scheduled(spec: &AppSpec) -> bool {
    spec.schedule.restart.is_some() || spec.schedule.job.is_some()
}

#[cfg(test)]
#[path = "clockwork_tests.rs"]
mod tests;
