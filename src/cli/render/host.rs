//! The machine in one line.

use super::color::{self, paint};
use super::{duration, size, text};
use crate::api::{Host, pm2};
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

/// A line a figure, under PM2's names; what PM2 has no name for comes first.
pub(crate) fn text(host: &Host) -> String {
    let [one, five, fifteen] = host.load;
    let mut rows = vec![
        ("CPU Cores".to_owned(), host.cores.to_string()),
        ("Load".to_owned(), format!("{one:.2} {five:.2} {fifteen:.2}")),
        ("Uptime".to_owned(), duration::short(host.uptime.saturating_mul(1000))),
    ];
    for (name, metric) in pm2::host::metrics(host) {
        let value = match metric["unit"].as_str() {
            Some("b") => size::short(metric["value"].as_i64().unwrap_or(0)),
            unit => format!("{} {}", metric["value"], unit.unwrap_or_default()),
        };
        rows.push((name, value));
    }
    let column = rows.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in rows {
        _ = writeln!(text, "{name:<column$}  {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::host::Disks;

    #[test]
    fn it_is_one_line_of_the_width_there_is() {
        let host = Host {
            cpu: 12.4,
            cores: 8,
            memory_used: 3 << 30,
            memory_total: 16 << 30,
            load: [0.5, 0.25, 1.0],
            uptime: 3 * 86_400,
            disks: Some(Disks { read: 1.5e6, written: 0.0 }),
            ..Host::default()
        };
        let plain = |width| anstream::adapter::strip_str(&line(&host, width)).to_string();
        assert_eq!(plain(100), "host  load 0.50 0.25 1.00 · cpu 12% of 8 cores · mem 3.0gb of 16.0gb · up 3D\n");
        assert_eq!(plain(20), "host  load 0.50 0.2…\n");
        let lines = text(&host);
        assert!(lines.starts_with("CPU Cores      8\nLoad           0.50 0.25 1.00\n"), "{lines}");
        for line in
            ["CPU Usage      12.4 %", "RAM Usage      18.8 %", "RAM Available  13.0gb", "Disk Reads     1.5 mb/s"]
        {
            assert!(lines.lines().any(|found| found == line), "{line} in {lines}");
        }
    }
}
