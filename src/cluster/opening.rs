//! How an app comes to its servers: a worker asks for one, or another daemon has left it.

use super::group::Group;
use super::kept::{self, Tag};
use super::listener::Listener;
use super::message::{self, Query};
use super::primary::WorkerId;
use super::server::Server;
use super::state::State;
use crate::ipc::ClusterMessage;
use crate::sys::fault::{self, Point};
use crate::sys::keep::Kept;
use serde_json::Value;
use std::io;

impl Group {
    /// Opens the servers that another daemon has kept for this app. Their members are those that [`Self::rejoin`].
    pub fn restore(&self, kept: Vec<Kept>) {
        for kept in kept {
            let tag = Tag::of(&kept).filter(|tag| tag.app == self.inner.name);
            let listener = tag.as_ref().and_then(|tag| Listener::adopt(kept.fd, tag.address.clone()));
            let mut state = self.inner.state.borrow_mut();
            let (Some(tag), Some(listener)) = (tag, listener) else {
                // Its close was cut off half-way.
                self.inner.keep.forget(&kept.name);
                continue;
            };
            let address = listener.describe();
            match Server::open(&self.inner, listener, tag, kept.name) {
                // Two of one key can't both be in use; which one is lost can't matter.
                Ok(server) if state.servers.contains_key(&server.tag.key) => server.close(),
                Ok(server) => {
                    state.primary.open(&server.tag.key);
                    state.servers.insert(server.tag.key.clone(), server);
                }
                Err(error) => {
                    tracing::error!("{}: its listener at {address} cannot be taken over: {error}", self.inner.name);
                }
            }
        }
    }

    /// A worker asks for a server. It is kept before the worker hears of it.
    pub(super) fn query(&self, id: WorkerId, message: &ClusterMessage) {
        let Some(seq) = message.seq else { return };
        let mut state = self.inner.state.borrow_mut();
        // A worker that leaves gets no answer, as with Node's own primary.
        if !state.primary.may_join(id) {
            return;
        }
        let Some(query) = Query::of(message) else {
            let data = message.data.clone().unwrap_or(Value::Null);
            let own = state.primary.next_seq();
            state.send(id, message::error_reply(own, seq, "malformed", &data, libc::EINVAL));
            return;
        };
        if let Err(errno) = self.open(&mut state, &query) {
            state.refused = Some(format!("{}: {}", query.address, io::Error::from_raw_os_error(errno)));
            let own = state.primary.next_seq();
            state.send(id, message::error_reply(own, seq, &query.key, &query.data, errno));
            return;
        }
        state.refused = None;
        state.join(id, &query.key);
        let own = state.primary.next_seq();
        let Some(server) = state.servers.get_mut(&query.key) else { return };
        server.learn(&query.data);
        let data = if query.data.is_null() { &Value::Null } else { &server.tag.data };
        let reply = message::listening_reply(own, seq, &query.key, data, server.listener.get_ref().bound());
        state.send(id, reply);
        drop(state);
        fault::point(Point::ListenAnswered);
        // What the dead left behind may have waited for just this worker.
        self.inner.pump();
    }

    /// The server that is asked for: there already, or bound now. An error is the `errno` for the worker.
    fn open(&self, state: &mut State, query: &Query) -> Result<(), i32> {
        if state.servers.contains_key(&query.key) {
            return Ok(());
        }
        let listener = match Listener::bind(&query.address, query.backlog) {
            // What is in the way may be ours: a worker that closes a server listens anew under another name, as a
            // fixed port in place of port 0, before the old listener has gone.
            Err(libc::EADDRINUSE) if state.close_unused() => Listener::bind(&query.address, query.backlog)?,
            other => other?,
        };
        fault::point(Point::ListenBound);
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EMFILE);
        let tag = Tag {
            app: self.inner.name.clone(),
            key: query.key.clone(),
            number: state.unused_number(),
            address: listener.bound().clone(),
            data: query.data.clone(),
        };
        let name = kept::unused_name().map_err(errno)?;
        let server = Server::open(&self.inner, listener, tag, name).map_err(errno)?;
        if let Err(error) = server.store() {
            server.close();
            return Err(errno(error));
        }
        fault::point(Point::ListenKept);
        state.primary.open(&query.key);
        state.servers.insert(query.key.clone(), server);
        Ok(())
    }
}
