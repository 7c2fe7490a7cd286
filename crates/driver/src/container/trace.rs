//! Which blocks of a device are written: the kernel's own trace of requests (tracefs, `block_rq_issue`), exact, at the cost
//! of a line a request. It needs no mount point: tracefs is mounted nowhere, as the disks are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, mkdirat, openat, unlinkat},
    mount::MountAttrFlags,
};

use super::rootfs;

/// Changed places are counted in squares of this size.
const GRANULE: u64 = 64 << 10;
/// Size of a block as the kernel counts in traces.
const SECTOR: u64 = 512;
/// Memory for events a CPU, in KiB.
const BUFFER_KIB: &str = "4096";

/// A trace that is on until it is dropped.
pub(super) struct Trace {
    tracefs: OwnedFd,
    folder: String,
    pipe: Option<File>,
    rest: Vec<u8>,
    changed: BTreeMap<u32, BTreeSet<u64>>,
}

impl Trace {
    /// Begins to note what is written to these devices.
    pub(super) fn begin(name: &str, devices: &[u32]) -> io::Result<Self> {
        remove(name)?;
        let tracefs = mount()?;
        let folder = folder_of(name);
        mkdirat(&tracefs, &folder, Mode::from_raw_mode(0o700))?;
        let mut trace = Self { tracefs, folder, pipe: None, rest: Vec::new(), changed: BTreeMap::new() };
        let filter: Vec<String> = devices.iter().map(|device| format!("dev == {device}")).collect();
        trace.write("events/block/block_rq_issue/enable", "0")?;
        trace.write("buffer_size_kb", BUFFER_KIB)?;
        trace.write("events/block/block_rq_issue/filter", &filter.join(" || "))?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let pipe = openat(&trace.tracefs, format!("{}/trace_pipe", trace.folder), flags, Mode::empty())?;
        trace.pipe = Some(pipe.into());
        trace.write("events/block/block_rq_issue/enable", "1")?;
        Ok(trace)
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let path = format!("{}/{file}", self.folder);
        let opened = openat(&self.tracefs, path, OFlags::WRONLY | OFlags::TRUNC | OFlags::CLOEXEC, Mode::empty())?;
        File::from(opened).write_all(text.as_bytes())
    }

    /// Takes in what was noted since the last time. Fails when the kernel has lost any of it.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let mut buffer = vec![0; 64 << 10];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => self.rest.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                match parse(&String::from_utf8_lossy(&line))? {
                    Some((device, begin, end)) if end > begin => {
                        self.changed.entry(device).or_default().extend(begin / GRANULE..end.div_ceil(GRANULE));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Bytes that were written and not yet taken.
    pub(super) fn pending_bytes(&self) -> u64 {
        self.changed.values().map(|granules| granules.len() as u64 * GRANULE).sum()
    }

    /// Takes what was written to a device, as ranges (begin, end) in bytes.
    pub(super) fn take(&mut self, device: u32) -> Vec<(u64, u64)> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for granule in self.changed.remove(&device).unwrap_or_default() {
            let (begin, end) = (granule * GRANULE, (granule + 1) * GRANULE);
            match ranges.last_mut() {
                Some(last) if last.1 == begin => last.1 = end,
                _ => ranges.push((begin, end)),
            }
        }
        ranges
    }
}

fn mount() -> io::Result<OwnedFd> {
    rootfs::detached("tracefs", Path::new("tracefs"), &[], MountAttrFlags::empty())
}

fn folder_of(name: &str) -> String {
    format!("instances/{name}")
}

/// Removes a trace that a server left which was killed; fine when there is none.
pub(super) fn remove(name: &str) -> io::Result<()> {
    match unlinkat(&mount()?, folder_of(name), AtFlags::REMOVEDIR) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let ended = self.write("events/block/block_rq_issue/enable", "0");
        self.pipe = None;
        let removed = unlinkat(&self.tracefs, self.folder.as_str(), AtFlags::REMOVEDIR);
        if let (Err(error), _) | (Ok(()), Err(error)) = (ended, removed.map_err(io::Error::from)) {
            tracing::warn!(folder = self.folder, %error, "a block trace could not be removed");
        }
    }
}

/// Reads a line of the trace: device and place in bytes of a request that writes; `None` for any other line.
fn parse(line: &str) -> io::Result<Option<(u32, u64, u64)>> {
    let Some((_, event)) = line.split_once("block_rq_issue: ") else {
        return match line.contains("LOST") {
            true => Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel lost events of the block trace")),
            false => Ok(None),
        };
    };
    let read = || {
        let (device, rest) = event.split_once(' ')?;
        let (major, minor) = device.split_once(',')?;
        let device = (major.parse::<u32>().ok()? << 20) | minor.parse::<u32>().ok()?;
        let (kind, rest) = rest.split_once(' ')?;
        if kind.starts_with('R') {
            return Some((device, 0, 0));
        }
        // 4096 () 2048 + 8 …: bytes, command, sector, sectors.
        let (before, after) = rest.split_once(" + ")?;
        let sector: u64 = before.rsplit(' ').next()?.parse().ok()?;
        let sectors: u64 = after.split([' ', ',']).next()?.parse().ok()?;
        // A flush has neither.
        let begin = if sectors == 0 { 0 } else { sector };
        Some((device, begin * SECTOR, (begin + sectors) * SECTOR))
    };
    read().map(Some).ok_or_else(|| io::Error::other(format!("a line of the block trace is not understood: {line}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_of_the_trace_are_read() {
        let line =
            " kworker/u8:1-12 [000] ..... 12.3: block_rq_issue: 7,3 WS 4096 () 2048 + 8 none,0,0 [kworker/u8:1]\n";
        let place = (2048 * 512, 2056 * 512);
        assert_eq!(parse(line).unwrap(), Some(((7 << 20) | 3, place.0, place.1)));
        let older = " a-1 [001] .... 1.2: block_rq_issue: 7,0 D 65536 () 16 + 128 [a]\n";
        assert_eq!(parse(older).unwrap(), Some((7 << 20, 8192, 73_728)));
        let read = " a-1 [001] .... 1.2: block_rq_issue: 7,0 RA 65536 () 16 + 128 [a]\n";
        assert_eq!(parse(read).unwrap(), Some((7 << 20, 0, 0)));
        let flush = " a-1 [001] .... 1.2: block_rq_issue: 7,0 FF 0 () 18446744073709551615 + 0 [a]\n";
        assert_eq!(parse(flush).unwrap(), Some((7 << 20, 0, 0)));
        assert_eq!(parse("# tracer: nop\n").unwrap(), None);
        assert!(parse("CPU:1 [LOST 12 EVENTS]\n").is_err());
        assert!(parse("block_rq_issue: nonsense\n").is_err());
    }
}
