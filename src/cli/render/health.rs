//! How a run is: whether it is ready, its probes, what it says of itself, and what it depends on.

use super::detail::push_section;
use super::duration;
use crate::api::{ProbeState, ProcessDetail};
use crate::domain::UnixMs;

/// Nothing where nothing is asked.
pub(super) fn push(out: &mut String, detail: &ProcessDetail, now: UnixMs) {
    let rows = rows(detail, now);
    if !rows.is_empty() {
        push_section(out, "health", rows.iter().map(|(label, value)| (label.as_str(), value.clone())));
    }
}

fn rows(detail: &ProcessDetail, now: UnixMs) -> Vec<(String, String)> {
    let (health, spec) = (&detail.health, &detail.spec);
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut push = |label: &str, value: Option<String>| rows.extend(value.map(|value| (label.to_owned(), value)));
    push("ready", detail.process.ready.map(|ready| if ready { "yes" } else { "no" }.to_owned()));
    push("waits for", health.waits_for.clone().filter(|_| detail.process.status.is_alive()));
    push("it says", health.status.clone());
    push("leaving", health.leaving.then(|| "it says that it is stopping".to_owned()));
    for probe in &health.probes {
        push(&format!("{} probe", probe.phase), Some(self::probe(probe, now)));
    }
    push("last run ended", health.last_ended.clone());
    let others = spec.depends_on.iter().map(|other| format!("{} ({})", other.app, other.condition.as_str()));
    let others: Vec<String> = others.collect();
    push("depends on", (!others.is_empty()).then(|| others.join(", ")));
    rows
}

/// `passes for 3m: HTTP 200 (GET http://127.0.0.1:80/)`.
fn probe(probe: &ProbeState, now: UnixMs) -> String {
    let since = duration::short(now - probe.since);
    let state = match probe.passes {
        Some(true) => format!("passes for {since}"),
        Some(false) => format!("fails for {since}"),
        None => format!("asked for {since}"),
    };
    let failures = match probe.failures {
        0 => String::new(),
        1 => ", 1 failure".to_owned(),
        count => format!(", {count} failures in a row"),
    };
    let answer = probe.answer.as_deref().unwrap_or("no answer yet");
    format!("{state}{failures}: {answer} ({})", probe.question)
}

#[cfg(test)]
mod tests {
    use super::super::detail::tests::detail;
    use super::super::process::tests::NOW;
    use super::*;
    use crate::api::Health;
    use crate::domain::Status;
    use crate::domain::spec::{Condition, Dependency};

    #[test]
    fn what_is_asked_is_told_with_its_last_answer() {
        let mut detail = detail(0, "api", Status::Online);
        let mut none = String::new();
        push(&mut none, &detail, NOW);
        assert_eq!(none, "");
        detail.process.ready = Some(false);
        detail.spec.depends_on = vec![Dependency { app: "db".into(), condition: Condition::Healthy }];
        let probe = ProbeState {
            phase: "ready".into(),
            question: "GET http://127.0.0.1:80/".into(),
            passes: Some(false),
            since: NOW - 60_000,
            answer: Some("connection refused".into()),
            failures: 4,
            failure_threshold: 3,
        };
        detail.health = Health { status: Some("warming up".into()), probes: vec![probe], ..Health::default() };
        let mut out = String::new();
        push(&mut out, &detail, NOW);
        let out = anstream::adapter::strip_str(&out).to_string();
        for line in [
            "\nhealth\n  ready        no\n",
            "  it says      warming up\n",
            "  ready probe  fails for 60s, 4 failures in a row: connection refused (GET http://127.0.0.1:80/)\n",
            "  depends on   db (healthy)\n",
        ] {
            assert!(out.contains(line), "{line:?} in:\n{out}");
        }
    }
}
