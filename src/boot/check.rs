//! The next boot, without one: whether everything is there that it takes, and the daemon would begin as the user, with what an init system gives it
//! and nothing of this shell.

use super::place::Place;
use super::service::{Scope, Service};
use super::tool::{self, PATH};
use crate::sys::read_as::{acting_as, read_as};
use crate::sys::user::Ids;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A list is shorter.
const LONGEST: usize = 256 << 20;

/// Something that has to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub what: &'static str,
    /// What was found, or what is wrong.
    pub found: Result<String, String>,
    /// What to do, where it is wrong.
    pub hint: Option<&'static str>,
}

const AGAIN: &str = "run rpm startup again";

fn check(what: &'static str, found: Result<String, String>, hint: &'static str) -> Check {
    let hint = found.is_err().then_some(hint);
    Check { what, found, hint }
}

/// Everything that the next boot takes. `user_config` and `user_home` are the user's.
pub async fn checks(service: &Service, place: &Place, ids: &Ids, user_config: &Path, user_home: &Path) -> Vec<Check> {
    let mut checks = vec![file(service, place, user_config), enabled(service, place, user_config)];
    if service.scope == Scope::User {
        checks.push(lingers(service, place));
    }
    checks.push(home(service, ids));
    let versions = run(service, ids, user_home, &["--version"]).await;
    checks.push(check("program", versions.and_then(|said| version(service, &said)), AGAIN));
    let understood = run(service, ids, user_home, &["daemon", "--preflight"]).await;
    let list = understood.and_then(|_| listed(service, ids));
    checks.push(check("list", list, "see rpm.log in the home; a list can be put together anew: rpm start"));
    checks
}

fn file(service: &Service, place: &Place, user_config: &Path) -> Check {
    let (path, _) = service.files(user_config);
    let found = match place.read(&path) {
        None => Err(format!("{} is not there", path.display())),
        Some(text) if text != service.text() => {
            Err(format!("{} is not what this version writes for these options", path.display()))
        }
        Some(_) => Ok(path.display().to_string()),
    };
    check("service", found, AGAIN)
}

fn enabled(service: &Service, place: &Place, user_config: &Path) -> Check {
    let (path, link) = service.files(user_config);
    let found = match link {
        Some(link) if !place.is_link(&link, &path) => {
            Err(format!("{} is not there: nothing starts it", link.display()))
        }
        Some(link) => Ok(link.display().to_string()),
        None => Ok("by its place".to_owned()),
    };
    check("enabled", found, AGAIN)
}

fn lingers(service: &Service, place: &Place) -> Check {
    let mark = Path::new("/var/lib/systemd/linger").join(&service.user);
    let found = if place.at(&mark).exists() {
        Ok(format!("{} lingers: the unit starts at boot", service.user))
    } else {
        Err(format!("{} does not linger: the unit starts at login, and ends with it", service.user))
    };
    check("linger", found, "loginctl enable-linger")
}

fn home(service: &Service, ids: &Ids) -> Check {
    let root = service.home.root();
    let found = match acting_as(Some(ids), || fs::read_dir(root).and_then(|_| fs::metadata(root))) {
        Err(error) => Err(format!("{} cannot be read by {}: {error}", root.display(), service.user)),
        Ok(metadata) if metadata.uid() != ids.uid => {
            Err(format!("{} does not belong to {}", root.display(), service.user))
        }
        Ok(_) => Ok(root.display().to_string()),
    };
    check("home", found, "name the user and the home that the apps belong to: -u, --hp")
}

/// The program that the service names, with the environment that it would have.
async fn run(service: &Service, ids: &Ids, user_home: &Path, args: &[&str]) -> Result<String, String> {
    let program = service.program();
    let env = [
        format!("PATH={PATH}"),
        "LANG=C.UTF-8".to_owned(),
        format!("HOME={}", user_home.display()),
        format!("USER={}", service.user),
        format!("LOGNAME={}", service.user),
        format!("RPM_HOME={}", service.home.root().display()),
        "RPM_BOOT=1".to_owned(),
    ];
    let who = (!ids.are_ours()).then(|| ids.clone());
    match tool::run_as(program.clone(), args, env, who).await {
        Err(error) => Err(format!("{} cannot be executed by {}: {error}", program.display(), service.user)),
        Ok(outcome) if !outcome.is_success => Err(outcome.why),
        Ok(outcome) => Ok(outcome.out.trim().to_owned()),
    }
}

fn version(service: &Service, said: &str) -> Result<String, String> {
    let guardian = service.program().with_file_name("rpm-guardian");
    if said != env!("CARGO_PKG_VERSION") {
        return Err(format!("{} is {said}, this one {}", service.program().display(), env!("CARGO_PKG_VERSION")));
    }
    match acting_as(None, || fs::metadata(&guardian)) {
        Ok(_) => Ok(format!("{} {said}", service.program().display())),
        Err(error) => Err(format!("{}: {error}", guardian.display())),
    }
}

/// How much would come back.
fn listed(service: &Service, ids: &Ids) -> Result<String, String> {
    let path = service.home.state();
    let bytes = match read_as(&path, Some(ids), LONGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok("empty".to_owned()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let list: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let processes = list["processes"].as_array().map_or(&[][..], Vec::as_slice);
    let wanted = processes.iter().filter(|process| process["wanted"] == true).count();
    let count = match processes.len() {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    };
    Ok(format!("{count}, {wanted} to be started"))
}
