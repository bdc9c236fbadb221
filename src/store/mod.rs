//! What should run, on disk: written whole at each change, never half.

mod diary;
mod file;
mod request;
mod snapshot;

pub use diary::{Diary, DiaryFile, Pending};
pub use file::{Lasting, Loaded, Store, StoreError};
pub use request::{Begun, SavedRequest, Stage};
pub use snapshot::{ParseError, SavedProcess, SavedStandby, Snapshot};
