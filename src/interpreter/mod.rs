//! Who runs a script: which Node, which other program, and what a package script comes to.
//!
//! Asked by a command, so that what is missing is its error, and by the daemon again at each start, with the app's own
//! environment and user: a Node that was installed, removed or pinned since then counts from the next start on.
//!
//! ```text
//!  node[@range] ─▶ wish (what the project's files ask for) ─┐
//!                  installed (nvm, fnm, volta, …), PATH ────┴▶ node ─▶ program, flags, a note
//!  npm run x    ─▶ package (runner, package.json) ─▶ shell ──▶ the final program, or sh -c
//! ```

mod ask;
mod installed;
mod node;
mod package;
mod range;
mod runner;
mod shell;
mod shim;
mod typescript;
mod version;
mod wish;

pub use ask::{in_path as version_in_path, known_version_of, version_of};
pub use node::{Chosen, Missing, Place, local, node, wish};
pub use package::{Final, final_command, runner_line};
pub use range::Range;
pub use shim::{Shim, shim};
pub use typescript::{Answer, Stripping, is_typescript, stripping, typescript};
pub use version::Version;
