//! What is made from the list of fields and committed, so that it can be read without a build: that it is fresh.
//!
//! With `RPM_WRITE_GENERATED` in the environment these tests write the files instead of comparing them.

use super::apply::camel_case;
use super::{Field, known_fields, schema};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The test of what a field does, or of what it is checked for where it does nothing.
#[rustfmt::skip] // a table
const TESTS: &[(&str, &str)] = &[
    ("script", "a_plain_start_has_every_default"),
    ("name", "every_option_arrives"),
    ("name_prefix", "every_option_arrives"),
    ("namespace", "every_option_arrives"),
    ("cwd", "paths_are_seen_from_the_file"),
    ("args", "settings_of_the_file_are_applied_too"),
    ("exec_interpreter", "a_plain_start_has_every_default"),
    ("node_args", "every_option_arrives"),
    ("exec_mode", "mode_instances_and_merged_logs"),
    ("execute_command", "each_spelling_reaches_its_field"),
    ("instances", "instances_follow_the_cores"),
    ("source_map_support", "source_maps_are_for_who_asks"),
    ("disable_source_map_support", "source_maps_are_for_who_asks"),
    ("env", "each_layer_is_over_those_before"),
    ("env_file", "each_layer_is_over_those_before"),
    ("secrets", "secrets_are_read_at_each_start_and_shown_nowhere"),
    ("filter_env", "filters"),
    ("env_inherit", "what_is_inherited_can_be_a_list"),
    ("append_env_to_name", "profiles"),
    ("port", "every_option_arrives"),
    ("instance_var", "every_option_arrives"),
    ("increment_var", "instances_keep_their_numbers_however_they_are_scaled"),
    ("out_file", "every_option_arrives"),
    ("error_file", "every_option_arrives"),
    ("pid_file", "every_option_arrives"),
    ("merge_logs", "mode_instances_and_merged_logs"),
    ("disable_logs", "every_option_arrives"),
    ("log_file", "lines_and_files_of_logs"),
    ("log_type", "lines_and_files_of_logs"),
    ("log_date_format", "lines_and_files_of_logs"),
    ("time", "lines_and_files_of_logs"),
    ("autostart", "every_option_arrives"),
    ("autorestart", "every_setting_of_a_life_arrives"),
    ("max_restarts", "every_option_arrives"),
    ("restart_window", "every_setting_of_a_life_arrives"),
    ("min_uptime", "every_option_arrives"),
    ("restart_delay", "every_option_arrives"),
    ("exp_backoff_restart_delay", "every_option_arrives"),
    ("stop_exit_codes", "every_option_arrives"),
    ("depends_on", "every_setting_of_a_life_arrives"),
    ("kill_timeout", "settings_of_the_file_are_applied_too"),
    ("kill_signal", "every_option_arrives"),
    ("shutdown_with_message", "every_option_arrives"),
    ("treekill", "every_option_arrives"),
    ("kill_retry_time", "recorded_fields_reach_jlist"),
    ("wait_ready", "every_option_arrives"),
    ("listen_timeout", "every_option_arrives"),
    ("notify", "every_setting_of_a_life_arrives"),
    ("ready_log", "every_setting_of_a_life_arrives"),
    ("startup_probe", "every_setting_of_a_life_arrives"),
    ("ready_probe", "every_setting_of_a_life_arrives"),
    ("live_probe", "every_setting_of_a_life_arrives"),
    ("max_memory_restart", "every_setting_of_a_life_arrives"),
    ("memory_max", "every_setting_of_a_life_arrives"),
    ("memory_high", "every_setting_of_a_life_arrives"),
    ("cpu", "every_setting_of_a_life_arrives"),
    ("pids_max", "every_setting_of_a_life_arrives"),
    ("rlimits", "every_setting_of_a_life_arrives"),
    ("nice", "every_setting_of_a_life_arrives"),
    ("cpu_affinity", "every_setting_of_a_life_arrives"),
    ("oom_score_adj", "every_setting_of_a_life_arrives"),
    ("umask", "every_setting_of_a_life_arrives"),
    ("uid", "every_setting_of_a_life_arrives"),
    ("gid", "every_setting_of_a_life_arrives"),
    ("cron_restart", "every_setting_of_a_life_arrives"),
    ("time_zone", "every_setting_of_a_life_arrives"),
    ("job", "every_setting_of_a_life_arrives"),
    ("job_overlap", "every_setting_of_a_life_arrives"),
    ("job_catch_up", "every_setting_of_a_life_arrives"),
    ("job_timeout", "every_setting_of_a_life_arrives"),
    ("sched", "every_setting_of_a_cluster_arrives"),
    ("drain_timeout", "every_setting_of_a_cluster_arrives"),
    ("agent", "every_setting_of_a_cluster_arrives"),
    ("listen", "every_setting_of_a_cluster_arrives"),
    ("reload_parallel", "every_setting_of_a_cluster_arrives"),
    ("health_window", "every_setting_of_a_cluster_arrives"),
    ("watch", "every_setting_of_a_life_arrives"),
    ("ignore_watch", "every_setting_of_a_life_arrives"),
    ("watch_delay", "every_setting_of_a_life_arrives"),
    ("watch_options", "recorded_fields_reach_jlist"),
    ("username", "every_option_arrives"),
    ("force", "recorded_fields_reach_jlist"),
    ("write", "recorded_fields_reach_jlist"),
    ("vizion", "recorded_fields_reach_jlist"),
    ("automation", "recorded_fields_reach_jlist"),
    ("windowsHide", "recorded_fields_reach_jlist"),
    ("pmx", "recorded_fields_reach_jlist"),
    ("trace", "recorded_fields_reach_jlist"),
    ("disable_trace", "recorded_fields_reach_jlist"),
    ("v8", "recorded_fields_reach_jlist"),
    ("event_loop_inspector", "recorded_fields_reach_jlist"),
    ("deep_monitoring", "recorded_fields_reach_jlist"),
    ("post_update", "recorded_fields_reach_jlist"),
    ("install_url", "recorded_fields_reach_jlist"),
    ("io", "recorded_fields_reach_jlist"),
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn compare(name: &str, fresh: &str) {
    if env::var_os("RPM_WRITE_GENERATED").is_some() {
        fs::write(path(name), fresh).unwrap();
    }
    let committed = fs::read_to_string(path(name)).unwrap_or_default();
    assert!(committed == fresh, "{name} is not what the fields say: run the tests with RPM_WRITE_GENERATED=1");
}

#[test]
fn the_schema_is_fresh() {
    compare("schema/ecosystem.schema.json", &format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap()));
}

