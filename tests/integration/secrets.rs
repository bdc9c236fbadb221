//! Secrets: shown to nobody, and still what the app gets.

use crate::support::Home;
use std::fs;

const SECRET: &str = "hunter2-correct-horse";

fn holds(home: &Home) -> bool {
    let bytes = fs::read(format!("/proc/{}/environ", home.pid("a"))).unwrap();
    String::from_utf8(bytes).unwrap().split('\0').any(|pair| pair == format!("DB_PASSWORD={SECRET}"))
}

fn shown_nowhere(home: &Home) {
    for command in [
        &["describe", "a"][..],
        &["describe", "a", "--json"],
        &["jlist"],
        &["ls", "--json"],
        &["restart", "a"],
        &["restart", "a", "--json"],
    ] {
        let done = home.rpm(command.iter().copied()).ok();
        assert!(!done.text().contains(SECRET) && !done.err.contains(SECRET), "{}", done.told());
    }
    assert!(home.rpm(["jlist"]).ok().text().contains("[redacted]"));
    let log = fs::read_to_string(home.root().join("rpm.log")).unwrap();
    assert!(!log.contains(SECRET), "{log}");
    for route in ["/v1/processes", "/v1/pm2/processes"] {
        let reply = crate::support::get_unix(&home.root().join("rpm.sock"), route).unwrap();
        assert!(!reply.body.contains(SECRET), "{route}");
    }
}

#[test]
fn of_the_shell() {
    let home = Home::new();
    home.command(["start", "sleep", "--name", "a", "--", "1000"]).env("DB_PASSWORD", SECRET).run().ok();
    assert!(holds(&home));
    shown_nowhere(&home);
    assert!(holds(&home), "after a restart");
    home.command(["restart", "a", "--update-env"]).env("DB_PASSWORD", SECRET).env("OTHER", "1").run().ok();
    assert!(holds(&home), "after a restart with this shell's environment");
    home.rpm(["restart", "a", "--kill-timeout", "2000"]).ok();
    assert!(holds(&home), "after a restart with another setting");
}

#[test]
fn of_an_application_file() {
    let home = Home::new();
    let file = |more: &str| {
        home.write(
            "a.config.js",
            format!("module.exports = [{{ name: 'a', script: 'sleep', args: '1000', env: {{ DB_PASSWORD: '{SECRET}' {more} }} }}]"),
        );
    };
    file("");
    home.rpm(["start", "a.config.js"]).ok();
    assert!(holds(&home));
    shown_nowhere(&home);
    home.rpm(["restart", "a", "--update-env"]).ok();
    assert!(holds(&home), "after --update-env");
    file(", MORE: '1'");
    home.rpm(["restart", "a.config.js"]).ok();
    assert!(holds(&home), "after a restart by file");
    let done = home.rpm(["restart", "a"]).ok();
    assert!(holds(&home), "after a restart by name");
    assert!(!done.told().contains(SECRET));
}

#[test]
fn a_changed_secret_is_told_without_its_value() {
    let home = Home::new();
    let file = |value: &str| {
        home.write(
            "a.json",
            format!(r#"[{{"name": "a", "script": "sleep", "args": "1000", "env": {{"API_TOKEN": "{value}"}}}}]"#),
        );
    };
    file("old-token-value");
    home.rpm(["start", "a.json"]).ok();
    file("new-token-value");
    let done = home.rpm(["restart", "a"]).ok();
    let told = done.told();
    assert!(told.contains("API_TOKEN"), "{told}");
    assert!(!told.contains("token-value"), "{told}");
}

#[test]
fn files_of_the_home_that_hold_them_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.command(["start", "sleep", "--name", "a", "--", "1000"]).env("DB_PASSWORD", SECRET).run().ok();
    let mut left = vec![home.root().to_path_buf()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if meta.is_file() && String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(SECRET) {
            assert_eq!(meta.permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }
}
