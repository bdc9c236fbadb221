//! From a command to its file.

use super::{
    apply, attach, completion, delete, describe, env, examples, flush, help, id, init, jlist, jobs, kill, list,
    logrotate, logs, migrate, monitor, pid, ping, prettylist, reload, report, reset, restart, resurrect,
    run as run_jobs, save, scale, send, serve, signal, start, startup, stop, sysinfos, trigger, unstartup, update,
    validate,
};
use crate::cli::args::Command;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Start(args) => start::run(session, &args).await,
        Command::Restart(args) => restart::run(session, &args).await,
        Command::Reload(args) => reload::run(session, &args).await,
        Command::Apply(args) => apply::run(session, &args).await,
        Command::Stop(args) => stop::run(session, &args).await,
        Command::Delete(args) => delete::run(session, &args).await,
        Command::Scale(args) => scale::run(session, args).await,
        Command::Run(args) => run_jobs::run(session, args).await,
        Command::Jobs(args) => jobs::run(session, args).await,
        Command::Reset(args) => reset::run(session, args).await,
        Command::SendSignal(args) => signal::run(session, args).await,
        Command::Trigger(args) => trigger::run(session, args).await,
        Command::Send(args) => send::run(session, args).await,
        Command::Attach(args) => attach::run(session, args).await,
        Command::Inspect(args) => trigger::inspect(session, args).await,
        Command::List(args) => list::run(session, &args).await,
        Command::Jlist => jlist::run(session).await,
        Command::Prettylist => prettylist::run(session).await,
        Command::Id(args) => id::run(session, &args).await,
        Command::Pid(args) => pid::run(session, args).await,
        Command::Monitor(args) => monitor::run(session, args, true).await,
        Command::Unmonitor(args) => monitor::run(session, args, false).await,
        Command::Sysinfos => sysinfos::run(session).await,
        Command::Report => report::run(session).await,
        Command::Examples => examples::run(session),
        Command::Describe(args) => describe::run(session, args).await,
        Command::Env(args) => env::run(session, &args).await,
        Command::Logs(args) => logs::run(session, args).await,
        Command::Save(args) => save::run(session, args).await,
        Command::Resurrect(args) => resurrect::run(session, args).await,
        Command::ClearDump => save::clear(session).await,
        Command::Migrate(args) => migrate::run(session, args).await,
        Command::Flush(args) => flush::run(session, args).await,
        Command::Validate(args) => validate::run(session, args),
        Command::Init(args) => init::run(session, &args),
        Command::Runtime(_) | Command::Dev(_) => Err(Failure::new("this runs without a daemon")),
        Command::Serve(args) => serve::run(session, &args).await,
        Command::Ping => ping::run(session).await,
        Command::Update(args) => update::run(session, args).await,
        Command::Kill(args) => kill::run(session, args).await,
        Command::Startup(args) => startup::run(session, &args).await,
        Command::Unstartup(args) => unstartup::run(session, &args).await,
        Command::Logrotate(args) => logrotate::run(session, &args),
        Command::Completion(args) => completion::run(session, &args).await,
        Command::Help(args) => help::run(session, &args),
    }
}
