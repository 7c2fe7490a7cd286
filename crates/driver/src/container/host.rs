//! All the deeds of the container driver, blocking, each safe to repeat after it was cut off anywhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read, Seek},
    net::Ipv4Addr,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::{
            fs::{DirBuilderExt, PermissionsExt},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags, open, statvfs},
    process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal},
};

use super::{
    bundle::Bundle,
    cgroup::{Group, Hierarchies},
    disk,
    firewall_members::FirewallMembers,
    loopdev,
    names::{InstancePaths, Names, is_id},
    net::{Network, Wanted, resolver},
    record::Record,
    rootfs::{self, Parts},
    runtime::{self, Runtime},
};
use crate::{
    DriverConfig, DriverError, InstanceSpec, Machine, Observed, ObservedState,
    error::{Doing, lasting, retry},
    image_missing,
    process::wait_readable,
};

/// Between two requests to end.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Longest wait for the kernel to let an instance's disk go after its last process has ended.
const DISK_LIMIT: Duration = Duration::from_secs(20);

/// Everything a deed needs to know of the host.
#[derive(Debug)]
pub(crate) struct Host {
    names: Names,
    images_dir: PathBuf,
    guest_binary: PathBuf,
    network: Network,
    hierarchies: Hierarchies,
    runtime: Runtime,
    firewall: FirewallMembers,
}

