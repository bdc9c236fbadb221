//! What apps may use: memory above which they are replaced, limits of the process, control groups, ends by the kernel.

use crate::support::{Home, Load, Signal, eventually, get, is_alive, is_root, signal, status_field, try_signal};
use rpm_native::domain::Status;
use std::fs;
use std::path::{Path, PathBuf};

/// Grows by 150 MB when it is sent SIGUSR2.
const GROWS: &str = "let kept
    process.on('SIGUSR2', () => { kept = Buffer.alloc(150e6, 1); console.log('grown') })
    const server = require('node:http').createServer((_, r) => r.end('ok'))
    server.listen(0, () => console.log('port ' + server.address().port))";

fn recycled(home: &Home, name: &str) -> Option<String> {
    home.describe(name)[0]["recycled"].as_str().map(str::to_owned)
}

/// How often the daemons say that they replace something for its memory.
fn replacements(home: &Home) -> usize {
    let log = fs::read_to_string(home.root().join("rpm.log")).unwrap();
    log.lines().filter(|line| line.ends_with("it is replaced")).count()
}

#[test]
fn what_is_above_its_limit_is_replaced_and_says_why() {
    let home = Home::new();
    home.write("app.js", GROWS);
    home.rpm(["start", "app.js", "-x", "--max-memory-restart", "130M"]).ok();
    home.port("app-out.log");
    assert_eq!(home.describe("app")[0]["spec"]["limits"]["max_memory_restart"], 130 << 20);
    assert_eq!(home.jlist()[0]["pm2_env"]["max_memory_restart"], 130 << 20);
    let pid = home.pid("app");
    home.rpm(["sendSignal", "SIGUSR2", "app"]).ok();
    let after = home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    assert!(after.pid != Some(pid) && !is_alive(pid));
    let why = recycled(&home, "app").unwrap();
    assert!(why.starts_with("replaced: ") && why.ends_with(" of 130 MB"), "{why}");
    assert!(home.rpm(["describe", "app"]).ok().text().contains(&why));
    // Another daemon knows it too, and has no reason to do it again.
    home.kill_daemon();
    assert_eq!(recycled(&home, "app").as_deref(), Some(why.as_str()));
    assert_eq!((home.pid("app"), home.process("app").restarts), (after.pid.unwrap(), 1));
    home.rpm(["restart", "app"]).ok();
    assert_eq!(recycled(&home, "app"), None);
}

#[test]
fn a_daemon_that_dies_leaves_the_replacing_to_the_next() {
    let home = Home::new();
    // It takes its time to go.
    home.write("app.js", format!("process.on('SIGINT', () => setTimeout(() => process.exit(), 1500)); {GROWS}"));
    home.rpm(["start", "app.js", "-x", "--max-memory-restart", "130M"]).ok();
    home.port("app-out.log");
    home.rpm(["sendSignal", "SIGUSR2", "app"]).ok();
    let stopping = home.wait_status("app", Status::Stopping);
    let why = stopping.reason.unwrap();
    assert!(why.starts_with("stopping: uses ") && why.contains(" of 130 MB, was sent SIGINT"), "{why}");
    home.kill_daemon();
    home.wait_until("app", |process| process.restarts == 1 && process.status == Status::Online);
    assert!(recycled(&home, "app").unwrap().starts_with("replaced: "));
}

#[test]
fn cluster_workers_are_replaced_one_at_a_time_and_nobody_is_refused() {
    let home = Home::new();
    home.write("web.js", GROWS);
    home.rpm(["start", "web.js", "-i", "2", "--max-memory-restart", "130M"]).ok();
    let port = home.wait_listening("web", 2);
    let load = Load::of_new_connections(port, 2);
    home.rpm(["sendSignal", "SIGUSR2", "web"]).ok();
    let mut most = 0;
    eventually("both are replaced", || {
        let web = home.named("web");
        most = most.max(replacements(&home));
        // The second one's turn comes when the first one is through.
        assert!(replacements(&home) < 2 || web.iter().any(|process| process.restarts == 1), "{web:?}");
        web.iter().all(|process| process.restarts == 1 && process.status == Status::Online).then_some(())
    });
    let answered = load.answered();
    eventually("requests go on", || (load.answered() > answered + 50).then_some(()));
    let outcome = load.end();
    assert_eq!(outcome.failures, [""; 0], "of {}", outcome.total());
    assert_eq!((most, replacements(&home)), (2, 2));
    assert!(recycled(&home, "web").unwrap().starts_with("replaced: "));
    assert_eq!(get(port, "/").unwrap().body, "ok");
}

