//! Who was born since one last looked, by the numbers that the kernel gives out one after another.
//!
//! A list of processes tells nothing of one that forks as fast as it dies: each that was listed has gone when it is
//! looked at, and each that lives was born after the list. Their numbers tell. Whoever has looked at all that lived when
//! the last number was N, and then finds that the last number still is N, has seen everybody; and where it is not,
//! those in between are all that is left to look at.
//!
//! The order of things makes that exact. A number is given out before its process is there, so that one that can't be
//! found is looked for once more; and a process that was sent SIGKILL is there for no child any more, so that only a
//! child of one that had gone unseen can go unseen, and that one counts as uncertain. So does one that has lost its
//! environment as it dies: who it was nobody can tell, and it may have had a child after the last number was read.

use super::{pidfd, proc};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

/// So many of those who were there already are looked at too: they have their numbers, and may not have been there yet.
const OVERLAP: i32 = 64;
/// Where the numbers begin anew (`RESERVED_PIDS` of the kernel).
const ANEW: i32 = 300;

/// What one process turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    Ours,
    Stranger,
    /// It lives, and doesn't tell yet: it is just being executed.
    Unclear,
    /// It died before it could be asked, or is about to: it has all the children that it will ever have.
    Gone,
}

impl Judged {
    /// One in which no environment was found, where that is what tells. It is looked at after that.
    pub fn of_blank(pid: i32) -> Self {
        match proc::stat(pid) {
            Err(_) => Self::Gone,
            Ok(stat) if stat.is_exiting() => Self::Gone,
            Ok(stat) if stat.has_no_environment() => Self::Stranger,
            Ok(_) => Self::Unclear,
        }
    }
}

/// What all that were born since the last round have turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub found: bool,
    /// All of them were seen.
    pub certain: bool,
}

/// How a chase went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chase {
    /// Nobody of ours was born.
    Calm,
    /// Somebody was, and nobody after that.
    Found,
    /// Some have died unseen, to the last, or the numbers have begun anew: look at everything again.
    Unsure,
}

/// Those born since it was begun. Who lived before is to be looked at after that.
#[derive(Debug)]
pub struct Births {
    source: Source,
    last: i32,
    /// Who is looked at once more, and whether it may live: not any more once it was not there.
    again: BTreeMap<i32, bool>,
}

/// Where the last number that was given out is read.
#[derive(Debug)]
enum Source {
    Number(File),
    /// As the last of some words: where the kernel was built without the former.
    Load(File),
    #[cfg(test)]
    Told(std::rc::Rc<std::cell::Cell<i32>>),
}

impl Source {
    fn open() -> Option<Self> {
        let number = File::open("/proc/sys/kernel/ns_last_pid").map(Self::Number);
        number.or_else(|_| File::open("/proc/loadavg").map(Self::Load)).ok()
    }

    fn last(&self) -> Option<i32> {
        let mut buffer = [0; 128];
        let mut words = |file: &File| {
            let length = file.read_at(&mut buffer, 0).ok()?;
            str::from_utf8(&buffer[..length]).ok()?.split_ascii_whitespace().last()?.parse().ok()
        };
        match self {
            Self::Number(file) | Self::Load(file) => words(file),
            #[cfg(test)]
            Self::Told(number) => Some(number.get()),
        }
    }
}

impl Births {
    /// From now on. `None` where the system doesn't tell.
    pub fn begin() -> Option<Self> {
        Source::open().and_then(Self::from)
    }

    fn from(source: Source) -> Option<Self> {
        let last = source.last()?;
        let again = just_before(last, pid_max()).map(|pid| (pid, true)).collect();
        Some(Self { source, last, again })
    }

    /// These too: they were there before, and could not tell yet who they are.
    pub fn look_again(&mut self, pids: impl IntoIterator<Item = i32>) {
        self.again.extend(pids.into_iter().map(|pid| (pid, true)));
    }

    /// Shows each that was born since the last round, in that order. `None` where the numbers have begun anew.
    pub fn round(&mut self, mut judge: impl FnMut(i32, &OwnedFd) -> Judged) -> Option<Round> {
        self.round_of(|pid, is_new| look_at(pid, is_new, &mut judge))
    }

