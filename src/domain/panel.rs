//! What a run has announced of itself: actions it can be asked for, metrics, options. All of it is bounded, as no app is
//! trusted: what goes beyond is left out, and counted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub const MOST_ACTIONS: usize = 256;
pub const MOST_METRICS: usize = 512;
pub const MOST_OPTIONS: usize = 128;
/// Bytes of all of it, as JSON.
pub const LARGEST: usize = 128 * 1024;

const LONGEST_NAME: usize = 200;

/// The field of an action that has its name.
const NAME: &str = "action_name";

/// What a run shows, and the knobs it has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Panel {
    /// As they were announced, each once.
    #[serde(default)]
    pub actions: Vec<Map<String, Value>>,
    /// By name: `{value, unit, type, historic}`, or what else the app says.
    #[serde(default)]
    pub metrics: Map<String, Value>,
    #[serde(default)]
    pub options: Map<String, Value>,
    /// What it says that it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_version: Option<String>,
    /// Announcements that were too many, or too large.
    #[serde(default)]
    pub left_out: u64,
    /// Bytes of it, about.
    #[serde(skip)]
    size: usize,
}

/// What a run announces.
#[derive(Debug, Clone, PartialEq)]
pub enum Announcement {
    Action(Map<String, Value>),
    Metrics(Map<String, Value>),
    Options(Map<String, Value>),
    NodeVersion(String),
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It says what was known.
    Known,
    New,
    /// Some of it, or all, goes beyond what is kept.
    TooMuch,
}

impl Panel {
    /// Whether it has announced an action of this name.
    pub fn has_action(&self, name: &str) -> bool {
        self.action_names().any(|known| known == name)
    }

    pub fn action_names(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().filter_map(|action| action.get(NAME)?.as_str())
    }

