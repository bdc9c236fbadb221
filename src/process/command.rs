//! What is executed for a run: found anew at each start, as the app's user, in the app's environment.

use super::launch::{LaunchError, NotLaunched};
use crate::domain::AppSpec;
use crate::domain::spec::Interpreter;
use crate::interpreter::{self, Answer, Chosen, Final, Missing, Place, Shim};
use crate::sys::proc;
use crate::sys::user::{self, Ids};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A program, its words, and what it finds.
#[derive(Debug)]
pub(super) struct CommandLine {
    pub(super) program: PathBuf,
    pub(super) argv: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) cwd: PathBuf,
}

pub(super) fn command_line(
    spec: &AppSpec,
    env: BTreeMap<String, String>,
    ids: Option<&Ids>,
) -> Result<CommandLine, NotLaunched> {
    let home = home(&env, ids);
    let cwd = spec.cwd.clone();
    let mut line = CommandLine { program: PathBuf::new(), argv: Vec::new(), env, cwd };
    let script = spec.program.path.as_path();
    let Interpreter::Named(name) = &spec.program.interpreter else {
        script.clone_into(&mut line.program);
        line.argv = [&[text(script)][..], &spec.args].concat();
        return match direct_package(spec, &mut line, home.as_deref(), ids)? {
            Some(last) => Ok(line.replaced(last)),
            None => Ok(line),
        };
    };
    if !script.exists() {
        return Err(missing(format!("{} is not there", script.display())).into());
    }
    match name.split('@').next() {
        Some("node" | "nodejs" | "tsx") => under_node(spec, name, line, home.as_deref(), ids),
        _ => Ok(under(spec, name, line, home.as_deref(), ids)?),
    }
}

/// Node, or what the script of a package runner comes to with it.
fn under_node(
    spec: &AppSpec,
    name: &str,
    mut line: CommandLine,
    home: Option<&Path>,
    ids: Option<&Ids>,
) -> Result<CommandLine, NotLaunched> {
    let word = if name == "tsx" { "node" } else { name };
    let chosen = interpreter::node(word, &line.place(spec, home, ids)).map_err(not_chosen)?;
    if let Some(note) = &chosen.note {
        tracing::info!("{}: {note}", spec.name);
    }
    line.put_first(&chosen);
    if let Some(last) = package(spec, &line, home, ids)? {
        return Ok(line.replaced(last));
    }
    let (mut script, mut flags) = (spec.program.path.clone(), Vec::new());
    match interpreter::shim(&script) {
        Some(Shim::Node { script: behind, flags: own, node_path }) => {
            line.add_node_path(node_path);
            (script, flags) = (behind, own);
        }
        // Node would take it for JavaScript.
        Some(Shim::Shell) => {
            line.argv = [&[text(&script)][..], &spec.args].concat();
            line.program = script;
            return Ok(line);
        }
        None => {}
    }
    let args = &spec.program.interpreter_args;
    if name == "tsx" || interpreter::is_typescript(&script) {
        let version = match chosen.version {
            Some(version) => Some(version),
            None => line.place(spec, home, ids).version_of(&chosen.program).map_err(not_chosen)?,
        };
        match interpreter::typescript(&script, version, args, &line.place(spec, home, ids)) {
            Answer::Flags(own) => flags.extend(own),
            Answer::No => {
                let has = version.map_or_else(|| "another one".to_owned(), |version| version.to_string());
                return Err(missing(format!(
                    "{} is TypeScript, and {has} of Node doesn't run it; install Node 22.18 or later, or tsx in the project",
                    script.display()
                ))
                .into());
            }
        }
    }
    let word = word.split('@').next().unwrap_or(word).to_owned();
    line.argv = [&[word][..], &flags, args, &[text(&script)], &spec.args].concat();
    line.program = chosen.program;
    Ok(line)
}

