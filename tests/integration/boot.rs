//! Starting with the machine: the files for its init system, and what the guardian says to a service manager. Those of
//! these tests are our own: a socket, and a process that starts another as its main one.

use crate::support::{Home, Program, Signal, eventually, is_alive, never_within, signal};
use rpm_native::domain::Status;
use rpm_native::sys::notify;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// What a service manager hears.
struct Manager {
    socket: OwnedFd,
    address: String,
    heard: Mutex<Vec<(i32, String)>>,
}

impl Manager {
    fn new() -> Self {
        let (socket, address) = notify::open().unwrap();
        Self { socket, address, heard: Mutex::default() }
    }

    /// Everything that was said so far: lines, with the pid of who said them.
    fn heard(&self) -> Vec<(i32, String)> {
        let mut buffer = [0; notify::LONGEST];
        let mut heard = self.heard.lock().unwrap();
        while let Ok(datagram) = notify::peek(self.socket.as_fd(), &mut buffer) {
            notify::drop_next(self.socket.as_fd()).unwrap();
            let text = String::from_utf8_lossy(&buffer[..datagram.length]).into_owned();
            heard.extend(text.lines().map(|line| (datagram.sender, line.to_owned())));
        }
        heard.clone()
    }

    fn forget(&self) {
        self.heard();
        self.heard.lock().unwrap().clear();
    }

    #[track_caller]
    fn wait_for(&self, line: &str) -> i32 {
        eventually(&format!("{line} is said"), || {
            self.heard().into_iter().find(|(_, heard)| heard == line).map(|(sender, _)| sender)
        })
    }

    /// As the service manager would start its service.
    fn start(&self, home: &Home) -> crate::support::Running {
        self.service(home).begin()
    }

    fn service(&self, home: &Home) -> Program {
        home.command(["daemon"])
            .env("NOTIFY_SOCKET", &self.address)
            .env("WATCHDOG_USEC", "600000")
            .env("RPM_HEARTBEAT", "100")
            .env("RPM_BOOT", "1")
    }
}

fn guardian(home: &Home) -> i32 {
    home.daemon().guardian.unwrap().pid
}

#[test]
fn the_service_manager_is_told_when_the_daemon_serves_and_ends() {
    let (home, manager) = (Home::new(), Manager::new());
    let service = manager.start(&home);
    let main = manager.wait_for("READY=1");
    home.rpm(["ping"]).ok();
    assert_eq!(guardian(&home), main, "the main process is who says it");
    manager.wait_for(&format!("MAINPID={main}"));
    manager.wait_for(&format!("STATUS=daemon {}, generation 1", home.daemon().pid));
    manager.wait_for("WATCHDOG=1");
    home.write(
        "slow.sh",
        "trap 'until [ -e go ]; do sleep 0.05; done; exit 0' INT\necho up\nwhile :; do sleep 0.05; done\n",
    );
    home.rpm(["start", "slow.sh", "--kill-timeout", "60s"]).ok();
    home.told("slow-out.log", "up");
    signal(main, Signal::SIGTERM);
    manager.wait_for("STOPPING=1");
    // It takes as long as the app does.
    manager.wait_for("EXTEND_TIMEOUT_USEC=30000000");
    assert!(is_alive(main));
    home.write("go", "");
    assert_eq!(service.end().code(), Some(0));
}

#[test]
fn apps_and_the_daemon_know_nothing_of_the_service_manager() {
    let (home, manager) = (Home::new(), Manager::new());
    let service = manager.start(&home);
    manager.wait_for("READY=1");
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    for pid in [home.daemon().pid, home.pid("sleep")] {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
        let names = environment.split(|byte| *byte == 0).map(|pair| String::from_utf8_lossy(pair).into_owned());
        let told: Vec<_> =
            names.filter(|pair| pair.starts_with("NOTIFY_SOCKET") || pair.starts_with("WATCHDOG")).collect();
        assert!(told.is_empty(), "{pid}: {told:?}");
    }
    home.rpm(["kill"]).ok();
    assert_eq!(service.end().code(), Some(0));
}

#[test]
fn the_service_lives_on_when_the_daemon_is_killed() {
    let (home, manager) = (Home::new(), Manager::new());
    let service = manager.start(&home);
    let main = manager.wait_for("READY=1");
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let (daemon, app) = (home.daemon().pid, home.pid("sleep"));
    signal(daemon, Signal::SIGKILL);
    let next = eventually("another daemon serves", || Some(home.daemon().pid).filter(|pid| *pid != daemon));
    manager.wait_for(&format!("STATUS=daemon {next}, generation 2"));
    assert_eq!((guardian(&home), home.pid("sleep")), (main, app));
    manager.forget();
    manager.wait_for("WATCHDOG=1");
    home.rpm(["kill"]).ok();
    assert_eq!(service.end().code(), Some(0));
}

