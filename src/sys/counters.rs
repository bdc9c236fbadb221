//! What the system has counted since the machine began: bytes over the network and to disks; and how full file systems are.

use nix::sys::statvfs::statvfs;
use std::fs;
use std::path::Path;

/// The kernel's sectors, whatever a disk's own are.
const SECTOR: u64 = 512;
/// Devices that stand for others, or for memory: what they do is counted there, or is none of a disk's.
const NO_DISKS: [&str; 6] = ["loop", "ram", "zram", "dm-", "md", "sr"];

/// Of one network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub received: Direction,
    pub sent: Direction,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Direction {
    pub bytes: u64,
    pub errors: u64,
    pub dropped: u64,
}

/// Bytes of all disks together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disks {
    pub read: u64,
    pub written: u64,
}

/// Bytes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub size: u64,
    pub used: u64,
}

/// Those that have ever carried anything.
pub fn interfaces() -> Vec<Interface> {
    fs::read_to_string("/proc/net/dev").map(|text| parse_interfaces(&text)).unwrap_or_default()
}

pub fn disks() -> Option<Disks> {
    Some(parse_disks(&fs::read_to_string("/proc/diskstats").ok()?))
}

/// Of the file system that a path is on. What is kept for root is not free.
pub fn space(path: &Path) -> Option<Space> {
    let of = statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(of.fragment_size());
    let used = bytes(of.blocks().saturating_sub(of.blocks_free()));
    Some(Space { size: used.saturating_add(bytes(of.blocks_available())), used })
}

fn parse_interfaces(text: &str) -> Vec<Interface> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let interface = |(name, numbers): (&str, &str)| {
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let direction = |from: usize| {
            let [bytes, _, errors, dropped, ..] = numbers.get(from..)? else { return None };
            Some(Direction { bytes: *bytes, errors: *errors, dropped: *dropped })
        };
        Some(Interface { name: name.trim().to_owned(), received: direction(0)?, sent: direction(8)? })
    };
    let is_used = |interface: &Interface| interface.received.bytes + interface.sent.bytes > 0;
    lines.filter_map(interface).filter(is_used).collect()
}

fn parse_disks(text: &str) -> Disks {
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let names: Vec<&str> = rows.iter().filter_map(|row| row.get(2).copied()).collect();
    // Beside `sda` there is `sda1`, a part of it.
    let is_part = |name: &str| names.iter().any(|other| name.len() > other.len() && name.starts_with(other));
    let is_disk = |name: &str| !NO_DISKS.iter().any(|prefix| name.starts_with(prefix)) && !is_part(name);
    let mut disks = Disks::default();
    for row in rows.iter().filter(|row| row.get(2).is_some_and(|name| is_disk(name))) {
        let sectors = |index: usize| row.get(index).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        disks.read += sectors(5) * SECTOR;
        disks.written += sectors(9) * SECTOR;
    }
    disks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_that_carry_something() {
        let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 100 2 3 4 0 0 0 0 200 2 5 6 0 0 0 0
  ifb0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
  eth0:4577252273 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0
 short: 1 2 3
";
        let lo = Interface {
            name: "lo".into(),
            received: Direction { bytes: 100, errors: 3, dropped: 4 },
            sent: Direction { bytes: 200, errors: 5, dropped: 6 },
        };
        let interfaces = parse_interfaces(text);
        assert_eq!(interfaces[0], lo);
        assert_eq!((interfaces.len(), interfaces[1].received.bytes), (2, 4_577_252_273));
    }

    #[test]
    fn disks_count_once() {
        let text = "\
   7       0 loop0 9 0 9 0 9 0 9 0 0 0 0
 253       0 dm-0 9 0 9 0 9 0 9 0 0 0 0
   8       0 sda 10 0 100 5 20 0 200 5 0 5 5
   8       1 sda1 10 0 99 5 20 0 199 5 0 5 5
 259       0 nvme0n1 10 0 2 5 20 0 4 5 0 5 5 0 0 0 0
 259       1 nvme0n1p1 10 0 2 5 20 0 4 5 0 5 5
";
        assert_eq!(parse_disks(text), Disks { read: 102 * SECTOR, written: 204 * SECTOR });
        assert_eq!(parse_disks(""), Disks::default());
    }

    #[test]
    fn a_file_system_has_a_size() {
        let space = space(Path::new("/")).unwrap();
        assert!(space.size >= space.used && space.size > 0, "{space:?}");
    }
}
