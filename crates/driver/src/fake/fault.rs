//! Which calls of the fake go wrong, and how.

use std::{collections::BTreeMap, time::Duration};

use crate::DriverError;

/// One thing the fake can be asked for: a method of the driver, or a request to its guest agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// [`crate::Driver::machine`].
    Machine,
    /// [`crate::Driver::ensure_image`].
    EnsureImage,
    /// [`crate::Driver::create`].
    Create,
    /// [`crate::Driver::start`].
    Start,
    /// [`crate::Driver::stop`].
    Stop,
    /// [`crate::Driver::delete`].
    Delete,
    /// [`crate::Driver::connect`].
    Connect,
    /// [`crate::Driver::observe`].
    Observe,
    /// [`crate::Driver::release_host`].
    ReleaseHost,
    /// [`crate::Storage::ensure_disk`].
    EnsureDisk,
    /// [`crate::Storage::delete_disk`].
    DeleteDisk,
    /// [`crate::Storage::disks`].
    Disks,
    /// [`crate::Storage::mount_disk`].
    MountDisk,
    /// [`crate::Storage::unmount_disk`].
    UnmountDisk,
    /// [`crate::Meter::sample`].
    Sample,
    /// [`crate::Snapshots::create_snapshot`].
    CreateSnapshot,
    /// [`crate::Snapshots::delete_snapshot`].
    DeleteSnapshot,
    /// [`crate::Snapshots::create_disk_from_snapshot`].
    CreateDiskFromSnapshot,
    /// [`crate::Snapshots::export_snapshot`].
    ExportSnapshot,
    /// [`crate::Networking::set_network`].
    SetNetwork,
    /// `GET /v1/health` of the agent.
    Health,
    /// `PUT /v1/displays/{name}` of the agent.
    PutDisplay,
    /// `PUT /v1/metadata` of the agent.
    PutMetadata,
    /// `GET /v1/displays/{name}` of the agent.
    GetDisplay,
    /// `DELETE /v1/displays/{name}` of the agent.
    DeleteDisplay,
    /// `GET /v1/displays/{name}/stream` of the agent.
    Stream,
    /// The agent hands a connection over to what serves files.
    Files,
    /// `GET /v1/displays/{name}/screenshot` of the agent.
    Screenshot,
    /// `GET /v1/ssh-host-keys` of the agent.
    SshHostKeys,
}

/// What the world looks like when a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing was done yet.
    Before,
    /// Half was done: a create has a folder and no disk, a start or stop holds resources without an init, a delete has
    /// stopped the instance and kept its files. The same as `Before` for everything else.
    Halfway,
    /// All was done; only the answer is lost.
    After,
}

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// [`DriverError::Retry`] with this waiting time; 503 from the agent.
    Retry(Duration),
    /// [`DriverError::Final`] with this public sentence; 500 from the agent.
    Final(String),
    /// Never answers.
    Hang,
    /// The agent closes the connection without a reply; [`DriverError::Retry`] from the driver.
    Cut,
}

impl Fault {
    /// Gives the error a driver method fails with; waits for ever when it hangs.
    pub(crate) async fn strike(self, deed: Deed) -> DriverError {
        let what = format!("injected fault in {deed:?}");
        match self {
            Fault::Retry(after) => DriverError::Retry { what, after },
            Fault::Cut => DriverError::Retry { what, after: Duration::from_millis(10) },
            Fault::Final(public) => DriverError::Final { what, public },
            Fault::Hang => std::future::pending().await,
        }
    }
}

/// The faults still to strike, and the latencies of every call.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan {
    once: Vec<(Deed, usize, When, Fault)>,
    always: BTreeMap<Deed, (When, Fault)>,
    latency: BTreeMap<Deed, Duration>,
}

impl FaultPlan {
    /// Lets the `nth` call from now (1 is the next) go wrong.
    pub(crate) fn add(&mut self, deed: Deed, nth: usize, when: When, fault: Fault) {
        self.once.push((deed, nth.max(1), when, fault));
    }

    /// Lets every call go wrong.
    pub(crate) fn add_always(&mut self, deed: Deed, when: When, fault: Fault) {
        self.always.insert(deed, (when, fault));
    }

    /// Forgets all faults; keeps latencies.
    pub(crate) fn clear(&mut self) {
        self.once.clear();
        self.always.clear();
    }

    /// Makes every call take this long.
    pub(crate) fn set_latency(&mut self, deed: Deed, latency: Duration) {
        self.latency.insert(deed, latency);
    }

    /// Counts one call and says what happens to it.
    pub(crate) fn next(&mut self, deed: Deed) -> (Duration, Option<(When, Fault)>) {
        let latency = self.latency.get(&deed).copied().unwrap_or_default();
        let mut struck = None;
        self.once.retain_mut(|(of, left, when, fault)| {
            if *of != deed {
                return true;
            }
            *left -= 1;
            if *left == 0 {
                struck = Some((*when, fault.clone()));
            }
            *left > 0
        });
        (latency, struck.or_else(|| self.always.get(&deed).cloned()))
    }
}