    fn round_of(&mut self, mut look: impl FnMut(i32, bool) -> Judged) -> Option<Round> {
        let last = self.source.last().filter(|last| *last >= self.last)?;
        let mut round = Round { found: false, certain: true };
        let before = std::mem::take(&mut self.again);
        let mut unclear = false;
        for (pid, lived) in
            before.iter().map(|(pid, lived)| (*pid, Some(*lived))).chain((self.last + 1..=last).map(|pid| (pid, None)))
        {
            match look(pid, lived != Some(false)) {
                Judged::Ours => round.found = true,
                Judged::Stranger => {}
                Judged::Unclear => {
                    (round.certain, unclear) = (false, true);
                    self.again.insert(pid, true);
                }
                // Twice not there: it has died, and left nobody that isn't looked at after it.
                Judged::Gone if lived == Some(false) => {}
                Judged::Gone => {
                    round.certain = false;
                    self.again.insert(pid, false);
                }
            }
        }
        if unclear {
            // Its children may not be there yet.
            let gone = before.into_iter().filter(|(_, lived)| !lived);
            gone.for_each(|(pid, lived)| _ = self.again.entry(pid).or_insert(lived));
        }
        self.last = last;
        Some(round)
    }

    /// Rounds, until one is certain and finds nobody, as long as `go_on` says. Whoever judges ends those that are found.
    pub fn chase(&mut self, mut judge: impl FnMut(i32, &OwnedFd) -> Judged, mut go_on: impl FnMut() -> bool) -> Chase {
        let mut found = false;
        while go_on() {
            let Some(round) = self.round(&mut judge) else { return Chase::Unsure };
            found |= round.found;
            if round.certain && !round.found {
                return if found { Chase::Found } else { Chase::Calm };
            }
        }
        Chase::Unsure
    }
}

/// The last numbers that were given out, up to `last`.
fn just_before(last: i32, max: i32) -> impl Iterator<Item = i32> {
    let of_this_turn = 1.max(last - OVERLAP + 1)..=last;
    let before = if last < ANEW + OVERLAP { (max - OVERLAP).max(last + 1)..max } else { 0..0 };
    of_this_turn.chain(before)
}

/// All numbers are below it.
fn pid_max() -> i32 {
    static MAX: LazyLock<i32> = LazyLock::new(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap_or_default();
        text.trim().parse().unwrap_or(32_768)
    });
    *MAX
}

