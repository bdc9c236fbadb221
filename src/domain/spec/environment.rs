//! The environment of an app: the layers it is computed from at each start.

use super::inherit::Inherit;
use super::layer::Layer;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The layers from which a process's environment is computed at each start; later ones win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The caller's environment, as captured by the command that started the app; what `inherit` lets through.
    pub inherited: Arc<BTreeMap<String, String>>,
    /// Which variables of a caller these are.
    #[serde(default)]
    pub inherit: Inherit,
    /// The `.env` files, in their order, for whoever reads them again.
    #[serde(default)]
    pub files: Vec<EnvFile>,
    /// The variables of `.env` files, `env` of the app and the chosen `env_<profile>`, merged in this order.
    pub app: BTreeMap<String, String>,
    /// What the settings store has for the app: over all of `app`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Name of the variable that carries the instance number.
    pub instance_var: String,
    /// A variable that grows by one from each instance to the next.
    pub increment_var: Option<String>,
    /// Variables whose values are read at each start, and never kept.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// The layers that set a variable of `app`, the one whose value it has last.
    #[serde(default)]
    pub origins: BTreeMap<String, Vec<Layer>>,
    /// Variables of `app` that were written as a number or a boolean, for who asks for PM2's view.
    #[serde(default)]
    pub typed: BTreeSet<String>,
}

/// A `.env` file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvFile {
    /// Absolute.
    pub path: PathBuf,
    /// That it is missing is no error.
    pub optional: bool,
}

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// The content of a file, without a line break at its end. Absolute.
    File(PathBuf),
    /// What a shell line prints, without a line break at its end.
    Command(String),
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            inherited: Arc::default(),
            inherit: Inherit::default(),
            files: Vec::new(),
            app: BTreeMap::new(),
            settings: BTreeMap::new(),
            instance_var: Self::INSTANCE_VAR.to_owned(),
            increment_var: None,
            secrets: BTreeMap::new(),
            origins: BTreeMap::new(),
            typed: BTreeSet::new(),
        }
    }
}

impl Environment {
    pub const INSTANCE_VAR: &str = "NODE_APP_INSTANCE";

    /// What a process is told of itself, beside its instance number. An app cannot set these.
    #[rustfmt::skip] // a list
    pub const OURS: [&str; 13] = [
        "name", "namespace", "pm_id", "unique_id", "exec_mode", "instances", "pm_exec_path", "pm_cwd",
        "pm_out_log_path", "pm_err_log_path", "pm_pid_path", "PM2_HOME", "RPM_HOME",
    ];