/// Any other interpreter.
fn under(
    spec: &AppSpec,
    name: &str,
    mut line: CommandLine,
    home: Option<&Path>,
    ids: Option<&Ids>,
) -> Result<CommandLine, LaunchError> {
    let place = line.place(spec, home, ids);
    let local = || interpreter::local(name, &place).filter(|_| !name.contains('/'));
    line.program = place.find(name).or_else(local).ok_or_else(|| {
        let gone = if name.contains('/') { "not there any more" } else { "not in its PATH" };
        missing(format!("its interpreter {name} is {gone}"))
    })?;
    let mut args = spec.program.interpreter_args.clone();
    if name.rsplit('/').next() == Some("deno") && args.first().is_none_or(|word| word.starts_with('-')) {
        args.insert(0, "run".to_owned());
    }
    line.argv = [&[name.to_owned()][..], &args, &[text(&spec.program.path)], &spec.args].concat();
    Ok(line)
}

/// A package runner that is executed itself, or the only command of a line for a shell: `npm run x`.
fn direct_package(
    spec: &AppSpec,
    line: &mut CommandLine,
    home: Option<&Path>,
    ids: Option<&Ids>,
) -> Result<Option<Final>, NotLaunched> {
    if !spec.is_shell_line() {
        return Ok(package(spec, line, home, ids)?);
    }
    let [_, text] = spec.args.as_slice() else { return Ok(None) };
    let Some((runner, args)) = interpreter::runner_line(text) else { return Ok(None) };
    let Some(program) = line.place(spec, home, ids).find(&runner) else { return Ok(None) };
    match interpreter::node("node", &line.place(spec, home, ids)) {
        Ok(chosen) => line.put_first(&chosen),
        Err(Missing::Unasked(program)) => return Err(NotLaunched::Unasked(program)),
        // The line may do without.
        Err(_) => {}
    }
    Ok(interpreter::final_command(&program, &args, &line.place(spec, home, ids)).map_err(missing)?)
}

/// What a package runner would come to; `None` when it is none, or has to do it itself.
fn package(
    spec: &AppSpec,
    line: &CommandLine,
    home: Option<&Path>,
    ids: Option<&Ids>,
) -> Result<Option<Final>, LaunchError> {
    interpreter::final_command(&spec.program.path, &spec.args, &line.place(spec, home, ids)).map_err(missing)
}

/// Where the app's user keeps versions of programs.
pub(super) fn home(env: &BTreeMap<String, String>, ids: Option<&Ids>) -> Option<PathBuf> {
    let named = || env.get("HOME").filter(|home| home.starts_with('/')).map(PathBuf::from);
    ids.and_then(|ids| user::home_of(ids.uid)).or_else(named).or_else(user::home_directory)
}

impl CommandLine {
    fn place<'a>(&'a self, spec: &'a AppSpec, home: Option<&'a Path>, ids: Option<&'a Ids>) -> Place<'a> {
        Place { script: &spec.program.path, cwd: &spec.cwd, env: &self.env, home, ids, asks: false }
    }

    /// What the app starts by the name `node` is the same Node.
    fn put_first(&mut self, chosen: &Chosen) {
        if let Some(directory) = chosen.program.parent().filter(|_| chosen.beside_path) {
            let rest = self.env.get("PATH").map(|path| format!(":{path}")).unwrap_or_default();
            self.env.insert("PATH".to_owned(), format!("{}{rest}", directory.display()));
        }
    }

    fn add_node_path(&mut self, own: Option<String>) {
        let Some(own) = own else { return };
        let rest = self.env.get("NODE_PATH").filter(|path| !path.is_empty()).map(|path| format!(":{path}"));
        self.env.insert("NODE_PATH".to_owned(), own + &rest.unwrap_or_default());
    }

    fn replaced(mut self, last: Final) -> Self {
        self.env.extend(last.env);
        Self { program: last.program, argv: last.argv, cwd: last.cwd, env: self.env }
    }
}

/// Whether a process is a shell at this moment. One that waits for a command doesn't mind its own SIGINT before that
/// command has ended.
pub(super) fn is_shell(pid: i32) -> Option<bool> {
    let program = proc::program(pid)?;
    let name = program.file_name()?.to_str()?;
    Some(matches!(name, "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "busybox"))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn not_chosen(error: Missing) -> NotLaunched {
    match error {
        Missing::Unasked(program) => NotLaunched::Unasked(program),
        error => missing(format!("{error}; {}", error.hint())).into(),
    }
}

fn missing(message: String) -> LaunchError {
    LaunchError { message, errno: libc::ENOENT }
}
