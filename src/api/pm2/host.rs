//! Figures of the machine under PM2's names, and the document of its listing over HTTP.

use crate::api::Host;
use crate::api::host::{Interface, Traffic};
use serde_json::{Map, Value, json};

const MEGA: f64 = 1e6;
const GIGA: f64 = 1e9;

/// What PM2's `slist` shows: `{<name>: {value, type, unit, historic}}`.
pub fn metrics(host: &Host) -> Map<String, Value> {
    let mut metrics = Map::new();
    let mut add = |name: String, value: Value, unit: &str| {
        let metric = json!({ "value": value, "type": "metric", "unit": unit, "historic": true });
        metrics.insert(name, metric);
    };
    let used = host.memory_used as f64 * 100.0 / host.memory_total.max(1) as f64;
    add("CPU Usage".into(), rounded(host.cpu, 10.0), "%");
    add("RAM Usage".into(), rounded(used, 10.0), "%");
    add("RAM Total".into(), json!(host.memory_total), "b");
    add("RAM Available".into(), json!(host.memory_total - host.memory_used), "b");
    add("RAM Active".into(), json!(host.memory_used), "b");
    for Interface { name, received, sent } in &host.network {
        let mut both = |what: &str, of: fn(&Traffic) -> f64, unit: &str| {
            add(format!("net:rx_{what}:{name}"), rounded(of(received), 1000.0), unit);
            add(format!("net:tx_{what}:{name}"), rounded(of(sent), 1000.0), unit);
        };
        both("5", |traffic| traffic.rate / MEGA, "mb/s");
        both("errors_60", |traffic| traffic.errors, "/min");
        both("dropped_60", |traffic| traffic.dropped, "/min");
    }
    if let Some(disks) = host.disks {
        add("Disk Reads".into(), rounded(disks.read / MEGA, 1000.0), "mb/s");
        add("Disk Writes".into(), rounded(disks.written / MEGA, 1000.0), "mb/s");
    }
    for place in &host.file_systems {
        let path = place.path.display();
        let share = place.used as f64 * 100.0 / place.size.max(1) as f64;
        add(format!("fs:use:{path}"), rounded(share, 100.0), "%");
        add(format!("fs:size:{path}"), rounded(place.size as f64 / GIGA, 100.0), "gb");
    }
    metrics
}

/// A whole number is written as one, as JavaScript does.
fn rounded(value: f64, parts: f64) -> Value {
    let value = (value * parts).round() / parts;
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

/// What PM2's listing over HTTP answers: the machine, and the list. Whoever reads a port isn't who owns the apps: no
/// variable of theirs is in it.
pub fn listing(hostname: &str, host: &Host, mut processes: Vec<Value>) -> Value {
    processes.iter_mut().for_each(without_variables);
    json!({
        "system_info": { "hostname": hostname, "uptime": host.uptime },
        "monit": {
            "loadavg": host.load,
            "total_mem": host.memory_total,
            "free_mem": host.memory_total - host.memory_used,
            "cpu": vec![json!({}); host.cores as usize],
            "interfaces": host.network.iter().map(|of| (of.name.clone(), json!([]))).collect::<Map<_, _>>(),
        },
        "processes": processes,
    })
}

/// They stand in `env`, and once more beside it.
fn without_variables(element: &mut Value) {
    let Some(pm2_env) = element.get_mut("pm2_env").and_then(Value::as_object_mut) else { return };
    let Some(Value::Object(env)) = pm2_env.remove("env") else { return };
    for (name, value) in &env {
        if !super::env::is_field(name) && pm2_env.get(name) == Some(value) {
            pm2_env.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::host::{Disks, FileSystem};

    fn host() -> Host {
        let received = Traffic { rate: 2_500_000.0, errors: 1.0, dropped: 0.0 };
        Host {
            cpu: 12.34,
            cores: 2,
            memory_used: 25,
            memory_total: 100,
            uptime: 7,
            network: vec![Interface { name: "eth0".into(), received, sent: Traffic::default() }],
            disks: Some(Disks { read: 1_000_000.0, written: 0.0 }),
            file_systems: vec![FileSystem { path: "/".into(), size: 200_000_000_000, used: 50_000_000_000 }],
            ..Host::default()
        }
    }

    #[test]
    fn names_and_units_are_pm2s() {
        let metrics = metrics(&host());
        for (name, value, unit) in [
            ("CPU Usage", json!(12.3), "%"),
            ("RAM Usage", json!(25), "%"),
            ("RAM Available", json!(75), "b"),
            ("net:rx_5:eth0", json!(2.5), "mb/s"),
            ("net:tx_5:eth0", json!(0), "mb/s"),
            ("net:rx_errors_60:eth0", json!(1), "/min"),
            ("Disk Reads", json!(1), "mb/s"),
            ("fs:use:/", json!(25), "%"),
            ("fs:size:/", json!(200), "gb"),
        ] {
            assert_eq!(metrics[name]["value"], value, "{name}");
            assert_eq!(metrics[name]["unit"], unit, "{name}");
        }
    }

    #[test]
    fn nothing_of_an_environment_is_listed() {
        let element = json!({
            "name": "api",
            "pm2_env": { "name": "api", "DB": "x", "PORT": 80, "unique_id": "u", "status": "online",
                "env": { "DB": "x", "PORT": 80, "name": "api", "unique_id": "u", "status": "other" } },
        });
        let listing = listing("box", &host(), vec![element]);
        let expected = json!({ "name": "api", "unique_id": "u", "status": "online" });
        assert_eq!(listing["processes"][0]["pm2_env"], expected);
        assert_eq!((&listing["system_info"]["hostname"], &listing["monit"]["free_mem"]), (&json!("box"), &json!(75)));
        assert_eq!(listing["monit"]["cpu"].as_array().unwrap().len(), 2);
    }
}