/// `is_new`: it matters whether it was there at all.
fn look_at(pid: i32, is_new: bool, judge: &mut impl FnMut(i32, &OwnedFd) -> Judged) -> Judged {
    // The descriptor first: what is looked at afterwards is that process, or it is dead and nothing happens to it.
    match pidfd::open(pid) {
        Ok(process) => judge(pid, &process),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Judged::Gone,
        // A thread, or one that is not there yet, and may be by now.
        Err(_) if is_new && proc::StatFile::open(pid).is_ok() => match pidfd::open(pid) {
            Ok(process) => judge(pid, &process),
            Err(_) => Judged::Stranger,
        },
        Err(_) => Judged::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::collections::BTreeSet;
    use std::process::Command;
    use std::rc::Rc;

    fn told(last: i32) -> (Births, Rc<Cell<i32>>) {
        let number = Rc::new(Cell::new(last));
        (Births::from(Source::Told(Rc::clone(&number))).unwrap(), number)
    }

    const CALM: Option<Round> = Some(Round { found: false, certain: true });
    const UNSURE: Option<Round> = Some(Round { found: false, certain: false });

    #[test]
    fn nobody_is_born_and_nothing_is_left_open() {
        let (mut births, _) = told(100);
        // Those before it may not have been there yet.
        let mut seen = Vec::new();
        let mut look = |pid, _| {
            seen.push(pid);
            Judged::Gone
        };
        assert_eq!(births.round_of(&mut look), UNSURE);
        assert_eq!(births.round_of(&mut look), CALM);
        assert_eq!(births.round_of(&mut look), CALM);
        let once: Vec<i32> = just_before(100, pid_max()).collect();
        assert_eq!(seen, [once.clone(), once].concat());
    }

    #[test]
    fn the_numbers_before_the_last_one() {
        assert_eq!(just_before(1000, 32_768).collect::<Vec<_>>(), (937..=1000).collect::<Vec<_>>());
        let anew: BTreeSet<i32> = just_before(302, 32_768).collect();
        assert!(anew.is_superset(&(300..=302).collect()) && anew.is_superset(&(32_704..32_768).collect()));
        assert_eq!(just_before(3, 3).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn who_was_there_before_and_did_not_tell_is_looked_at_and_what_it_has_left() {
        let (mut births, last) = told(100);
        births.look_again([7]);
        assert_eq!(births.round_of(|pid, _| if pid == 7 { Judged::Unclear } else { Judged::Stranger }), UNSURE);
        // It was executed, has forked after the number was read, and died.
        last.set(101);
        assert_eq!(births.round_of(|pid, _| if pid == 7 { Judged::Gone } else { Judged::Stranger }), UNSURE);
        last.set(102);
        let born = |pid, _| if pid == 102 { Judged::Ours } else { Judged::Gone };
        assert_eq!(births.round_of(born), Some(Round { found: true, certain: true }));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "children that this test alone waits for")]
    fn what_has_no_environment_tells_by_its_state() {
        let mut without = Command::new("cat").env_clear().stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = without.id() as i32;
        // It has a moment in which it is executed.
        while Judged::of_blank(pid) == Judged::Unclear {
            std::thread::yield_now();
        }
        assert_eq!(Judged::of_blank(pid), Judged::Stranger);
        without.kill().unwrap();
        while Judged::of_blank(pid) != Judged::Gone {
            std::thread::yield_now();
        }
        without.wait().unwrap();
        assert_eq!(Judged::of_blank(std::process::id() as i32), Judged::Unclear, "it has one by now");
    }

    #[test]
    fn who_died_unseen_is_looked_for_once_more() {
        let (mut births, last) = told(1);
        births.round_of(|_, _| Judged::Stranger);
        last.set(3);
        assert_eq!(births.round_of(|_, _| Judged::Gone), UNSURE);
        // It had its number and was not there yet.
        let seen = |pid, _| if pid == 3 { Judged::Ours } else { Judged::Gone };
        assert_eq!(births.round_of(seen), Some(Round { found: true, certain: true }));
        assert_eq!(births.round_of(|_, _| unreachable!()), CALM);
    }

    #[test]
    fn who_is_being_executed_is_looked_at_until_it_tells_and_its_children_with_it() {
        let (mut births, last) = told(1);
        births.round_of(|_, _| Judged::Stranger);
        last.set(3);
        let executed = |pid, _| if pid == 2 { Judged::Unclear } else { Judged::Gone };
        for _ in 0..5 {
            assert_eq!(births.round_of(executed), UNSURE);
        }
        assert_eq!(births.round_of(|_, _| Judged::Gone), UNSURE, "it has died untold");
        let born = |pid, _| if pid == 3 { Judged::Ours } else { Judged::Gone };
        assert!(births.round_of(born).unwrap().certain);
        assert_eq!(births.round_of(|_, _| unreachable!()), CALM);
    }

    #[test]
    fn numbers_that_begin_anew_tell_nothing() {
        let (mut births, last) = told(1000);
        last.set(301);
        assert_eq!(births.round_of(|_, _| Judged::Stranger), None);
    }

    /// A chain of which each hop is there for less than a round takes: no round is certain while it goes on.
    #[test]
    fn a_chain_is_never_overlooked() {
        for speed in 1..5 {
            let (mut births, last) = told(10);
            let mut killed = BTreeSet::new();
            for round in 0..200 {
                last.set(last.get() + speed);
                // Only the newest one lives, and only now and then long enough.
                let look = |pid, _| match pid {
                    _ if pid < last.get() || round % 7 != 0 => Judged::Gone,
                    _ => {
                        killed.insert(pid);
                        Judged::Ours
                    }
                };
                let seen = births.round_of(look).unwrap();
                assert!(seen.found || !seen.certain, "{speed} a round");
            }
            assert!(!killed.is_empty());
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child that this test alone waits for")]
    fn a_child_is_seen() {
        let Some(mut births) = Births::begin() else {
            eprintln!("skipped: this system doesn't tell the last number");
            return;
        };
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut seen = BTreeSet::new();
        let round = births.round(|pid, _| {
            seen.insert(pid);
            Judged::Stranger
        });
        child.kill().unwrap();
        child.wait().unwrap();
        // The numbers may have begun anew meanwhile.
        assert!(round.is_none() || seen.contains(&(child.id() as i32)));
    }
}