impl Host {
    /// Looks at the host, and takes in the instances that live.
    pub(crate) fn open(config: &DriverConfig) -> Result<Self, DriverError> {
        if !geteuid().is_root() {
            return Err(lasting(
                "not root",
                "The container driver must run as root.",
            ));
        }
        fs::create_dir_all(&config.state_dir).doing("make the state folder")?;
        let state_dir = config
            .state_dir
            .canonicalize()
            .doing("find the state folder")?;
        let names = Names::new(&state_dir);
        let make = |folder: PathBuf| {
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder);
            made.doing_with(|| format!("make the folder {}", folder.display()))
        };
        make(names.instances_dir())?;
        let hierarchies = Hierarchies::find().doing("look for cgroups")?;
        if hierarchies.is_empty() {
            return Err(lasting(
                "no cgroups are mounted",
                "This machine cannot run instances: it has no cgroups.",
            ));
        }
        let network = Network::open(&names, config.network.as_deref())?;
        let runtime = Runtime::find(names.runtime_root())?;
        let host = Self {
            names,
            images_dir: config.images_dir.clone(),
            guest_binary: config.guest_binary.clone(),
            network,
            hierarchies,
            runtime,
            firewall: FirewallMembers::default(),
        };
        host.take_in()?;
        Ok(host)
    }

    /// Gives the attached instances of an earlier run the rules of this one.
    fn take_in(&self) -> Result<(), DriverError> {
        for link in self.network.links()? {
            if let Some(record) = self.record(&link.id)? {
                self.firewall.add(&record);
            }
        }
        if self.firewall.is_empty() {
            return Ok(());
        }
        self.network.ensure_bridge()?;
        self.firewall.apply(&self.network, &resolver::nameservers())
    }

    fn paths(&self, id: &str) -> Result<InstancePaths, DriverError> {
        if is_id(id) {
            Ok(self.names.instance(id))
        } else {
            Err(lasting(format!("bad id {id:?}"), "No such instance."))
        }
    }

    fn record(&self, id: &str) -> Result<Option<Record>, DriverError> {
        if !is_id(id) {
            return Ok(None);
        }
        Record::read(&self.names.instance(id).record()).doing("read the instance's record")
    }

    fn group(&self, id: &str) -> Group {
        self.hierarchies.group(self.cgroup(id))
    }

    fn cgroup(&self, id: &str) -> String {
        format!("{}/{id}", self.names.cgroup())
    }

    /// The address of a lease.
    pub(crate) fn address(&self, index: u32) -> Ipv4Addr {
        self.network.subnet().address(index)
    }

    /// See [`crate::Driver::machine`].
    pub(crate) fn machine(&self) -> Result<Machine, DriverError> {
        let cpus = thread::available_parallelism().doing("count CPUs")?.get() as u32;
        let meminfo = fs::read_to_string("/proc/meminfo").doing("read the memory size")?;
        let total = meminfo
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
        let memory_bytes = total.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024;
        let disk = statvfs(self.names.state_dir()).doing("read the free disk space")?;
        Ok(Machine {
            cpus,
            memory_bytes,
            disk_free_bytes: disk.f_bavail * disk.f_frsize,
        })
    }

    /// Gives the name of the file an image's name leads to now.
    pub(crate) fn image_file(&self, image: &str) -> Result<String, DriverError> {
        let plain = !image.is_empty()
            && image
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if !plain || image.starts_with('.') {
            return Err(image_missing(image));
        }
        let link = self.images_dir.join(format!("{image}.erofs"));
        let target = link.canonicalize().map_err(|_| image_missing(image))?;
        let inside = target.parent() == self.images_dir.canonicalize().ok().as_deref();
        let name = target.file_name().and_then(|name| name.to_str());
        name.filter(|_| inside)
            .map(str::to_owned)
            .ok_or_else(|| image_missing(image))
    }

    /// See [`crate::Driver::create`].
    pub(crate) fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let paths = self.paths(&spec.id)?;
        if !self.network.subnet().holds(spec.index) {
            let what = format!(
                "index {} is outside of {}",
                spec.index,
                self.network.subnet()
            );
            return Err(lasting(what, "The instance network has no address left."));
        }
        match fs::DirBuilder::new().mode(0o700).create(&paths.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.doing("make the instance's folder")?,
        }
        if self.record(&spec.id)?.is_none() {
            let record = Record::new(spec, self.image_file(&spec.image)?);
            record
                .write(&paths.record())
                .doing("write the instance's record")?;
        }
        disk::ensure(&paths.disk(), spec.disk_bytes)
    }

    /// Brings the instance up to the beginning of its init; gives its console when it was begun just now.
    pub(crate) fn bring_up(&self, spec: &InstanceSpec) -> Result<Option<OwnedFd>, DriverError> {
        let paths = self.paths(&spec.id)?;
        let record = self
            .record(&spec.id)?
            .filter(|_| paths.disk().exists())
            .ok_or_else(|| {
                let what = format!("instance {} has no system disk", spec.id);
                lasting(
                    what,
                    "The instance has no system disk. Delete it and create it again.",
                )
            })?;
        if record.index != spec.index {
            let what = format!(
                "instance {} was created with index {}, not {}",
                spec.id, record.index, spec.index
            );
            return Err(lasting(
                what,
                "The instance's address has changed, which its disk does not allow.",
            ));
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
        let image = self.images_dir.join(&record.image_file);
        if !image.exists() {
            let what = format!(
                "image file {} of instance {} is gone",
                record.image_file, spec.id
            );
            return Err(lasting(
                what,
                "The image this instance was created from has been removed.",
            ));
        }
        let guest_binary = self
            .guest_binary
            .canonicalize()
            .doing("find the guest agent's binary")?;
        let nameservers = resolver::nameservers();
        let disk = paths.disk();
        let parts = Parts {
            image: &image,
            disk: &disk,
            id_base: record.id_base(),
            assembly: &paths.assembly,
        };
        let (rootfs, bridge) = thread::scope(|scope| {
            let bridge = scope.spawn(|| self.network.ensure_bridge());
            let rootfs = rootfs::assemble(&parts).doing("put the root filesystem together");
            (
                rootfs,
                bridge
                    .join()
                    .unwrap_or_else(|_| Err(retry("the network thread panicked"))),
            )
        });
        let (rootfs, bridge) = (rootfs?, bridge?);
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
        };
        bundle
            .write()
            .doing("write the container's configuration")?;
        let agent = listen(&paths.dir).doing("make the guest agent's socket")?;
        let console = rootfs.console.try_clone().doing("keep the console")?;
        self.firewall.add(record);
        let (made, ruled) = thread::scope(|scope| {
            let ruled = scope.spawn(|| self.firewall.apply(&self.network, &nameservers));
            let made = self.runtime.create(&spec.id, paths, rootfs.console, agent);
            (
                made,
                ruled
                    .join()
                    .unwrap_or_else(|_| Err(retry("the firewall thread panicked"))),
            )
        });
        made?;
        ruled?;
        let group = self.group(&spec.id);
        let pid = group
            .init()
            .doing("find the instance's init")?
            .ok_or_else(|| retry("the container has no init"))?;
        let wanted = Wanted {
            id: &spec.id,
            index: record.index,
            pid: pid as u32,
            bridge,
        };
        let port = self.network.make_link(&wanted)?;
        self.network.raise_link(&wanted, port)?;
        rootfs::unmount_all(&paths.assembly).doing("unmount the assembly")?;
        self.runtime.start(&spec.id, paths)?;
        Ok(console)
    }

    /// Mends the network of an instance that runs.
    fn ensure_attached(&self, record: &Record, pid: i32) -> Result<(), DriverError> {
        let bridge = self.network.ensure_bridge()?;
        self.firewall.add(record);
        self.firewall
            .apply(&self.network, &resolver::nameservers())?;
        if self
            .network
            .links()?
            .iter()
            .any(|link| link.id == record.id)
        {
            return Ok(());
        }
        let wanted = Wanted {
            id: &record.id,
            index: record.index,
            pid: pid as u32,
            bridge,
        };
        let port = self.network.make_link(&wanted)?;
        self.network.raise_link(&wanted, port)
    }

    /// Says whether the instance's init has begun and not ended.
    pub(crate) fn is_running(&self, id: &str) -> Result<bool, DriverError> {
        Ok(self.running(id, &self.paths(id)?)?.is_some())
    }

    /// Gives the init's process id when it has begun and not ended.
    fn running(&self, id: &str, paths: &InstancePaths) -> Result<Option<i32>, DriverError> {
        if paths.not_begun().exists() {
            return Ok(None);
        }
        self.group(id).init().doing("find the instance's init")
    }

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
        if !self
            .group(id)
            .init()
            .is_ok_and(|now| now == Some(pid.as_raw_pid()))
        {
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
    fn release(&self, id: &str) -> Result<(), DriverError> {
        let paths = self.paths(id)?;
        let group = self.group(id);
        group.kill_all()?;
        let links = self.network.links()?;
        let own = links
            .iter()
            .filter(|link| link.id == id || self.is_nameless_link_of(&link.name, &link.id, id));
        let own: Vec<&str> = own.map(|link| link.name.as_str()).collect();
        let disk = paths.disk().canonicalize().ok();
        thread::scope(|scope| {
            let unlinked = scope.spawn(|| {
                own.iter()
                    .try_for_each(|name| self.network.remove_link(name))
            });
            rootfs::remove(&paths.assembly).doing("take the assembly down")?;
            group.remove()?;
            remove_tree(&paths.runtime).doing("remove the runtime's state")?;
            disk::remove_file(&paths.dir.join(InstancePaths::SOCKET))
                .doing("remove the guest agent's socket")?;
            if let Some(disk) = disk
                && !loopdev::wait_released(&disk, DISK_LIMIT).doing("look at loop devices")?
            {
                return Err(retry("the kernel still holds the system disk"));
            }
            unlinked
                .join()
                .unwrap_or_else(|_| Err(retry("the network thread panicked")))
        })?;
        if self.firewall.remove(id) && !self.firewall.is_empty() {
            self.firewall
                .apply(&self.network, &resolver::nameservers())?;
        }
        Ok(())
    }

    /// A link whose making was cut off before its instance's id was noted on it is known by its lease.
    fn is_nameless_link_of(&self, link: &str, noted: &str, id: &str) -> bool {
        noted.is_empty()
            && self
                .record(id)
                .ok()
                .flatten()
                .is_some_and(|record| self.names.link(record.index) == link)
    }

    /// See [`crate::Driver::delete`].
    pub(crate) fn delete(&self, id: &str) -> Result<(), DriverError> {
        let paths = self.paths(id)?;
        self.release(id)?;
        remove_tree(&paths.dir).doing("remove the instance's folder")
    }

    /// See [`crate::Driver::observe`].
    pub(crate) fn observe(&self) -> Result<Vec<Observed>, DriverError> {
        let files =
            folder_names(&self.names.instances_dir()).doing("list the instances' folders")?;
        let held = self.held()?;
        let mut found = BTreeMap::new();
        for id in files.union(&held) {
            let paths = self.names.instance(id);
            let state = match self.running(id, &paths)? {
                Some(_) => ObservedState::Running,
                None if held.contains(id) => ObservedState::Partial,
                None => ObservedState::Stopped,
            };
            found.insert(id.clone(), state);
        }
        Ok(found
            .into_iter()
            .map(|(id, state)| Observed { id, state })
            .collect())
    }

    /// Gives the ids of which any runtime resource is there.
    fn held(&self) -> Result<BTreeSet<String>, DriverError> {
        let mut held = self
            .hierarchies
            .children(&self.names.cgroup())
            .doing("list the instances' cgroups")?;
        held.extend(folder_names(&self.names.runtime_root()).doing("list the runtime's states")?);
        held.extend(folder_names(&self.names.assembly_root()).doing("list the assemblies")?);
        for link in self.network.links()? {
            held.insert(match link.id.is_empty() {
                false => link.id,
                true => self.owner_of(&link.name)?.unwrap_or_default(),
            });
        }
        let instances = self.names.instances_dir();
        for file in loopdev::backing_files().doing("list loop devices")? {
            // The kernel adds a word to the name of a removed file.
            if let Some(id) = file
                .strip_prefix(&instances)
                .ok()
                .and_then(|below| below.iter().next())
            {
                held.insert(id.to_string_lossy().into_owned());
            }
        }
        held.retain(|id| is_id(id));
        Ok(held)
    }

    fn owner_of(&self, link: &str) -> Result<Option<String>, DriverError> {
        for id in folder_names(&self.names.instances_dir()).doing("list the instances' folders")? {
            if self
                .record(&id)?
                .is_some_and(|record| self.names.link(record.index) == link)
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
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

    /// The instance's folder, where its agent's socket is.
    pub(crate) fn instance_dir(&self, id: &str) -> Result<PathBuf, DriverError> {
        Ok(self.paths(id)?.dir)
    }
}

/// Makes the listening socket of the guest agent in a folder whose path may be too long for a socket's name.
fn listen(folder: &Path) -> io::Result<OwnedFd> {
    disk::remove_file(&folder.join(InstancePaths::SOCKET))?;
    let opened = open(
        folder,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let path = format!(
        "/proc/self/fd/{}/{}",
        opened.as_raw_fd(),
        InstancePaths::SOCKET
    );
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener.into())
}

/// Removes a folder with all in it; fine when it is gone.
fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Names of the folders in a folder; none when it is missing.
fn folder_names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other?,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| is_id(name)).collect())
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
