//! `serve`: an app that serves files.

use super::apps;
use crate::api::request::Existing;
use crate::cli::args::ServeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::outcome::Verb;
use crate::cli::session::Session;
use crate::config::{self, AppOptions, Caller, Loaded, default_site_name};
use crate::domain::site::{DEFAULT_PORT, PREFIX, SCRIPT};

pub(super) async fn run(session: &mut Session<'_>, args: &ServeArgs) -> Result<Exit, Failure> {
    let caller = session.caller()?;
    let Loaded { apps, warnings } = config::from_target(SCRIPT, options(args, &caller)?, &caller)?;
    for warning in warnings {
        session.screen.warn(&warning);
    }
    // Served again by the same name, it is the same site with what is said now: nobody notices the change.
    let acted = apps::apply(session, Verb::Start, apps, Existing::Reload, apps::Manner::default()).await?;
    session.finish(&acted).await
}

/// What is said on the command line wins over variables of the shell.
fn options(args: &ServeArgs, caller: &Caller) -> Result<AppOptions, Failure> {
    let given = |name: &str| {
        let of = |prefix: &str| caller.env.get(&format!("{prefix}{name}")).filter(|value| !value.is_empty());
        of(PREFIX).or_else(|| of("PM2_SERVE_")).cloned()
    };
    let port = args.port().map(|port| port.to_string()).or_else(|| given("PORT"));
    let port = port.unwrap_or_else(|| DEFAULT_PORT.to_string());
    let mut options = AppOptions {
        name: Some(args.name.clone().unwrap_or_else(|| default_site_name(&port))),
        namespace: args.namespace.clone(),
        ..AppOptions::default()
    };
    if let Some(instances) = &args.instances {
        options.set("instances", instances.as_str())?;
    }
    let switch = |on: bool| on.then(|| "true".to_owned());
    for (name, value) in [
        ("PATH", args.path.clone()),
        ("PORT", Some(port)),
        ("HOST", args.host.clone()),
        ("SPA", switch(args.spa)),
        ("FTP", switch(args.ftp)),
        ("BASIC_AUTH", switch(args.basic_auth_username.is_some())),
        ("BASIC_AUTH_USERNAME", args.basic_auth_username.clone()),
        ("BASIC_AUTH_PASSWORD", args.basic_auth_password.clone()),
    ] {
        if let Some(value) = value {
            options.env.insert(format!("{PREFIX}{name}"), value);
        }
    }
    Ok(options)
}
