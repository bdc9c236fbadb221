//! `web`: the list over HTTP, in the foreground.

use crate::cli::args::WebArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::web;

/// Ends by a signal alone, as every program does that handles none.
pub(super) async fn run(session: &mut Session<'_>, args: &WebArgs) -> Result<Exit, Failure> {
    let address = web::address(&args.port, args.host.as_deref(), &session.caller()?)?;
    let listener = web::bind(address).await?;
    if let Ok(address) = listener.local_addr() {
        session.screen.say(&format!("the list is at http://{address}/\n"))?;
    }
    match web::serve(&listener, session.link).await {}
}
