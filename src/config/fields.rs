//! The fields of an app: their names, their aliases, what they accept, where they go. The only list of them.

use super::{AppOptions, Problem, read, read_probe, redact, suggest};
use crate::domain::spec::Mode;
use serde_json::{Map, Value};

/// A field of an application file.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// What its value is, for a sentence that begins with the field's name.
    pub allowed: &'static str,
    set: Option<Setter>,
}

/// Stores a value; `None` when it is not what the field accepts.
type Setter = fn(&mut AppOptions, &Value) -> Option<()>;

impl Field {
    /// Whether it does something yet. The others are PM2's: accepted, reported, ignored.
    pub const fn is_supported(&self) -> bool {
        self.set.is_some()
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    fn is_called(&self, key: &str) -> bool {
        self.names().any(|name| name == key || is_camel_case_of(key, name))
    }
}

/// Every field there is, supported or not.
pub fn known_fields() -> &'static [Field] {
    FIELDS
}

const TEXT: &str = "text, in quotes";
const WORDS: &str = "a list, or text that is split at white space";
const FLAG: &str = "true or false, without quotes";
const TIME: &str = "a time: milliseconds, or a number with ms, s, m, h or d";
const COUNT: &str = "a whole number, 0 or more";
const SIZE: &str = "a size: bytes, or a number with K, M or G";
const PROBE: &str = "an object with http, tcp or exec, and times";
const LATER: &str = "not supported yet";

macro_rules! field {
    ($name:literal, $aliases:expr, $allowed:expr, $slot:ident = $read:path) => {
        Field {
            name: $name,
            aliases: &$aliases,
            allowed: $allowed,
            set: Some(|options, value| {
                options.$slot = Some($read(value)?);
                Some(())
            }),
        }
    };
    (later $name:literal $(, $alias:literal)*) => {
        Field { name: $name, aliases: &[$($alias),*], allowed: LATER, set: None }
    };
}

