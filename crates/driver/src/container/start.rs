//! Bringing an instance up.

use std::{
    fs::{self, File},
    io::{self, Read, Seek},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{fs::PermissionsExt, net::UnixListener},
    },
    path::{Path, PathBuf},
    thread,
};

use rustix::fs::{Mode, OFlags, open};

use super::{
    bundle::Bundle,
    disk,
    host::Host,
    names::InstancePaths,
    net::{Wanted, resolver},
    record::Record,
    rootfs::{self, Parts, Rootfs},
    runtime,
};
use crate::{
    DriverError, InstanceSpec,
    error::{Doing, lasting, retry},
};

impl Host {
    /// Brings the instance up to the beginning of its init; gives its console when it was begun just now.
    pub(crate) fn bring_up(&self, spec: &InstanceSpec) -> Result<Option<OwnedFd>, DriverError> {
        let paths = self.paths(&spec.id)?;
        let record = self.record(&spec.id)?.filter(|_| paths.disk().exists()).ok_or_else(|| {
            let what = format!("instance {} has no system disk", spec.id);
            lasting(what, "The instance has no system disk. Delete it and create it again.")
        })?;
        if record.index != spec.index {
            let what = format!("instance {} was created with index {}, not {}", spec.id, record.index, spec.index);
            return Err(lasting(what, "The instance's address has changed, which its disk does not allow."));
        }
        if let Some(pid) = self.running(&spec.id, &paths)? {
            match self.ensure_attached(&record, pid) {
                Ok(()) => return Ok(None),
                Err(error) if self.running(&spec.id, &paths)? == Some(pid) => return Err(error),
                // It ended just now.
                Err(_) => {}
            }
        }
        self.release(&spec.id)?;
        let result = self.bring_up_fresh(spec, &record, &paths);
        if result.is_err()
            && let Err(error) = self.release(&spec.id)
        {
            // The error that counts is the first; a stop will try this again.
            tracing::warn!(instance = spec.id, %error, "could not release a failed start");
        }
        result.map(Some)
    }

    fn bring_up_fresh(
        &self,
        spec: &InstanceSpec,
        record: &Record,
        paths: &InstancePaths,
    ) -> Result<OwnedFd, DriverError> {
        let (rootfs, bridge) = both(|| self.assemble(record, paths), || self.network.ensure_bridge())?;
        let nameservers = resolver::nameservers();
        let guest_binary = self.guest_binary()?;
        let bundle = Bundle {
            spec,
            record,
            paths,
            root: &rootfs.path,
            cgroup: self.cgroup(&spec.id),
            layout: self.hierarchies.layout(),
            guest_binary: &guest_binary,
            address: self.address(record.index),
            nameservers: &nameservers,
            metadata: self.network_of(&spec.id)?.metadata,
        };
        bundle.write().doing("write the container's configuration")?;
        let agent = listen(&paths.dir).doing("make the guest agent's socket")?;
        let console = rootfs.console.try_clone().doing("keep the console")?;
        self.let_in(record)?;
        both(
            || self.runtime.create(&spec.id, paths, rootfs.console, agent),
            || self.firewall.apply(&self.network, &nameservers),
        )?;
        let init = self.group(&spec.id).init().doing("find the instance's init")?;
        let pid = init.ok_or_else(|| retry("the container has no init"))?;
        self.attach(record, pid, bridge)?;
        rootfs::unmount_all(&paths.assembly).doing("unmount the assembly")?;
        self.runtime.start(&spec.id, paths)?;
        Ok(console)
    }

    /// Finds the guest agent's binary, which the instance's root runs as a stranger to the host's files.
    fn guest_binary(&self) -> Result<PathBuf, DriverError> {
        let public = "The guest agent's program is missing on this machine. Install Porthole again.";
        let wrong = |why: String| lasting(format!("guest agent {}: {why}", self.guest_binary.display()), public);
        let binary = self.guest_binary.canonicalize().map_err(|error| wrong(error.to_string()))?;
        let mode = fs::metadata(&binary).doing("look at the guest agent's binary")?.permissions().mode();
        match mode & 0o005 {
            0o005 => Ok(binary),
            _ => Err(wrong(format!("mode {mode:o} keeps others from running it; chmod 755 it"))),
        }
    }

    /// Puts the root filesystem together from the image the instance was created with.
    fn assemble(&self, record: &Record, paths: &InstancePaths) -> Result<Rootfs, DriverError> {
        let image = self.images_dir.join(&record.image_file);
        if !image.exists() {
            let what = format!("image file {} of instance {} is gone", record.image_file, record.id);
            return Err(lasting(what, "The image this instance was created from has been removed."));
        }
        self.images.hold(&record.image_file);
        let (disk, id_base) = (paths.disk(), record.id_base());
        let parts = Parts { image: &image, disk: &disk, id_base, assembly: &paths.assembly };
        rootfs::assemble(&parts).doing("put the root filesystem together")
    }

    /// Makes the instance's link and brings it up. The firewall must know the instance by then.
    fn attach(&self, record: &Record, pid: i32, bridge: (u32, u32)) -> Result<(), DriverError> {
        let addresses = self.network_of(&record.id)?.addresses;
        let wanted = Wanted { id: &record.id, index: record.index, pid: pid as u32, addresses, bridge };
        let port = self.network.make_link(&wanted)?;
        self.network.raise_link(&wanted, port)
    }

    /// Mends the network of an instance that runs.
    fn ensure_attached(&self, record: &Record, pid: i32) -> Result<(), DriverError> {
        let bridge = self.network.ensure_bridge()?;
        self.let_in(record)?;
        self.firewall.apply(&self.network, &resolver::nameservers())?;
        match self.network.links()?.iter().any(|link| link.id == record.id) {
            true => Ok(()),
            false => self.attach(record, pid, bridge),
        }
    }
}

/// Does two things at once, the second on a thread of its own; fails when either does.
fn both<A, B: Send>(
    here: impl FnOnce() -> Result<A, DriverError>,
    beside: impl FnOnce() -> Result<B, DriverError> + Send,
) -> Result<(A, B), DriverError> {
    let (here, beside) = thread::scope(|scope| {
        let beside = scope.spawn(beside);
        (here(), beside.join())
    });
    Ok((here?, beside.unwrap_or_else(|_| Err(retry("a driver thread panicked")))?))
}

/// Makes the listening socket of the guest agent in a folder whose path may be too long for a socket's name.
fn listen(folder: &Path) -> io::Result<OwnedFd> {
    disk::remove_file(&folder.join(InstancePaths::SOCKET))?;
    let opened = open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let path = format!("/proc/self/fd/{}/{}", opened.as_raw_fd(), InstancePaths::SOCKET);
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener.into())
}

/// Reads the end of a console, for an error.
pub(crate) fn console_tail(console: OwnedFd) -> String {
    let mut file = File::from(console);
    let mut text = Vec::new();
    let length = file.metadata().map_or(0, |meta| meta.len());
    // Best effort: the error is told in any case.
    let _ = file.seek(io::SeekFrom::Start(length.saturating_sub(4000)));
    let _ = file.take(4000).read_to_end(&mut text);
    runtime::tail(&String::from_utf8_lossy(&text)).to_owned()
}
