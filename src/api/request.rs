//! What can be asked of a supervisor.

use super::SavedApp;
use crate::domain::{AppSpec, Selector, alike};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// Who answers: [`Response::Daemon`](super::Response::Daemon).
    Ping,
    /// The processes meant: [`Response::Processes`](super::Response::Processes). Nothing meant is an empty list.
    List { selector: Selector },
    /// The same in PM2's shape: [`Response::Pm2`](super::Response::Pm2).
    Pm2List,
    /// Everything known of the processes meant: [`Response::Details`](super::Response::Details).
    Describe { selector: Selector },
    /// The settings of the processes meant, as they are, for whoever changes and sends them back:
    /// [`Response::Specs`](super::Response::Specs). Unlike all that is shown, nothing in them is redacted.
    Specs { selector: Selector },
    /// Start apps. Answers with their processes when each is launched (with `wait_ready`: ready).
    Start(Start),
    /// Stop; answers when nothing of them lives. With `force` all of it is killed at once.
    Stop {
        selector: Selector,
        #[serde(default)]
        force: bool,
    },
    /// Stop what runs, then start.
    Restart {
        selector: Selector,
        #[serde(default)]
        force: bool,
    },
    /// Replace processes that can overlap, `reload_parallel` or `parallel` of an app at a time, the new one ready before
    /// the old one goes; restart the others. Answers when the health window is over, where there is one.
    Reload {
        selector: Selector,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parallel: Option<u32>,
    },
    /// Stop and forget.
    Delete {
        selector: Selector,
        #[serde(default)]
        force: bool,
    },
    /// Kill what is being stopped now, whoever has asked for that; the others are left as they are.
    Hurry { selector: Selector },
    /// Set `restarts` and `unstable_restarts` to 0.
    Reset { selector: Selector },
    /// Mark the processes meant, or take the mark away: PM2's `_km_monitored`.
    Monitor { selector: Selector, on: bool },
    /// Set, or with `relative` change, how many processes an app has.
    Scale { name: String, count: i32, relative: bool },
    /// Call an app otherwise; what of it runs is restarted, as its name is among what it is told. Ids stay.
    Rename { name: String, to: String },
    /// Send a signal, by number, to the processes meant.
    Signal { selector: Selector, signal: i32 },
    /// Write to the input of the processes meant, as it is: a line needs its line break.
    Send { selector: Selector, text: String },
    /// Send the processes meant a message, any JSON value, as `process.send` of a parent would.
    Message { selector: Selector, message: serde_json::Value },
    /// Have the processes meant do what they have announced under this name: [`Response::Replies`](super::Response::Replies),
    /// when each has answered. Only those are asked that have announced it.
    Trigger {
        selector: Selector,
        action: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        param: Option<serde_json::Value>,
        /// Milliseconds that they have for it; absent: the usual time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Empty the log files of the processes meant; without a selector the daemon's own log too.
    Flush { selector: Option<Selector> },
    /// Open all log files anew, after something else has moved them.
    ReopenLogs,
    /// Run jobs now; answers when they are launched. While a run is under way the job's overlap rule says what happens.
    Run { selector: Selector },
    /// Jobs with their next times and their runs: [`Response::Jobs`](super::Response::Jobs).
    Jobs { selector: Selector },
    /// Figures of the machine: [`Response::Host`](super::Response::Host).
    Host,
    /// Have another program be the daemon: [`Response::Updating`](super::Response::Updating). No app notices. One that
    /// fails its check is refused; one that fails afterwards is replaced by the daemon that was there before.
    Update { program: PathBuf },
    /// Stop everything in order and leave.
    Kill {
        #[serde(default)]
        force: bool,
    },
    /// The same, because the system asks for it: what ran is told apart from what was stopped, after a reboot too.
    Shutdown,
    /// Write the list into `dump.pm2`; an empty one only with `force`: [`Response::Saved`](super::Response::Saved).
    Save {
        #[serde(default)]
        force: bool,
    },
    /// Write an empty list into `dump.pm2`.
    ClearSaved,
    /// Put apps on the list and start what ran of them, but those whose names are on it. Answers those that were added.
    Resurrect { apps: Vec<SavedApp> },
    /// The same with the list as the last orderly end has closed it.
    ResurrectLast,
    /// Start what ran until the machine was started anew. Answers those that were started.
    Wake,
}

