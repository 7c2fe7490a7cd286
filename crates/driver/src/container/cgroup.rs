//! The cgroups of instances, in version 2, version 1 or a mix of both: who is in them, ending all of it, removing them.
//! The OCI runtime makes them and sets the limits.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::{
    DriverError,
    error::{Doing, retry},
    process::wait_readable,
};

/// Longest wait for the kernel to take killed processes out of a cgroup.
const EMPTY_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks where the kernel offers nothing to wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Every place cgroups can be made in on this host.
#[derive(Debug, Clone)]
pub(crate) struct Hierarchies {
    roots: Vec<PathBuf>,
    layout: Layout,
}

/// Which versions are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Version 2 alone.
    Unified,
    /// Version 1, or version 1 with a version 2 beside it.
    Legacy,
}

impl Hierarchies {
    /// Reads what is mounted.
    pub(crate) fn find() -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string("/proc/self/mountinfo")?))
    }

    fn parse(mountinfo: &str) -> Self {
        let mut roots = BTreeSet::new();
        let mut layout = Layout::Unified;
        for line in mountinfo.lines() {
            let Some((before, after)) = line.split_once(" - ") else {
                continue;
            };
            let Some(kind) = after.split(' ').next() else {
                continue;
            };
            let Some(point) = before.split(' ').nth(4) else {
                continue;
            };
            if kind == "cgroup" {
                layout = Layout::Legacy;
            }
            if kind == "cgroup" || kind == "cgroup2" {
                roots.insert(PathBuf::from(point));
            }
        }
        Self { roots: roots.into_iter().collect(), layout }
    }

    /// Which versions are mounted.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether there is any.
    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// A cgroup by its path below the roots; `parent/name` or `parent` alone.
    pub(crate) fn group(&self, path: impl AsRef<Path>) -> Group {
        Group { folders: self.roots.iter().map(|root| root.join(&path)).collect() }
    }

    /// The controllers that instances could be limited with.
    pub(crate) fn controllers(&self) -> BTreeSet<String> {
        let unified = self.roots.iter().map(|root| read_text(&root.join("cgroup.controllers"))).collect::<Vec<_>>();
        let legacy = match self.layout {
            Layout::Unified => String::new(),
            Layout::Legacy => read_text(Path::new("/proc/cgroups")),
        };
        let legacy = legacy.lines().filter_map(|line| {
            // Name, hierarchy, number of cgroups, enabled.
            let fields: Vec<&str> = line.split_whitespace().collect();
            (fields.get(3) == Some(&"1") && fields[1] != "0").then(|| fields[0].to_owned())
        });
        unified.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).chain(legacy).collect()
    }

    /// Names of the cgroups below a parent, in any hierarchy.
    pub(crate) fn children(&self, parent: &str) -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for folder in self.group(parent).folders {
            names.extend(
                subfolders(&folder)?.iter().filter_map(|f| Some(f.file_name()?.to_string_lossy().into_owned())),
            );
        }
        Ok(names)
    }
}

/// One cgroup: a folder in each hierarchy.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    folders: Vec<PathBuf>,
}

fn read_text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// A missing folder has no folders in it.
fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn read_ids(file: &Path) -> io::Result<Vec<i32>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().filter_map(|line| line.parse().ok()).collect()),
        // ENODEV: removed while being read.
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

impl Group {
    /// Reads a file of the cgroup in the first hierarchy that has it.
    pub(crate) fn read(&self, file: &str) -> Option<String> {
        self.folders.iter().find_map(|folder| fs::read_to_string(folder.join(file)).ok())
    }

    /// Every process in it or below it, as host process ids.
    pub(crate) fn processes(&self) -> io::Result<BTreeSet<i32>> {
        let mut found = BTreeSet::new();
        let mut folders = self.folders.clone();
        while let Some(folder) = folders.pop() {
            found.extend(read_ids(&folder.join("cgroup.procs"))?);
            folders.extend(subfolders(&folder)?);
        }
        Ok(found)
    }

