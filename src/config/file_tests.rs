use super::*;
use crate::config::AppOptions;
use crate::domain::AppSpec;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        site.file("app.js", "");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn caller(&self) -> Caller {
        Caller { cwd: self.dir.path().to_owned(), cores: 4, ..Caller::current().unwrap() }
    }

    fn load(&self, name: &str, text: &str, options: &FileOptions) -> Result<Loaded, ConfigError> {
        self.file(name, text);
        load_file(Path::new(name), &self.caller(), options)
    }

    fn names(&self, name: &str, text: &str) -> Vec<String> {
        self.load(name, text, &FileOptions::default()).unwrap().apps.into_iter().map(|app| app.name).collect()
    }

    /// The message, with the site's directory as `SITE`, and the hint.
    fn fail(&self, name: &str, text: &str) -> (String, String) {
        self.told(&self.load(name, text, &FileOptions::default()).unwrap_err())
    }

    fn told(&self, error: &ConfigError) -> (String, String) {
        let place = self.dir.path().to_str().unwrap();
        (error.to_string().replace(place, "SITE"), error.hint().unwrap().replace(place, "SITE"))
    }

    fn value(&self, value: Value, options: &FileOptions) -> Loaded {
        from_value(value, &self.caller(), options).unwrap()
    }
}

fn pair(message: &str, hint: &str) -> (String, String) {
    (message.to_owned(), hint.to_owned())
}

fn only_app(loaded: Loaded) -> AppSpec {
    assert_eq!(loaded.warnings, [""; 0]);
    let [app] = <[AppSpec; 1]>::try_from(loaded.apps).unwrap();
    app
}

#[test]
fn each_format_gives_the_same_apps() {
    let site = Site::new();
    let json = r#"{"apps": [{"name": "a", "script": "app.js"}, {"name": "b", "script": "app.js"}]}"#;
    let yaml = "# apps\napps:\n  - name: a\n    script: app.js\n  - {name: b, script: ./app.js}\n";
    for (name, text) in [
        ("eco.json", json.to_owned()),
        ("eco.json", format!("\u{feff}{json}")),
        ("eco.json", "// JSON5\n{apps: [{name: 'a', script: 'app.js',}, {name: 'b', script: 'app.js'}]}".to_owned()),
        ("eco.json", "[...'ab'].map(name => ({name, script: 'app' + '.js'})) // expression".to_owned()),
        ("eco.yml", yaml.to_owned()),
        ("eco.yaml", yaml.to_owned()),
        (
            "eco.toml",
            "# apps\n[[apps]]\nname = 'a'\nscript = 'app.js'\n[[apps]]\nname = 'b'\nscript = 'app.js'\n".to_owned(),
        ),
        ("eco.toml", "\u{feff}apps = [{name = 'a', script = 'app.js'}, {name = 'b', script = 'app.js'}]".to_owned()),
        ("eco.json5", json.to_owned()),
        ("eco.config.json", json.to_owned()),
        ("eco.config.js", format!("module.exports = {json}")),
        ("eco.config.cjs", format!("module.exports = async () => ({json})")),
        ("eco.config.mjs", format!("export default {json}")),
        ("package.json", format!("{{\"name\": \"p\", \"main\": \"x\", \"pm2\": {json}}}")),
    ] {
        assert_eq!(site.names(name, &text), ["a", "b"], "{name}: {text}");
    }
    let loaded = load_text("[{name: 'a', script: 'app.js'}]", &site.caller(), &FileOptions::default()).unwrap();
    assert_eq!(only_app(loaded).source, None);
}