    /// What it calls itself: PM2 gives it that name.
    pub fn alias(&self) -> Option<&str> {
        let name = self.options.get("name")?.as_str()?;
        let is_name = !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.contains(char::is_control);
        is_name.then_some(name)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One that was read back: how large it is isn't written down.
    #[must_use]
    pub fn measured(mut self) -> Self {
        let maps = [&self.metrics, &self.options];
        self.size = maps.into_iter().flatten().map(|(name, value)| cost(name, value)).sum::<usize>()
            + self.actions.iter().map(cost_of_action).sum::<usize>();
        self
    }

    pub fn take(&mut self, announcement: Announcement) -> Taken {
        let taken = match announcement {
            Announcement::Action(action) => self.add(action),
            Announcement::Metrics(metrics) => merge(&mut self.metrics, metrics, MOST_METRICS, &mut self.size),
            Announcement::Options(options) => merge(&mut self.options, options, MOST_OPTIONS, &mut self.size),
            Announcement::NodeVersion(version) => {
                let is_known = self.node_version.as_ref() == Some(&version);
                self.node_version = Some(version);
                if is_known { Taken::Known } else { Taken::New }
            }
        };
        if taken == Taken::TooMuch {
            self.left_out += 1;
        }
        taken
    }

    /// The first of a name stays.
    fn add(&mut self, action: Map<String, Value>) -> Taken {
        let Some(name) = action.get(NAME).and_then(Value::as_str) else { return Taken::Known };
        if self.has_action(name) {
            return Taken::Known;
        }
        let cost = cost_of_action(&action);
        if self.actions.len() >= MOST_ACTIONS || self.size + cost > LARGEST {
            return Taken::TooMuch;
        }
        self.size += cost;
        self.actions.push(action);
        Taken::New
    }
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>, most: usize, size: &mut usize) -> Taken {
    let mut taken = Taken::Known;
    for (name, value) in from {
        let before = into.get(&name);
        if before == Some(&value) {
            continue;
        }
        let (is_new, old) = (before.is_none(), before.map_or(0, |before| cost(&name, before)));
        let after = *size - old + cost(&name, &value);
        if after > LARGEST || is_new && into.len() >= most {
            taken = Taken::TooMuch;
            continue;
        }
        *size = after;
        into.insert(name, value);
        if taken == Taken::Known {
            taken = Taken::New;
        }
    }
    taken
}

fn cost_of_action(action: &Map<String, Value>) -> usize {
    action.iter().map(|(name, value)| cost(name, value)).sum()
}

/// Bytes as JSON, with what stands between.
fn cost(name: &str, value: &Value) -> usize {
    name.len() + value.to_string().len() + 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn an_app_may_give_itself_a_name() {
        let named = |name: Value| {
            let mut panel = Panel::default();
            panel.take(Announcement::Options(map(json!({ "name": name }))));
            panel.alias().map(str::to_owned)
        };
        assert_eq!(named(json!("other")).as_deref(), Some("other"));
        for name in [json!(42), json!(""), json!(" "), json!("a\u{1b}[2J"), json!("x".repeat(201)), json!(null)] {
            assert_eq!(named(name.clone()), None, "{name}");
        }
        assert_eq!(Panel::default().alias(), None);
    }

    #[test]
    fn the_first_action_of_a_name_stays() {
        let mut panel = Panel::default();
        let action = |arity: u32| Announcement::Action(map(json!({ "action_name": "a", "arity": arity })));
        assert_eq!(panel.take(action(0)), Taken::New);
        assert_eq!(panel.take(action(2)), Taken::Known);
        assert_eq!(panel.take(Announcement::Action(map(json!({ "name": "b" })))), Taken::Known);
        assert_eq!(panel.actions, [map(json!({ "action_name": "a", "arity": 0 }))]);
        assert!(panel.has_action("a") && !panel.has_action("b"));
    }

    #[test]
    fn metrics_are_merged() {
        let mut panel = Panel::default();
        panel.take(Announcement::Metrics(map(json!({ "a": { "value": 1 }, "b": { "value": 2 } }))));
        assert_eq!(panel.take(Announcement::Metrics(map(json!({ "a": { "value": 1 } })))), Taken::Known);
        assert_eq!(panel.take(Announcement::Metrics(map(json!({ "a": { "value": 3 } })))), Taken::New);
        assert_eq!(Value::Object(panel.metrics), json!({ "a": { "value": 3 }, "b": { "value": 2 } }));
    }

    #[test]
    fn there_is_an_end_to_all_of_it() {
        let mut panel = Panel::default();
        for number in 0..10_000 {
            panel.take(Announcement::Action(map(json!({ "action_name": format!("action {number}") }))));
            panel.take(Announcement::Metrics(map(json!({ format!("metric {number}"): { "value": number } }))));
            panel.take(Announcement::Options(map(json!({ format!("option {number}"): true }))));
        }
        assert_eq!((panel.actions.len(), panel.metrics.len(), panel.options.len()), (256, 512, 128));
        assert_eq!(panel.left_out, 30_000 - 256 - 512 - 128);
        assert_eq!(
            panel.take(Announcement::Metrics(map(json!({ "metric 1": { "value": "x".repeat(LARGEST) } })))),
            Taken::TooMuch
        );
        assert_eq!(panel.metrics["metric 1"], json!({ "value": 1 }), "what was known stays");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Whatever is announced: it stays as small as it may be, and is as large after it was read back.
        #[test]
        fn it_is_never_larger_than_it_may_be(steps in prop::collection::vec((0..3u8, 0..40u8, 0..60_000usize), 0..60)) {
            let mut panel = Panel::default();
            for (kind, name, length) in steps {
                let fields = map(json!({ format!("n{name}"): "x".repeat(length) }));
                panel.take(match kind {
                    0 => Announcement::Metrics(fields),
                    1 => Announcement::Options(fields),
                    _ => Announcement::Action(map(json!({ "action_name": format!("n{name}"), "opts": "x".repeat(length) }))),
                });
                prop_assert!(panel.size <= LARGEST);
            }
            let text = serde_json::to_string(&panel).unwrap();
            prop_assert!(text.len() <= LARGEST + 4096);
            let again = serde_json::from_str::<Panel>(&text).unwrap().measured();
            prop_assert_eq!(&again, &panel);
        }
    }
}
