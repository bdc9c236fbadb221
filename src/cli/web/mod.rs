//! PM2's listing over HTTP: `GET /` answers the machine and the list as JSON. Who asks may look, and at no variable of an
//! app; nothing can be done.

mod address;
mod serve;

pub(super) use address::address;
pub(super) use serve::{bind, serve};
