//! What `startup`, `unstartup` and `logrotate` share: whose service, where its files go, and telling what became of them.

use crate::boot::{self, Done, Owner, Place, Platform, Scope, Service, Step, is_name, is_path, is_root};
use crate::cli::args::ServiceArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::color::{self, paint};
use crate::cli::session::Session;
use crate::paths::Home;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A service, and where it is.
pub(super) struct Target {
    pub(super) owner: Owner,
    pub(super) service: Service,
    pub(super) place: Place,
    /// It is about the machine that we run on, whose init system can be told of changes.
    pub(super) is_live: bool,
}

impl Target {
    pub(super) async fn of(args: &ServiceArgs, wait_ip: bool) -> Result<Self, Failure> {
        let owner = owner(args.named())?;
        let home = home(&owner, args.hp.as_deref())?;
        let scope = if args.is_own() { Scope::User } else { Scope::System };
        let platform = platform(args)?;
        if scope == Scope::User && platform != Platform::Systemd {
            return Err(Failure::new(format!("{} has no services of single users", platform.name()))
                .hint("leave --user away: the machine's own service runs as you all the same"));
        }
        if !platform.can_name(home.root()) {
            return Err(unnamable(&home, "spaces or the like"));
        }
        let name = match &args.service_name {
            Some(name) => name.strip_suffix(".service").unwrap_or(name).to_owned(),
            None => Service::usual_name(platform, scope, &owner.name),
        };
        if !is_name(&name) {
            return Err(Failure::new(format!("{name:?} can be no service's name"))
                .hint("letters, digits, and - _ . @ make one: --service-name api"));
        }
        let is_live = args.root.is_none();
        let version = if is_live && platform == Platform::Systemd { systemd_version().await } else { None };
        let service = Service { platform, scope, name, user: owner.name.clone(), home, wait_ip, version };
        Ok(Self { owner, service, place: Place::new(args.root.as_deref()), is_live })
    }

    pub(super) fn files(&self) -> (PathBuf, Option<PathBuf>) {
        self.service.files(&self.owner.config())
    }

    /// Whether somebody else has to run the command; who, is told.
    pub(super) fn needs_root(&self) -> bool {
        self.is_live && self.service.scope == Scope::System && !is_root()
    }

    /// Prints the line that does it.
    pub(super) fn tell_line(&self, session: &mut Session<'_>, verb: &str) -> Result<Exit, Failure> {
        session.screen.note("only root can do that; copy and run this line:");
        session.screen.data(format!("{}\n", self.line(verb, &own_path()?)))?;
        Ok(Exit::Failure)
    }

    fn line(&self, verb: &str, program: &Path) -> String {
        let mut words = vec![verb.to_owned(), self.service.platform.name().to_owned()];
        if self.service.name != Service::usual_name(self.service.platform, self.service.scope, &self.owner.name) {
            words.extend(["--service-name".to_owned(), self.service.name.clone()]);
        }
        if self.service.wait_ip {
            words.push("--wait-ip".to_owned());
        }
        line_for_root(program, &self.owner, &self.service.home, words)
    }

    /// Has the init system read its files again.
    pub(super) async fn reload(&self, session: &mut Session<'_>) {
        let Some((tool, args)) = self.service.platform.reload(self.service.scope).filter(|_| self.is_live) else {
            return;
        };
        let line = format!("{tool} {}", args.join(" "));
        match boot::run_tool(tool, args).await {
            Ok(Some(outcome)) if outcome.is_success => {}
            Ok(Some(outcome)) => session.screen.note(&format!("{line}: {}", outcome.why)),
            Ok(None) => session.screen.note(&format!("{tool} is not here: nothing else has to be told")),
            Err(error) => session.screen.note(&format!("{line}: {error}")),
        }
    }
}

