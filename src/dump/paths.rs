//! Where PM2 put the files of an app: what the user had set, and what was PM2's own choice.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The id that is in the name of a pid file, `api-7.pid`.
pub(super) fn id_of(pid_file: &Path) -> Option<u32> {
    pid_file.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok()
}

/// The path that was asked for: the id taken out again, where there is one in it.
pub(super) fn without_id(path: &Path, id: Option<u32>) -> PathBuf {
    let (Some(id), Some(stem)) = (id, path.file_stem().and_then(OsStr::to_str)) else { return path.to_owned() };
    let Some(stem) = stem.strip_suffix(&format!("-{id}")) else { return path.to_owned() };
    let extension = path.extension().and_then(OsStr::to_str);
    path.with_file_name(extension.map_or_else(|| stem.to_owned(), |extension| format!("{stem}.{extension}")))
}

/// Whether a log is one that PM2 chose: `logs/<name>-out.log` in its home, whatever the name was when it did.
pub(super) fn is_default_log(path: &Path, home: &Path, stream: &str) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let Some(stem) = name.strip_suffix(".log") else { return false };
    let unnumbered = match stem.rsplit_once('-') {
        Some((rest, id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => stem,
    };
    path.parent() == Some(&home.join("logs")) && unnumbered.ends_with(&format!("-{stream}"))
}

pub(super) fn is_default_pid(path: &Path, home: &Path) -> bool {
    path.parent() == Some(&home.join("pids"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_out_where_they_are_the_own() {
        let path = |text: &str, id| without_id(Path::new(text), id).to_str().unwrap().to_owned();
        assert_eq!(path("/l/o-7.log", Some(7)), "/l/o.log");
        assert_eq!(path("/l/o-8.log", Some(7)), "/l/o-8.log");
        assert_eq!(path("/l/o-7", Some(7)), "/l/o");
        assert_eq!(path("/l/o-7.log", None), "/l/o-7.log");
        assert_eq!(id_of(Path::new("/h/pids/my-app-12.pid")), Some(12));
        assert_eq!(id_of(Path::new("/h/pids/app.pid")), None);
    }

    #[test]
    fn what_pm2_chose_is_known_by_its_form() {
        let default = |path: &str| is_default_log(Path::new(path), Path::new("/u/.pm2"), "out");
        for path in ["api-out.log", "api-out-3.log", "my-app-out.log"] {
            assert!(default(&format!("/u/.pm2/logs/{path}")), "{path}");
        }
        for path in ["/u/.pm2/logs/custom.log", "/u/.pm2/logs/api-error.log", "/var/log/api-out.log", "/dev/null"] {
            assert!(!default(path), "{path}");
        }
    }
}
