//! What a process may use, for `describe`.

use super::{size, text};
use crate::api::ProcessDetail;
use crate::domain::spec::{CpuQuota, ResourceLimit};

/// Only what is set.
pub(super) fn rows(detail: &ProcessDetail) -> Vec<(&'static str, Option<String>)> {
    let limits = &detail.spec.limits;
    let bytes = |limit: Option<u64>| limit.map(|limit| size::short(limit.try_into().unwrap_or(i64::MAX)));
    let resources = limits.rlimits.iter().map(|(name, limit)| format!("{name} {}", resource(*limit)));
    let cores = limits.cpu_affinity.iter().map(ToString::to_string);
    let warnings = detail.process.warnings.iter().map(|warning| text::clean(warning).into_owned());
    vec![
        ("max memory restart", bytes(limits.max_memory_restart)),
        ("memory_max", bytes(limits.memory_max)),
        ("memory_high", bytes(limits.memory_high)),
        ("cpu", limits.cpu.map(quota)),
        ("pids_max", limits.pids_max.map(|count| count.to_string())),
        ("rlimits", listed(resources, ", ")),
        ("nice", limits.nice.map(|nice| nice.to_string())),
        ("cpu_affinity", listed(cores, ", ")),
        ("oom_score_adj", limits.oom_score_adj.map(|score| score.to_string())),
        ("umask", limits.umask.map(|mask| format!("{mask:03o}"))),
        ("warning", listed(warnings, "; ")),
    ]
}

/// What it and all it has started use, where that is more than one process.
pub(super) fn tree(detail: &ProcessDetail) -> Option<String> {
    let tree = detail.tree.filter(|tree| tree.processes > 1)?;
    Some(format!("{} in {} processes", size::short(tree.memory), tree.processes))
}

fn listed(words: impl Iterator<Item = String>, between: &str) -> Option<String> {
    Some(words.collect::<Vec<_>>().join(between)).filter(|text| !text.is_empty())
}

fn quota(CpuQuota(thousandths): CpuQuota) -> String {
    format!("{} of a core's time", f64::from(thousandths) / 1000.0)
}

fn resource(ResourceLimit { soft, hard }: ResourceLimit) -> String {
    let number = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    if soft == hard { number(soft) } else { format!("{} (hard {})", number(soft), number(hard)) }
}

#[cfg(test)]
mod tests {
    use super::super::detail::tests::detail;
    use super::*;
    use crate::api::Tree;
    use crate::domain::Status;
    use crate::domain::spec::Limits;

    #[test]
    fn what_is_set_is_told() {
        let mut detail = detail(0, "api", Status::Online);
        let told = |detail: &ProcessDetail| -> Vec<String> {
            rows(detail).into_iter().filter_map(|(label, value)| Some(format!("{label}: {}", value?))).collect()
        };
        assert_eq!(told(&detail), [""; 0]);
        detail.process.warnings = vec!["cpu is not in force: no".into()];
        let limit = |soft, hard| ResourceLimit { soft, hard };
        detail.spec.limits = Limits {
            max_memory_restart: Some(800 << 20),
            cpu: Some(CpuQuota(1500)),
            rlimits: [("core".into(), limit(Some(0), None)), ("nofile".into(), limit(Some(9), Some(9)))].into(),
            cpu_affinity: vec![0, 2],
            nice: Some(-5),
            umask: Some(0o27),
            ..Limits::default()
        };
        let expected = [
            "max memory restart: 800.0mb",
            "cpu: 1.5 of a core's time",
            "rlimits: core 0 (hard unlimited), nofile 9",
            "nice: -5",
            "cpu_affinity: 0, 2",
            "umask: 027",
            "warning: cpu is not in force: no",
        ];
        assert_eq!(told(&detail), expected);
    }

    #[test]
    fn one_process_is_no_tree() {
        let mut detail = detail(0, "api", Status::Online);
        detail.tree = Some(Tree { memory: 1 << 20, processes: 1 });
        assert_eq!(tree(&detail), None);
        detail.tree = Some(Tree { memory: 1 << 20, processes: 3 });
        assert_eq!(tree(&detail).unwrap(), "1.0mb in 3 processes");
    }
}
