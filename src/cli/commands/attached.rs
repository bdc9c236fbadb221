//! `--attach`: after a command, the logs of what it acted on.

use super::logs;
use crate::api::Process;
use crate::cli::args::LogsArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Ends a command that started something, and follows its logs where that is wanted.
pub(super) async fn finish(session: &mut Session<'_>, acted: &[Process], attach: bool) -> Result<Exit, Failure> {
    let exit = session.finish(acted).await?;
    match selector(acted).filter(|_| attach) {
        None => Ok(exit),
        target => Box::pin(logs::run(session, LogsArgs::following(target))).await,
    }
}

/// The apps by their names, so that processes which come later are among them.
fn selector(acted: &[Process]) -> Option<String> {
    let mut names: Vec<&str> = acted.iter().map(|process| process.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names[..] {
        [] => None,
        [name] => Some(name.to_owned()),
        _ => {
            // In a selector slashes are its ends, and taken out.
            let names: Vec<_> = names.iter().map(|name| regex_lite::escape(name).replace('/', ".")).collect();
            Some(format!("/^({})$/", names.join("|")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::process::tests::process;
    use crate::domain::{Selector, Status, selector::Candidate};
    use std::path::Path;

    #[test]
    fn one_selector_means_all_that_was_acted_on() {
        let names = ["api", "a.b", "x/y", "api"];
        let acted: Vec<_> = names.iter().zip(0..).map(|(name, id)| process(id, name, Status::Online)).collect();
        let selector = Selector::new(selector(&acted).unwrap());
        let means = |name: &str| {
            let candidate = Candidate { id: acted[0].id, name, namespace: "default", script: Path::new("") };
            !selector.select(&[candidate]).unwrap().is_empty()
        };
        assert!(names.into_iter().all(means));
        assert!(!means("api2") && !means("axb"));
        assert_eq!(super::selector(&acted[..1]).as_deref(), Some("api"));
        assert_eq!(super::selector(&[]), None);
    }
}
