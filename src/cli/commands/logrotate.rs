//! `logrotate`: a file for who rotates logs by that program.

use super::machine::{failed, home, line_for_root, own_path, owner, tell};
use crate::boot::{self, Place};
use crate::cli::args::LogrotateArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

pub(super) fn run(session: &mut Session<'_>, args: &LogrotateArgs) -> Result<Exit, Failure> {
    let owner = owner(args.user.as_deref())?;
    let home = home(&owner, args.hp.as_deref())?;
    let (path, text) = boot::logrotate(&home, &owner.name, &owner.group());
    if args.dry_run {
        session.screen.note(&format!("would be written: {}", path.display()));
        return session.screen.data(text).map(|()| Exit::Success);
    }
    if args.root.is_none() && !boot::is_root() {
        session.screen.note("only root can do that; copy and run this line:");
        let line = line_for_root(&own_path()?, &owner, &home, vec!["logrotate".to_owned()]);
        session.screen.data(format!("{line}\n"))?;
        return Ok(Exit::Failure);
    }
    let step = Place::new(args.root.as_deref()).write(&path, &text, 0o644).map_err(|error| failed(&path, &error))?;
    tell(session, &[step])?;
    Ok(Exit::Success)
}
