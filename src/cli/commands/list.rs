//! `list`: the table, with a line about the machine on terminals.

use crate::api::{Process, Request, Response};
use crate::cli::args::ListArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::render::host;
use crate::cli::session::Session;
use crate::domain::Selector;
use std::cmp::Ordering;

pub(super) async fn run(session: &mut Session<'_>, args: &ListArgs) -> Result<Exit, Failure> {
    let order = Order::parse(args.sort.as_deref().unwrap_or("name"))?;
    let all = session.list(Selector::all());
    let (processes, machine) = match session.screen.width() {
        Some(width) if session.screen.is_decorated() && !session.mini => {
            let (processes, host) = tokio::join!(all, session.link.request(Request::Host));
            (processes?, host.ok().zip(Some(width)))
        }
        _ => (all.await?, None),
    };
    let mut processes = processes;
    processes.sort_by(|a, b| order.compare(a, b));
    if session.screen.wants_json() {
        session.screen.data_json(&processes)?;
        return Ok(Exit::Success);
    }
    session.show(&processes)?;
    if let Some((Response::Host(host), width)) = machine {
        session.screen.say(&host::line(&host, width))?;
    }
    Ok(Exit::Success)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
    Pid,
    Id,
    Cpu,
    Memory,
    Uptime,
    Status,
}

struct Order {
    field: Field,
    descending: bool,
}

impl Order {
    fn parse(text: &str) -> Result<Self, Failure> {
        let (field, direction) = text.split_once(':').unwrap_or((text, "asc"));
        let field = match field {
            "name" => Field::Name,
            "namespace" => Field::Namespace,
            "pid" => Field::Pid,
            "id" => Field::Id,
            "cpu" => Field::Cpu,
            "memory" | "mem" => Field::Memory,
            "uptime" => Field::Uptime,
            "status" => Field::Status,
            other => {
                return Err(Failure::new(format!("the list cannot be sorted by {other:?}"))
                    .hint("fields: name, namespace, pid, id, cpu, memory, uptime, status"));
            }
        };
        match direction {
            "asc" => Ok(Self { field, descending: false }),
            "desc" => Ok(Self { field, descending: true }),
            other => Err(Failure::new(format!("{other:?} is no order")).hint("orders: asc, desc, as in memory:desc")),
        }
    }

    fn compare(&self, a: &Process, b: &Process) -> Ordering {
        // A longer uptime is an earlier start; what doesn't run has none.
        let age = |process: &Process| process.started_at.filter(|_| process.status.is_alive()).map(|at| -at);
        let order = match self.field {
            Field::Name => a.name.cmp(&b.name),
            Field::Namespace => a.namespace.cmp(&b.namespace),
            Field::Pid => a.pid.cmp(&b.pid),
            Field::Id => a.id.cmp(&b.id),
            Field::Cpu => a.cpu.total_cmp(&b.cpu),
            Field::Memory => a.memory.cmp(&b.memory),
            Field::Uptime => age(a).cmp(&age(b)),
            Field::Status => a.status.as_str().cmp(b.status.as_str()),
        };
        let order = if self.descending { order.reverse() } else { order };
        order.then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id))
    }
}
