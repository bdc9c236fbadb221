//! All that is wrong with a file, an object or a command line, and where; and what is odd but no failure.

use super::{Loaded, Problem};
use crate::domain::AppSpec;
use std::fmt;
use std::path::{Path, PathBuf};

/// How many apps a line names before the rest is counted.
const NAMED: usize = 8;

/// What a file comes to: its apps, and all that is to be said about them.
#[derive(Debug, Default)]
pub struct Report {
    /// Those that could be made; all of them where there are no faults.
    pub apps: Vec<AppSpec>,
    pub faults: Vec<Fault>,
    pub notices: Vec<Notice>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub struct Fault {
    pub app: Option<String>,
    pub line: Option<u64>,
    pub problem: Problem,
}

/// One thing that is odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub app: Option<String>,
    pub line: Option<u64>,
    pub message: String,
}

/// A file, an object or a command line that makes no app.
#[derive(Debug)]
pub struct ConfigError {
    pub file: Option<PathBuf>,
    /// At least one.
    pub faults: Vec<Fault>,
}

impl Report {
    pub(super) fn sorted(mut self) -> Self {
        // Where no line is known the order of reading is kept.
        self.faults.sort_by_key(Fault::line);
        self.notices.sort_by_key(|notice| notice.line);
        self
    }

    pub(super) fn loaded(self) -> Result<Loaded, ConfigError> {
        if self.faults.is_empty() {
            Ok(Loaded { apps: self.apps, warnings: together(&self.notices) })
        } else {
            Err(ConfigError { file: None, faults: self.faults })
        }
    }
}

/// A line each; what is said of several apps is said once.
fn together(notices: &[Notice]) -> Vec<String> {
    let same = |one: &Notice, other: &Notice| one.app.is_some() && other.app.is_some() && one.message == other.message;
    let mut lines = Vec::new();
    for (index, notice) in notices.iter().enumerate() {
        if notices[..index].iter().any(|earlier| same(earlier, notice)) {
            continue;
        }
        let later = notices[index + 1..].iter().filter(|later| same(notice, later));
        let apps: Vec<_> = notice.app.iter().chain(later.filter_map(|later| later.app.as_ref())).collect();
        lines.push(match apps.as_slice() {
            [_, _, ..] => format!("apps {}: {}", named(&apps), notice.message),
            _ => notice.to_string(),
        });
    }
    lines
}

fn named(apps: &[&String]) -> String {
    let shown = apps.iter().take(NAMED).map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    match apps.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl From<Problem> for Report {
    fn from(problem: Problem) -> Self {
        Self { faults: vec![problem.into()], ..Self::default() }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self { app: None, line: None, problem }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { file: None, faults: vec![problem.into()] }
    }
}

impl Fault {
    /// The line of the file that it is about, where that is known.
    pub fn line(&self) -> Option<u64> {
        self.line.or_else(|| self.problem.line())
    }
}

impl ConfigError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match &self.faults[..] {
            [only] => only.problem.hint(),
            _ => Some("correct them; nothing was done".to_owned()),
        }
    }

    pub(super) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }
}

/// `line 3: app api: `, as far as known.
fn place(f: &mut fmt::Formatter<'_>, line: Option<u64>, app: Option<&str>) -> fmt::Result {
    if let Some(line) = line {
        write!(f, "line {line}: ")?;
    }
    app.map_or(Ok(()), |app| write!(f, "app {app}: "))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, self.line, self.app.as_deref())?;
        self.problem.fmt(f)
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, self.line, self.app.as_deref())?;
        f.write_str(&self.message)
    }
}

impl fmt::Display for ConfigError {
    /// One problem on a line; several on a line each, what to do under it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map(|file| file.display());
        if let [only] = &self.faults[..] {
            if let Some(file) = file {
                write!(f, "{file}: ")?;
            }
            return only.fmt(f);
        }
        match file {
            Some(file) => write!(f, "{file}: {} problems", self.faults.len())?,
            None => write!(f, "{} problems", self.faults.len())?,
        }
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
            if let Some(hint) = fault.problem.hint() {
                write!(f, "\n    {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.faults[..] {
            [only] => std::error::Error::source(&only.problem),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(app: &str, line: Option<u64>) -> Fault {
        Fault { app: Some(app.to_owned()), line, problem: Problem::NoScript }
    }

    #[test]
    fn what_is_said_of_several_apps_is_said_once() {
        let notice = |app: Option<&str>, message: &str| Notice {
            app: app.map(str::to_owned),
            line: Some(2),
            message: message.to_owned(),
        };
        let told = together(&[
            notice(Some("a"), "no env_x"),
            notice(Some("a"), "odd"),
            notice(None, "no env_x"),
            notice(Some("b"), "no env_x"),
        ]);
        assert_eq!(told, ["apps a, b: no env_x", "line 2: app a: odd", "line 2: no env_x"]);
        let many: Vec<_> = (0..10).map(|n| notice(Some(&n.to_string()), "x")).collect();
        assert_eq!(together(&many), ["apps 0, 1, 2, 3, 4, 5, 6, 7 and 2 more: x"]);
    }

    #[test]
    fn one_problem_is_a_line_and_several_are_a_list() {
        let one = ConfigError { file: Some("a.json".into()), faults: vec![fault("a", Some(3))] };
        assert_eq!(one.to_string(), "a.json: line 3: app a: there is no script to run");
        assert_eq!(one.hint(), Problem::NoScript.hint());
        let two = ConfigError { file: None, faults: vec![fault("a", None), fault("b", None)] };
        let hint = Problem::NoScript.hint().unwrap();
        let told = format!(
            "2 problems\n  app a: there is no script to run\n    {hint}\n  app b: there is no script to run\n    {hint}"
        );
        assert_eq!(two.to_string(), told);
    }
}
