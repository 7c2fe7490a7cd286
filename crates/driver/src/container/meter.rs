//! What instances use: read from the cgroup, the host's end of the link, and the loop device of the system disk.

use std::{fs, path::Path};

use async_trait::async_trait;

use super::{ContainerDriver, cgroup::Group, host::Host};
use crate::{Counters, DriverError, Meter, error::Doing};

/// Bytes of a sector in the kernel's statistics, whatever the device's own are.
const SECTOR_BYTES: u64 = 512;

#[async_trait]
impl Meter for ContainerDriver {
    async fn sample(&self, id: &str) -> Result<Option<Counters>, DriverError> {
        let (host, id) = (std::sync::Arc::clone(&self.host), id.to_owned());
        // Nothing is changed, so that it need not wait for a deed on the instance.
        super::blocking(move || host.sample(&id)).await
    }
}

impl Host {
    /// See [`Meter::sample`].
    fn sample(&self, id: &str) -> Result<Option<Counters>, DriverError> {
        let paths = self.paths(id)?;
        let Some(record) = self.record(id)? else { return Ok(None) };
        if self.running(id, &paths)?.is_none() {
            return Ok(None);
        }
        let group = self.group(id);
        let mut counters =
            Counters { cpu_ns: cpu_ns(&group), memory_bytes: memory_bytes(&group), ..Counters::default() };
        // What the host's end sends, the instance receives.
        let link = Path::new("/sys/class/net").join(self.names.link(record.index)).join("statistics");
        counters.received_bytes = number(&link.join("tx_bytes"));
        counters.sent_bytes = number(&link.join("rx_bytes"));
        match disk_statistics(&paths.disk()).doing("read the statistics of the system disk")? {
            Some(text) => add_disk(&mut counters, &text),
            None => add_group_io(&mut counters, &group),
        }
        for disk in self.attached_files(&paths) {
            if let Some(text) = disk_statistics(&disk).doing("read the statistics of a disk")? {
                add_disk(&mut counters, &text);
            }
        }
        Ok(Some(counters))
    }
}

fn number(file: &Path) -> u64 {
    fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn cpu_ns(group: &Group) -> u64 {
    if let Some(text) = group.read("cpuacct.usage") {
        return text.trim().parse().unwrap_or(0);
    }
    let stat = group.read("cpu.stat").unwrap_or_default();
    let micros = stat.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse::<u64>().ok());
    micros.unwrap_or(0) * 1000
}

fn memory_bytes(group: &Group) -> u64 {
    let text = group.read("memory.current").or_else(|| group.read("memory.usage_in_bytes"));
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Gives the kernel's statistics of the loop device that a file is bound to.
fn disk_statistics(file: &Path) -> std::io::Result<Option<String>> {
    for entry in fs::read_dir("/sys/block")? {
        let folder = entry?.path();
        // A device may be let go between the listing and the reading.
        let bound = fs::read_to_string(folder.join("loop/backing_file")).unwrap_or_default();
        if Path::new(bound.trim_end_matches('\n')) == file {
            return Ok(fs::read_to_string(folder.join("stat")).ok());
        }
    }
    Ok(None)
}

/// Fields as in the kernel's Documentation/block/stat.rst.
fn add_disk(counters: &mut Counters, stat: &str) {
    let fields: Vec<u64> = stat.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let [read_ops, _, read_sectors, read_ms, write_ops, _, write_sectors, write_ms, ..] = fields[..] else { return };
    counters.read_ops = read_ops;
    counters.read_bytes = read_sectors * SECTOR_BYTES;
    counters.read_ms = read_ms;
    counters.write_ops = write_ops;
    counters.write_bytes = write_sectors * SECTOR_BYTES;
    counters.write_ms = write_ms;
}

/// Where the disk has no device of its own: what the cgroup counts, without times.
fn add_group_io(counters: &mut Counters, group: &Group) {
    for line in group.read("io.stat").unwrap_or_default().lines() {
        for field in line.split_whitespace() {
            let Some((name, value)) = field.split_once('=') else { continue };
            let value: u64 = value.parse().unwrap_or(0);
            match name {
                "rbytes" => counters.read_bytes += value,
                "wbytes" => counters.write_bytes += value,
                "rios" => counters.read_ops += value,
                "wios" => counters.write_ops += value,
                _ => {}
            }
        }
    }
    let legacy = [
        ("blkio.throttle.io_service_bytes", &mut counters.read_bytes, &mut counters.write_bytes),
        ("blkio.throttle.io_serviced", &mut counters.read_ops, &mut counters.write_ops),
    ];
    for (file, read, write) in legacy {
        for line in group.read(file).unwrap_or_default().lines() {
            let mut fields = line.split_whitespace().skip(1);
            match (fields.next(), fields.next().and_then(|value| value.parse::<u64>().ok())) {
                (Some("Read"), Some(value)) => *read += value,
                (Some("Write"), Some(value)) => *write += value,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_disk_statistics_are_read() {
        let mut counters = Counters::default();
        add_disk(
            &mut counters,
            "   21527      108  1669858    13116     2810     3708    26968     6056        0    15664    21898\n",
        );
        assert_eq!((counters.read_ops, counters.read_bytes, counters.read_ms), (21_527, 1_669_858 * 512, 13_116));
        assert_eq!((counters.write_ops, counters.write_bytes, counters.write_ms), (2_810, 26_968 * 512, 6_056));
        let before = counters;
        add_disk(&mut counters, "1 2 3");
        assert_eq!(counters, before, "a line that is too short changes nothing");
    }
}
