//! The limits of a process itself, which it passes on to what it starts.
//!
//! One that is refused is an error: it is in the app's own hands to take it away.

use super::launch::LaunchError;
use crate::domain::spec::Limits;
use crate::sys::limits::{self, UNLIMITED};
use crate::sys::spawn::{Limit, SpawnError, SpawnPlan, Stage};

/// Puts them into the plan of a run.
pub(super) fn plan(limits: &Limits, plan: &mut SpawnPlan<'_>) {
    plan.limits = rlimits(limits);
    plan.nice = limits.nice;
    plan.cpu_affinity.clone_from(&limits.cpu_affinity);
    plan.oom_score_adj = limits.oom_score_adj;
    plan.umask = limits.umask;
}

fn rlimits(limits: &Limits) -> Vec<Limit> {
    let number = |limit: Option<u64>| limit.unwrap_or(UNLIMITED);
    let known = limits.rlimits.iter().filter_map(|(name, limit)| {
        Some(Limit { resource: limits::resource(name)?, soft: number(limit.soft), hard: number(limit.hard) })
    });
    known.collect()
}

/// Which field it was that the system has refused, where it was one of these.
pub(super) fn refused(limits: &Limits, error: &SpawnError) -> Option<LaunchError> {
    let (what, hint) = match error.stage {
        Stage::Limits => {
            let name = error.resource.and_then(limits::name).unwrap_or_default();
            (format!("its limit rlimits.{name} cannot be set"), "only root can raise a hard limit")
        }
        Stage::Priority => {
            (format!("nice {} cannot be set", limits.nice.unwrap_or_default()), "below the daemon's own it needs root")
        }
        Stage::Affinity => (
            format!("cpu_affinity {:?} cannot be set", limits.cpu_affinity),
            "none of these cores is there for the daemon; see: nproc",
        ),
        Stage::OomScore => (
            format!("oom_score_adj {} cannot be set", limits.oom_score_adj.unwrap_or_default()),
            "below the daemon's own it needs root",
        ),
        _ => return None,
    };
    let message = format!("{what}: {} ({hint})", error.source);
    Some(LaunchError { message, errno: error.source.raw_os_error().unwrap_or(libc::EIO) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::ResourceLimit;

    #[test]
    fn resources_without_a_number_are_unlimited() {
        let limit = ResourceLimit { soft: Some(0), hard: None };
        let limits = Limits { rlimits: [("core".to_owned(), limit)].into(), ..Limits::default() };
        let core = limits::resource("core").unwrap();
        assert_eq!(rlimits(&limits), [Limit { resource: core, soft: 0, hard: UNLIMITED }]);
    }
}
