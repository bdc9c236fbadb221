//! The `.env` files of an app, read into its environment.

use super::{Caller, ConfigError, Problem, dotenv, place};
use crate::domain::spec::{EnvFile, Environment};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Larger files are no `.env` files.
const MAX_FILE: u64 = 1024 * 1024;

/// Files as they are written in `env_file`: one that may be missing ends with `?`.
pub(super) fn named(files: &[String], base: &Path, caller: &Caller) -> Vec<EnvFile> {
    let file = |text: &String| {
        let (path, optional) = text.strip_suffix('?').map_or((text.as_str(), false), |path| (path, true));
        EnvFile { path: place::absolute(path, base, caller), optional }
    };
    files.iter().map(file).collect()
}

/// A file of the command line as one that means the same in every directory.
pub(super) fn from_caller(file: &str, caller: &Caller) -> String {
    let (path, mark) = file.strip_suffix('?').map_or((file, ""), |path| (path, "?"));
    format!("{}{mark}", place::absolute(path, &caller.cwd, caller).display())
}

/// Gives an environment other files, as they are named on the command line.
pub fn replace(env: &mut Environment, files: &[String], caller: &Caller) -> Result<(), ConfigError> {
    let mut new = env.clone();
    new.files = named(files, &caller.cwd, caller);
    reread(&mut new)?;
    *env = new;
    Ok(())
}

/// Reads the files of an environment again; where one is wrong nothing has changed.
pub fn reread(env: &mut Environment) -> Result<(), ConfigError> {
    let mut new = env.clone();
    new.forget_files();
    read(&mut new)?;
    *env = new;
    Ok(())
}

/// Puts what the files say into the environment. Later files win, later lines too.
pub(super) fn read(env: &mut Environment) -> Result<(), Problem> {
    // What `${NAME}` means: the layers below.
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for EnvFile { path, optional } in env.files.clone() {
        let Some(text) = text(&path, optional)? else { continue };
        let wrong = |dotenv::Wrong { line, what }| Problem::EnvFile { path: path.clone(), line, what };
        for entry in dotenv::parse(&text).map_err(wrong)? {
            let look_up = |name: &str| known.get(name).or_else(|| env.inherited.get(name)).cloned();
            let value = dotenv::expand(&entry.value, look_up);
            known.insert(entry.name.clone(), value.clone());
            env.set_from_file(&entry.name, value, path.clone(), entry.line);
        }
    }
    Ok(())
}

fn text(path: &Path, optional: bool) -> Result<Option<String>, Problem> {
    let mut text = String::new();
    let unreadable = |source| Problem::EnvFileUnreadable { path: path.to_owned(), source };
    match File::open(path).and_then(|file| regular(file, path)?.take(MAX_FILE + 1).read_to_string(&mut text)) {
        Ok(size) if size as u64 > MAX_FILE => Err(unreadable(io::ErrorKind::FileTooLarge.into())),
        Ok(_) => Ok(Some(text)),
        Err(error) if optional && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

fn regular(file: File, path: &Path) -> io::Result<File> {
    if path.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

/// What a missing file is told with.
pub(super) fn hint(path: &Path, source: &io::Error) -> String {
    let file: PathBuf = path.file_name().map(PathBuf::from).unwrap_or_default();
    match source.kind() {
        io::ErrorKind::NotFound => {
            format!("write it, correct env_file, or let it be missing: \"{}?\"", file.display())
        }
        io::ErrorKind::FileTooLarge => format!("an env_file has up to {} kB", MAX_FILE / 1024),
        _ => "env_file is read by whoever types the command: let them read it, or correct its path".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::Layer;
    use std::fs;

    struct Site(tempfile::TempDir);

    impl Site {
        fn read(&self, files: &[&str], inherited: &[(&str, &str)]) -> Result<Environment, String> {
            let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
            let caller = Caller { cwd: "/".into(), env: BTreeMap::new(), username: None, cores: 1 };
            let mut env = Environment { files: named(&files, self.0.path(), &caller), ..Environment::default() };
            env.inherited =
                std::sync::Arc::new(inherited.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
            env.set("OWN", "env", Layer::Env);
            let place = self.0.path().to_str().unwrap();
            reread(&mut env).map_err(|error| error.to_string().replace(place, "SITE"))?;
            Ok(env)
        }
    }

    fn site(files: &[(&str, &str)]) -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fs::write(site.0.path().join(name), text).unwrap();
        }
        site
    }

    #[test]
    fn later_files_win_and_see_what_is_below() {
        let site =
            site(&[("one", "A=1\nB=${SHELL}-${A}\nOWN=file\n"), ("two", "A=2\nC=${A}${B}\nSHELL=mine\nD=${SHELL}\n")]);
        let env = site.read(&["one", "two"], &[("SHELL", "sh")]).unwrap();
        let value = |name: &str| env.app[name].as_str();
        assert_eq!([value("A"), value("B"), value("C"), value("D")], ["2", "sh-1", "2sh-1", "mine"]);
        assert_eq!(value("OWN"), "env");
        assert_eq!(env.layers_of("A").len(), 2);
        assert!(env.layers_of("OWN")[0].to_string().ends_with("/one:3"));
    }

    #[test]
    fn reading_again_takes_out_what_is_gone() {
        let site = site(&[("one", "A=1\nB=1\n")]);
        let mut env = site.read(&["one"], &[]).unwrap();
        fs::write(site.0.path().join("one"), "B=2\n").unwrap();
        reread(&mut env).unwrap();
        assert_eq!((env.app.get("A"), env.app["B"].as_str()), (None, "2"));
        fs::write(site.0.path().join("one"), "B=3\nnonsense").unwrap();
        let before = env.clone();
        reread(&mut env).unwrap_err();
        assert_eq!(env, before);
    }

    #[test]
    fn one_that_is_missing_or_wrong() {
        let site = site(&[("one", "A=1\nPASSWORD hunter2\n")]);
        assert!(site.read(&["none?"], &[]).is_ok());
        assert_eq!(site.read(&["none"], &[]).unwrap_err(), "env_file SITE/none cannot be read: there is no such file");
        let error = site.read(&["one"], &[]).unwrap_err();
        assert_eq!(error, "env_file SITE/one: line 2: = is expected after the name");
        assert!(site.read(&["."], &[]).unwrap_err().contains("is a directory"));
    }
}
