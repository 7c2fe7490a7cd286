//! The container driver: instances as OCI containers on this machine.
//!
//! An instance that runs holds: processes in one cgroup, one link on the bridge, the OCI runtime's state folder, and
//! nothing else the host can see. Its mounts live in its own mount namespace alone and its loop devices let themselves
//! go, so that the kernel takes them back when its last process ends, whoever ended it. What is held for all instances
//! together (bridge, firewall tables, cgroup parent) is made by the first start and released by the last stop. The server
//! itself holds the images' filesystems, with one loop device each, for as long as it runs.
//!
//! The server is not part of any instance: it may be killed at any instant and another one finds all of it again by
//! names that derive from the state folder and the instances' ids.

mod boot;
mod bundle;
mod cgroup;
mod copy;
mod data_disk;
mod disk;
mod export;
mod firewall_members;
mod host;
mod images;
mod loopdev;
mod meter;
mod mounts;
mod names;
mod net;
mod networking;
mod observe;
mod record;
mod release;
mod rootfs;
mod runtime;
mod seccomp;
mod shift;
mod snapshot;
mod snapshots;
mod start;
mod storage;
mod trace;

pub(crate) use record::images_in_use;

use std::{
    collections::{BTreeSet, HashMap},
    net::Ipv4Addr,
    os::fd::AsRawFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rustix::fs::{Mode, OFlags, open};
use tokio::{
    net::UnixStream,
    sync::{OwnedMutexGuard, OwnedRwLockReadGuard, RwLock},
    task::spawn_blocking,
};

use self::{
    cgroup::{Hierarchies, Layout},
    host::Host,
    names::InstancePaths,
    start::console_tail,
};
use crate::{
    AgentStream, Driver, DriverConfig, DriverError, InstanceSpec, Machine, Observed, agent,
    error::{Doing, retry},
};

/// Says how cgroups are mounted, for a person, and which controllers there are.
pub(crate) fn cgroup_layout() -> (&'static str, BTreeSet<String>) {
    let Ok(hierarchies) = Hierarchies::find() else {
        return ("unreadable", BTreeSet::new());
    };
    let layout = match hierarchies.layout() {
        _ if hierarchies.is_empty() => "not mounted",
        Layout::Unified => "version 2",
        Layout::Legacy => "version 1, or both",
    };
    (layout, hierarchies.controllers())
}

/// Gives firewall rules like those of a server with instances, for trying whether the kernel takes them.
pub(crate) fn firewall_check_document() -> String {
    net::firewall::Rules::example().document()
}

/// How long a start waits for the guest agent's first answer.
const AGENT_LIMIT: Duration = Duration::from_secs(30);

/// Runs instances as containers on this machine. Clones share everything.
#[derive(Debug, Clone)]
pub struct ContainerDriver {
    host: Arc<Host>,
    /// One deed at a time on an instance.
    instances: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    /// Read by starts; written by whoever releases what is shared.
    shared: Arc<RwLock<()>>,
}

impl ContainerDriver {
    /// Looks at the host and takes in the instances that live there. Changes nothing else.
    pub async fn open(config: DriverConfig) -> Result<Self, DriverError> {
        let host = blocking(move || Host::open(&config)).await?;
        Ok(Self { host: Arc::new(host), instances: Arc::default(), shared: Arc::default() })
    }

    async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
            // Locks nobody holds or waits for are forgotten, so that the map does not grow for ever.
            instances.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(instances.entry(id.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    /// Runs a deed on one instance to its end, also when the caller does not wait for it any more.
    async fn exclusive<T: Send + 'static>(
        &self,
        id: &str,
        deed: impl FnOnce(&Host) -> Result<T, DriverError> + Send + 'static,
    ) -> Result<T, DriverError> {
        let guard = self.lock(id).await;
        let host = Arc::clone(&self.host);
        blocking(move || {
            let _guard = guard;
            deed(&host)
        })
        .await
    }

    /// Releases what is shared if it is not used; leaves it to a later call if a start is under way.
    async fn release_shared_if_unused(&self) -> Result<(), DriverError> {
        let Ok(guard) = Arc::clone(&self.shared).try_write_owned() else {
            return Ok(());
        };
        let host = Arc::clone(&self.host);
        blocking(move || {
            let _guard = guard;
            host.release_shared()
        })
        .await
    }

    async fn start_once(&self, spec: &InstanceSpec) -> Result<(), StartError> {
        let shared: OwnedRwLockReadGuard<()> = Arc::clone(&self.shared).read_owned().await;
        let wanted = spec.clone();
        let begun = self.exclusive(&spec.id, move |host| {
            let _shared = shared;
            host.bring_up(&wanted)
        });
        let console = match begun.await {
            Ok(console) => console,
            Err(error) => {
                self.release_shared_if_unused().await.map_err(StartError::Fresh)?;
                return Err(StartError::Fresh(error));
            }
        };
        self.first_answer(&spec.id).await.map_err(|error| match console {
            Some(console) => StartError::Fresh(retry(format!("{error}; console: {}", console_tail(console)))),
            None => StartError::Adopted(error),
        })
    }

    /// Waits for the agent's first answer.
    async fn first_answer(&self, id: &str) -> Result<(), DriverError> {
        let stream = self.connect(id).await?;
        let health = agent::health(stream, AGENT_LIMIT).await;
        health.map(drop).doing("wait for the guest agent")
    }
}

/// How a start failed: on an instance it made run, or on one it found running.
enum StartError {
    Fresh(DriverError),
    Adopted(DriverError),
}

impl StartError {
    fn into_inner(self) -> DriverError {
        match self {
            StartError::Fresh(error) | StartError::Adopted(error) => error,
        }
    }
}

/// Runs blocking work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DriverError> + Send + 'static,
) -> Result<T, DriverError> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(retry(format!("a driver thread ended badly: {error}"))))
}

