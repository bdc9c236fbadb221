//! The contract: what is asked, what is answered, what happens. The only types both sides share.
//!
//! Times are milliseconds since the Unix epoch, durations milliseconds, sizes bytes. They are `i64`, because
//! JSON and JavaScript numbers are exact up to 2^53 only.

pub mod backend;
pub mod bus;
pub mod connections;
pub mod dump;
pub mod error;
pub mod event;
pub mod health;
pub mod host;
pub mod job;
pub mod log;
pub mod pm2;
pub mod request;
pub mod response;
pub mod rollout;
pub mod route;
pub mod saved;

pub use crate::domain::OutputStream;
pub use backend::{Backend, Boxed, Stream};
pub use bus::{BusItem, BusQuery, Origin, Reply, Shape};
pub use connections::Connections;
pub use error::{ApiError, Code};
pub use event::{Event, EventKind};
pub use health::{Health, ProbeState};
pub use host::Host;
pub use job::Job;
pub use log::{LogItem, LogQuery};
pub use request::{Request, Start};
pub use response::{
    Cause, DaemonInfo, Death, Draining, Guardian, Process, ProcessDetail, Response, RunsOn, Tree, UpdateReport, Watch,
};
pub use rollout::{Rollout, RolloutStep};
pub use saved::{SaveReport, SavedApp};

/// Grows when a client of the older number could misunderstand the newer daemon.
pub const API_MAJOR: u32 = 1;
