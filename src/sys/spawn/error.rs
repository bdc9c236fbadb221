//! Where starting a process can fail.

use std::io;

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Where starting failed. Up to `Birth` nobody but us knows of the process.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Stage { $($(#[$doc])* $name),* }

        impl Stage {
            /// What failed, for a sentence that a cause follows.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

stages! {
    /// No process could be made: limits, memory.
    Clone => "no new process can be made",
    Session => "it cannot have a session of its own",
    Cgroup => "it cannot be put into its cgroup",
    /// Its keeper could not be told.
    Birth => "its birth cannot be reported",
    OomScore => "its out-of-memory score cannot be set",
    /// A descriptor could not be put in place.
    Descriptors => "its descriptors cannot be set up",
    OpenFiles => "its limit of open files cannot be set",
    Limits => "its resource limits cannot be set",
    Priority => "its priority cannot be set",
    Affinity => "the cores it may run on cannot be set",
    Groups => "its supplementary groups cannot be set",
    Group => "its group cannot be set",
    User => "its user cannot be set",
    /// The working directory could not be entered, as the user that the process is.
    Cwd => "its working directory cannot be entered",
    DeathSignal => "it cannot be bound to the life of its parent",
    /// The program could not be executed.
    Exec => "it cannot be executed",
}

#[derive(Debug)]
pub struct SpawnError {
    pub stage: Stage,
    /// The `RLIMIT_…` that could not be set, at [`Stage::Limits`].
    pub resource: Option<i32>,
    pub source: io::Error,
}

impl std::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.stage.what(), self.source)
    }
}

impl std::error::Error for SpawnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
