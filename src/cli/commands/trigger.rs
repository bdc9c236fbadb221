//! `trigger` and `inspect`: apps do what they have announced, and their answers are shown.

use crate::api::{Reply, Request, Response};
use crate::cli::args::{InspectArgs, TriggerArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::text::clean;
use crate::cli::session::Session;
use crate::domain::Selector;
use serde_json::Value;

/// By this name apps have their inspector opened, or closed.
const INSPECT: &str = "internal:inspect";

pub(super) async fn run(session: &mut Session<'_>, args: TriggerArgs) -> Result<Exit, Failure> {
    let TriggerArgs { target, action, param, timeout } = args;
    let selector = Selector::new(target);
    let request = Request::Trigger { selector, action: action.clone(), param: param.map(Value::from), timeout };
    let replies = replies_of(session.link.request(request).await?)?;
    tell(session, &action, &replies)
}

pub(super) async fn inspect(session: &mut Session<'_>, args: InspectArgs) -> Result<Exit, Failure> {
    let selector = Selector::new(args.target.clone());
    let request = Request::Trigger { selector, action: INSPECT.to_owned(), param: None, timeout: None };
    let hint = format!("a Node app without it opens its inspector by a signal: rpm sendSignal SIGUSR1 {}", args.target);
    let answer = session.link.request(request).await.map_err(|error| Failure::new(error.message).hint(hint))?;
    tell(session, INSPECT, &replies_of(answer)?)
}

fn tell(session: &mut Session<'_>, action: &str, replies: &[Reply]) -> Result<Exit, Failure> {
    let exit = if replies.iter().all(|reply| reply.data.is_some()) { Exit::Success } else { Exit::Failure };
    if session.screen.wants_json() {
        session.screen.data_json(replies)?;
        return Ok(exit);
    }
    let count = match replies.len() {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    };
    session.screen.note(&format!("{} was sent to {count}", clean(action)));
    for Reply { process, data, missing, .. } in replies {
        let who = format!("[{}:{}:{}]", clean(&process.name), process.id, clean(&process.namespace));
        if let Some(data) = data {
            // What the app gives back may be nothing at all.
            let given = data.get("return").map_or_else(|| "undefined".to_owned(), ToString::to_string);
            session.screen.data(format!("{who}={given}\n"))?;
        } else {
            session.screen.error(&format!("{who} {}", missing.as_deref().unwrap_or("no answer")), None);
        }
    }
    Ok(exit)
}

fn replies_of(response: Response) -> Result<Vec<Reply>, Failure> {
    match response {
        Response::Replies(replies) => Ok(replies),
        _ => Err(Failure::unexpected_answer()),
    }
}
