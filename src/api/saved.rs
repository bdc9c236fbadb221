//! Apps as a saved list has them.

use crate::domain::AppSpec;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// An app of a saved list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedApp {
    pub spec: AppSpec,
    /// One for each of its processes: whether it ran.
    pub ran: Vec<bool>,
}

/// What `save` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveReport {
    pub file: PathBuf,
    pub apps: u32,
    pub processes: u32,
    /// An empty list isn't, unless that is wanted.
    pub written: bool,
}

impl SavedApp {
    /// Processes in the order of a list into apps: those of the same settings are one.
    pub fn group(processes: impl IntoIterator<Item = (AppSpec, bool)>) -> Vec<Self> {
        let mut apps: Vec<Self> = Vec::new();
        for (spec, ran) in processes {
            match apps.iter_mut().find(|app| app.spec == spec) {
                Some(app) => app.ran.push(ran),
                None => apps.push(Self { spec, ran: vec![ran] }),
            }
        }
        apps
    }
}