#[rustfmt::skip] // a table
const FIELDS: &[Field] = &[
    field!("script", ["exec", "cmd", "command"], TEXT, script = read::text),
    field!("name", [], TEXT, name = read::text),
    field!("name_prefix", [], TEXT, name_prefix = read::text),
    field!("namespace", [], TEXT, namespace = read::text),
    field!("cwd", [], TEXT, cwd = read::text),
    field!("args", [], WORDS, args = read::list),
    field!("exec_interpreter", ["interpreter"], TEXT, interpreter = read::text),
    field!("node_args", ["interpreter_args"], WORDS, interpreter_args = read::list),
    field!("exec_mode", [], r#""fork" or "cluster""#, exec_mode = read::mode),
    field!("instances", [], r#"a whole number, or "max""#, instances = read::instances),
    field!("instance_var", [], TEXT, instance_var = read::text),
    field!("increment_var", [], TEXT, increment_var = read::text),
    Field {
        name: "env", aliases: &[], allowed: "an object of variables",
        set: Some(|options, value| { options.env.extend(read::variables(value)?); Some(()) }),
    },
    field!("filter_env", [], "true, a name, or a list of parts of names", filter_env = read::filter_env),
    field!("env_inherit", [], "true, false, or a list of names, in which * may stand for any text", env_inherit = read::env_inherit),
    field!("append_env_to_name", [], FLAG, append_env_to_name = read::boolean),
    field!("port", [], "a number from 0 to 65535", port = read::port),
    field!("out_file", ["out", "output", "out_log"], TEXT, out_file = read::text),
    field!("error_file", ["error", "err", "err_file", "err_log"], TEXT, error_file = read::text),
    field!("pid_file", ["pid"], TEXT, pid_file = read::text),
    field!("merge_logs", ["combine_logs"], FLAG, merge_logs = read::boolean),
    field!("disable_logs", [], FLAG, disable_logs = read::boolean),
    field!("autostart", [], FLAG, autostart = read::boolean),
    field!("autorestart", [], "true, false or \"on-failure\"", autorestart = read::autorestart),
    field!("max_restarts", [], COUNT, max_restarts = read::count),
    field!("restart_window", [], TIME, restart_window = read::millis),
    field!("min_uptime", [], "a time of at least 100 ms, such as 1000 or \"10s\"", min_uptime = read::min_uptime),
    field!("restart_delay", [], TIME, restart_delay = read::millis),
    field!("exp_backoff_restart_delay", [], TIME, exp_backoff_restart_delay = read::millis),
    field!("stop_exit_codes", [], "an exit code from 0 to 255, or a list of them", stop_exit_codes = read::exit_codes),
    field!("kill_timeout", [], TIME, kill_timeout = read::millis),
    field!("kill_signal", [], "the name or the number of a signal, such as \"SIGTERM\"", kill_signal = read::kill_signal),
    field!("wait_ready", [], FLAG, wait_ready = read::boolean),
    field!("listen_timeout", [], TIME, listen_timeout = read::millis),
    field!("notify", ["sd_notify"], FLAG, notify = read::boolean),
    field!("ready_log", [], "a regular expression, in quotes", ready_log = read::pattern),
    field!("startup_probe", [], PROBE, startup_probe = read_probe::probe),
    field!("ready_probe", ["readiness_probe"], PROBE, ready_probe = read_probe::probe),
    field!("live_probe", ["liveness_probe"], PROBE, live_probe = read_probe::probe),
    field!("depends_on", [], "a list of apps, or an object of apps with \"started\", \"ready\", \"healthy\" or \"completed\"", depends_on = read::dependencies),
    field!("max_memory_restart", [], SIZE, max_memory_restart = read::size),
    field!("memory_max", [], SIZE, memory_max = read::size),
    field!("memory_high", [], SIZE, memory_high = read::size),
    field!("cpu", ["cpu_max"], "a number of cores, such as 1.5, or a part of one, such as \"50%\"", cpu = read::cpu),
    field!("pids_max", [], COUNT, pids_max = read::count),
    field!("rlimits", [], "an object of resources, such as { nofile: 65536 } or { core: [0, \"unlimited\"] }", rlimits = read::rlimits),
    field!("nice", [], "a whole number from -20 to 19", nice = read::nice),
    field!("cpu_affinity", [], "a core's number, a list of them, or text such as \"0-2,5\"", cpu_affinity = read::cores),
    field!("oom_score_adj", [], "a whole number from -1000 to 1000", oom_score_adj = read::oom_score_adj),
    field!("umask", [], "an octal number in quotes, such as \"022\"", umask = read::umask),
    field!("cron_restart", ["cron"], "a cron pattern of 5 or 6 fields", cron_restart = read::cron),
    field!("time_zone", ["timezone", "tz"], "the name of a time zone, such as \"Europe/Vienna\"", time_zone = read::text),
    field!("job", [], FLAG, job = read::boolean),
    field!("job_overlap", ["overlap"], "\"skip\", \"queue\" or \"replace\"", job_overlap = read::overlap),
    field!("job_catch_up", ["catch_up"], "true or false", job_catch_up = read::catch_up),
    field!("job_timeout", [], TIME, job_timeout = read::millis),
    field!("watch", [], "true, false, or a list of paths", watch = read::watched),
    field!("ignore_watch", [], WORDS, ignore_watch = read::list),
    field!("watch_delay", [], TIME, watch_delay = read::millis),
    field!("env_file", ["env_files"], WORDS, env_file = read::list),
    field!("secrets", [], "an object of variables, each { file: \"path\" } or { command: \"line\" }", secrets = read::secrets),
    field!("shutdown_with_message", [], FLAG, shutdown_with_message = read::boolean),
    field!("treekill", [], FLAG, treekill = read::boolean),
    field!("username", [], TEXT, username = read::text),
    field!("uid", ["user"], "the name or the number of a user", uid = read::account),
    field!("gid", [], "the name or the number of a group", gid = read::account),
    Field {
        name: "execute_command", aliases: &[], allowed: FLAG,
        set: Some(|options, value| {
            if read::boolean(value)? { options.exec_mode.get_or_insert(Mode::Fork); }
            Some(())
        }),
    },
    field!(later "log_file", "log"), field!(later "log_type"), field!(later "log_date_format"), field!(later "time"),
    field!(later "kill_retry_time"), field!(later "watch_options"),
    field!(later "force"), field!(later "write"),
    field!(later "source_map_support"), field!(later "disable_source_map_support"),
    field!(later "vizion"), field!(later "automation"), field!(later "windowsHide"), field!(later "pmx"),
    field!(later "trace"), field!(later "disable_trace"), field!(later "v8"), field!(later "event_loop_inspector"),
    field!(later "deep_monitoring"), field!(later "post_update"), field!(later "install_url"), field!(later "io"),
];

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    Set,
    /// A field of PM2 that does nothing here yet.
    Later,
    Unknown,
}

/// Keys that did nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ignored {
    pub unsupported: Vec<String>,
    pub unknown: Vec<String>,
}

/// Stores `value` under any name of a field. `null` and empty text are the same as nothing written.
pub(super) fn apply(options: &mut AppOptions, key: &str, value: &Value) -> Result<Applied, Problem> {
    let bad_value =
        |allowed| Problem::BadValue { field: key.to_owned(), value: shown(&redact::value(key, value)), allowed };
    let is_nothing = value.is_null() || value.as_str() == Some("");
    if let Some(field) = find(key) {
        let Some(set) = field.set else { return Ok(Applied::Later) };
        if !is_nothing {
            set(options, value).ok_or_else(|| bad_value(field.allowed))?;
        }
        return Ok(Applied::Set);
    }
    let Some(profile) = key.strip_prefix("env_").filter(|name| !name.is_empty()) else {
        return Ok(Applied::Unknown);
    };
    if !is_nothing {
        let variables = read::variables(value).ok_or_else(|| bad_value("an object of variables"))?;
        options.profiles.insert(profile.to_owned(), variables);
    }
    Ok(Applied::Set)
}

