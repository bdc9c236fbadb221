//! Our other programs: they are shipped in one directory.

use std::env;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const COMMAND: &str = "rpm";

/// The command line's program, if it is there: this program, or the one beside the library that we are in.
pub fn command() -> Option<PathBuf> {
    let library = library().filter(|path| path.extension().is_some_and(|extension| extension == "node"));
    match library {
        Some(library) => Some(library.with_file_name(COMMAND)).filter(|command| command.is_file()),
        None => env::current_exe().ok(),
    }
}

/// The guardian's program, if it is there.
pub fn guardian() -> Option<PathBuf> {
    Some(super::launch::guardian_of(&command()?)).filter(|guardian| guardian.is_file())
}

/// The file that this code was loaded from.
fn library() -> Option<PathBuf> {
    // SAFETY: all zeroes is a value of this plain structure; dladdr only looks up the address of a function that is
    // there, and writes nothing else. The name it gives belongs to the loader and stays as long as we are loaded.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr((command as *const ()).cast::<libc::c_void>(), &raw mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        Some(OsStr::from_bytes(CStr::from_ptr(info.dli_fname).to_bytes()).into())
    }
}