#[test]
fn all_that_it_has_started_counts() {
    let home = Home::new();
    home.write("app.sh", "node -e \"const kept = Buffer.alloc(150e6, 1); setInterval(() => kept, 1e6)\" & wait");
    home.rpm(["start", "app.sh", "--max-memory-restart", "130M"]).ok();
    let app = home.wait_until("app", |process| process.restarts >= 1 && process.status == Status::Online);
    assert!(app.memory < 20 << 20, "its own memory is shown as it was: {}", app.memory);
    let tree = || home.describe("app")[0]["tree"].clone();
    eventually("the figure of all", || (tree()["memory"].as_i64()? > 130 << 20).then_some(()));
    assert_eq!(tree()["processes"], 2);
    // It begins above its limit: it isn't replaced again and again, and says so.
    let held = home.wait_until("app", |process| process.reason.is_some() && process.restarts >= 2);
    let why = held.reason.unwrap();
    assert!(why.starts_with("online: uses ") && why.contains(" of 130 MB that it may (max_memory_restart)"), "{why}");
}

#[test]
fn limits_of_the_process_are_set_before_its_first_instruction() {
    let home = Home::new();
    home.write(
        "app.sh",
        "echo files $(ulimit -n) $(ulimit -Hn); echo core $(ulimit -c); echo mask $(umask); exec sleep 1000",
    );
    let core = status_field(std::process::id() as i32, "Cpus_allowed_list").unwrap();
    let core = core.split(['-', ',']).next().unwrap().to_owned();
    let app = serde_json::json!({
        "name": "app", "script": "./app.sh", "nice": 5, "cpu_affinity": core, "oom_score_adj": 300, "umask": "027",
        "rlimits": { "nofile": [100, 200], "core": 0 },
    });
    home.write("apps.json", serde_json::json!({ "apps": [app] }).to_string());
    home.rpm(["start", "apps.json"]).ok();
    assert_eq!(home.told("app-out.log", "files "), "100 200");
    assert_eq!(home.told("app-out.log", "core "), "0");
    assert_eq!(home.told("app-out.log", "mask "), "0027");
    let pid = home.pid("app");
    assert_eq!(status_field(pid, "Cpus_allowed_list").unwrap(), core);
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap().trim(), "300");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    assert_eq!(stat.rsplit_once(") ").unwrap().1.split(' ').nth(16), Some("5"), "{stat}");
    let told = home.rpm(["describe", "app"]).ok().text();
    for line in ["rlimits", "core 0, nofile 100 (hard 200)", "oom_score_adj", "027"] {
        assert!(told.contains(line), "{line:?} in:\n{told}");
    }
}

#[test]
fn what_the_system_refuses_is_told_by_its_field() {
    let home = Home::new();
    home.write("app.sh", "exec sleep 1000");
    home.rpm(["start", "app.sh", "--cpu-affinity", "4095"]).fails(&["cpu_affinity [4095] cannot be set"]);
    let app = serde_json::json!({ "name": "files", "script": "./app.sh", "rlimits": { "nofile": [20, 10] } });
    home.write("apps.json", serde_json::json!({ "apps": [app] }).to_string());
    home.rpm(["start", "apps.json"]).fails(&["nofile"]);
}

#[test]
fn an_app_that_gets_no_memory_fails_as_it_would_anywhere() {
    let home = Home::new();
    home.write("app.sh", "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}");
    let app = serde_json::json!({
        "name": "app", "script": "./app.sh", "autorestart": false, "rlimits": { "as": "200M" },
    });
    home.write("apps.json", serde_json::json!({ "apps": [app] }).to_string());
    home.rpm(["start", "apps.json"]);
    let ended = home.wait_status("app", Status::Stopped);
    assert!(!ended.oom_killed, "nobody has killed it: {ended:?}");
    eventually("what it says", || {
        String::from_utf8_lossy(&home.log("app-error.log")).contains("cannot allocate").then_some(())
    });
}

/// A directory that stands for the top of a tree of control groups.
fn fake_tree(home: &Home, controllers: &str) -> PathBuf {
    let root = home.temporary().join("tree");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("cgroup.controllers"), controllers).unwrap();
    root
}

