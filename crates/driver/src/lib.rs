//! What the service does to the world: the [`Driver`] trait and its back ends.
//! The only crate that starts processes, mounts, or configures the network.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

pub mod agent;
pub mod container;
pub mod doctor;
mod error;
pub mod fake;
pub mod image;
pub mod meter;
pub mod networking;
mod process;
pub mod snapshots;
pub mod storage;
#[allow(unsafe_code)]
mod sys;

pub use container::ContainerDriver;
pub use fake::FakeDriver;
pub use meter::{Counters, Meter};
pub use networking::{InstanceNetwork, Networking};
pub use snapshots::{ExportSpec, SnapshotMade, SnapshotSource, Snapshots};
pub use storage::{DataDisk, Storage};

/// A bidirectional byte stream to a guest agent.
pub trait AgentStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> AgentStream for T {}

/// Everything a driver must know to make or start an instance. Built by the server from its store, never stored by the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSpec {
    /// UUID in lower-case text; the driver's only key. Folder, cgroup and link names derive from it.
    pub id: String,
    /// Account of the instance: instances of different accounts never reach each other.
    pub account_id: String,
    /// Host name, a DNS label.
    pub hostname: String,
    /// Name of the image (a folder under `images/` that was built), for example `debian_12`.
    pub image: String,
    /// Size of the system disk in bytes.
    pub disk_bytes: u64,
    /// CPU limit in thousandths of a core.
    pub cpu_millis: u32,
    /// Memory limit in bytes.
    pub memory_bytes: u64,
    /// Most processes and threads at once.
    pub pids_max: u32,
    /// Leased address index, 2–60 000, unique among living instances of this server: decides the address
    /// (`network base + index`) and the user namespace (`host id base = 65 536 * (index + 16)`).
    pub index: u32,
    /// Public keys that may log in by SSH as the person inside, lines of an `authorized_keys` file.
    pub authorized_keys: Vec<String>,
    /// Public key whose certificates may log in by SSH, a line; empty: none.
    pub trusted_ca: String,
    /// Script that root runs once inside, at the first boot; empty: none.
    pub user_data: String,
}

/// What the machine offers, for refusing what cannot fit and for `porthole doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Logical CPUs.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Memory that programs could still get, in bytes.
    pub memory_free_bytes: u64,
    /// Bytes of the file system where system disks are kept.
    pub disk_bytes: u64,
    /// Free bytes where system disks are kept.
    pub disk_free_bytes: u64,
    /// Programs that ran or waited to run in the last minute, in thousandths (the load average).
    pub load_millis: u64,
}

/// What a driver finds when it looks at the world; the reconciler compares it with the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The instance's id.
    pub id: String,
    /// What is there.
    pub state: ObservedState,
}

/// How much of an instance is on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedState {
    /// Init runs.
    Running,
    /// Init is gone or never ran, but runtime resources (mounts, links, cgroups, runtime state) are held.
    Partial,
    /// Only its files are there.
    Stopped,
}

/// Why a deed failed, and whether trying again may help.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Passing trouble; try again after the given time.
    #[error("{what}")]
    Retry {
        /// What failed, lower case, for a log.
        what: String,
        /// Wait at least this long.
        after: Duration,
    },
    /// Trying again will not help. `public` may be shown to the caller; `what` may not.
    #[error("{what}")]
    Final {
        /// What failed, lower case, for a log.
        what: String,
        /// A sentence a person can act on.
        public: String,
    },
}

/// The error of an instance whose image was not built.
pub(crate) fn image_missing(image: &str) -> DriverError {
    DriverError::Final {
        what: format!("image {image} is not built"),
        public: format!(
            "The image {image} is not built on this machine. Build it with `porthole image build {image}`."
        ),
    }
}

/// Makes, runs and removes instances. Every method is idempotent: it begins by looking, and succeeds when the world
/// already is as asked. All may be interrupted at any instant (server killed) and called again.
#[async_trait]
pub trait Driver: Storage + Snapshots + Networking + Meter + Send + Sync {
    /// Says what the machine offers now.
    async fn machine(&self) -> Result<Machine, DriverError>;
    /// Makes sure that the image exists; reports that it must be built otherwise (`Final`).
    async fn ensure_image(&self, image: &str) -> Result<(), DriverError>;
    /// Makes the instance's folder and system disk.
    async fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError>;
    /// Brings the instance up and returns once the guest agent answers its first health request.
    async fn start(&self, spec: &InstanceSpec) -> Result<(), DriverError>;
    /// Ends the instance (TERM, then KILL after `grace`) and releases everything it holds on the host but its files.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), DriverError>;
    /// Stops without grace, then removes the files.
    async fn delete(&self, id: &str) -> Result<(), DriverError>;
    /// Opens a new stream to the guest agent. Fails with `Retry` when the instance is not running.
    async fn connect(&self, id: &str) -> Result<Box<dyn AgentStream>, DriverError>;
    /// Lists every instance of this state folder of which anything is on the host.
    async fn observe(&self) -> Result<Vec<Observed>, DriverError>;
    /// Gives the address of the instance with this lease index.
    fn address(&self, index: u32) -> Ipv4Addr;
    /// Releases what the driver holds for all instances together (bridge, firewall table, cgroup parents), once none is left.
    async fn release_host(&self) -> Result<(), DriverError>;
}

/// Where a driver keeps and finds things.
#[derive(Debug, Clone)]
pub struct DriverConfig {
    /// The server's state folder; instances live under `instances/<id>/`, built images under `images_dir`.
    pub state_dir: PathBuf,
    /// Where built images are (`<name>.erofs` links to a content-addressed file); may be shared by several servers.
    pub images_dir: PathBuf,
    /// The guest agent's binary, bind-mounted read-only into instances.
    pub guest_binary: PathBuf,
    /// Network in CIDR form; `None` takes 172.26.0.0/16, or the next free of 172.27–172.31 where that collides, and remembers it in the state folder.
    pub network: Option<String>,
    /// Interface that gets the public addresses in use, so that its neighbours find them; `None`: the loopback interface,
    /// for addresses that are routed to this host.
    pub public_interface: Option<String>,
    /// Prefix of the instances' IPv6 addresses, a /64 that is routed to this host; `None`: one of this server's own,
    /// from which instances go out by the host's address.
    pub ipv6_prefix: Option<String>,
    /// Networks that only instances of peered accounts may open connections to.
    pub site_networks: Vec<porthole_model::ports::Cidr>,
}
