//! What an app has announced: its actions, its metrics.

use super::detail::push_section;
use crate::api::ProcessDetail;
use crate::domain::panel::Panel;
use serde_json::Value;

pub(super) fn push(out: &mut String, detail: &ProcessDetail) {
    let panel = &detail.panel;
    if let Some(alias) = panel.alias().filter(|alias| *alias != detail.process.name) {
        push_section(out, "announcements", std::iter::once(("name", alias.to_owned())));
    }
    if !panel.metrics.is_empty() {
        push_section(out, "metrics", panel.metrics.iter().map(|(name, metric)| (name.as_str(), figure(metric))));
    }
    if !panel.actions.is_empty() {
        let id = detail.process.id;
        let rows = panel.action_names().map(|name| (name, format!("rpm trigger {id} {}", shell_words::quote(name))));
        push_section(out, "actions", rows);
    }
    if let Some(left_out) = left_out(panel) {
        push_section(out, "announcements", std::iter::once(("left out", left_out)));
    }
}

fn left_out(panel: &Panel) -> Option<String> {
    (panel.left_out > 0).then(|| format!("{}: it announces more than is kept", panel.left_out))
}

/// `12 req/s`, as PM2's apps tell it: a value and a unit.
pub(crate) fn figure(metric: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let Some(value) = metric.get("value") else { return text(metric) };
    let unit = metric.get("unit").and_then(Value::as_str).map(|unit| format!(" {unit}")).unwrap_or_default();
    text(value) + &unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_figure_has_its_unit() {
        assert_eq!(figure(&json!({ "value": 3, "unit": "users" })), "3 users");
        assert_eq!(figure(&json!({ "value": "12.5 req/s" })), "12.5 req/s");
        assert_eq!(figure(&json!({ "value": null })), "null");
        assert_eq!(figure(&json!([1])), "[1]");
    }
}
