//! Ends what the apps of a supervisor inside another program have left, when that program is gone.
//!
//! The kernel ends the apps themselves; what they have started and detached it doesn't know. So the supervisor has a
//! process of its own, on a pipe, that is told of each birth and each end. When the pipe ends the program is dead,
//! however it died, and everything is killed that is in an app's process group or carries the supervisor's mark in
//! its environment. A supervisor that ends in order kills this process first.
//!
//! ```text
//! +<pid> <start in clock ticks since boot>    an app, leader of its session and group
//! -<pid>                                      it has ended
//! ```

use crate::sys::births::{Births, Chase, Judged};
use crate::sys::proc::{self, StatFile, Variable};
use crate::sys::time::boot_clock;
use crate::sys::{group, pidfd, signal};
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The variable whose value marks what belongs to one supervisor.
pub use crate::sys::launch::MARK;
/// The argument that has the guardian's program do this; the mark's value follows it.
pub const ARGUMENT: &str = "--leash";

/// What cannot be killed within this time cannot be killed.
const LONGEST: Duration = Duration::from_secs(5);
const SIGKILL: i32 = 9;

/// Everything, from the first line to the last process. Gives the exit code: 1 when something is left.
pub fn run(mark: &str) -> u8 {
    // It outlives what its program is ended by.
    signal::ignore_all();
    let mut leash = Leash::default();
    leash.follow(io::stdin().lock());
    u8::from(!leash.end(mark, LONGEST))
}

#[derive(Debug, Default)]
struct Leash {
    /// Start times by pid.
    apps: BTreeMap<i32, u64>,
}

impl Leash {
    /// Reads until the end.
    fn follow(&mut self, mut lines: impl BufRead) {
        let mut line = String::new();
        loop {
            line.clear();
            match lines.read_line(&mut line) {
                Ok(0) => return,
                // A pipe that cannot be read is as good as ended; what is no text is no line of ours.
                Err(error) if !matches!(error.kind(), io::ErrorKind::InvalidData) => return,
                Err(_) => {}
                Ok(_) => self.note(line.trim_end()),
            }
        }
    }

    /// What makes no sense is passed over: the mark still finds what it may have meant.
    fn note(&mut self, line: &str) {
        if let Some(birth) = line.strip_prefix('+') {
            if let Some((pid, started)) = birth.split_once(' ')
                && let (Ok(pid), Ok(started)) = (pid.parse(), started.parse())
            {
                self.apps.insert(pid, started);
            }
        } else if let Some(pid) = line.strip_prefix('-').and_then(|pid| pid.parse().ok()) {
            self.apps.remove(&pid);
        }
    }

    /// Kills until nothing is left, as what is being killed may still start more. Whether that was reached.
    fn end(&self, mark: &str, longest: Duration) -> bool {
        let deadline = boot_clock() + longest;
        loop {
            let mut births = Births::begin();
            let found = self.find(mark, births.as_mut());
            if found.is_empty() && births.is_none_or(|births| self.is_certain(births, mark, deadline)) {
                return true;
            }
            for process in &found {
                // One that we may not signal stays; the deadline ends the waiting for it.
                let _ = pidfd::signal(process, SIGKILL);
            }
            for process in &found {
                let Some(left) = deadline.checked_sub(boot_clock()) else { return false };
                pidfd::wait_for_end(process, left);
            }
            if boot_clock() >= deadline {
                return false;
            }
        }
    }

    /// Whether nobody was overlooked who was born and died meanwhile. Kills whom it finds.
    fn is_certain(&self, mut births: Births, mark: &str, deadline: Duration) -> bool {
        let groups = self.groups();
        let judge = |pid: i32, process: &OwnedFd| {
            let judged = judge(pid, mark, &groups);
            if judged == Judged::Ours {
                let _ = pidfd::signal(process, SIGKILL);
            }
            judged
        };
        births.chase(judge, || boot_clock() < deadline) == Chase::Calm
    }

    /// The process groups of those who live, and of the dead whose number nobody has got.
    fn groups(&self) -> Vec<i32> {
        self.apps.iter().filter(|(pid, at)| is_free_or(**pid, **at)).map(|(pid, _)| *pid).collect()
    }

    /// All that lives and is ours.
    fn find(&self, mark: &str, births: Option<&mut Births>) -> Vec<OwnedFd> {
        let groups = self.groups();
        // In one call each, before any of them can start something.
        for pid in &groups {
            group::signal(*pid, SIGKILL);
        }
        let mut untold = Vec::new();
        let mut ours = Vec::new();
        for pid in proc::pids() {
            // The descriptor first: what is looked at afterwards is that process, or it is dead and nothing happens.
            let Ok(process) = pidfd::open(pid) else { continue };
            match judge(pid, mark, &groups) {
                Judged::Ours => ours.push(process),
                Judged::Unclear => untold.push(pid),
                Judged::Stranger | Judged::Gone => {}
            }
        }
        if let Some(births) = births {
            births.look_again(untold);
        }
        ours
    }
}

/// What one process is to the supervisor, by its group and its environment.
fn judge(pid: i32, mark: &str, groups: &[i32]) -> Judged {
    let marked = proc::look_up(pid, MARK);
    match proc::stat(pid) {
        Ok(stat) if stat.is_dead() => Judged::Gone,
        Ok(stat) if groups.contains(&stat.group) || matches!(&marked, Variable::Is(value) if value == mark) => {
            Judged::Ours
        }
        Ok(_) if marked == Variable::Blank => Judged::of_blank(pid),
        Ok(_) => Judged::Stranger,
        Err(_) => Judged::Gone,
    }
}

