//! The elements of a list into apps: processes of the same name and settings are one.

use super::element;
use crate::api::{SavedApp, dump};
use crate::config::Caller;
use serde_json::{Map, Value};
use std::path::Path;

/// What became of the processes of one name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub name: String,
    /// More than one where processes of one name have different settings; none where nothing could be taken.
    pub apps: Vec<SavedApp>,
    /// PM2's ids, where the list has them.
    pub ids: Vec<u32>,
    /// Those of them that ran.
    pub running: Vec<u32>,
    /// What could not be taken, and what to know, in words.
    pub notes: Vec<String>,
}

impl Taken {
    /// How many processes.
    pub fn count(&self) -> usize {
        self.apps.iter().map(|app| app.ran.len()).sum()
    }

    pub fn ran(&self) -> bool {
        self.apps.iter().any(|app| app.ran.contains(&true))
    }
}

/// The apps of a list, in its order. `home` is that of the PM2 which has written it.
pub fn apps(elements: &[Map<String, Value>], home: &Path, caller: &Caller) -> Vec<Taken> {
    let mut all: Vec<(Taken, Vec<_>)> = Vec::new();
    for element in elements {
        let read = if element.get("pmx_module") == Some(&Value::Bool(true)) {
            Err("it is a module of PM2's, and does nothing without PM2".to_owned())
        } else {
            element::read(element, home, caller)
        };
        let name = match &read {
            Ok(read) => read.spec.name.clone(),
            Err(_) => element.get("name").and_then(Value::as_str).unwrap_or("an app without a name").to_owned(),
        };
        let known = all.iter().position(|(taken, _)| taken.name == name);
        let index = known.unwrap_or_else(|| {
            all.push((Taken { name, ..Taken::default() }, Vec::new()));
            all.len() - 1
        });
        let (taken, processes) = &mut all[index];
        let id = element.get("pm_id").and_then(Value::as_u64).map(|id| id as u32);
        taken.ids.extend(id);
        taken.running.extend(id.filter(|_| dump::ran(element)));
        let notes = match read {
            Ok(read) => {
                processes.push((read.spec, dump::ran(element), element.contains_key(dump::OURS)));
                read.notes
            }
            Err(why) => vec![format!("not taken: {why}")],
        };
        for note in notes {
            // The same for each of its processes.
            if !taken.notes.contains(&note) {
                taken.notes.push(note);
            }
        }
    }
    all.into_iter().map(|(taken, processes)| together(taken, processes)).collect()
}

/// PM2 doesn't save how many processes an app has: as many as there are.
fn together(mut taken: Taken, processes: Vec<(crate::domain::AppSpec, bool, bool)>) -> Taken {
    let ours = processes.iter().all(|(_, _, ours)| *ours);
    taken.apps = SavedApp::group(processes.into_iter().map(|(spec, ran, _)| (spec, ran)));
    if !ours {
        for app in &mut taken.apps {
            app.spec.instances = app.ran.len() as u32;
        }
    }
    taken
}
