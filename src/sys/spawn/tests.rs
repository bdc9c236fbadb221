//! What a started process gets, seen from inside it.

use super::*;
use crate::sys::refusal::refuse;
use crate::sys::user::{self, Ids};
use crate::sys::{cgroup, pidfd};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;

fn plan<'a>(argv: &[&str], fds: Vec<(BorrowedFd<'a>, RawFd)>) -> SpawnPlan<'a> {
    let words = argv.iter().map(|word| c_string(word).unwrap()).collect();
    let env = vec![c_string("GREETING=hello").unwrap()];
    let program = Program::Path(c_string(argv[0]).unwrap());
    SpawnPlan { fds, ..SpawnPlan::new(program, words, env, c_string("/").unwrap()) }
}

fn output_of(argv: &[&str]) -> String {
    output_with(argv, |_| {})
}

/// What it writes when the plan is changed so.
fn output_with(argv: &[&str], change: impl for<'a> FnOnce(&mut SpawnPlan<'a>)) -> String {
    let (mut reader, writer) = io::pipe().unwrap();
    let null = File::open("/dev/null").unwrap();
    let mut plan = plan(argv, vec![(null.as_fd(), 0), (writer.as_fd(), 1), (writer.as_fd(), 2)]);
    change(&mut plan);
    let spawned = spawn(&plan).unwrap();
    drop(plan);
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    pidfd::reap(&spawned.pidfd);
    text
}

fn is_root(test: &str) -> bool {
    let root = user::effective_uid() == 0;
    if !root {
        eprintln!("{test}: skipped, as it needs root");
    }
    root
}

/// A user that is neither root nor in the password database.
const STRANGER: u32 = 54_321;

#[test]
fn environment_directory_and_output() {
    assert_eq!(output_of(&["/bin/sh", "-c", "echo $GREETING; pwd"]), "hello\n/\n");
}

#[test]
fn nothing_but_the_named_descriptors_is_open() {
    use nix::fcntl::{FcntlArg, fcntl};
    let leaky = fcntl(File::open("/dev/null").unwrap(), FcntlArg::F_DUPFD(50)).unwrap();
    let test = format!("test -e /proc/self/fd/{leaky} || echo closed");
    assert_eq!(output_of(&["/bin/sh", "-c", &test]), "closed\n");
}

#[test]
fn swapped_descriptors_arrive_right() {
    let (mut a_reader, a) = io::pipe().unwrap();
    let (mut b_reader, b) = io::pipe().unwrap();
    let (a_number, b_number) = (a.as_raw_fd(), b.as_raw_fd());
    let script = format!("echo to-a >&{b_number}; echo to-b >&{a_number}");
    let plan = plan(&["/bin/bash", "-c", &script], vec![(a.as_fd(), b_number), (b.as_fd(), a_number)]);
    let spawned = spawn(&plan).unwrap();
    drop((a, b));
    let (mut from_a, mut from_b) = (String::new(), String::new());
    a_reader.read_to_string(&mut from_a).unwrap();
    b_reader.read_to_string(&mut from_b).unwrap();
    pidfd::reap(&spawned.pidfd);
    assert_eq!((from_a.as_str(), from_b.as_str()), ("to-a\n", "to-b\n"));
}

#[test]
fn it_runs_on_the_cores_that_it_may_run_on() {
    let status = &["/bin/grep", "Cpus_allowed_list", "/proc/self/status"];
    let ours = fs::read_to_string("/proc/self/status").unwrap();
    let ours = ours.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let first: u32 = ours.trim().split(['-', ',']).next().unwrap().parse().unwrap();
    let line = output_with(status, |plan| plan.cpu_affinity = vec![first]);
    assert_eq!(line.trim().rsplit('\t').next(), Some(first.to_string().as_str()));
    let mut nowhere = plan(&["/bin/true"], vec![]);
    nowhere.cpu_affinity = vec![4095];
    assert_eq!(spawn(&nowhere).unwrap_err().stage, Stage::Affinity);
}

#[test]
fn failures_name_their_stage() {
    let error = spawn(&plan(&["/no/such/program"], vec![])).unwrap_err();
    assert_eq!((error.stage, error.source.raw_os_error()), (Stage::Exec, Some(libc::ENOENT)));
    let mut nowhere = plan(&["/bin/true"], vec![]);
    nowhere.cwd = c_string("/no/such/directory").unwrap();
    assert_eq!(spawn(&nowhere).unwrap_err().stage, Stage::Cwd);
}

#[test]
fn ignored_signals_are_not_inherited() {
    // Rust ignores SIGPIPE in this process; the child must not.
    let line = output_of(&["/bin/grep", "SigIgn", "/proc/self/status"]);
    let mask = u64::from_str_radix(line.trim().rsplit('\t').next().unwrap(), 16).unwrap();
    assert_eq!(mask & (1 << (libc::SIGPIPE - 1)), 0);
}

