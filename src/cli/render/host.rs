//! The machine in one line.

use super::color::{self, paint};
use super::{duration, size, text};
use crate::api::Host;
use std::fmt::Write as _;

pub(crate) fn line(host: &Host, width: usize) -> String {
    let [one, five, fifteen] = host.load;
    let line = format!(
        "host  load {one:.2} {five:.2} {fifteen:.2} · cpu {:.0}% of {} {} · mem {} of {} · up {}",
        host.cpu,
        host.cores,
        if host.cores == 1 { "core" } else { "cores" },
        size::short(host.memory_used),
        size::short(host.memory_total),
        duration::short(host.uptime.saturating_mul(1000)),
    );
    paint(color::DIM, text::truncate(&line, width)) + "\n"
}

/// A line a figure.
pub(crate) fn text(host: &Host) -> String {
    let share = host.memory_used as f64 * 100.0 / host.memory_total.max(1) as f64;
    let [one, five, fifteen] = host.load;
    let rows = [
        ("CPU Usage", format!("{:.1} %", host.cpu)),
        ("CPU Cores", host.cores.to_string()),
        ("Load", format!("{one:.2} {five:.2} {fifteen:.2}")),
        ("RAM Usage", format!("{share:.1} %")),
        ("RAM Total", size::short(host.memory_total)),
        ("RAM Available", size::short(host.memory_total - host.memory_used)),
        ("Uptime", duration::short(host.uptime.saturating_mul(1000))),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        _ = writeln!(text, "{name:<13}  {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_of_the_width_there_is() {
        let host = Host {
            cpu: 12.4,
            cores: 8,
            memory_used: 3 << 30,
            memory_total: 16 << 30,
            load: [0.5, 0.25, 1.0],
            uptime: 3 * 86_400,
        };
        let plain = |width| anstream::adapter::strip_str(&line(&host, width)).to_string();
        assert_eq!(plain(100), "host  load 0.50 0.25 1.00 · cpu 12% of 8 cores · mem 3.0gb of 16.0gb · up 3D\n");
        assert_eq!(plain(20), "host  load 0.50 0.2…\n");
        let lines = text(&host);
        assert!(lines.starts_with("CPU Usage      12.4 %\nCPU Cores      8\n"), "{lines}");
        assert!(lines.contains("RAM Usage      18.8 %\n") && lines.contains("RAM Available  13.0gb\n"), "{lines}");
    }
}
