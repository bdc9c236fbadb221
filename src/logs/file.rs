//! Opening and emptying log files.

use super::sink::Identity;
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Whether output for this path goes to no file at all.
pub(super) fn is_null(path: &Path) -> bool {
    path == Path::new("/dev/null")
}

/// Opens a file to append to; makes it and its directories. Pipes and devices are opened as they are.
pub(super) fn open(path: &Path) -> io::Result<(Identity, File)> {
    if let Some(own) = own_output(path) {
        let file = own.map_err(|error| describe("cannot write to", path, &error))?;
        let of = file.metadata().map_err(|error| describe("cannot look at", path, &error))?;
        return Ok((Identity { device: of.dev(), inode: of.ino() }, file));
    }
    // Never waits: for the reader of a pipe, or for a terminal.
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o640).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    // A named pipe is open to reading too, so that its readers may come and go.
    let is_fifo = fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo());
    options.read(is_fifo);
    let opened = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_directory(path).and_then(|()| options.open(path)),
        opened => opened,
    };
    let file = opened.map_err(|error| describe("cannot open", path, &error))?;
    let of = file.metadata().map_err(|error| describe("cannot look at", path, &error))?;
    Ok((Identity { device: of.dev(), inode: of.ino() }, file))
}

/// Our own output, where the path names that: opened by its name it may be refused, as sockets and what belongs to others
/// are. It waits for its reader, as it would for the app alone: what it is slow with stays with the app.
fn own_output(path: &Path) -> Option<io::Result<File>> {
    let (own, itself) = match path.to_str()? {
        "/dev/stdout" => (io::stdout().as_fd().try_clone_to_owned(), "/proc/self/fd/1"),
        "/dev/stderr" => (io::stderr().as_fd().try_clone_to_owned(), "/proc/self/fd/2"),
        _ => return None,
    };
    Some(own.map(|own| {
        let waits = fcntl(&own, FcntlArg::F_GETFL).is_ok_and(|flags| flags & libc::O_NONBLOCK == 0);
        // Others share its flags with us; what is opened anew is ours alone.
        let anew = if waits { None } else { OpenOptions::new().write(true).open(itself).ok() };
        anew.unwrap_or_else(|| File::from(own))
    }))
}

fn make_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Which file the path leads to now.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|of| Identity { device: of.dev(), inode: of.ino() })
}

/// Empties a file. What is missing is empty, and what is no ordinary file has nothing to empty.
pub(super) fn empty(path: &Path) -> io::Result<()> {
    let done = match fs::metadata(path) {
        Ok(of) if of.is_file() => {
            OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).and_then(|file| file.set_len(0))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(describe("cannot empty", path, &error)),
        _ => Ok(()),
    }
}

fn describe(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}