/// Whether the number still names what began then, or nothing: a number in use as a group isn't given out again.
fn is_free_or(pid: i32, started: u64) -> bool {
    StatFile::open(pid).and_then(|file| file.read()).map_or(true, |stat| stat.started == started)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::spawn::{Program, SpawnPlan, c_string, spawn};
    use std::io::{Cursor, PipeReader, Read};
    use std::os::fd::AsFd;

    fn followed(text: &[u8]) -> BTreeMap<i32, u64> {
        let mut leash = Leash::default();
        leash.follow(Cursor::new(text));
        leash.apps
    }

    #[test]
    fn births_and_ends() {
        assert_eq!(followed(b"+7 100\n+8 200\n-7\n"), BTreeMap::from([(8, 200)]));
        assert_eq!(followed(b""), BTreeMap::new());
    }

    #[test]
    fn lines_that_make_no_sense_are_passed_over() {
        let text = b"\n+\n+x 1\n+1\n-\n?\n\xff\xfe\n+9 3\n+99999999999 1\n+7 ";
        assert_eq!(followed(text), BTreeMap::from([(9, 3)]));
    }

    struct App {
        pid: i32,
        pidfd: OwnedFd,
        /// Ends when nobody of the app lives any more.
        alive: PipeReader,
    }

    fn app(script: &str, mark: Option<&str>) -> App {
        let (mut alive, theirs) = io::pipe().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let argv = ["sh", "-c", script].map(|word| c_string(word).unwrap()).to_vec();
        let env = mark.map(|mark| c_string(format!("{MARK}={mark}")).unwrap()).into_iter().collect();
        let program = Program::Path(c_string("/bin/sh").unwrap());
        let fds = vec![(null.as_fd(), 0), (theirs.as_fd(), 1)];
        let plan = SpawnPlan { fds, ..SpawnPlan::new(program, argv, env, c_string("/").unwrap()) };
        let spawned = spawn(&plan).unwrap();
        drop(plan);
        drop(theirs);
        alive.read_exact(&mut [0]).unwrap();
        App { pid: spawned.pid, pidfd: spawned.pidfd, alive }
    }

    fn all_ended(mut app: App) {
        app.alive.read_to_end(&mut Vec::new()).unwrap();
        pidfd::reap(&app.pidfd);
    }

    fn started(pid: i32) -> u64 {
        StatFile::open(pid).unwrap().read().unwrap().started
    }

    fn unique_mark(test: &str) -> String {
        format!("{test}-{}-{}", std::process::id(), boot_clock().as_nanos())
    }

    const LONG: &str = "/bin/sleep 1000";

    #[test]
    fn what_is_detached_is_found_by_its_mark() {
        let mark = unique_mark("mark");
        let app = app(&format!("/usr/bin/setsid {LONG} & echo; exec {LONG}"), Some(&mark));
        assert!(Leash::default().end(&mark, LONGEST));
        all_ended(app);
    }

    #[test]
    fn what_has_lost_its_mark_is_found_by_its_group() {
        let app = app(&format!("{LONG} & echo; exec {LONG}"), None);
        let leash = Leash { apps: BTreeMap::from([(app.pid, started(app.pid))]) };
        assert!(leash.end(&unique_mark("group"), LONGEST));
        all_ended(app);
    }

    /// Its hops end by themselves some time, so that a leash that misses them fails here and leaves nothing behind.
    #[test]
    fn what_forks_as_fast_as_it_dies_is_found_by_its_births() {
        let mark = unique_mark("hops");
        let hops = "for (1 .. 100000) { my $child = fork; POSIX::_exit(0) if $child; POSIX::setsid() }";
        let app = app(&format!("echo; exec /usr/bin/perl -MPOSIX -e '{hops}'"), Some(&mark));
        // The first one has ended: it hops.
        pidfd::wait_for_end(&app.pidfd, Duration::from_secs(20));
        assert!(pidfd::has_ended(&app.pidfd));
        assert!(Leash::default().end(&mark, LONGEST));
        let began = boot_clock();
        all_ended(app);
        assert!(boot_clock().saturating_sub(began) < Duration::from_secs(2), "it has ended by itself");
    }

    #[test]
    fn a_group_without_its_leader_is_ended_too() {
        let app = app(&format!("{LONG} & echo; exec {LONG}"), None);
        let leash = Leash { apps: BTreeMap::from([(app.pid, started(app.pid))]) };
        pidfd::signal(&app.pidfd, SIGKILL).unwrap();
        pidfd::reap(&app.pidfd);
        assert!(leash.end(&unique_mark("leader"), LONGEST));
        all_ended(app);
    }

    #[test]
    fn a_number_that_names_another_now_is_left_alone() {
        let mark = unique_mark("other");
        let app = app(&format!("echo; exec {LONG}"), Some(&format!("{mark}9")));
        let leash = Leash { apps: BTreeMap::from([(app.pid, started(app.pid) + 1)]) };
        assert!(leash.end(&mark, LONGEST));
        assert!(!pidfd::has_ended(&app.pidfd));
        group::signal(app.pid, SIGKILL);
        all_ended(app);
    }
}