fn only_directory(path: &Path) -> PathBuf {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

const LIMITED: [&str; 10] =
    ["start", "app.sh", "--memory-max", "64M", "--cpu", "150%", "--pids-max", "20", "--kill-timeout", "3s"];

#[test]
fn control_groups_are_limited_before_there_is_a_process() {
    let home = Home::new();
    let root = fake_tree(&home, "cpuset cpu io memory pids\n");
    let home = home.env("RPM_CGROUP_ROOT", &root);
    home.write("app.sh", "exec sleep 1000");
    let told = home.rpm(LIMITED).ok().told();
    assert!(!told.contains("not in force"), "{told}");
    let group = only_directory(&only_directory(&root));
    for (file, value) in
        [("memory.max", "67108864"), ("cpu.max", "150000 100000"), ("pids.max", "20"), ("cgroup.procs", "0")]
    {
        assert_eq!(fs::read_to_string(group.join(file)).unwrap(), value, "{file}");
    }
    assert_eq!(fs::read_to_string(root.join("cgroup.subtree_control")).unwrap(), "+pids");
}

#[test]
fn without_control_groups_an_app_runs_and_the_limits_that_are_missing_are_told() {
    let home = Home::new();
    let root = fake_tree(&home, "pids\n");
    let home = home.env("RPM_CGROUP_ROOT", &root);
    home.write("app.sh", "exec sleep 1000");
    let told = home.rpm(LIMITED).ok().told();
    for line in ["memory_max is not in force", "cpu is not in force", "RPM_CGROUP_ROOT"] {
        assert!(told.contains(line), "{line:?} in:\n{told}");
    }
    assert!(!told.contains("pids_max is not in force"), "{told}");
    assert_eq!(home.process("app").warnings.len(), 2);
    home.kill_daemon();
    assert_eq!(home.process("app").warnings.len(), 2, "another daemon knows it too");
}

#[test]
fn a_group_that_nothing_can_be_moved_into_costs_its_limits_and_not_the_app() {
    let root = rpm_native::sys::cgroup::roots().roots.pop().unwrap_or_default();
    let root = root.join(format!("rpm-test-nobody-{}", std::process::id()));
    if !is_root() || fs::create_dir(&root).is_err() {
        eprintln!("skipped, as no control group can be given to another user here");
        return;
    }
    for path in [root.clone(), root.join("cgroup.procs"), root.join("cgroup.subtree_control")] {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
    }
    {
        // The way there leads over a group that is not theirs.
        let home = Home::of_nobody().env("RPM_CGROUP_ROOT", &root);
        home.write("app.sh", "exec sleep 1000");
        let told = home.rpm(["start", "app.sh", "--pids-max", "20"]).ok().told();
        assert!(told.contains("pids_max is not in force"), "{told}");
        let group = group_of(home.pid("app")).unwrap();
        assert!(!group.contains("rpm-test-nobody"), "{group}");
    }
    fs::remove_dir(&root).unwrap();
}

/// The control group of version 2 that a process is in.
fn group_of(pid: i32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// Where control groups can be made; nowhere where none can.
fn places() -> Vec<PathBuf> {
    let groups = rpm_native::sys::cgroup::roots().roots;
    let probe = groups.first().map(|root| root.join(format!("rpm-test-{}", std::process::id())));
    let permitted = probe.is_some_and(|probe| fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)).is_ok());
    if !permitted {
        eprintln!("skipped, as no control group can be made here");
        return Vec::new();
    }
    groups
}

#[test]
fn what_has_cut_all_ties_ends_with_its_run() {
    let home = Home::new();
    let groups = places();
    if groups.is_empty() {
        return;
    }
    // No parent, no session, no environment, nothing open: only the group is left.
    home.write("app.sh", "(env -i setsid sleep 1000 <&- >&- 2>&- &); echo started; exec sleep 1000");
    home.rpm(["start", "app.sh"]).ok();
    home.told("app-out.log", "started");
    let main = home.pid("app");
    let group = group_of(main).unwrap();
    let other = eventually("the other process", || {
        let files = groups.iter().map(|root| root.join(group.trim_start_matches('/')).join("cgroup.procs"));
        let pids: Vec<i32> = files
            .filter_map(|file| fs::read_to_string(file).ok())
            .flat_map(|text| text.lines().map(|line| line.parse().unwrap()).collect::<Vec<_>>())
            .collect();
        let mut others = pids.into_iter().filter(|pid| *pid != main);
        others.find(|pid| fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| environment.is_empty()))
    });
    home.rpm(["stop", "app"]).ok();
    assert!(!is_alive(main) && !is_alive(other));
}