#[test]
fn the_birth_message_comes_before_exec() {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let mut plan = plan(&["/no/such/program"], vec![]);
    plan.birth = Some((theirs.as_fd(), b"born 7".to_vec()));
    spawn(&plan).unwrap_err();
    let mut buffer = [0; 16];
    assert_eq!(ours.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap(), b"born 7");
}

#[test]
fn a_low_limit_of_files_concerns_the_program_only() {
    let null = File::open("/dev/null").unwrap();
    let many: Vec<_> = (0..64).map(|_| null.try_clone().unwrap()).collect();
    let (mut reader, writer) = io::pipe().unwrap();
    let mut plan = plan(&["/bin/sh", "-c", "ulimit -n"], vec![(null.as_fd(), 0), (writer.as_fd(), 1)]);
    plan.open_files = Some(32);
    let spawned = spawn(&plan).unwrap();
    drop((writer, many));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    pidfd::reap(&spawned.pidfd);
    assert_eq!(text, "32\n");
}

#[test]
fn limits_priority_and_mask() {
    let script = "ulimit -c; ulimit -Hc; nice; umask";
    let output = output_with(&["/bin/bash", "-c", script], |plan| {
        plan.limits = vec![Limit { resource: libc::RLIMIT_CORE as i32, soft: 0, hard: 4096 }];
        plan.nice = Some(7);
        plan.umask = Some(0o027);
    });
    assert_eq!(output, "0\n4\n7\n0027\n");
}

#[test]
fn a_limit_that_is_refused_is_named() {
    let mut plan = plan(&["/bin/true"], vec![]);
    let limit = |resource: libc::__rlimit_resource_t, soft, hard| Limit { resource: resource as i32, soft, hard };
    plan.limits = vec![limit(libc::RLIMIT_CORE, 0, 0), limit(libc::RLIMIT_NOFILE, 20, 10)];
    let error = spawn(&plan).unwrap_err();
    assert_eq!((error.stage, error.source.raw_os_error()), (Stage::Limits, Some(libc::EINVAL)));
    assert_eq!(error.resource, Some(libc::RLIMIT_NOFILE as i32));
}

#[test]
fn our_out_of_memory_score_stays_ours() {
    let ours = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let output = output_with(&["/bin/cat", "/proc/self/oom_score_adj"], |plan| plan.oom_score_adj = Some(321));
    assert_eq!(output, "321\n");
    assert_eq!(fs::read_to_string("/proc/self/oom_score_adj").unwrap(), ours);
}

#[test]
fn another_user_with_its_groups() {
    if !is_root("another_user_with_its_groups") {
        return;
    }
    let output = output_with(&["/bin/sh", "-c", "grep -E '^(Uid|Gid|Groups)' /proc/self/status"], |plan| {
        plan.ids = Some(Ids { uid: STRANGER, gid: 7, groups: vec![7, 8, 9] });
    });
    let fields: Vec<Vec<&str>> = output.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    assert_eq!(fields, [vec!["54321"; 4], vec!["7"; 4], vec!["7", "8", "9"]]);
    assert_eq!(user::effective_uid(), 0, "the threads of the parent have not followed");
}

#[test]
fn the_directory_is_entered_as_that_user() {
    if !is_root("the_directory_is_entered_as_that_user") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut plan = plan(&["/bin/true"], vec![]);
    plan.cwd = c_string(directory.path()).unwrap();
    plan.ids = Some(Ids { uid: STRANGER, gid: STRANGER, groups: vec![] });
    let error = spawn(&plan).unwrap_err();
    assert_eq!((error.stage, error.source.raw_os_error()), (Stage::Cwd, Some(libc::EACCES)));
}

#[test]
fn only_root_becomes_another() {
    if user::effective_uid() == 0 {
        return;
    }
    let mut plan = plan(&["/bin/true"], vec![]);
    plan.ids = Some(Ids { uid: STRANGER, gid: STRANGER, groups: vec![] });
    assert_eq!(spawn(&plan).unwrap_err().stage, Stage::Groups);
}

