//! `startup`: the machine's boot brings everything back.

use super::machine::{Target, failed, tell};
use crate::boot::{self, Copies, Done, Platform, Scope, Step};
use crate::cli::args::StartupArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::color::{self, paint};
use crate::cli::session::Session;
use serde::Serialize;

pub(super) async fn run(session: &mut Session<'_>, args: &StartupArgs) -> Result<Exit, Failure> {
    let target = Target::of(&args.service, args.wait_ip).await?;
    if args.dry_run {
        return dry_run(session, &target);
    }
    if args.check {
        return check(session, &target).await;
    }
    if target.service.platform == Platform::Launchd && target.is_live {
        return Err(Failure::new("rpm does not run under launchd yet")
            .hint("see what the file would be: rpm startup launchd --dry-run"));
    }
    if target.needs_root() {
        return target.tell_line(session, "startup");
    }
    let steps = install(&target)?;
    tell(session, &steps)?;
    target.reload(session).await;
    if target.service.scope == Scope::User {
        linger(session, &target).await;
    }
    explain(session, &target)?;
    Ok(Exit::Success)
}

fn dry_run(session: &mut Session<'_>, target: &Target) -> Result<Exit, Failure> {
    let (path, link) = target.files();
    session.screen.note(&format!("would be written: {}", path.display()));
    if let Some(link) = link {
        session.screen.note(&format!("would be linked:  {}", link.display()));
    }
    session.screen.note(&format!("would be copied:  {}", target.service.program().display()));
    session.screen.data(target.service.text())?;
    Ok(Exit::Success)
}

/// In this order: a unit that is there names a program that is.
fn install(target: &Target) -> Result<Vec<Step>, Failure> {
    let program = target.service.program();
    let copied = Copies::of_us().and_then(|copies| copies.put_into(&target.service.home, Some(&target.owner.ids)));
    let done = if copied.map_err(|error| failed(&program, &error))? { Done::Copied } else { Done::Same };
    let mut steps = vec![Step { done, path: program }];
    let (path, link) = target.files();
    let written = target.place.write(&path, &target.service.text(), target.service.mode());
    steps.push(written.map_err(|error| failed(&path, &error))?);
    if let Some(link) = link {
        steps.push(target.place.link(&link, &path).map_err(|error| failed(&link, &error))?);
    }
    Ok(steps)
}

/// Without it a user's manager starts at login, and ends with it.
async fn linger(session: &mut Session<'_>, target: &Target) {
    let user = &target.owner.name;
    let mark = std::path::Path::new("/var/lib/systemd/linger").join(user);
    if target.place.at(&mark).exists() || !target.is_live {
        return;
    }
    match boot::run_tool("loginctl", &["enable-linger", user]).await {
        Ok(Some(outcome)) if outcome.is_success => {
            session.screen.note(&format!("{user} lingers now: units of your own start at boot"));
        }
        _ => {
            session.screen.warn("your units start when you log in, and end when you log out");
            session.screen.hint(&format!("have them start at boot: sudo loginctl enable-linger {user}"));
        }
    }
}

fn explain(session: &mut Session<'_>, target: &Target) -> Result<(), Failure> {
    let name = &target.service.name;
    let now = match (target.service.platform, target.service.scope) {
        (Platform::Systemd, Scope::System) => format!("systemctl start {name}"),
        (Platform::Systemd, Scope::User) => format!("systemctl --user start {name}"),
        (Platform::OpenRc, _) => format!("rc-service {name} start"),
        (Platform::Launchd, _) => return Ok(()),
    };
    session.screen.say(&format!(
        "At boot the list of {} comes back as it was last; nothing has to be saved.\n",
        target.owner.name
    ))?;
    session.screen.hint(&format!("would it work? rpm startup --check; begin without a reboot: rpm kill, then {now}"));
    Ok(())
}

async fn check(session: &mut Session<'_>, target: &Target) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Told<'a> {
        what: &'a str,
        ok: bool,
        found: &'a str,
    }
    if !boot::is_root() && !target.owner.is_us() {
        return Err(Failure::new(format!(
            "only {} or root can tell what {} could do",
            target.owner.name, target.owner.name
        ))
        .hint("run it with sudo"));
    }
    let (config, directory) = (target.owner.config(), target.owner.usual_home());
    let directory = directory.parent().unwrap_or(&target.owner.directory);
    let checks = boot::checks(&target.service, &target.place, &target.owner.ids, &config, directory).await;
    let is_fine = checks.iter().all(|check| check.found.is_ok());
    if session.screen.wants_json() {
        let told = checks.iter().map(|check| Told {
            what: check.what,
            ok: check.found.is_ok(),
            found: check.found.as_ref().map_or_else(String::as_str, String::as_str),
        });
        session.screen.data_json(&told.collect::<Vec<_>>())?;
        return Ok(if is_fine { Exit::Success } else { Exit::Failure });
    }
    for check in &checks {
        let (word, text) = match &check.found {
            Ok(found) => (paint(color::GOOD, "ok    "), found),
            Err(why) => (paint(color::BAD, "failed"), why),
        };
        session.screen.say(&format!("{word}  {:<8}  {text}\n", check.what))?;
        if let Some(hint) = check.hint {
            session.screen.hint(hint);
        }
    }
    if is_fine {
        session.screen.say("The next boot brings the list back.\n")?;
        return Ok(Exit::Success);
    }
    Err(Failure::new("the next boot would not bring the list back"))
}
