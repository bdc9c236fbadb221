//! What the program says to its caller in a number.

/// PM2 knows no other codes, and scripts compare with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    /// Also what a command line that makes no sense gives.
    Failure,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
        }
    }
}
