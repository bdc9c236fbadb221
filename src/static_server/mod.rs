//! The static file server: this program in a small role of its own (`rpm static-server`), run as an app.
//!
//! ```text
//!  variables ─▶ site ─▶ run ─▶ connections ─▶ respond ─┬─ login      may they
//!                                                      ├─ wanted     what the path of the request means
//!                                                      ├─ found      the file behind it, never outside the root
//!                                                      ├─ variant    as it is, or compressed before
//!                                                      ├─ press      compressed now, for who comes next too
//!                                                      └─ reply      conditions, ranges, headers, the body
//! ```
//!
//! Files are looked for and read on a few threads beside the loop, a chunk at a time: what a slow disk or client holds up
//! is its own connection. Nothing of a request reaches the file system but by `found`.

mod body;
mod conditions;
mod connections;
mod found;
mod kinds;
mod listing;
mod login;
mod parts;
mod patience;
mod press;
mod range;
mod reply;
mod respond;
mod run;
mod variant;
mod wanted;

pub use run::run;
