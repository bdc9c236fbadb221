//! Places where a test may cut the copying off.

use crate::sys::fault::{self, Point};

/// Whether writes are made in two parts, so that they can be cut off between them.
pub(super) const HALVES: bool = cfg!(any(test, feature = "faults"));

pub(super) fn point(point: Point) {
    #[cfg(test)]
    super::torture::reached();
    fault::point(point);
}
