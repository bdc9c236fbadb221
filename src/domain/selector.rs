//! Which processes a command means.

use super::ProcessId;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The words of a command line that name processes, with the directory they were said in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// `all`, an id, a name, a namespace, a script path or `/regex/`.
    pub text: String,
    /// What a relative script path is relative to. Without it script paths are not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<PathBuf>,
}

/// What a selector looks at.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub id: ProcessId,
    pub name: &'a str,
    pub namespace: &'a str,
    pub script: &'a Path,
}

/// A selector that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{text} is not a valid regular expression: {source}")]
pub struct BadSelector {
    pub text: String,
    pub source: regex_lite::Error,
}

impl Selector {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), cwd: None }
    }

    pub fn all() -> Self {
        Self::new("all")
    }

    pub fn is_all(&self) -> bool {
        self.text == "all"
    }

    /// The ids meant, in the order of the candidates. The first rule that finds anything wins: exact name (or
    /// script path), then namespace, then id; a number is tried as a name first.
    pub fn select<'a>(&self, candidates: &[Candidate<'a>]) -> Result<Vec<ProcessId>, BadSelector> {
        let pick = |wanted: &dyn Fn(&Candidate<'a>) -> bool| -> Vec<ProcessId> {
            candidates.iter().filter(|candidate| wanted(candidate)).map(|candidate| candidate.id).collect()
        };
        if self.is_all() {
            return Ok(pick(&|_| true));
        }
        if self.text.len() > 2 && self.text.starts_with('/') && self.text.ends_with('/') {
            let pattern = self.text[1..self.text.len() - 1].replace('/', "");
            let regex = Regex::new(&pattern).map_err(|source| BadSelector { text: self.text.clone(), source })?;
            return Ok(pick(&|candidate| regex.is_match(candidate.name)));
        }
        let number = self.text.parse::<u32>().ok();
        let script = match number {
            None => self.cwd.as_ref().map(|cwd| cwd.join(&self.text)),
            Some(_) => None,
        };
        let by_name = pick(&|c| c.name == self.text || script.as_deref().is_some_and(|path| path == c.script));
        if !by_name.is_empty() {
            return Ok(by_name);
        }
        let by_namespace = pick(&|candidate| candidate.namespace == self.text);
        if !by_namespace.is_empty() {
            return Ok(by_namespace);
        }
        Ok(number.map_or_else(Vec::new, |id| pick(&|candidate| candidate.id.0 == id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(text: &str) -> Vec<u32> {
        let list = [
            (0, "api", "default", "/srv/api.js"),
            (1, "api", "default", "/srv/api.js"),
            (2, "worker", "jobs", "/srv/worker.py"),
            (3, "7", "jobs", "/srv/seven.js"),
            (7, "cron", "2", "/srv/cron.sh"),
        ];
        let candidates: Vec<_> = list
            .iter()
            .map(|(id, name, namespace, script)| Candidate {
                id: ProcessId(*id),
                name,
                namespace,
                script: Path::new(*script),
            })
            .collect();
        let selector = Selector { text: text.into(), cwd: Some("/srv".into()) };
        selector.select(&candidates).unwrap().into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn each_kind_of_word() {
        assert_eq!(select("all"), [0, 1, 2, 3, 7]);
        assert_eq!(select("api"), [0, 1]);
        assert_eq!(select("api.js"), [0, 1]);
        assert_eq!(select("/srv/worker.py"), [2]);
        assert_eq!(select("jobs"), [2, 3]);
        assert_eq!(select("/^(api|cron)$/"), [0, 1, 7]);
        assert_eq!(select("0"), [0]);
        assert_eq!(select("nothing"), [0; 0]);
        assert_eq!(select("99"), [0; 0]);
    }

    #[test]
    fn a_number_is_a_name_then_a_namespace_then_an_id() {
        assert_eq!(select("7"), [3]);
        assert_eq!(select("2"), [7]);
        assert_eq!(select("1"), [1]);
    }

    #[test]
    fn a_bad_regex_is_an_error() {
        assert!(Selector::new("/(/").select(&[]).is_err());
    }
}