#[async_trait]
impl Driver for ContainerDriver {
    async fn machine(&self) -> Result<Machine, DriverError> {
        let host = Arc::clone(&self.host);
        blocking(move || host.machine()).await
    }

    async fn ensure_image(&self, image: &str) -> Result<(), DriverError> {
        let (host, image) = (Arc::clone(&self.host), image.to_owned());
        blocking(move || host.image_file(&image).map(drop)).await
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let wanted = spec.clone();
        self.exclusive(&spec.id, move |host| host.create(&wanted)).await
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let Err(error) = self.start_once(spec).await else {
            return Ok(());
        };
        // An instance that was found running may have been about to end.
        let (host, id) = (Arc::clone(&self.host), spec.id.clone());
        match error {
            StartError::Adopted(_) if !blocking(move || host.is_running(&id)).await? => {
                self.start_once(spec).await.map_err(StartError::into_inner)
            }
            other => Err(other.into_inner()),
        }
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), DriverError> {
        let key = id.to_owned();
        self.exclusive(id, move |host| host.stop(&key, grace)).await?;
        self.release_shared_if_unused().await
    }

    async fn delete(&self, id: &str) -> Result<(), DriverError> {
        let key = id.to_owned();
        self.exclusive(id, move |host| host.delete(&key)).await?;
        self.release_shared_if_unused().await
    }

    async fn connect(&self, id: &str) -> Result<Box<dyn AgentStream>, DriverError> {
        let folder = self.host.instance_dir(id)?;
        let gone = |what: &str| retry(format!("instance {id} is not running: {what}"));
        // Through the folder's descriptor, because the path may be too long for a socket's name.
        let opened = open(&folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let opened = opened.map_err(|error| gone(&error.to_string()))?;
        let path = format!("/proc/self/fd/{}/{}", opened.as_raw_fd(), InstancePaths::SOCKET);
        let stream = UnixStream::connect(path).await.map_err(|error| gone(&error.to_string()))?;
        Ok(Box::new(stream))
    }

    async fn observe(&self) -> Result<Vec<Observed>, DriverError> {
        let host = Arc::clone(&self.host);
        blocking(move || host.observe()).await
    }

    fn address(&self, index: u32) -> Ipv4Addr {
        self.host.address(index)
    }

    async fn release_host(&self) -> Result<(), DriverError> {
        let guard = Arc::clone(&self.shared).write_owned().await;
        let host = Arc::clone(&self.host);
        blocking(move || {
            let _guard = guard;
            host.release_shared()
        })
        .await
    }
}
