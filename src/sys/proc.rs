//! Figures of a process, from its `/proc/<pid>/stat`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Flags of a task, as the kernel numbers them: it is on its way out, and starts nothing any more.
const PF_EXITING: u64 = 0x4;
/// It is a thread of the kernel.
const PF_KTHREAD: u64 = 0x20_0000;

/// Most environments are smaller: one read takes all of it.
const ENVIRONMENT: usize = 16 * 1024;

/// What we read of a stat line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub state: char,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// How many threads of it there are; one that has died may have others that live.
    pub threads: u64,
    /// Page faults of children that it has waited for: more with each that it reaps.
    pub reaped_faults: u64,
    /// User and system time, in clock ticks.
    pub cpu_ticks: u64,
    /// Since boot, in clock ticks: with the pid it names a process for good.
    pub started: u64,
    /// Resident pages.
    pub rss_pages: u64,
    /// `PF_…`, of its first thread.
    pub flags: u64,
    /// Where its environment begins and ends in its memory: nowhere while it is executed, or where we may not know.
    pub environment: (u64, u64),
    /// Where its program ends in its memory: nowhere until it has been executed, its environment included.
    pub program_end: u64,
}

impl Stat {
    /// Parses a stat line. The command in parentheses may hold anything, spaces and parentheses included.
    pub fn parse(line: &str) -> Option<Self> {
        let rest = &line[line.rfind(')')? + 1..];
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            threads: number(17)?,
            reaped_faults: number(8)?,
            cpu_ticks: number(11)? + number(12)?,
            started: number(19)?,
            rss_pages: number(21)?,
            flags: number(6)?,
            environment: (number(47).unwrap_or(0), number(48).unwrap_or(0)),
            program_end: number(24).unwrap_or(0),
        })
    }

    /// Whether nothing of it runs. The first thread may have ended, and its zombie waits for the others.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }

    /// Whether it starts nothing any more; its descriptors may still be open.
    pub fn is_exiting(&self) -> bool {
        self.is_dead() || (self.flags & PF_EXITING != 0 && self.threads <= 1)
    }

    /// Whether it will never have an environment to look at: it was given none, is a thread of the kernel, or its first
    /// thread has ended.
    pub fn has_no_environment(&self) -> bool {
        let (begins, ends) = self.environment;
        // The kernel sets both ends to the same place before it counts what is in between.
        let was_given_none = begins == ends && ends != 0 && self.program_end != 0;
        self.flags & PF_KTHREAD != 0 || self.state == 'Z' || was_given_none
    }

    pub fn rss_bytes(&self) -> u64 {
        self.rss_pages * page_size()
    }
}

/// A stat file kept open: one read a sample instead of three calls.
#[derive(Debug)]
pub struct StatFile(File);

impl StatFile {
    pub fn open(pid: i32) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/stat")).map(Self)
    }

    /// Fails once the process is gone.
    pub fn read(&self) -> io::Result<Stat> {
        let mut buffer = [0u8; 1024];
        let length = self.0.read_at(&mut buffer, 0)?;
        let text = String::from_utf8_lossy(&buffer[..length]);
        Stat::parse(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }
}

/// The stat of a process, read once.
pub fn stat(pid: i32) -> io::Result<Stat> {
    StatFile::open(pid)?.read()
}

/// The proportional set size in bytes: of pages that are shared, each of those who share one counts its part. The
/// kernel walks all its pages for that. Refused for processes of others.
pub fn pss(pid: i32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    Ok(kilobytes.ok_or(io::ErrorKind::InvalidData)? * 1024)
}

/// The program that a process runs; of one that is gone the path ends in ` (deleted)`. `None` where we may not know.
pub fn program(pid: i32) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Whether the process has a handler for the signal: one that has none may be ended by it.
pub fn catches(pid: i32, signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).contains(&signal) && mask & (1 << (signal - 1)) != 0
}

/// All processes there are.
pub fn pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The value of a variable in the environment that the process was started with. `None` where we may not know.
pub fn variable(pid: i32, name: &str) -> Option<String> {
    match look_up(pid, name) {
        Variable::Is(value) => Some(value),
        Variable::None | Variable::Blank => None,
    }
}

/// What the environment of a process says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    Is(String),
    /// It is not in it, or we may not know.
    None,
    /// There is no environment at all: of one that is just being executed, that has ended, or that was given none.
    Blank,
}

/// A variable that the process was started with, as far as there is an environment to look at.
pub fn look_up(pid: i32, name: &str) -> Variable {
    match environment(pid) {
        Ok(Some(environment)) => value_of(&environment, name).map_or(Variable::None, Variable::Is),
        // A process that is ending shows nobody but root what it was.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match stat(pid) {
            Ok(stat) if !stat.is_exiting() => Variable::None,
            _ => Variable::Blank,
        },
        Ok(None) | Err(_) => Variable::Blank,
    }
}

