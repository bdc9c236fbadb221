//! Values as people write them into the types that fields have. `None` is "not one of those".

mod number;
mod probe;
mod reference;
mod system;
mod text;
mod unit;
mod word;

pub(super) use number::{count, exit_codes, port};
pub(super) use probe::probe;
pub(super) use reference::{cron, dependencies, listen, secrets};
pub(super) use system::{cores, kill_signal, nice, oom_score_adj, rlimits, umask};
pub(super) use text::{account, boolean, list, pattern, text, typed_variables, variables};
pub use unit::milliseconds;
pub(super) use unit::{cpu, millis, min_uptime, size};
pub(super) use word::{
    autorestart, catch_up, env_inherit, filter_env, instances, log_file, mode, overlap, sched, watched,
};
