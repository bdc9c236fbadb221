//! Steps of a reload: `web: 1 of 4 replaced (pid 12 → 34), 2.1 s`.

use super::text;
use crate::api::{Process, Rollout, RolloutStep};

/// `None` for a step that needs no words: the command tells the end itself.
pub(crate) fn line(process: &Process, rollout: &Rollout) -> Option<String> {
    let name = text::clean(&process.name);
    let pids = match (rollout.before, process.pid) {
        (Some(before), Some(now)) => format!(" (pid {before} → {now})"),
        _ => String::new(),
    };
    let Rollout { total, replaced, returned, .. } = rollout;
    match rollout.step {
        RolloutStep::Replaced => {
            let took = rollout.elapsed.map(|ms| format!(", {}", seconds(ms))).unwrap_or_default();
            Some(format!("{name}: {replaced} of {total} replaced{pids}{took}"))
        }
        RolloutStep::Watching => {
            let window = seconds(rollout.health_window.unwrap_or_default());
            Some(format!("{name}: all {total} replaced; the version before stands by for {window}"))
        }
        RolloutStep::Returned => {
            Some(format!("{name}: the version before is back in {returned} of {}{pids}", replaced + returned))
        }
        RolloutStep::Begun | RolloutStep::Finished | RolloutStep::Failed => None,
    }
}

fn seconds(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        _ => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::tests::process;
    use super::*;
    use crate::domain::Status;

    #[test]
    fn each_step_in_a_line() {
        let web = Process { pid: Some(34), ..process(0, "web", Status::Online) };
        let told = |step, replaced, returned| {
            let (before, elapsed, health_window) = (Some(12), Some(2_149), Some(30_000));
            line(&web, &Rollout { step, total: 4, replaced, returned, before, elapsed, health_window })
        };
        for (step, replaced, returned, expected) in [
            (RolloutStep::Begun, 0, 0, None),
            (RolloutStep::Replaced, 1, 0, Some("web: 1 of 4 replaced (pid 12 → 34), 2.1 s")),
            (RolloutStep::Watching, 4, 0, Some("web: all 4 replaced; the version before stands by for 30.0 s")),
            (RolloutStep::Returned, 3, 1, Some("web: the version before is back in 1 of 4 (pid 12 → 34)")),
            (RolloutStep::Finished, 4, 0, None),
        ] {
            assert_eq!(told(step, replaced, returned).as_deref(), expected);
        }
        assert_eq!([87, 1000].map(seconds), ["87 ms", "1.0 s"]);
    }
}