#[test]
fn a_javascript_file_sees_its_module_type_and_the_callers_variables() {
    let site = Site::new();
    site.file("esm/package.json", r#"{"type": "module"}"#);
    site.file("esm/app.js", "");
    let text = "import os from 'node:os'\nexport default {script: 'app.js', name: process.env.WHO ?? 'nobody' }";
    let file = site.file("esm/eco.config.js", text);
    let mut caller = site.caller();
    caller.env.insert("WHO".into(), "me".into());
    let app = only_app(load_file(&file, &caller, &FileOptions::default()).unwrap());
    assert_eq!(app.name, "me");
}

#[test]
fn paths_are_seen_from_the_file() {
    let site = Site::new();
    site.file("deploy/server.js", "");
    site.file("deploy/sub/worker.js", "");
    let text = r#"[{"script": "server.js", "out_file": "logs/o.log"}, {"script": "worker.js", "cwd": "sub"}]"#;
    let loaded = site.load("deploy/eco.json", text, &FileOptions::default()).unwrap();
    assert_eq!(loaded.warnings, [""; 0]);
    assert_eq!(loaded.apps[0].program.path, site.path("deploy/server.js"));
    assert_eq!(loaded.apps[0].cwd, site.path("deploy"));
    assert_eq!(loaded.apps[0].logs.out, Some(site.path("deploy/logs/o.log")));
    assert_eq!(loaded.apps[1].cwd, site.path("deploy/sub"));
    assert_eq!(loaded.apps[1].program.path, site.path("deploy/sub/worker.js"));
    assert_eq!(loaded.apps[1].source, Some(Source { file: site.path("deploy/eco.json"), profile: None }));
}

#[test]
fn a_script_where_pm2_looks_for_it_is_found_and_told() {
    let site = Site::new();
    let loaded = site.load("deploy/eco.json", r#"[{"script": "app.js"}]"#, &FileOptions::default()).unwrap();
    assert_eq!((&loaded.apps[0].program.path, &loaded.apps[0].cwd), (&site.path("app.js"), &site.path("")));
    let place = site.dir.path().display();
    let expected =
        format!("line 1: app app: app.js is not beside the file; taken from {place}, where the command runs");
    assert_eq!(loaded.warnings, [expected]);
}

#[test]
fn profiles() {
    let site = Site::new();
    let apps = json!([
        {"name": "a", "script": "app.js", "env": {"A": 1, "B": {"si": "si"}}, "env_prod": {"A": 2}, "append_env_to_name": true},
        {"name": "b", "script": "app.js"},
    ]);
    let options = FileOptions { profile: Some("prod".into()), ..FileOptions::default() };
    let loaded = site.load("eco.json", &apps.to_string(), &options).unwrap();
    assert_eq!(loaded.apps[0].name, "a-prod");
    assert_eq!((loaded.apps[0].env.app["A"].as_str(), loaded.apps[0].env.app["B"].as_str()), ("2", r#"{"si":"si"}"#));
    assert_eq!(loaded.apps[0].source.as_ref().unwrap().profile.as_deref(), Some("prod"));
    assert_eq!(loaded.warnings, ["line 1: app b: there is no env_prod; env alone is used"]);
    assert_eq!(site.value(apps, &FileOptions::default()).apps[0].name, "a");
}

#[test]
fn only_takes_the_named_apps() {
    let site = Site::new();
    let apps = json!([{"name": "a", "script": "app.js"}, {"name": "b", "script": "missing.js"}, {"script": "app.js"}]);
    let only = |names: &[&str]| {
        let only = names.iter().map(|name| (*name).to_owned()).collect();
        from_value(apps.clone(), &site.caller(), &FileOptions { only, ..FileOptions::default() })
    };
    let names: Vec<_> = only(&["app", "a"]).unwrap().apps.into_iter().map(|app| app.name).collect();
    assert_eq!(names, ["a", "app"]);
    let error = only(&["a", "c"]).unwrap_err();
    assert_eq!(site.told(&error), pair("no app is called c", "its apps are a, b, app"));
}

#[test]
fn flags_apply_to_every_app_of_a_file() {
    let site = Site::new();
    site.file("other/app.js", "");
    let apps = json!([{"script": "app.js", "namespace": "mine", "instances": 1}, {"script": "app.js"}]);
    let overrides = AppOptions {
        namespace: Some("flag".into()),
        instances: Some("3".parse().unwrap()),
        cwd: Some("other".into()),
        ..AppOptions::default()
    };
    let options = FileOptions { overrides, ..FileOptions::default() };
    let loaded = site.load("deploy/eco.json", &apps.to_string(), &options).unwrap();
    let seen: Vec<_> = loaded.apps.iter().map(|app| (app.namespace.as_str(), app.instances, app.cwd.clone())).collect();
    assert_eq!(seen, [("mine", 3, site.path("other")), ("flag", 3, site.path("other"))]);
    assert_eq!(loaded.warnings, [""; 0]);
}

#[test]
fn two_apps_may_share_a_name() {
    let site = Site::new();
    assert_eq!(site.names("eco.json", "[{script: 'app.js'}, {script: 'app.js'}]"), ["app", "app"]);
}

#[test]
fn fields_that_do_nothing_are_told() {
    let site = Site::new();
    let value = json!({"apps": [{"script": "app.js", "wtach": true, "zzzzzz": 1, "vizion": false}],
        "deploy": {}});
    assert_eq!(
        site.value(value, &FileOptions::default()).warnings,
        [
            "deploy is not supported yet and was ignored",
            "app app: unknown field \"wtach\" was ignored; did you mean watch?",
            "app app: unknown field \"zzzzzz\" was ignored",
        ]
    );
}

#[test]
fn broken_files_say_where() {
    let site = Site::new();
    let two_names = "{\"apps\": [\n  {\"name\": \"a\" \"script\": \"b\"}\n]}";
    let no_end = " {\n  apps: [}\n";
    for (name, text, message) in [
        ("eco.json", two_names.to_owned(), "eco.json: line 2, column 16: SyntaxError: "),
        ("eco.yaml", "apps:\n  - name: a\n   script: b\n".to_owned(), "eco.yaml: line 3, column "),
        ("eco.yaml", "apps: []\napps: []\n".to_owned(), "eco.yaml: line 2, column 1: "),
        ("eco.config.js", format!("module.exports ={no_end}"), "eco.config.js: line 2, column 10: SyntaxError: "),
        ("eco.config.mjs", format!("export default{no_end}"), "eco.config.mjs: line 2, column 10: SyntaxError: "),
    ] {
        let (told, hint) = site.fail(name, &text);
        assert!(told.starts_with(message), "{told}");
        assert_eq!(hint, "correct the file; nothing was started");
    }
}

#[test]
fn an_exception_of_another_file_names_it() {
    let site = Site::new();
    site.file("lib.js", "\nthrow new Error('boom')");
    let (message, _) = site.fail("eco.config.js", "module.exports = require('./lib.js')");
    assert_eq!(message, "eco.config.js: SITE/lib.js, line 2, column 7: Error: boom");
}

#[test]
fn a_broken_file_is_placed_without_node_too() {
    let site = Site::new();
    site.file("eco.json", "{\n  apps: [1 2]\n}");
    let caller = Caller { env: [("PATH".to_owned(), "/nowhere".to_owned())].into(), ..site.caller() };
    let load = |name: &str| load_file(Path::new(name), &caller, &FileOptions::default()).unwrap_err();
    assert_eq!(load("eco.json").to_string(), "eco.json: line 2, column 12: expected comma");
    site.file("eco.config.js", "");
    let missing = "eco.config.js: node is not in PATH, and it takes node to read this file";
    assert_eq!(
        site.told(&load("eco.config.js")),
        pair(missing, "install Node, or write the apps as JSON, YAML or TOML")
    );
}

#[test]
fn wrong_values_name_file_app_field_and_what_is_allowed() {
    let site = Site::new();
    for (app, message, hint) in [
        (
            "{name: 'api', script: 'app.js', killTimeout: 'soon'}",
            "eco.json: line 1: app api: killTimeout cannot be \"soon\"",
            "killTimeout is a time: milliseconds, or a number with ms, s, m, h or d",
        ),
        (
            "{name: 'api', script: 'app.js', autorestart: 'yes'}",
            "eco.json: line 1: app api: autorestart cannot be \"yes\"",
            "autorestart is true, false or \"on-failure\"",
        ),
        (
            "{name: 'api', script: 'app.js', exec_mode: 'both'}",
            "eco.json: line 1: app api: exec_mode cannot be \"both\"",
            "exec_mode is \"fork\" or \"cluster\"",
        ),
        (
            "{script: 'app.js', env: 'A=1'}",
            "eco.json: line 1: app app: env cannot be text",
            "env is an object of variables",
        ),
        ("{name: 7, script: 'app.js'}", "eco.json: line 1: app app: name cannot be 7", "name is text, in quotes"),
        (
            "{name: 'api'}",
            "eco.json: line 1: app api: there is no script to run",
            "say what to run, for example \"script\": \"app.js\"",
        ),
        ("{script: 'ap.js'}", "eco.json: line 1: app ap: script not found: SITE/ap.js", "did you mean app.js?"),
    ] {
        assert_eq!(site.fail("eco.json", &format!("[{app}]")), pair(message, hint), "{app}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let site = Site::new();
    let json = "{apps: [\n{name: 'a', script: 'app.js',\n kill_timeout: 'soon', instances: 1.5},\n7,\n{name: 'b', script: 'ap.js',\n maxRestarts: -1}]}";
    let (message, hint) = site.fail("eco.json", json);
    let expected = "eco.json: 5 problems
  line 3: app a: kill_timeout cannot be \"soon\"
    kill_timeout is a time: milliseconds, or a number with ms, s, m, h or d
  line 3: app a: instances cannot be 1.5
    instances is a whole number, or \"max\"
  line 4: app 2 is a number and not an object
    write { \"apps\": [{ \"name\": \"api\", \"script\": \"app.js\" }] }
  line 5: app b: script not found: SITE/ap.js
    did you mean app.js?
  line 6: app b: maxRestarts cannot be -1
    maxRestarts is a whole number, 0 or more";
    assert_eq!((message.as_str(), hint.as_str()), (expected, "correct them; nothing was done"));
}

#[test]
fn every_format_knows_its_lines() {
    let site = Site::new();
    for (name, text) in [
        ("eco.json", "{\n\"apps\": [{\"script\": \"app.js\",\r\n\"port\": 70000}]}"),
        ("eco.yml", "apps:\n- script: app.js\n  port: 70000\n"),
        ("eco.toml", "[[apps]]\nscript = 'app.js'\nport = 70_000\n"),
    ] {
        assert_eq!(site.fail(name, text).0, format!("{name}: line 3: app app: port cannot be 70000"));
    }
    let text = "module.exports = {\nscript: 'app.js',\nport: 70000}";
    assert_eq!(site.fail("eco.config.js", text).0, "eco.config.js: app app: port cannot be 70000");
    let only_b = FileOptions { only: vec!["b".into()], ..FileOptions::default() };
    let apps = "[{name: 'a', script: 'app.js', port: 'x'}, {name: 'b', script: 'app.js'}]";
    assert_eq!(site.load("eco.json", apps, &only_b).unwrap().apps[0].name, "b", "what is wrong elsewhere is no matter");
}

#[test]
fn apps_that_wait_for_each_other_are_refused() {
    let site = Site::new();
    let app = |name: &str, on: &str| format!("{{name: '{name}', script: 'app.js', depends_on: '{on}'}}");
    let (message, hint) = site.fail("eco.json", &format!("[{}, {}]", app("a", "b"), app("b", "a")));
    assert_eq!(
        (message.as_str(), hint.as_str()),
        ("eco.json: a → b → a wait for each other", "leave one of them out of a depends_on")
    );
}

#[test]
fn files_that_are_not_there_or_hold_nothing() {
    let site = Site::new();
    let write = "write { \"apps\": [{ \"name\": \"api\", \"script\": \"app.js\" }] }";
    assert_eq!(site.fail("eco.json", "[]"), pair("eco.json: there are no apps in it", write));
    assert_eq!(
        site.fail("package.json", "{name: 'x', script: 'app.js'}"),
        pair("package.json: there are no apps in it", write)
    );
    assert_eq!(
        site.fail("eco.yaml", "").0,
        "eco.yaml: expected an app, a list of apps, or an object with \"apps\", but this is nothing"
    );
    let missing = load_file(Path::new("ecosystem.jsn"), &site.caller(), &FileOptions::default()).unwrap_err();
    assert_eq!(site.told(&missing), pair("ecosystem.jsn: there is no such file", "check the path"));
    let missing = load_file(Path::new("eco.yml"), &site.caller(), &FileOptions::default()).unwrap_err();
    assert_eq!(site.told(&missing), pair("eco.yml: there is no such file", "did you mean eco.yaml?"));
    fs::create_dir(site.path("dir.json")).unwrap();
    let directory = load_file(Path::new("dir.json"), &site.caller(), &FileOptions::default()).unwrap_err();
    assert_eq!(directory.to_string(), "dir.json: cannot read the file: is a directory");
}

#[test]
fn no_file_exhausts_us() {
    let site = Site::new();
    let limit = (MAX_FILE / 1024).to_string();
    let large = format!("# {}\napps: []", "x".repeat(MAX_FILE as usize));
    assert_eq!(site.fail("eco.yaml", &large).0, format!("eco.yaml: the file is over {limit} kB"));
    assert_eq!(site.fail("eco.json", &"[".repeat(100_000)).0, "eco.json: values are nested more than 64 deep");
    assert!(site.fail("eco.yaml", &"[".repeat(100_000)).0.starts_with("eco.yaml: "));
    assert_eq!(
        site.fail("eco.toml", &format!("a = {}", "[".repeat(100_000))).0,
        "eco.toml: values are nested more than 64 deep"
    );
    let (message, _) = site.fail("eco.toml", &format!("{}a = 1", "a.".repeat(100_000)));
    assert!(message.starts_with("eco.toml: "), "{message}");
    let level = |level: u32| format!("a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(10));
    let bomb: String = std::iter::once("a0: &a0 [x, x]\n".to_owned()).chain((1..10).map(level)).collect();
    let (message, _) = site.fail("eco.yaml", &bomb);
    assert!(message.starts_with("eco.yaml: line "), "{message}");
}
