//! Fields that take one of a few words, or `true` and `false` with a meaning.

use super::number::whole_number;
use super::text::{boolean, list, scalar};
use crate::config::{Autorestart, Inherited, Instances, LogFile, Watched};
use crate::domain::spec::{CatchUp, FilterEnv, Mode, Overlap, Sched};
use serde_json::Value;

pub(in crate::config) fn instances(value: &Value) -> Option<Instances> {
    match value {
        Value::Number(number) => Some(Instances::of(i32::try_from(whole_number(number)?).ok()?)),
        Value::String(text) => Some(text.parse().unwrap_or(Instances::Max)),
        _ => None,
    }
}

pub(in crate::config) fn mode(value: &Value) -> Option<Mode> {
    match value.as_str()? {
        "fork" | "fork_mode" => Some(Mode::Fork),
        "cluster" | "cluster_mode" => Some(Mode::Cluster),
        _ => None,
    }
}

pub(in crate::config) fn filter_env(value: &Value) -> Option<FilterEnv> {
    match value {
        Value::Bool(true) => Some(FilterEnv::Everything),
        Value::Bool(false) => Some(FilterEnv::Nothing),
        Value::String(name) => Some(FilterEnv::Named(name.clone())),
        Value::Array(items) => Some(FilterEnv::Containing(items.iter().map(scalar).collect::<Option<_>>()?)),
        _ => None,
    }
}

pub(in crate::config) fn env_inherit(value: &Value) -> Option<Inherited> {
    match value {
        Value::Bool(true) => Some(Inherited::Everything),
        Value::Bool(false) => Some(Inherited::Named(Vec::new())),
        other => list(other).map(Inherited::Named),
    }
}

pub(in crate::config) fn autorestart(value: &Value) -> Option<Autorestart> {
    match value {
        Value::Bool(true) => Some(Autorestart::Always),
        Value::Bool(false) => Some(Autorestart::Never),
        Value::String(text) if text == "on-failure" => Some(Autorestart::OnFailure),
        _ => None,
    }
}

pub(in crate::config) fn overlap(value: &Value) -> Option<Overlap> {
    match value.as_str()? {
        "skip" => Some(Overlap::Skip),
        "queue" => Some(Overlap::Queue),
        "replace" => Some(Overlap::Replace),
        _ => None,
    }
}

pub(in crate::config) fn sched(value: &Value) -> Option<Sched> {
    match value.as_str()? {
        "round-robin" => Some(Sched::RoundRobin),
        "kernel" => Some(Sched::Kernel),
        "ip-hash" => Some(Sched::IpHash),
        _ => None,
    }
}

pub(in crate::config) fn catch_up(value: &Value) -> Option<CatchUp> {
    boolean(value).map(|once| if once { CatchUp::Once } else { CatchUp::None })
}

pub(in crate::config) fn log_file(value: &Value) -> Option<LogFile> {
    match value {
        Value::Bool(true) => Some(LogFile::InHome),
        Value::Bool(false) => Some(LogFile::None),
        other => other.as_str().map(|path| LogFile::Path(path.to_owned())),
    }
}

pub(in crate::config) fn watched(value: &Value) -> Option<Watched> {
    match value {
        Value::Bool(true) => Some(Watched::Everything),
        Value::Bool(false) => Some(Watched::Nothing),
        other => list(other).map(Watched::Paths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn instance_counts() {
        for (value, expected) in [
            (json!("max"), Some(Instances::Max)),
            (json!(0), Some(Instances::Max)),
            (json!("0"), Some(Instances::Max)),
            (json!("many"), Some(Instances::Max)),
            (json!(4), Some(Instances::Count(4))),
            (json!("4"), Some(Instances::Count(4))),
            (json!("+4"), Some(Instances::Count(4))),
            (json!(-1), Some(Instances::Count(-1))),
            (json!(1.5), None),
            (json!(true), None),
        ] {
            assert_eq!(instances(&value), expected, "{value}");
        }
    }
}
