//! In which order a list is shown: `--sort field[:asc|desc]`.

use super::failure::Failure;
use crate::api::Process;
use std::cmp::Ordering;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    field: Field,
    descending: bool,
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

impl Order {
    pub(crate) const BY_NAME: Self = Self { field: Field::Name, descending: false };

    /// By name where nobody says otherwise.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::BY_NAME) };
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

    pub(crate) fn sort(self, processes: &mut [Process]) {
        processes.sort_by(|a, b| self.compare(a, b));
    }

    fn compare(self, a: &Process, b: &Process) -> Ordering {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::process::tests::{NOW, process};
    use crate::domain::Status;

    #[test]
    fn each_field_in_both_directions() {
        let mut list = [
            process(0, "b", Status::Online),
            process(1, "a", Status::Online),
            process(2, "c", Status::Stopped),
            process(3, "a", Status::Errored),
        ];
        let namespaces = ["z", "y", "x", "w"];
        for (index, one) in list.iter_mut().enumerate() {
            one.namespace = namespaces[index].into();
            one.cpu = [2.0, 1.0, 0.0, 0.0][index];
            one.memory = [10, 30, 20, 0][index];
            one.started_at = [Some(NOW - 5), Some(NOW - 9), Some(NOW - 99), None][index];
        }
        let ids = |text: &str| {
            let mut list = list.clone();
            Order::parse(Some(text)).unwrap().sort(&mut list);
            list.map(|process| process.id.0)
        };
        for (text, expected) in [
            ("name", [1, 3, 0, 2]),
            ("name:desc", [2, 0, 1, 3]),
            ("namespace", [3, 2, 1, 0]),
            ("pid", [3, 2, 0, 1]),
            ("pid:desc", [1, 0, 3, 2]),
            ("id:asc", [0, 1, 2, 3]),
            ("id:desc", [3, 2, 1, 0]),
            ("cpu:desc", [0, 1, 3, 2]),
            ("memory:desc", [1, 2, 0, 3]),
            ("mem", [3, 0, 2, 1]),
            ("uptime:desc", [1, 0, 3, 2]),
            ("status", [3, 1, 0, 2]),
        ] {
            assert_eq!(ids(text), expected, "{text}");
        }
        assert_eq!(Order::parse(None).unwrap(), Order::parse(Some("name")).unwrap());
        for wrong in ["", "size", "name:up", "cpu:"] {
            assert!(Order::parse(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