    /// Gives a variable of the app a value that comes from `layer`, over whatever it had.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>, layer: Layer) {
        let name = name.into();
        self.app.insert(name.clone(), value.into());
        self.origins.entry(name).or_default().push(layer);
    }

    /// The layers that set a variable: the one that counts last, those it hides before.
    pub fn layers_of(&self, name: &str) -> Vec<Layer> {
        let mut layers = Vec::new();
        if self.inherited.contains_key(name) {
            layers.push(Layer::Inherited);
        }
        match self.origins.get(name) {
            Some(origins) => layers.extend(origins.iter().cloned()),
            // Of an app that a version started which did not note them.
            None if self.app.contains_key(name) => layers.push(Layer::Env),
            None => {}
        }
        if self.settings.contains_key(name) {
            layers.push(Layer::Setting);
        }
        match self.secrets.get(name) {
            Some(SecretSource::File(file)) => layers.push(Layer::SecretFile { file: file.clone() }),
            Some(SecretSource::Command(command)) => layers.push(Layer::SecretCommand { command: command.clone() }),
            None => {}
        }
        if self.increment_var.as_deref() == Some(name) {
            layers.push(Layer::Increment);
        }
        if Self::OURS.contains(&name) || self.instance_var == name {
            layers.push(Layer::Ours);
        }
        layers
    }

    /// Everything that is known without reading a secret, later layers over earlier ones.
    pub fn merged(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::clone(&self.inherited);
        all.extend(self.app.iter().chain(&self.settings).map(|(name, value)| (name.clone(), value.clone())));
        all
    }

    /// Takes out what came from `.env` files, so that they can be read again.
    pub fn forget_files(&mut self) {
        let Self { app, origins, .. } = self;
        origins.retain(|name, layers| {
            layers.retain(|layer| !matches!(layer, Layer::EnvFile { .. }));
            if layers.is_empty() {
                app.remove(name);
            }
            !layers.is_empty()
        });
    }

    /// Puts a line of a `.env` file in its place: over earlier lines and what is inherited, under all else.
    pub fn set_from_file(&mut self, name: &str, value: String, file: PathBuf, line: u32) {
        let layers = self.origins.entry(name.to_owned()).or_default();
        let above = layers.iter().position(|layer| !matches!(layer, Layer::EnvFile { .. }));
        layers.insert(above.unwrap_or(layers.len()), Layer::EnvFile { file, line });
        if above.is_none() {
            self.app.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_stay_under_what_the_app_says() {
        let mut env = Environment::default();
        Arc::make_mut(&mut env.inherited).insert("A".into(), "shell".into());
        env.set("A", "env", Layer::Env);
        env.set("A", "profile", Layer::Profile { name: "p".into() });
        env.set_from_file("A", "file".into(), "/.env".into(), 1);
        env.set_from_file("B", "first".into(), "/.env".into(), 2);
        env.set_from_file("B", "second".into(), "/.env.local".into(), 1);
        assert_eq!((env.app["A"].as_str(), env.app["B"].as_str()), ("profile", "second"));
        let told = |name| env.layers_of(name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told("A"), ["inherited", "/.env:1", "env", "env_p"]);
        assert_eq!(told("B"), ["/.env:2", "/.env.local:1"]);
        env.forget_files();
        assert_eq!(env.app.keys().collect::<Vec<_>>(), ["A"]);
        assert_eq!(env.origins["A"].len(), 2);
        assert!(!env.origins.contains_key("B"));
    }

    #[test]
    fn ours_are_above_everything() {
        let mut env = Environment { increment_var: Some("PORT".into()), ..Environment::default() };
        env.set("pm_id", "7", Layer::Env);
        env.set("PORT", "3000", Layer::Port);
        env.secrets.insert("DB".into(), SecretSource::Command("pass db".into()));
        env.settings.insert("PORT".into(), "80".into());
        assert_eq!(env.layers_of("pm_id"), [Layer::Env, Layer::Ours]);
        assert_eq!(env.layers_of("PORT"), [Layer::Port, Layer::Setting, Layer::Increment]);
        assert_eq!(env.layers_of("NODE_APP_INSTANCE"), [Layer::Ours]);
        assert_eq!(env.layers_of("DB"), [Layer::SecretCommand { command: "pass db".into() }]);
        assert_eq!(env.layers_of("nothing"), []);
    }

    proptest! {
        /// Reading `.env` files again after forgetting them gives what it gave before.
        #[test]
        fn forgetting_files_is_the_inverse_of_reading_them(
            own in prop::collection::btree_map("[A-D]", "[a-z]", 0..4),
            lines in prop::collection::vec(("[A-D]", "[a-z]"), 0..8),
        ) {
            let mut env = Environment::default();
            for (name, value) in &own {
                env.set(name, value, Layer::Env);
            }
            let before = env.clone();
            let read = |env: &mut Environment| for (line, (name, value)) in lines.iter().enumerate() {
                env.set_from_file(name, value.clone(), "/.env".into(), line as u32);
            };
            read(&mut env);
            let after = env.clone();
            env.forget_files();
            prop_assert_eq!(&env, &before);
            read(&mut env);
            prop_assert_eq!(env, after);
        }
    }
}
