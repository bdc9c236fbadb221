//! The settings of the home, as commands need them: read once, and only where an app is started with them.

use super::failure::Failure;
use super::session::Session;
use crate::domain::AppSpec;
use crate::settings::Store;

impl Session<'_> {
    /// The settings store, for whoever changes it.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        self.store.clone().ok_or_else(|| Failure::new("there is no home, and so there are no settings"))
    }

    /// Gives an app what is set for it. Settings that cannot be read leave it as it is, with one warning a command.
    pub(crate) fn give_settings(&mut self, app: &mut AppSpec) {
        if self.settings.is_none()
            && let Some(store) = self.store.take()
        {
            match store.load() {
                Ok(settings) => self.settings = Some(settings),
                Err(error) => {
                    self.screen.warn(&format!("{error}; the variables of apps that are set there stay as they were"));
                    self.screen.hint(&error.hint());
                    return;
                }
            }
            self.store = Some(store);
        }
        if let Some(settings) = &self.settings {
            settings.give(app);
        }
    }
}