/// A command line that means the same to root; the first word is the verb, the next ones come before whose it is.
pub(super) fn line_for_root(program: &Path, owner: &Owner, home: &Home, mut words: Vec<String>) -> String {
    let home = home.root();
    let mut before = String::from("sudo ");
    words.extend(["-u".to_owned(), owner.name.clone()]);
    match home.parent().filter(|_| home.file_name().is_some_and(|name| name == ".rpm")) {
        Some(directory) => words.extend(["--hp".to_owned(), directory.display().to_string()]),
        None => before = format!("sudo env RPM_HOME={} ", shell_words::quote(&home.to_string_lossy())),
    }
    words.insert(0, program.display().to_string());
    before + &shell_words::join(words)
}

pub(super) fn owner(name: Option<&str>) -> Result<Owner, Failure> {
    Owner::named(name).map_err(|why| Failure::new(why).hint("name the user whose apps it is about: -u <user>"))
}

/// One that can stand in files of other programs.
pub(super) fn home(owner: &Owner, directory: Option<&Path>) -> Result<Home, Failure> {
    let home = owner.home(directory);
    if is_path(home.root()) {
        return Ok(home);
    }
    Err(unnamable(&home, "quotes, dollar signs or the like"))
}

fn unnamable(home: &Home, what: &str) -> Failure {
    Failure::new(format!("home {} cannot be named in a system's file", home.root().display()))
        .hint(format!("it has {what} in it: set RPM_HOME to another directory"))
}

fn platform(args: &ServiceArgs) -> Result<Platform, Failure> {
    const OTHERS: &str = "have it run as your user, with RPM_HOME and RPM_BOOT=1 in its environment: rpm daemon";
    if let Some(name) = args.platform() {
        return Platform::named(name)
            .map_err(|why| Failure::new(why).hint(format!("with another init system {OTHERS}")));
    }
    let found = match &args.root {
        Some(root) => Platform::of_image(root),
        None => Platform::of_machine(Path::new("/")),
    };
    found.ok_or_else(|| {
        Failure::new("neither systemd nor OpenRC has started this machine")
            .hint("in a container: rpm runtime; to see or install a file all the same: rpm startup systemd")
    })
}

async fn systemd_version() -> Option<u32> {
    let said = boot::run_tool("systemctl", &["--version"]).await.ok()??.out;
    said.split_whitespace().nth(1)?.parse().ok()
}

pub(super) fn own_path() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|source| Failure::new(format!("the path of this program cannot be told: {source}")))
}

/// What was done to files, for people or programs.
pub(super) fn tell(session: &mut Session<'_>, steps: &[Step]) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Told<'a> {
        done: &'static str,
        path: &'a Path,
    }
    if session.screen.wants_json() {
        let told: Vec<_> = steps.iter().map(|step| Told { done: step.done.word(), path: &step.path }).collect();
        return session.screen.data_json(&told);
    }
    for step in steps {
        let style = if step.done == Done::Same { color::DIM } else { color::GOOD };
        let word = paint(style, format_args!("{:<9}", step.done.word()));
        session.screen.say(&format!("{word}  {}\n", step.path.display()))?;
    }
    Ok(())
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} could not be written: {error}", path.display()))
        .hint("what was there before is there still; the command can be run again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(home: &str, name: &str) -> Target {
        let owner = Owner { name: "app".into(), ..Owner::named(Some("root")).unwrap() };
        let service = Service {
            platform: Platform::Systemd,
            scope: Scope::System,
            name: name.into(),
            user: "app".into(),
            home: Home::new(home),
            wait_ip: true,
            version: None,
        };
        Target { owner, service, place: Place::new(None), is_live: true }
    }

    #[test]
    fn the_line_for_root_says_all_that_was_said() {
        let line = |target: Target| target.line("startup", Path::new("/opt/my rpm"));
        assert_eq!(
            line(target("/home/app/.rpm", "rpm-app")),
            "sudo '/opt/my rpm' startup systemd --wait-ip -u app --hp /home/app"
        );
        assert_eq!(
            line(target("/srv/rpm", "api")),
            "sudo env RPM_HOME=/srv/rpm '/opt/my rpm' startup systemd --service-name api --wait-ip -u app"
        );
    }
}