impl Request {
    /// What was written as JSON.
    pub fn parse(text: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Verb {
            r#do: String,
        }
        let verb: Verb = serde_json::from_slice(text)?;
        if verb.r#do == "start" {
            // Without the detour by which a tagged enum is read: it has all of it in memory twice.
            return serde_json::from_slice(text).map(Self::Start);
        }
        serde_json::from_slice(text)
    }
}

/// What to start, and how to treat what is there already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    #[serde(deserialize_with = "alike::read")]
    pub apps: Vec<AppSpec>,
    pub existing: Existing,
    /// What runs already and is restarted is killed at once.
    #[serde(default)]
    pub force: bool,
    /// Of a reload: how many processes of an app are replaced at a time, instead of its `reload_parallel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u32>,
}

/// What `start` does with an app whose name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// From the command line: same name and script, running: an error; not running: started again.
    Refuse,
    /// `--force`: another copy.
    Duplicate,
    /// From an application file: apply the new settings and restart.
    Restart,
    /// From an application file: apply the new settings and reload.
    Reload,
    /// Apply the new settings from the next start on, and leave the processes alone.
    Keep,
}

impl Request {
    /// Whether doing it twice differs from doing it once, so that a retry needs the idempotency key.
    pub const fn changes_something(&self) -> bool {
        !matches!(
            self,
            Self::Ping
                | Self::List { .. }
                | Self::Pm2List
                | Self::Describe { .. }
                | Self::Specs { .. }
                | Self::Jobs { .. }
                | Self::Host
        ) && !self.speaks()
    }

    /// Whether it says something to an app, and nothing is remembered of it: done twice the app hears it twice, so that
    /// it is never sent again.
    pub const fn speaks(&self) -> bool {
        matches!(self, Self::Send { .. } | Self::Message { .. } | Self::Trigger { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{Interpreter, Program};
    use std::sync::Arc;

    fn app(name: &str, variable: &str) -> AppSpec {
        let program = Program { path: "/x".into(), interpreter: Interpreter::None, interpreter_args: Vec::new() };
        let mut spec = AppSpec::new(name, program);
        spec.env.inherited = Arc::new([("A".to_owned(), variable.to_owned())].into());
        spec
    }

    #[test]
    fn what_is_asked_is_what_was_written() {
        let start = |existing| {
            let apps = vec![app("a", "1"), app("b", "1"), app("c", "2")];
            Request::Start(Start { apps, existing, force: true, parallel: Some(2) })
        };
        let stop = Request::Stop { selector: Selector::all(), force: true };
        for request in [start(Existing::Refuse), start(Existing::Keep), stop, Request::Ping] {
            assert_eq!(Request::parse(&serde_json::to_vec(&request).unwrap()).unwrap(), request);
        }
        for garbage in
            [&b"{}"[..], b"[]", b"{\"do\":7}", b"{\"do\":\"start\"}", b"{\"do\":\"dance\"}", b"{\"do\":\"ping\"", b""]
        {
            Request::parse(garbage).unwrap_err();
        }
    }

    #[test]
    fn apps_that_are_started_together_have_one_environment() {
        let apps = vec![app("a", "1"), app("b", "1"), app("c", "2")];
        let text = serde_json::to_vec(&Request::Start(Start {
            apps,
            existing: Existing::Refuse,
            force: false,
            parallel: None,
        }));
        let Ok(Request::Start(start)) = Request::parse(&text.unwrap()) else { panic!("it is a start") };
        let [a, b, c] = start.apps.as_slice() else { panic!("there are three") };
        assert!(Arc::ptr_eq(&a.env.inherited, &b.env.inherited) && Arc::ptr_eq(&a.given, &c.given));
        assert_eq!(c.env.inherited["A"], "2");
    }
}
