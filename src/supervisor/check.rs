//! What a client of ours never sends, but anybody may.

use super::clockwork;
use super::scale::MOST_INSTANCES;
use crate::api::{ApiError, Code};
use crate::domain::AppSpec;
use crate::domain::spec::Mode;
use crate::watch::Ignore;

pub(super) fn check(spec: &AppSpec) -> Result<(), ApiError> {
    let bad = |what: &str| Err(ApiError::new(Code::Invalid, format!("app {:?}: {what}", spec.name)));
    if spec.name.is_empty() || spec.name.contains(['\0', '/', '\n']) {
        return bad("its name must not be empty, nor hold a slash, a line break or a NUL byte");
    }
    if spec.name == "all" {
        return bad("all means all apps; choose another name");
    }
    if !spec.cwd.is_absolute() || !spec.program.path.is_absolute() {
        return bad("its paths must be absolute");
    }
    if let Err(why) = clockwork::read(&spec.schedule) {
        return bad(&why);
    }
    if spec.schedule.job.is_some() && (spec.instances > 1 || spec.mode == Mode::Cluster) {
        return bad("a job has one process, in fork mode");
    }
    if let Some(Err(why)) = spec.watch.as_ref().and_then(|watch| watch.ignore.as_deref()).map(Ignore::check) {
        return bad(&format!("ignore_watch: {why}"));
    }
    if spec.instances > MOST_INSTANCES {
        return bad(&format!("more than {MOST_INSTANCES} instances"));
    }
    Ok(())
}