    /// The process that is number 1 in the instance's own process namespace.
    pub(crate) fn init(&self) -> io::Result<Option<i32>> {
        Ok(self.processes()?.into_iter().find(|&pid| is_init(pid)))
    }

    /// Kills every process in it and waits until none is left.
    pub(crate) fn kill_all(&self) -> Result<(), DriverError> {
        let deadline = Instant::now() + EMPTY_LIMIT;
        loop {
            let processes = self.processes().doing("list the instance's processes")?;
            if processes.is_empty() {
                return Ok(());
            }
            // Killing init first lets the kernel end its whole process namespace at once.
            let (inits, others): (Vec<i32>, Vec<i32>) = processes.iter().partition(|&&pid| is_init(pid));
            for pid in inits.into_iter().chain(others).filter_map(Pid::from_raw) {
                // It may have ended by itself.
                let _ = kill_process(pid, Signal::KILL);
            }
            if Instant::now() >= deadline {
                return Err(retry(format!("{} processes of the instance do not end", processes.len())));
            }
            wait_for_any_end(&processes, deadline);
        }
    }

    /// Removes it with everything below; fine when it is gone. Its processes must have ended.
    pub(crate) fn remove(&self) -> Result<(), DriverError> {
        let deadline = Instant::now() + EMPTY_LIMIT;
        loop {
            let mut busy = None;
            for folder in &self.folders {
                match remove_tree(folder) {
                    // A process that was just reaped may still be counted.
                    Err(error) if error.raw_os_error() == Some(libc::EBUSY) => busy = Some(folder),
                    other => other.doing_with(|| format!("remove the cgroup {}", folder.display()))?,
                }
            }
            match busy {
                None => return Ok(()),
                Some(folder) if Instant::now() >= deadline => {
                    return Err(retry(format!("the cgroup {} stays busy", folder.display())));
                }
                Some(_) => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }
}

fn remove_tree(folder: &Path) -> io::Result<()> {
    for below in subfolders(folder)? {
        remove_tree(&below)?;
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Waits until one of the processes has ended, a moment at least where they cannot be watched.
fn wait_for_any_end(processes: &BTreeSet<i32>, deadline: Instant) {
    use std::os::fd::AsFd;
    let watched = processes.iter().filter_map(|&pid| pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()).next();
    if let Some(pidfd) = watched {
        let soon = deadline.min(Instant::now() + Duration::from_millis(100));
        // The caller looks again in any case.
        let _ = wait_readable(pidfd.as_fd(), soon);
    }
    // An ended process leaves its cgroup when its parent reaps it.
    std::thread::sleep(LOOK_AGAIN);
}

/// Whether a process is number 1 of a process namespace directly below ours.
fn is_init(pid: i32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return false;
    };
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let ids: Vec<&str> = ids.split_whitespace().collect();
    // A zombie has ended.
    ids.len() == 2 && ids[1] == "1" && !status.contains("\nState:\tZ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HYBRID: &str = "\
26 23 0:23 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
27 26 0:24 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
28 26 0:25 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
";

    #[test]
    fn both_layouts_are_told_apart() {
        let hybrid = Hierarchies::parse(HYBRID);
        assert_eq!(hybrid.layout(), Layout::Legacy);
        assert_eq!(hybrid.roots.len(), 2);
        let unified = Hierarchies::parse("30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
        assert_eq!(unified.layout(), Layout::Unified);
        assert_eq!(unified.group("porthole-x/a").folders, [PathBuf::from("/sys/fs/cgroup/porthole-x/a")]);
    }

    #[test]
    fn a_missing_group_is_empty_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let group = Group { folders: vec![dir.path().join("none")] };
        assert!(group.processes().unwrap().is_empty());
        group.kill_all().unwrap();
        group.remove().unwrap();
    }

    #[test]
    fn nested_groups_are_seen_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let group = Group { folders: vec![dir.path().join("a")] };
        fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
        let folders = subfolders(&dir.path().join("a")).unwrap();
        assert_eq!(folders, [dir.path().join("a/b")]);
        group.remove().unwrap();
        assert!(!dir.path().join("a").exists());
    }
}
