//! Programs of the system, run to their end.

use crate::sys::helper::{Helper, HelperPlan};
use crate::sys::pidfd::Ended;
use crate::sys::spawn::{c_string, find_program};
use crate::sys::user::Ids;
use std::io;
use std::path::{Path, PathBuf};

/// What systemd gives its services, and sudo its commands.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Of what it prints so much is kept.
const LONGEST: usize = 64 << 10;
const OPEN_FILES: u64 = 1024;

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    pub is_success: bool,
    pub out: String,
    /// The first line that it wrote about what is wrong.
    pub why: String,
}

/// A program of the system by its name, with our environment; `None` where there is none.
pub async fn run(name: &str, args: &[&str]) -> io::Result<Option<Outcome>> {
    let Some(program) = find_program(name, PATH, Path::new("/")) else { return Ok(None) };
    let env = std::env::vars_os().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        name
    });
    run_as(program, args, env, None).await.map(Some)
}

/// A program with an environment, as a user.
pub(super) async fn run_as(
    program: PathBuf,
    args: &[&str],
    env: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ids: Option<Ids>,
) -> io::Result<Outcome> {
    let program = c_string(program)?;
    let mut argv = vec![program.clone()];
    for arg in args {
        argv.push(c_string(arg)?);
    }
    let env = env.into_iter().map(c_string).collect::<io::Result<Vec<_>>>()?;
    let plan = HelperPlan { program, argv, env, cwd: c_string("/")?, ids, open_files: OPEN_FILES };
    let said = Helper::start(plan)?.wait(LONGEST).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let err = text(&said.err);
    let why = err.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    let why = why.unwrap_or_else(|| match said.ended {
        Ended::Code(code) => format!("it ended with code {code}"),
        Ended::Signal(number) => format!("it was ended by signal {number}"),
        Ended::Unknown => "nobody knows how it ended".to_owned(),
    });
    Ok(Outcome { is_success: matches!(said.ended, Ended::Code(0)), out: text(&said.out), why })
}