/// All of it, or `None` where there is none.
fn environment(pid: i32) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(format!("/proc/{pid}/environ"))?;
    let mut environment = Vec::with_capacity(ENVIRONMENT);
    file.read_to_end(&mut environment)?;
    // It ends early where the process does while it is read. What is still there afterwards was there all the time.
    Ok((file.read_at(&mut [0], 0)? > 0).then_some(environment))
}

fn value_of(environment: &[u8], name: &str) -> Option<String> {
    let value = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    String::from_utf8(value.to_vec()).ok()
}

/// The variables that the process was started with, as far as they are text. None where we may not know.
pub fn variables(pid: i32) -> BTreeMap<String, String> {
    let environment = environment(pid).ok().flatten().unwrap_or_default();
    let text = |entry: &[u8]| {
        let (name, value) = str::from_utf8(entry).ok()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    environment.split(|byte| *byte == 0).filter_map(text).collect()
}

/// Names this boot of the machine. Empty where the system doesn't tell.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

pub fn page_size() -> u64 {
    sysconf(libc::_SC_PAGESIZE, 4096)
}

pub fn ticks_per_second() -> u64 {
    sysconf(libc::_SC_CLK_TCK, 100)
}

fn sysconf(name: libc::c_int, otherwise: u64) -> u64 {
    // SAFETY: plain look-up of a constant.
    u64::try_from(unsafe { libc::sysconf(name) }).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_may_hold_parentheses() {
        let line = "42 (a) b (c) S 1 40 41 0 -1 4194560 1 2 3 4 70 30 0 0 20 0 1 0 9000 1000 25 184467 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.group, stat.session), ('S', 1, 40, 41));
        assert_eq!((stat.cpu_ticks, stat.started, stat.rss_pages), (100, 9000, 25));
        assert_eq!(stat.reaped_faults, 2);
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_is_dead_when_all_have() {
        let line = |threads| format!("42 (a) Z 1 40 40 0 -1 4194560 1 2 3 4 70 30 0 0 20 0 {threads} 0 9000 0 0 0 0");
        assert!(!Stat::parse(&line(3)).unwrap().is_dead());
        assert!(Stat::parse(&line(1)).unwrap().is_dead() && Stat::parse(&line(0)).unwrap().is_dead());
    }

    #[test]
    fn what_has_no_environment_may_be_about_to_have_one() {
        let line = |state, flags, program, environment| {
            let memory = format!("9000 1000 25 184467 {program}{}", " 0".repeat(22));
            format!("42 (a) {state} 1 40 40 0 -1 {flags} 1 2 3 4 70 30 0 0 20 0 1 0 {memory} {environment} 0")
        };
        let stat = |state, flags, environment| Stat::parse(&line(state, flags, "10 20", environment)).unwrap();
        let half = Stat::parse(&line('R', 0, "0 0", "70 70")).unwrap();
        assert!(!half.has_no_environment(), "it is just being given one");
        let executed = stat('R', PF_KTHREAD << 1, "0 0");
        assert!(!executed.has_no_environment() && !executed.is_exiting());
        assert_eq!(stat('R', 0, "70 90").environment, (70, 90));
        assert!(!stat('R', 0, "70 90").has_no_environment(), "it has been executed");
        assert!(stat('S', 0, "70 70").has_no_environment(), "it was given none");
        assert!(stat('S', PF_KTHREAD, "0 0").has_no_environment());
        assert!(stat('R', PF_EXITING, "0 0").is_exiting() && stat('Z', PF_EXITING, "0 0").is_exiting());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child that this test alone waits for")]
    fn one_that_ends_while_it_is_read_has_no_environment_rather_than_a_part_of_it() {
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 1500 ]; do (:) & (:) & wait; i=$((i+1)); done"])
            .env_clear()
            .env("MARK", "yes")
            .envs((0..400).map(|index| (format!("A{index}"), "x".repeat(100))))
            .spawn()
            .unwrap();
        let pid = shell.id() as i32;
        let (mut told, mut blank) = (0, 0);
        while shell.try_wait().unwrap().is_none() {
            for child in super::super::tree::children(pid).unwrap_or_default() {
                match look_up(child, "MARK") {
                    Variable::Is(value) => {
                        assert_eq!(value, "yes");
                        told += 1;
                    }
                    Variable::Blank => blank += 1,
                    Variable::None => panic!("a part was taken for the whole, after {told} and {blank}"),
                }
            }
        }
        println!("{told} told, {blank} did not");
    }

    #[test]
    fn garbage_is_nothing() {
        assert_eq!(Stat::parse(""), None);
        assert_eq!(Stat::parse("1 (x) S"), None);
    }

    #[test]
    fn our_own() {
        let stat = StatFile::open(std::process::id() as i32).unwrap().read().unwrap();
        assert!(stat.rss_bytes() > 100_000 && !stat.is_dead());
        assert!(!stat.is_exiting() && !stat.has_no_environment() && stat.environment.0 < stat.environment.1);
        assert_eq!(stat.session, nix::unistd::getsid(None).unwrap().as_raw());
        let pss = pss(std::process::id() as i32).unwrap();
        assert!(pss > 50_000 && pss < stat.rss_bytes() * 2, "{pss} of {}", stat.rss_bytes());
    }
}
