//! What a worker of a cluster was given to do.

use super::detail::push_section;
use super::{duration, timestamp};
use crate::api::ProcessDetail;
use crate::domain::UnixMs;

/// Nothing where nothing is counted.
pub(super) fn push(out: &mut String, detail: &ProcessDetail, now: UnixMs) {
    let Some(seen) = detail.process.connections else { return };
    let since = format!("{}, {} ago", timestamp::iso8601(seen.since), duration::short(now - seen.since));
    let outstanding = match seen.window {
        0 => seen.outstanding.to_string(),
        window => format!("{} of {window}", seen.outstanding),
    };
    let mut rows = vec![
        ("dispatched", seen.dispatched.to_string()),
        ("outstanding", outstanding),
        ("refused", seen.refused.to_string()),
        ("redispatched", seen.redispatched.to_string()),
        ("counted since", since),
    ];
    if seen.draining {
        rows.insert(2, ("draining", "it gets no more of them".to_owned()));
    }
    push_section(out, "connections", rows.into_iter());
}

#[cfg(test)]
mod tests {
    use super::super::detail::tests::detail;
    use super::super::process::tests::NOW;
    use super::*;
    use crate::api::Connections;
    use crate::domain::Status;

    #[test]
    fn what_was_counted_is_told_with_its_beginning() {
        let mut detail = detail(0, "api", Status::Online);
        let mut out = String::new();
        push(&mut out, &detail, NOW);
        assert_eq!(out, "");
        detail.process.connections = Some(Connections {
            dispatched: 1200,
            outstanding: 3,
            refused: 1,
            redispatched: 2,
            window: 16,
            draining: true,
            since: NOW - 60_000,
        });
        push(&mut out, &detail, NOW);
        let out = anstream::adapter::strip_str(&out).to_string();
        for line in [
            "\nconnections\n  dispatched     1200\n",
            "  outstanding    3 of 16\n",
            "  draining       it gets no more of them\n",
            "  refused        1\n  redispatched   2\n",
            ", 60s ago\n",
        ] {
            assert!(out.contains(line), "{line:?} in:\n{out}");
        }
    }
}