/// Reads an app object. A field's own name wins over its aliases.
pub(super) fn read(app: &Map<String, Value>) -> Result<(AppOptions, Ignored), Problem> {
    let (mut options, mut ignored) = (AppOptions::default(), Ignored::default());
    let (own, other): (Vec<_>, Vec<_>) = app.iter().partition(|(key, _)| FIELDS.iter().any(|field| field.name == *key));
    for (key, value) in other.into_iter().chain(own) {
        match apply(&mut options, key, value)? {
            Applied::Later if !read::asks_for_nothing(value) => ignored.unsupported.push(key.clone()),
            Applied::Set | Applied::Later => {}
            Applied::Unknown => ignored.unknown.push(key.clone()),
        }
    }
    Ok((options, ignored))
}

fn find(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.is_called(key))
}

/// The known name nearest to `key`.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    suggest::nearest(key, FIELDS.iter().flat_map(Field::names))
}

fn is_camel_case_of(key: &str, name: &str) -> bool {
    let mut camel = String::with_capacity(name.len());
    for (index, part) in name.split('_').enumerate() {
        match part.chars().next() {
            Some(first) if index > 0 => {
                camel.push(first.to_ascii_uppercase());
                camel.push_str(&part[first.len_utf8()..]);
            }
            _ => camel.push_str(part),
        }
    }
    camel == key
}

/// A value as it was written, short enough for a message.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn options(value: &Value) -> AppOptions {
        read(value.as_object().unwrap()).unwrap().0
    }

    #[test]
    fn no_name_means_two_fields() {
        let names: Vec<_> = FIELDS.iter().flat_map(Field::names).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn each_spelling_reaches_its_field() {
        for (one, other) in [
            (json!({"script": "a.js"}), json!({"cmd": "a.js"})),
            (json!({"exec_interpreter": "x"}), json!({"interpreter": "x"})),
            (json!({"node_args": "a b"}), json!({"interpreterArgs": ["a", "b"]})),
            (json!({"node_args": "a b"}), json!({"nodeArgs": ["a", "b"]})),
            (json!({"out_file": "x"}), json!({"outFile": "x"})),
            (json!({"error_file": "x"}), json!({"err_log": "x"})),
            (json!({"exp_backoff_restart_delay": "1s"}), json!({"expBackoffRestartDelay": 1000})),
            (json!({"merge_logs": true}), json!({"combineLogs": true})),
            (json!({"exec_mode": "fork"}), json!({"execute_command": true})),
        ] {
            assert_ne!(options(&one), AppOptions::default(), "{one}");
            assert_eq!(options(&one), options(&other), "{other}");
        }
    }

    #[test]
    fn every_supported_field_refuses_what_it_does_not_accept() {
        for field in FIELDS.iter().filter(|field| field.is_supported()) {
            let wrong = json!({ field.name: [{"no": "field takes this"}] });
            let problem = read(wrong.as_object().unwrap()).unwrap_err();
            assert!(matches!(problem, Problem::BadValue { .. }), "{}: {problem}", field.name);
            for nothing in [json!({ field.name: null }), json!({ field.name: "" })] {
                assert_eq!(options(&nothing), AppOptions::default(), "{nothing}");
            }
        }
    }

    #[test]
    fn the_own_name_wins_over_an_alias() {
        let app = json!({"cmd": "alias", "script": "own", "out_file": "own", "output": "alias"});
        assert_eq!(options(&app).script.unwrap(), "own");
        assert_eq!(options(&app).out_file.unwrap(), "own");
    }

    #[test]
    fn what_does_nothing_is_told_unless_it_asks_for_nothing() {
        let app =
            json!({"time": true, "vizion": false, "post_update": [], "log_file": "x.log", "wtach": 1, "env_p": {}});
        let (_, ignored) = read(app.as_object().unwrap()).unwrap();
        assert_eq!(ignored.unsupported, ["time", "log_file"]);
        assert_eq!(ignored.unknown, ["wtach"]);
        assert_eq!(nearest("wtach"), Some("watch"));
        assert_eq!(nearest("maxRestart"), Some("max_restarts"));
        assert_eq!(nearest("zzz"), None);
    }

    #[test]
    fn long_values_are_cut() {
        let problem = apply(&mut AppOptions::default(), "instances", &json!(["x".repeat(500)])).unwrap_err();
        assert!(problem.to_string().ends_with('…') && problem.to_string().chars().count() < 100, "{problem}");
    }
}
