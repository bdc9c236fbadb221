//! `unstartup`: undoes what `startup` did. What runs runs on.

use super::machine::{Target, failed, tell};
use crate::boot::{Copies, Scope, Service};
use crate::cli::args::ServiceArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &ServiceArgs) -> Result<Exit, Failure> {
    let target = Target::of(args, false).await?;
    if target.needs_root() {
        return target.tell_line(session, "unstartup");
    }
    let mut steps = Vec::new();
    let (path, link) = target.files();
    for path in link.iter().chain([&path]) {
        steps.extend(target.place.remove(path).map_err(|error| failed(path, &error))?);
    }
    let program = target.service.program();
    if !is_needed_still(&target) {
        let removed = Copies::remove(&target.service.home, Some(&target.owner.ids));
        steps.extend(removed.map_err(|error| failed(&program, &error))?);
    }
    let is_nothing = steps.is_empty();
    tell(session, &steps)?;
    if is_nothing {
        session.screen.say("nothing of ours starts with this machine\n")?;
    } else {
        target.reload(session).await;
    }
    Ok(Exit::Success)
}

/// The other kind of unit names the same programs.
fn is_needed_still(target: &Target) -> bool {
    let scope = if target.service.scope == Scope::User { Scope::System } else { Scope::User };
    let name = Service::usual_name(target.service.platform, scope, &target.owner.name);
    let other = Service { scope, name, ..target.service.clone() };
    target.place.read(&other.files(&target.owner.config()).0).is_some()
}
