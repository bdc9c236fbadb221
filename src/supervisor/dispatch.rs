//! Which verb a request is.

use super::ending::EndedBy;
use super::requests::Ticket;
use super::world::World;
use crate::api::{ApiError, Code, Request, Response};
use crate::store::Begun;
use std::path::PathBuf;
use std::rc::Rc;

type Answer = Result<Response, ApiError>;

impl World {
    pub(super) async fn carry_out(self: Rc<Self>, request: Request, ticket: &Ticket) -> Answer {
        // A second end waits for the first.
        if request.changes_something()
            && !matches!(request, Request::Kill { .. } | Request::Shutdown | Request::Hurry { .. })
        {
            self.refuse_when_closing()?;
        }
        ticket.turn().await;
        match request {
            Request::Ping => Ok(Response::Daemon(self.info())),
            Request::List { selector } => self.list(&selector).await,
            Request::Pm2List => Ok(self.pm2_list()),
            Request::Describe { selector } => self.describe(&selector).await,
            Request::Specs { selector } => self.specs(&selector),
            Request::Start(start) => self.start(start, ticket).await,
            Request::Stop { selector, force } => self.stop(&selector, force, ticket).await,
            Request::Restart { selector, force } => self.restart(&selector, force, ticket).await,
            Request::Reload { selector, parallel } => self.reload(&selector, parallel, ticket).await,
            Request::Delete { selector, force } => self.delete(&selector, force, ticket).await,
            Request::Hurry { selector } => self.hurry(&selector),
            Request::Reset { selector } => self.reset(&selector),
            Request::Monitor { selector, on } => self.monitor(&selector, on).await,
            Request::Scale { name, count, relative } => self.scale(&name, count, relative, ticket).await,
            Request::Rename { name, to } => self.rename(&name, &to, ticket).await,
            Request::Signal { selector, signal } => self.signal(&selector, signal, ticket).await,
            Request::Send { selector, text } => self.send(&selector, &text).await,
            Request::Message { selector, message } => self.message(&selector, &message).await,
            Request::Trigger { selector, action, param, timeout } => {
                self.trigger(&selector, &action, param.as_ref(), timeout).await
            }
            Request::Flush { selector } => self.flush(selector.as_ref()).await,
            Request::ReopenLogs => self.reopen_logs().await,
            Request::Run { selector } => self.run(&selector, ticket).await,
            Request::Jobs { selector } => self.jobs(&selector),
            Request::Host => self.host_figures(),
            Request::Update { program } => self.update(program, ticket).await,
            Request::Kill { force } => self.kill(force, EndedBy::Command).await,
            Request::Shutdown => self.kill(false, EndedBy::System).await,
            Request::Save { force } => self.save(force, ticket).await,
            Request::ClearSaved => self.clear_saved().await,
            Request::Resurrect { apps } => self.resurrect(apps, ticket).await,
            Request::ResurrectLast => self.resurrect_last(ticket).await,
            Request::Wake => self.wake(ticket).await,
        }
    }

    /// Another program goes on as the daemon.
    async fn update(self: &Rc<Self>, program: PathBuf, ticket: &Ticket) -> Answer {
        let reported = self.facts.last_update.as_ref().map(|report| report.at);
        if let Some(Begun::Update { generation, reported: before }) = ticket.begun
            && before != reported
        {
            // Carried out by a daemon before this one, whatever has come of it.
            return Ok(Response::Updating { generation });
        }
        let Some(successor) = &self.facts.successor else {
            let message = format!("{} cannot take over: this supervisor has no guardian", program.display());
            return Err(ApiError::new(Code::UpdateFailed, message));
        };
        self.begin(ticket, Begun::Update { generation: self.facts.generation, reported }).await;
        successor(program).await?;
        Ok(Response::Updating { generation: self.facts.generation })
    }

    async fn kill(self: &Rc<Self>, force: bool, by: EndedBy) -> Answer {
        self.begin_closing(by);
        self.stop_everything(force).await;
        self.close_state().await;
        self.tell_bus_of_the_end();
        Ok(Response::Done)
    }
}
