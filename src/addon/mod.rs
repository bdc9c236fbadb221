//! The supervisor as seen from Node: classes, conversions, errors with a `code`. What is asked and answered is `api`'s,
//! what it means is decided behind the backend; the JavaScript on top (`index.js`) adds callbacks and iterators.
//!
//! Calls read their arguments on JavaScript's thread and do all else on the runtime. Only a promise that is not settled
//! keeps Node's event loop alive: an idle manager or stream lets the program end.

mod calls;
mod connections;
mod failure;
mod health;
mod log_entry;
mod manager;
mod packet;
mod passage;
mod process;
mod renew;
mod runtime;
mod saved;
mod settings;
mod stream;
mod target;