#[test]
fn a_daemon_that_never_serves_is_no_service_that_is_well() {
    let (home, manager) = (Home::new(), Manager::new());
    let _service = manager.start(&home);
    let main = manager.wait_for("READY=1");
    let daemon = home.daemon().pid;
    // Stopped, so that it misses its beats; and each one after it, before it can serve.
    signal(daemon, Signal::SIGSTOP);
    let state = home.root().join("state.json");
    let list = fs::read(&state).ok();
    fs::write(&state, br#"{"version": 4000000000}"#).unwrap();
    eventually("nothing is said any more", || {
        manager.forget();
        never_pinged(&manager).then_some(())
    });
    assert!(is_alive(main), "the guardian goes on trying");
    match list {
        Some(list) => fs::write(&state, list).unwrap(),
        None => fs::remove_file(&state).unwrap(),
    }
    eventually("a daemon serves", || home.rpm(["ping"]).code().filter(|code| *code == 0));
    manager.forget();
    manager.wait_for("WATCHDOG=1");
    home.rpm(["kill"]).ok();
}

/// For longer than three times of its watchdog's.
fn never_pinged(manager: &Manager) -> bool {
    let mut pings = 0;
    crate::support::watch_for(Duration::from_secs(2), || {
        pings = manager.heard().iter().filter(|(_, line)| line == "WATCHDOG=1").count();
    });
    pings == 0
}

/// The daemon of a guardian that was killed becomes one, under a pid that the service manager doesn't know. It starts
/// its service again, which names it, and leaves.
#[test]
fn a_guardian_that_has_changed_is_named() {
    let (home, manager) = (Home::new(), Manager::new());
    let service = manager.start(&home);
    let first = manager.wait_for("READY=1");
    home.rpm(["start", "sleep", "--", "1000"]).ok();
    let app = home.pid("sleep");
    signal(first, Signal::SIGKILL);
    drop(service);
    let second = eventually("another guardian is there", || Some(guardian(&home)).filter(|pid| *pid != first));
    manager.forget();
    let stand_in = manager.start(&home).end();
    assert_eq!(stand_in.code(), Some(0), "{}", stand_in.told());
    let heard = manager.heard();
    let named = heard.iter().find(|(_, line)| *line == format!("MAINPID={second}"));
    assert!(named.is_some_and(|(sender, _)| *sender != second), "{heard:?}");
    assert_eq!((guardian(&home), home.pid("sleep")), (second, app));
    // Which goes on saying that it is well.
    manager.forget();
    assert_eq!(manager.wait_for("WATCHDOG=1"), second);
    home.rpm(["kill"]).ok();
}

#[test]
fn a_daemon_that_a_command_launches_is_nobodys_service() {
    let (home, manager) = (Home::new(), Manager::new());
    home.command(["start", "sleep", "--", "1000"]).env("NOTIFY_SOCKET", &manager.address).run().ok();
    let said = || Some(manager.heard()).filter(|heard| !heard.is_empty());
    never_within(Duration::from_millis(300), "it speaks to the command's service manager", said);
    assert_eq!(home.process("sleep").status, Status::Online);
}

// The files.

fn image(home: &Home) -> PathBuf {
    home.temporary().join("image")
}

fn startup(home: &Home, args: &[&'static str]) -> crate::support::Done {
    let root = image(home);
    let args = args.iter().copied().chain(["--root", root.to_str().unwrap()]);
    home.command(args.collect::<Vec<_>>()).run()
}

#[test]
fn startup_is_done_once_and_undone() {
    let home = Home::new();
    let unit = image(&home).join("etc/systemd/system/api.service");
    let link = unit.with_file_name("multi-user.target.wants").join("api.service");
    let args = ["startup", "systemd", "--service-name", "api"];
    let first = startup(&home, &args).ok().text();
    assert_eq!(first.lines().filter(|line| !line.starts_with("unchanged")).count(), 4, "{first}");
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("/etc/systemd/system/api.service"));
    let text = fs::read_to_string(&unit).unwrap();
    let program = home.root().join("bin/rpm");
    assert!(text.contains(&format!("ExecStart={} daemon\n", program.display())), "{text}");
    let version = Program::new(&program).args(["--version"]).run().ok().text();
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    let second = startup(&home, &args).ok().text();
    assert_eq!(second.lines().filter(|line| line.starts_with("unchanged")).count(), 3, "{second}");
    let undo = ["unstartup", "systemd", "--service-name", "api"];
    startup(&home, &undo).ok();
    assert!(!unit.exists() && !link.exists() && !program.exists());
    assert!(startup(&home, &undo).ok().text().contains("nothing of ours"));
}

#[test]
fn the_copies_can_be_the_daemon_and_follow_it() {
    let home = Home::new();
    startup(&home, &["startup", "systemd"]).ok();
    let link = home.root().join("bin");
    let first = fs::read_link(&link).unwrap();
    // Another program than the one they were made of.
    let folder = home.temporary().join("other");
    fs::create_dir(&folder).unwrap();
    let other = home.copy_programs(&folder);
    home.command_of(&other, ["ping"]).run().ok();
    eventually("the copies are those of the daemon that runs", || {
        fs::read_link(&link).ok().filter(|target| *target != first)
    });
    home.rpm(["kill"]).ok();
    fs::remove_dir_all(&folder).unwrap();
    home.command_of(&link.join("rpm"), ["ping"]).run().ok();
    let program = fs::read_link(format!("/proc/{}/exe", home.daemon().pid)).unwrap();
    assert!(program.starts_with(home.root()), "{}", program.display());
}

#[test]
fn check_tells_what_the_next_boot_lacks() {
    let home = Home::new();
    let args = ["startup", "systemd", "--check"];
    let told = startup(&home, &args).fails(&["would not bring the list back"]);
    assert!(told.text().contains("is not there"), "{}", told.told());
    home.rpm(["start", "sleep", "--name", "a", "--", "1000"]).ok();
    startup(&home, &["startup", "systemd"]).ok();
    let told = startup(&home, &args).ok().text();
    assert!(told.contains("1 process, 1 to be started"), "{told}");
    let json = startup(&home, &["startup", "systemd", "--check", "--json"]).ok();
    let checks: Vec<serde_json::Value> = serde_json::from_slice(&json.out).unwrap();
    assert!(checks.len() >= 5 && checks.iter().all(|check| check["ok"] == true), "{checks:?}");
    fs::remove_file(home.root().join("bin")).unwrap();
    let told = startup(&home, &args).fails(&[]);
    assert!(told.text().contains("cannot be executed"), "{}", told.told());
}

#[test]
fn units_pass_systemds_own_check() {
    let Some(analyze) = systemd_analyze() else {
        eprintln!("skipped: systemd-analyze is not installed, and `npm test` has not brought it");
        return;
    };
    let home = Home::new();
    let verify = |args: &[&'static str], scope: &'static str| {
        startup(&home, args).ok();
        let unit = home.rpm([args, &["--dry-run"]].concat()).ok();
        let folder = home.temporary().join("verify");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("rpm-test.service");
        fs::write(&file, &unit.out).unwrap();
        let checked = Program::new(&analyze).args(["verify", scope, "--man=no"]).args([&file]);
        let checked = checked.env("XDG_RUNTIME_DIR", &folder).env("HOME", &folder).run().ok();
        assert_eq!(checked.err, "", "{}", unit.text());
    };
    verify(&["startup", "systemd"], "--system");
    verify(&["startup", "systemd", "--wait-ip", "--service-name", "x"], "--system");
    verify(&["startup", "systemd", "--user"], "--user");
}

/// The one that `npm test` has found or unpacked, else that of the machine.
fn systemd_analyze() -> Option<PathBuf> {
    let brought = std::env::var_os("RPM_SYSTEMD_ANALYZE").map(PathBuf::from);
    brought.or_else(|| {
        let installed = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].map(PathBuf::from);
        installed.into_iter().find(|path| path.exists())
    })
}

/// Compared with files that were looked at; `RPM_WRITE_GENERATED=1` writes them anew.
#[test]
fn files_of_other_init_systems() {
    let home = Home::new();
    for platform in ["openrc", "launchd"] {
        let args = ["startup", platform, "--dry-run", "-u", "root", "--hp", "/home/app"];
        let text = home.rpm(args).ok().text();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/boot/{platform}"));
        if std::env::var_os("RPM_WRITE_GENERATED").is_some() {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::write(&golden, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&golden).unwrap_or_default(), "{platform}");
    }
}

/// As `OpenRC` has its functions around a script: what is said in it is what they get.
#[test]
fn the_script_of_openrc_says_what_is_meant() {
    let home = Home::new();
    let script = home.write("rpm-app", home.rpm(["startup", "openrc", "--dry-run", "-u", "root"]).ok().out);
    Program::new("sh").args(["-n"]).args([&script]).run().ok();
    fs::create_dir_all(home.root().join("bin")).unwrap();
    let program = home.root().join("bin/rpm");
    fs::write(&program, "#!/bin/sh\necho \"$RPM_HOME: $*\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let around = r#"
        for name in need use after ebegin; do eval "$name() { echo $name \"\$@\"; }"; done
        eend() { echo "eend $1"; return "$1"; }
        su() { [ "$1 $2 $3" = "-s /bin/sh -c" ] && /bin/sh -c "$4" && echo "as $5"; }
        RC_SVCNAME=rpm-app
        . "$1"
        depend
        reload
        echo "$pidfile, $command_user, in the background: $command_background, $retry, boot: $RPM_BOOT"
        eval "$command $command_args"
    "#;
    let said = Program::new("sh").args(["-euc", around, "sh"]).args([&script]).run().ok();
    let root = home.root().display();
    let lines = [
        "need localmount".to_owned(),
        "use net".to_owned(),
        "after firewall".to_owned(),
        "ebegin Reloading the apps of rpm-app".to_owned(),
        format!("{root}: reload all"),
        "as root".to_owned(),
        "eend 0".to_owned(),
        "/run/rpm-app.pid, root, in the background: true, SIGTERM/70, boot: 1".to_owned(),
        format!("{root}: daemon"),
    ];
    assert_eq!(said.text().lines().collect::<Vec<_>>(), lines, "{}", said.told());
    // OpenRC would take it apart.
    Home::at("two words").rpm(["startup", "openrc", "--dry-run"]).fails(&["cannot be named", "spaces"]);
}

#[test]
fn the_property_list_of_launchd_can_be_read() {
    let home = Home::at("R&D <1>");
    let list = home.rpm(["startup", "launchd", "--dry-run", "-u", "root"]).ok().out;
    let read = "import json, plistlib, sys; json.dump(plistlib.load(sys.stdin.buffer), sys.stdout)";
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join("python3").is_file()) {
        eprintln!("skipped: there is no python3, whose library can read one");
        return;
    }
    let read = Program::new("python3").args(["-c", read]).input(list).run().ok();
    let list: serde_json::Value = serde_json::from_slice(&read.out).unwrap();
    let wanted = serde_json::json!({
        "Label": "rpm.root",
        "UserName": "root",
        "ProgramArguments": [home.root().join("bin/rpm"), "daemon"],
        "EnvironmentVariables": {"RPM_HOME": home.root(), "RPM_BOOT": "1"},
        "RunAtLoad": true,
        "KeepAlive": {"SuccessfulExit": false},
        "AbandonProcessGroup": true,
        "ExitTimeOut": 70,
    });
    assert_eq!(list, wanted);
}

#[test]
fn what_cannot_be_done_is_told() {
    let home = Home::new();
    home.rpm(["startup", "upstart"]).fails(&["no service file", "rpm daemon"]);
    home.rpm(["startup", "beos"]).fails(&["no init system"]);
    home.rpm(["startup", "systemd", "-u", "no-such-user"]).fails(&["no user no-such-user", "-u"]);
    home.rpm(["startup", "systemd", "--service-name", "../x"]).fails(&["no service's name"]);
    home.rpm(["startup", "openrc", "--user"]).fails(&["no services of single users"]);
    home.rpm(["startup", "launchd"]).fails(&["launchd", "--dry-run"]);
    let odd = Home::at("a$b");
    odd.rpm(["startup", "systemd", "--dry-run"]).fails(&["cannot be named"]);
}

#[test]
fn who_is_not_root_gets_the_line_for_root() {
    if !crate::support::is_root() {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let home = Home::of_nobody();
    for verb in ["startup", "unstartup"] {
        let told = home.rpm([verb, "systemd"]).fails(&["only root"]);
        let (root, program) = (home.root().display(), home.program().display());
        let line = format!("sudo env RPM_HOME={root} {program} {verb} systemd -u nobody\n");
        assert_eq!(told.text(), line);
    }
    home.rpm(["logrotate"]).fails(&["only root"]);
    // Of another one's it copies the programs as that one.
    let root = Home::new();
    let image = image(&root);
    let args = ["startup", "systemd", "-u", "nobody", "--root", image.to_str().unwrap()];
    root.command(args).env("RPM_HOME", home.root()).run().ok();
    assert_eq!(fs::metadata(home.root().join("bin/rpm")).unwrap().uid(), 65534);
    let unit = fs::read_to_string(image.join("etc/systemd/system/rpm-nobody.service")).unwrap();
    assert!(unit.contains("User=nobody\n"), "{unit}");
    let told = root.command(["startup", "systemd", "-u", "nobody", "--check", "--root", image.to_str().unwrap()]);
    let told = told.env("RPM_HOME", home.root()).run().ok().text();
    assert!(told.contains("ok      program"), "{told}");
}

#[test]
fn logrotate_gets_a_file() {
    let home = Home::new();
    let text = home.rpm(["logrotate", "--dry-run"]).ok().text();
    assert!(text.contains(&format!("\"{}/logs/*.log\" {{", home.root().display())), "{text}");
    let root = image(&home);
    home.rpm(["logrotate", "--root", root.to_str().unwrap()]).ok();
    let files: Vec<_> = fs::read_dir(root.join("etc/logrotate.d")).unwrap().collect();
    assert_eq!(files.len(), 1);
}
