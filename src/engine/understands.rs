//! Whether this program can go on from what another one has left in a home. Reads, and touches nothing.

use crate::paths::Home;
use crate::slots::Table;
use crate::store::Store;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// `Err` says why not.
pub fn understands(home: &Home) -> Result<(), String> {
    Store::new(home.state()).load().map_err(|error| error.to_string())?;
    let first = first_word(&home.slots()).map_err(|error| format!("{}: {error}", home.slots().display()))?;
    if Table::is_known(first) {
        return Ok(());
    }
    Err(format!("{} is arranged in a way that this version doesn't know ({first:#x})", home.slots().display()))
}

/// 0 where there is none.
fn first_word(path: &Path) -> io::Result<u64> {
    let mut word = [0; 8];
    match File::open(path).and_then(|mut file| file.read_exact(&mut word)) {
        Ok(()) => Ok(u64::from_ne_bytes(word)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn home() -> (tempfile::TempDir, Home) {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        fs::create_dir(home.run()).unwrap();
        (directory, home)
    }

    #[test]
    fn an_empty_home_and_one_of_its_own() {
        let (_directory, home) = home();
        assert_eq!(understands(&home), Ok(()));
        let _table = Table::in_file(&home.slots(), "boot");
        assert_eq!(understands(&home), Ok(()));
    }

    #[test]
    fn a_list_of_a_newer_version() {
        let (_directory, home) = home();
        fs::write(home.state(), r#"{"version": 99}"#).unwrap();
        assert!(understands(&home).unwrap_err().contains("newer"));
    }

    #[test]
    fn slots_of_another_arrangement() {
        let (_directory, home) = home();
        fs::write(home.slots(), [7; 64]).unwrap();
        assert!(understands(&home).unwrap_err().contains("slots"));
        assert_eq!(fs::read(home.slots()).unwrap(), [7; 64]);
    }
}
