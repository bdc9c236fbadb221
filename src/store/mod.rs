//! What should run, on disk: written whole at each change, never half.

mod closed;
mod diary;
mod dump;
mod file;
mod reload_lock;
mod request;
mod snapshot;

pub use closed::ClosedList;
pub use diary::{Diary, DiaryFile, Pending};
pub use dump::DumpFile;
pub use file::{Lasting, Loaded, Store, StoreError};
pub use reload_lock::{mark_reload, unmark_reload};
pub use request::{Begun, SavedRequest, Stage};
pub use snapshot::{ParseError, SavedProcess, SavedStandby, Snapshot};