const BEGIN: &str = "<!-- made from src/config/fields.rs: begin -->\n";
const END: &str = "<!-- made from src/config/fields.rs: end -->\n";

#[test]
fn the_documentation_is_fresh() {
    let committed = fs::read_to_string(path("docs/fields.md")).unwrap();
    let (before, rest) = committed.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    compare("docs/fields.md", &format!("{before}{BEGIN}\n{}\n{}\n{END}{after}", fields(), types()));
}

fn fields() -> String {
    let mut table = "| field (aliases) | type | default | meaning | test |\n|---|---|---|---|---|\n".to_owned();
    for field in known_fields() {
        let aliases = field.aliases.iter().map(|alias| format!("`{alias}`")).collect::<Vec<_>>().join(", ");
        let name =
            if aliases.is_empty() { format!("`{}`", field.name) } else { format!("`{}` ({aliases})", field.name) };
        let default = if field.default.is_empty() { "–" } else { field.default };
        let test = TESTS.iter().find(|(name, _)| *name == field.name).map_or("", |(_, test)| *test);
        writeln!(table, "| {name} | {} | {default} | {} | `{test}` |", field.shape.name, field.doc).unwrap();
    }
    table
}

fn types() -> String {
    let mut table = "| type | what is accepted |\n|---|---|\n".to_owned();
    let mut told = BTreeSet::new();
    for shape in known_fields().iter().map(|field| field.shape) {
        if told.insert(shape.name) {
            writeln!(table, "| {} | {} |", shape.name, shape.allowed).unwrap();
        }
    }
    table
}

#[test]
fn each_field_names_a_test_that_is_there() {
    let mut sources = String::new();
    for folder in ["src", "tests", "__test__"] {
        read_all(&path(folder), &mut sources);
    }
    for field in known_fields() {
        let test = TESTS.iter().find(|(name, _)| *name == field.name).map(|(_, test)| *test);
        let test = test.unwrap_or_else(|| panic!("{} has no test", field.name));
        assert!(sources.contains(&format!("fn {test}(")), "{}: no test is called {test}", field.name);
    }
    assert_eq!(TESTS.len(), known_fields().len());
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            read_all(&entry.path(), into);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(entry.path()).unwrap());
        }
    }
}

#[test]
fn every_name_of_a_field_is_in_the_types_of_the_package() {
    let types = fs::read_to_string(path("index.d.ts")).unwrap();
    // Camel case is made from these by a type.
    let is_made = |name: &str| {
        known_fields().iter().flat_map(Field::names).any(|other| other != name && camel_case(other) == name)
    };
    for name in known_fields().iter().flat_map(Field::names).filter(|name| !is_made(name)) {
        assert!(types.contains(&format!("\n  {name}?: ")), "index.d.ts has no {name}");
    }
}
