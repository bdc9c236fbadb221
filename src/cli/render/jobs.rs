//! Jobs as a table, and the runs of one.

use super::color::{self, paint};
use super::table::{Align, Cell, Column, Table};
use super::{duration, text, timestamp};
use crate::api::Job;
use crate::cli::words;
use crate::domain::UnixMs;
use crate::domain::job::Run;
use std::fmt::Write as _;

const fn column(title: &'static str, align: Align, shrinks_to: Option<usize>) -> Column {
    Column { title, align, shrinks_to }
}

/// A line a job.
pub(crate) fn table(jobs: &[Job], width: Option<usize>, now: UnixMs) -> String {
    if jobs.is_empty() {
        return paint(color::DIM, "no jobs; one has job: true in its application file") + "\n";
    }
    let columns = vec![
        column("id", Align::Right, None),
        column("name", Align::Left, Some(8)),
        column("cron", Align::Left, Some(9)),
        column("next", Align::Left, None),
        column("last run", Align::Left, None),
        column("it", Align::Left, Some(8)),
    ];
    let row = |job: &Job| {
        let last = job.history.runs.last();
        vec![
            Cell::styled(job.id.to_string(), color::of_process(job.id)),
            Cell::styled(&job.name, color::BOLD),
            job.cron.as_ref().map_or_else(|| Cell::new("by hand"), Cell::new),
            job.next_run.map_or_else(Cell::none, |next| Cell::new(until(next, now))),
            last.map_or_else(Cell::none, |run| Cell::new(ago(run.started_at, now))),
            last.map_or_else(Cell::none, result),
        ]
    };
    Table::new(columns, jobs.iter().map(row).collect()).render(width)
}

/// One job with its runs, the newest first.
pub(crate) fn history(job: &Job, width: Option<usize>, now: UnixMs) -> String {
    let mut out = format!("{} ({})", paint(color::BOLD, text::clean(&job.name)), job.id);
    let zone = job.time_zone.as_ref().map(|zone| format!(" ({zone})")).unwrap_or_default();
    let cron = job.cron.as_ref().map_or_else(|| "by hand".to_owned(), |cron| format!("{cron}{zone}"));
    _ = write!(out, "  {}", text::clean(&cron));
    if let Some(next) = job.next_run {
        _ = write!(out, ", next {} ({})", until(next, now), timestamp::iso8601(next));
    }
    out.push('\n');
    for (count, what) in
        [(job.history.skipped, "skipped, as a run was under way"), (job.history.missed, "missed, as nobody was there")]
    {
        if count > 0 {
            _ = writeln!(out, "{count} {what}");
        }
    }
    if job.queued {
        out.push_str("another run follows the one that is under way\n");
    }
    if job.history.runs.is_empty() {
        return out
            + &paint(color::DIM, format_args!("it never ran; run it now: rpm run {}", text::clean(&job.name)))
            + "\n";
    }
    let columns = vec![
        column("started", Align::Left, None),
        column("took", Align::Right, None),
        column("by", Align::Left, None),
        column("it", Align::Left, Some(8)),
    ];
    let row = |run: &Run| {
        vec![
            Cell::new(timestamp::iso8601(run.started_at)),
            Cell::new(took(run.ended_at.unwrap_or(now) - run.started_at)),
            Cell::new(run.trigger.as_str()),
            result(run),
        ]
    };
    out + &Table::new(columns, job.history.runs.iter().rev().map(row).collect()).render(width)
}

fn result(run: &Run) -> Cell {
    match run.outcome {
        _ if run.is_under_way() => Cell::styled("runs", color::BUSY),
        _ if run.timed_out => Cell::styled("took too long, and was stopped", color::BAD),
        Some(outcome) if run.succeeded() => Cell::styled(words::outcome(outcome), color::GOOD),
        Some(outcome) => Cell::styled(words::outcome(outcome), color::BAD),
        None => Cell::styled("ended, nobody knows how", color::BAD),
    }
}

fn until(next: UnixMs, now: UnixMs) -> String {
    format!("in {}", duration::short(next - now))
}

fn ago(then: UnixMs, now: UnixMs) -> String {
    format!("{} ago", duration::short(now - then))
}

/// Short runs in milliseconds.
fn took(ms: i64) -> String {
    if ms < 10_000 { format!("{ms}ms") } else { duration::short(ms) }
}

#[cfg(test)]
mod tests {
    use super::super::process::tests::NOW;
    use super::*;
    use crate::domain::job::{History, Trigger};
    use crate::domain::{Outcome, ProcessId, SpawnId, Status};

    fn job() -> Job {
        let run = |number: u64, ago: i64, took: Option<i64>, code| Run {
            run: SpawnId(number),
            trigger: Trigger::Schedule,
            started_at: NOW - ago,
            ended_at: took.map(|took| NOW - ago + took),
            outcome: took.map(|_| Outcome::Code(code)),
            timed_out: false,
        };
        let runs = vec![run(1, 600_000, Some(1200), 0), run(2, 300_000, Some(45_000), 3), run(3, 60_000, None, 0)];
        Job {
            id: ProcessId(4),
            name: "backup".into(),
            status: Status::Online,
            cron: Some("*/5 * * * *".into()),
            time_zone: Some("Europe/Vienna".into()),
            next_run: Some(NOW + 240_000),
            queued: false,
            history: History { runs, skipped: 2, missed: 0 },
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_line_a_job() {
        let by_hand = Job { cron: None, next_run: None, history: History::default(), ..job() };
        assert_eq!(
            plain(&table(&[job(), by_hand], None, NOW)),
            "\
id  name    cron         next   last run  it
 4  backup  */5 * * * *  in 4m  60s ago   runs
 4  backup  by hand      -      -         -
"
        );
        assert!(table(&[], None, NOW).contains("job: true"));
    }

    #[test]
    fn the_newest_run_comes_first() {
        assert_eq!(
            plain(&history(&job(), None, NOW)),
            "\
backup (4)  */5 * * * * (Europe/Vienna), next in 4m (2023-11-14T22:17:20.000Z)
2 skipped, as a run was under way
started                     took  by        it
2023-11-14T22:12:20.000Z     60s  schedule  runs
2023-11-14T22:08:20.000Z     45s  schedule  exit code 3
2023-11-14T22:03:20.000Z  1200ms  schedule  exit code 0
"
        );
    }
}