#[test]
fn each_run_has_a_control_group_that_goes_with_it() {
    let home = Home::new();
    let groups = places();
    if groups.is_empty() {
        return;
    }
    home.write("app.sh", "[ -e again ] || { touch again; setsid sleep 1000 & echo child $!; }; exec sleep 1000");
    home.rpm(["start", "app.sh"]).ok();
    let child: i32 = home.told("app-out.log", "child ").parse().unwrap();
    let folder = rpm_native::sys::cgroup::folder_of(home.root());
    let group = group_of(home.pid("app")).unwrap();
    assert!(group.contains(&folder), "{group}");
    assert_eq!(group_of(child), Some(group.clone()), "what it starts is in it, whatever it detaches");
    let exists = |group: &str| groups.iter().any(|root| root.join(group.trim_start_matches('/')).is_dir());
    assert!(exists(&group));
    // With the daemon away it ends, and so does all that it has started.
    let pid = home.pid("app");
    let guardian = home.guardian();
    signal(home.daemon().pid, Signal::SIGKILL);
    for pid in [child, pid] {
        try_signal(pid, Signal::SIGKILL);
    }
    let again = home.wait_until("app", |process| process.pid.is_some_and(|now| now != pid) && process.restarts == 1);
    assert_eq!(home.guardian(), guardian);
    eventually("its group is removed", || (!exists(&group)).then_some(()));
    let second = group_of(again.pid.unwrap()).unwrap();
    assert!(second != group && second.contains(&folder));
    home.rpm(["delete", "app"]).ok();
    eventually("its group is removed", || (!exists(&second)).then_some(()));
    home.rpm(["kill"]).ok();
    assert!(groups.iter().all(|root| !root.join(&folder).exists()), "nothing is left");
}

/// A directory of the memory controller's first version in which a process can be given less than it wants, removed at
/// the end.
struct LittleMemory(PathBuf);

impl LittleMemory {
    fn make() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = groups.lines().find_map(|line| line.split_once(":memory:"))?.1.trim_start_matches('/').to_owned();
        let path = Path::new("/sys/fs/cgroup/memory").join(own).join(format!("rpm-test-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let made = Self(path);
        fs::write(made.0.join("memory.limit_in_bytes"), "30000000").ok()?;
        Some(made)
    }
}

impl Drop for LittleMemory {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn an_end_by_the_kernel_for_want_of_memory_is_told_as_one() {
    let Some(memory) = LittleMemory::make().filter(|_| is_root() && fs::File::open("/dev/kmsg").is_ok()) else {
        eprintln!("skipped, as no process can be given little memory here");
        return;
    };
    let home = Home::new();
    home.write(
        "app.sh",
        format!(
            "echo $$ > {}/cgroup.procs; exec node -e 'setTimeout(() => Buffer.alloc(200e6, 1), 10)'",
            memory.0.display()
        ),
    );
    home.rpm(["start", "app.sh", "--no-autorestart"]);
    let ended = home.wait_status("app", Status::Stopped);
    assert!(ended.oom_killed, "{ended:?}");
    assert_eq!(home.describe("app")[0]["process"]["exit"]["signal"], 9);
    let told = home.rpm(["describe", "app"]).ok().text();
    assert!(told.contains("it was out of memory"), "{told}");
    // Killed by anybody else it is not.
    home.write("sleep.sh", "exec sleep 1000");
    home.rpm(["start", "sleep.sh", "--no-autorestart"]).ok();
    signal(home.pid("sleep"), Signal::SIGKILL);
    assert!(!home.wait_status("sleep", Status::Stopped).oom_killed);
}

#[test]
fn memory_max_ends_it() {
    let home = Home::new();
    home.write("app.js", "setTimeout(() => Buffer.alloc(300e6, 1), 10); setInterval(() => {}, 1e6)");
    let told = home.rpm(["start", "app.js", "-x", "--no-autorestart", "--memory-max", "100M"]).told();
    if told.contains("memory_max is not in force") {
        eprintln!("skipped, as control groups have no memory controller here");
        return;
    }
    let ended = home.wait_status("app", Status::Stopped);
    assert!(ended.oom_killed, "{ended:?}");
}