#[test]
fn it_is_in_its_cgroup_before_anybody_hears_of_it() {
    let file = tempfile::tempfile().unwrap();
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let mut plan = plan(&["/bin/true"], vec![]);
    plan.cgroup_procs = Some(file.as_fd());
    plan.birth = Some((theirs.as_fd(), b"born".to_vec()));
    let spawned = spawn(&plan).unwrap();
    assert_eq!(ours.recv(&mut [0; 8]).unwrap(), 4);
    let mut written = String::new();
    io::Seek::rewind(&mut &file).unwrap();
    (&file).read_to_string(&mut written).unwrap();
    pidfd::reap(&spawned.pidfd);
    assert_eq!(written, "0");
    let unwritable = File::open("/dev/null").unwrap();
    plan.cgroup_procs = Some(unwritable.as_fd());
    assert_eq!(spawn(&plan).unwrap_err().stage, Stage::Cgroup);
    ours.set_nonblocking(true).unwrap();
    assert_eq!(ours.recv(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn an_open_program_runs_whatever_its_path_has_become() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    fs::copy("/bin/cat", &path).unwrap();
    let program = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    // Its own number is wanted for something else.
    let number = program.as_raw_fd();
    let output = output_with(&["cat", &format!("/proc/self/fd/{number}")], |plan| {
        let null = plan.fds[0].0;
        plan.fds.push((null, number));
        // SAFETY: the file is open until the end of the test.
        plan.program = Program::Open(unsafe { BorrowedFd::borrow_raw(number) });
    });
    drop(program);
    assert_eq!(output, "");
}

#[test]
fn an_inherited_script_is_found_by_its_interpreter() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script");
    fs::write(&path, "#!/bin/sh\necho from $0 with $1").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let script = File::open(&path).unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let mut plan = plan(&["script", "words"], vec![(writer.as_fd(), 1), (script.as_fd(), 9)]);
    plan.program = Program::Inherited(9);
    let spawned = spawn(&plan).unwrap();
    drop(plan);
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    pidfd::reap(&spawned.pidfd);
    assert_eq!(text, "from /dev/fd/9 with words\n");
}

/// The parent that the process itself sees.
fn parent_of(spawned: &Spawned, mut reader: io::PipeReader) -> i32 {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    if spawned.parentage == Parent::Us {
        pidfd::reap(&spawned.pidfd);
    }
    text.trim().parse().unwrap()
}

fn spawn_for_the_guardian() -> (Spawned, i32) {
    let (reader, writer) = io::pipe().unwrap();
    let mut plan = plan(&["/bin/sh", "-c", "echo $PPID"], vec![(writer.as_fd(), 1)]);
    plan.parent = Parent::Guardian;
    let spawned = spawn(&plan).unwrap();
    drop(plan);
    drop(writer);
    let parent = parent_of(&spawned, reader);
    (spawned, parent)
}

#[test]
fn a_sibling_is_our_parents_child() {
    let (spawned, parent) = spawn_for_the_guardian();
    assert_eq!((spawned.parentage, parent), (Parent::Guardian, nix::unistd::getppid().as_raw()));
}

#[test]
fn where_siblings_are_refused_it_is_our_child() {
    for errno in [libc::EPERM, libc::EINVAL, libc::ENOSYS] {
        let (parentage, parent) = std::thread::spawn(move || {
            refuse(libc::SYS_clone, 0, libc::CLONE_PARENT as u32, libc::CLONE_PARENT as u32, errno).unwrap();
            let (spawned, parent) = spawn_for_the_guardian();
            (spawned.parentage, parent)
        })
        .join()
        .unwrap();
        assert_eq!((parentage, parent), (Parent::Us, std::process::id() as i32));
    }
}

#[test]
fn it_ends_with_the_thread_that_made_it_whoever_it_is() {
    let ids = is_root("another user's death signal").then(|| Ids { uid: STRANGER, gid: STRANGER, groups: vec![] });
    let pidfd: OwnedFd = std::thread::spawn(move || {
        let mut plan = plan(&["/bin/sleep", "1000"], vec![]);
        plan.ids = ids;
        plan.parent_death_signal = Some(libc::SIGKILL);
        spawn(&plan).unwrap().pidfd
    })
    .join()
    .unwrap();
    assert_eq!(pidfd::reap(&pidfd).ended, pidfd::Ended::Signal(libc::SIGKILL));
}

/// Without `cgroup.procs` there is only one way into the group.
#[test]
fn where_the_kernel_can_it_is_born_in_its_cgroup() {
    let groups = cgroup::Cgroups::new(cgroup::roots(), &format!("rpm-spawn-test-{}", std::process::id()));
    let made = groups.create("run", &[]).and_then(|(group, _)| Ok((group.directory()?, group)));
    let Ok((directory, group)) = made else {
        return eprintln!("skipped: no control group can be made here");
    };
    let mut plan = plan(&["/bin/sleep", "1000"], vec![]);
    plan.cgroup = Some(directory.as_fd());
    let spawned = spawn(&plan).unwrap();
    let members = group.pids();
    group.kill().unwrap();
    pidfd::reap(&spawned.pidfd);
    group.remove().unwrap();
    groups.tidy();
    assert_eq!(members.unwrap(), [spawned.pid]);
}
