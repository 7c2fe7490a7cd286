//! Ending an instance, and releasing what it holds.

use std::{
    fs, io,
    os::fd::AsFd,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{disk, host::Host, loopdev, mounts, names::InstancePaths, net::resolver, rootfs};
use crate::{
    DriverError,
    error::{Doing, retry},
    process::wait_readable,
};

/// Between two requests to end.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Longest wait for the kernel to let an instance's disk go after its last process has ended.
const DISK_LIMIT: Duration = Duration::from_secs(20);

impl Host {
    /// Asks the init to end and waits for it, at most `grace`; then releases everything but the files.
    pub(crate) fn stop(&self, id: &str, grace: Duration) -> Result<(), DriverError> {
        let paths = self.paths(id)?;
        if !grace.is_zero()
            && let Some(pid) = self.running(id, &paths)?.and_then(Pid::from_raw)
        {
            self.ask_to_end(id, pid, Instant::now() + grace);
        }
        self.release(id)
    }

    /// Sends TERM until the init has ended or the deadline has passed. A process 1 that has not yet set its handler up
    /// does not see the signal at all, hence more than once. Errors mean that it has ended; a kill follows in any case.
    fn ask_to_end(&self, id: &str, pid: Pid, deadline: Instant) {
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        if !self.group(id).init().is_ok_and(|now| now == Some(pid.as_raw_pid())) {
            return;
        }
        while Instant::now() < deadline && pidfd_send_signal(&pidfd, Signal::TERM).is_ok() {
            let next = deadline.min(Instant::now() + ASK_AGAIN);
            if !matches!(wait_readable(pidfd.as_fd(), next), Ok(false)) {
                return;
            }
        }
    }

    /// Ends every process of the instance and releases all it holds on the host but its files, in any state.
    pub(super) fn release(&self, id: &str) -> Result<(), DriverError> {
        let paths = self.paths(id)?;
        let group = self.group(id);
        self.thaw_leftover(&paths).doing("thaw the disks")?;
        group.kill_all()?;
        let links = self.network.links()?;
        let own = links.iter().filter(|link| link.id == id || self.is_nameless_link_of(&link.name, &link.id, id));
        let own: Vec<&str> = own.map(|link| link.name.as_str()).collect();
        let disk = paths.disk().canonicalize().ok();
        thread::scope(|scope| {
            let unlinked = scope.spawn(|| own.iter().try_for_each(|name| self.network.remove_link(name)));
            rootfs::remove(&paths.assembly).doing("take the assembly down")?;
            group.remove()?;
            // A runtime that was killed early leaves its own program mounted there.
            mounts::unmount_below(&paths.runtime).doing("unmount what the runtime left")?;
            remove_tree(&paths.runtime).doing("remove the runtime's state")?;
            disk::remove_file(&paths.dir.join(InstancePaths::SOCKET)).doing("remove the guest agent's socket")?;
            if let Some(disk) = disk
                && !loopdev::wait_released(&disk, DISK_LIMIT).doing("look at loop devices")?
            {
                return Err(retry("the kernel still holds the system disk"));
            }
            self.await_data_disks(&paths)?;
            unlinked.join().unwrap_or_else(|_| Err(retry("the network thread panicked")))
        })?;
        if self.firewall.remove(id) && !self.firewall.is_empty() {
            self.firewall.apply(&self.network, &resolver::nameservers())?;
        }
        Ok(())
    }

    /// A link whose making was cut off before its instance's id was noted on it is known by its lease.
    fn is_nameless_link_of(&self, link: &str, noted: &str, id: &str) -> bool {
        noted.is_empty() && self.record(id).ok().flatten().is_some_and(|record| self.names.link(record.index) == link)
    }
    /// See [`crate::Driver::delete`].
    pub(crate) fn delete(&self, id: &str) -> Result<(), DriverError> {
        let paths = self.paths(id)?;
        self.release(id)?;
        remove_tree(&paths.dir).doing("remove the instance's folder")
    }
    /// Releases what is held for all instances together, if none holds anything. No start may be under way.
    pub(crate) fn release_shared(&self) -> Result<(), DriverError> {
        if !self.held()?.is_empty() {
            return Ok(());
        }
        for link in self.network.links()? {
            self.network.remove_link(&link.name)?;
        }
        self.network.release()?;
        self.firewall.forget_applied();
        self.hierarchies.group(self.names.cgroup()).remove()?;
        rootfs::remove_folder(&self.names.runtime_root()).doing("remove the runtime's folder")?;
        let assembly_root = self.names.assembly_root();
        rootfs::remove_folder(&assembly_root).doing("remove the assemblies' folder")?;
        if let Some(parent) = assembly_root.parent() {
            // Another server's folder may be in it.
            let _ = rootfs::remove_folder(parent);
        }
        Ok(())
    }
}

/// Removes a folder with all in it; fine when it is gone.
pub(super) fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
