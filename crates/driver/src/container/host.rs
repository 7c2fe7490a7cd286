//! What the container driver knows of its host, and creating instances. All its deeds (here, in `start`, `release` and
//! `observe`) block, and each is safe to repeat after it was cut off anywhere.

use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    thread,
};

use rustix::{fs::statvfs, process::geteuid};

use super::{
    cgroup::{Group, Hierarchies},
    disk,
    firewall_members::FirewallMembers,
    images::HeldImages,
    names::{InstancePaths, Names, is_id},
    net::{Network, resolver},
    record::Record,
    runtime::Runtime,
};
use crate::{
    DriverConfig, DriverError, InstanceSpec, Machine,
    error::{Doing, lasting},
    image_missing,
};

/// Everything a deed needs to know of the host.
#[derive(Debug)]
pub(crate) struct Host {
    pub(super) names: Names,
    pub(super) images_dir: PathBuf,
    pub(super) images: HeldImages,
    /// Where the guest agent's binary should be.
    pub(super) guest_binary: PathBuf,
    pub(super) network: Network,
    pub(super) hierarchies: Hierarchies,
    pub(super) runtime: Runtime,
    pub(super) firewall: FirewallMembers,
}

impl Host {
    /// Looks at the host, and takes in the instances that live.
    pub(crate) fn open(config: &DriverConfig) -> Result<Self, DriverError> {
        if !geteuid().is_root() {
            return Err(lasting("not root", "The container driver must run as root."));
        }
        fs::create_dir_all(&config.state_dir).doing("make the state folder")?;
        let state_dir = config.state_dir.canonicalize().doing("find the state folder")?;
        let names = Names::new(&state_dir);
        let make = |folder: PathBuf| {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.doing_with(|| format!("make the folder {}", folder.display()))
        };
        make(names.instances_dir())?;
        let hierarchies = Hierarchies::find().doing("look for cgroups")?;
        if hierarchies.is_empty() {
            return Err(lasting("no cgroups are mounted", "This machine cannot run instances: it has no cgroups."));
        }
        let network = Network::open(&names, config)?;
        let runtime = Runtime::find(names.runtime_root())?;
        let host = Self {
            images_dir: config.images_dir.clone(),
            images: HeldImages::open(config.images_dir.clone(), &names),
            names,
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
                self.thaw_leftover(&self.names.instance(&link.id)).doing("thaw the disks")?;
                self.let_in(&record)?;
            }
        }
        if self.firewall.is_empty() {
            return Ok(());
        }
        self.network.ensure_bridge()?;
        self.firewall.apply(&self.network, &resolver::nameservers())
    }

    pub(super) fn paths(&self, id: &str) -> Result<InstancePaths, DriverError> {
        if is_id(id) {
            Ok(self.names.instance(id))
        } else {
            Err(lasting(format!("bad id {id:?}"), "No such instance."))
        }
    }

    pub(super) fn record(&self, id: &str) -> Result<Option<Record>, DriverError> {
        if !is_id(id) {
            return Ok(None);
        }
        Record::read(&self.names.instance(id).record()).doing("read the instance's record")
    }

    pub(super) fn group(&self, id: &str) -> Group {
        self.hierarchies.group(self.cgroup(id))
    }

    pub(super) fn cgroup(&self, id: &str) -> String {
        format!("{}/{id}", self.names.cgroup())
    }

    /// The address of a lease.
    pub(crate) fn address(&self, index: u32) -> Ipv4Addr {
        self.network.subnet().address(index)
    }

    /// See [`crate::Networking::address6`].
    pub(crate) fn address6(&self, index: u32) -> Option<Ipv6Addr> {
        self.network.address6(index)
    }

    /// See [`crate::Networking::reserved_address`].
    pub(crate) fn reserved_address(&self, number: u32) -> Option<Ipv4Addr> {
        self.network.subnet().reserved(number)
    }

    /// See [`crate::Driver::machine`].
    pub(crate) fn machine(&self) -> Result<Machine, DriverError> {
        let cpus = thread::available_parallelism().doing("count CPUs")?.get() as u32;
        let meminfo = fs::read_to_string("/proc/meminfo").doing("read the memory size")?;
        let bytes = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
            line.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        let loadavg = fs::read_to_string("/proc/loadavg").doing("read the load")?;
        let load = loadavg.split(' ').next().and_then(|load| load.parse::<f64>().ok()).unwrap_or(0.0);
        let disk = statvfs(self.names.state_dir()).doing("read the free disk space")?;
        Ok(Machine {
            cpus,
            memory_bytes: bytes("MemTotal:"),
            memory_free_bytes: bytes("MemAvailable:"),
            disk_bytes: disk.f_blocks * disk.f_frsize,
            disk_free_bytes: disk.f_bavail * disk.f_frsize,
            load_millis: (load * 1000.0) as u64,
        })
    }

    /// Gives the name of the file an image's name leads to now.
    pub(crate) fn image_file(&self, image: &str) -> Result<String, DriverError> {
        let plain = !image.is_empty() && image.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if !plain || image.starts_with('.') {
            return Err(image_missing(image));
        }
        let link = self.images_dir.join(format!("{image}.erofs"));
        let target = link.canonicalize().map_err(|_| image_missing(image))?;
        let inside = target.parent() == self.images_dir.canonicalize().ok().as_deref();
        let name = target.file_name().and_then(|name| name.to_str());
        name.filter(|_| inside).map(str::to_owned).ok_or_else(|| image_missing(image))
    }

    /// See [`crate::Driver::create`].
    pub(crate) fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let paths = self.paths(&spec.id)?;
        self.make_folder(spec)?;
        if self.record(&spec.id)?.is_none() {
            let record = Record::new(spec, self.image_file(&spec.image)?);
            record.write(&paths.record()).doing("write the instance's record")?;
        }
        disk::ensure(&paths.disk(), spec.disk_bytes)
    }

    /// Makes the instance's folder, if its lease is one of this network.
    pub(super) fn make_folder(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let paths = self.paths(&spec.id)?;
        if !self.network.subnet().holds(spec.index) {
            let what = format!("index {} is outside of {}", spec.index, self.network.subnet());
            return Err(lasting(what, "The instance network has no address left."));
        }
        match fs::DirBuilder::new().mode(0o700).create(&paths.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other.doing("make the instance's folder"),
        }
    }

    /// Says whether the instance's init has begun and not ended.
    pub(crate) fn is_running(&self, id: &str) -> Result<bool, DriverError> {
        Ok(self.running(id, &self.paths(id)?)?.is_some())
    }

    /// Gives the init's process id when it has begun and not ended.
    pub(super) fn running(&self, id: &str, paths: &InstancePaths) -> Result<Option<i32>, DriverError> {
        if paths.not_begun().exists() {
            return Ok(None);
        }
        self.group(id).init().doing("find the instance's init")
    }
    /// The instance's folder, where its agent's socket is.
    pub(crate) fn instance_dir(&self, id: &str) -> Result<PathBuf, DriverError> {
        Ok(self.paths(id)?.dir)
    }
}
