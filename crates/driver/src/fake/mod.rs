//! A driver whose world is in memory, with a guest agent that answers as the real one does.
//!
//! Clones share one world, so that a test can end a server and start another over the same instances. Faults and
//! latencies can be set for each [`Deed`]; every call is logged; [`FakeDriver::snapshot`] gives the world for comparing.

mod agent;
mod fault;
mod files;
mod meter;
mod networking;
mod snapshots;
mod storage;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::sleep;

pub use agent::DisplayOutcome;
pub use fault::{Deed, Fault, When};
pub use meter::Load;

use crate::{AgentStream, Driver, DriverError, InstanceNetwork, InstanceSpec, Machine, Observed, ObservedState};
use agent::Agent;
use fault::FaultPlan;
use meter::Used;

/// One call of the log: what was asked, and of which instance or image (empty where it concerns all).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was asked.
    pub deed: Deed,
    /// Instance id or image name.
    pub subject: String,
}

/// What the fake holds of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSnapshot {
    /// What [`Driver::observe`] says of it.
    pub state: ObservedState,
    /// What it was created with.
    pub spec: InstanceSpec,
    /// Whether its disk was made.
    pub disk: bool,
    /// Names of displays that are not stopped.
    pub displays: Vec<String>,
    /// Mounted data disks: the folder's name in the person's home, and the disk's id.
    pub mounts: BTreeMap<String, String>,
}

/// The fake's whole world at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorldSnapshot {
    /// Every instance of which anything is there.
    pub instances: BTreeMap<String, InstanceSnapshot>,
    /// Every data disk, with its size in bytes.
    pub disks: BTreeMap<String, u64>,
    /// Whether something is held for all instances together (bridge, firewall table).
    pub host_held: bool,
}

#[derive(Debug)]
struct Instance {
    spec: InstanceSpec,
    disk: bool,
    /// Mounts, links, cgroups.
    held: bool,
    agent: Option<Agent>,
    /// Name of the folder, id of the disk.
    mounts: BTreeMap<String, String>,
    network: Option<InstanceNetwork>,
}

impl Instance {
    fn state(&self) -> ObservedState {
        match (&self.agent, self.held) {
            (Some(_), _) => ObservedState::Running,
            (None, true) => ObservedState::Partial,
            (None, false) => ObservedState::Stopped,
        }
    }
}

#[derive(Debug)]
struct World {
    instances: BTreeMap<String, Instance>,
    disks: BTreeMap<String, u64>,
    shelf: snapshots::Shelf,
    host_held: bool,
    /// `None`: every image exists.
    images: Option<BTreeSet<String>>,
    machine: Machine,
    stage: Duration,
    outcomes: BTreeMap<String, DisplayOutcome>,
    /// What instances use, of those for which it was set.
    loads: BTreeMap<String, Load>,
    faults: FaultPlan,
    log: Vec<Call>,
}

impl World {
    fn begin(&mut self, deed: Deed, subject: &str) -> (Duration, Option<(When, Fault)>) {
        self.log.push(Call { deed, subject: subject.to_owned() });
        self.faults.next(deed)
    }

    fn agent(&self, id: &str) -> Option<&Agent> {
        self.instances.get(id)?.agent.as_ref()
    }

    fn agent_mut(&mut self, id: &str) -> Option<&mut Agent> {
        self.instances.get_mut(id)?.agent.as_mut()
    }

    fn display_plan(&self, name: &str) -> (Duration, DisplayOutcome) {
        (self.stage, self.outcomes.get(name).cloned().unwrap_or_default())
    }

    /// Does a part of the deed: half of it, or all.
    fn act(&mut self, deed: Deed, id: &str, spec: Option<&InstanceSpec>, part: When) -> Result<(), DriverError> {
        let whole = part == When::After;
        match (deed, spec) {
            (Deed::Create, Some(spec)) => {
                let instance = self.instances.entry(id.to_owned()).or_insert_with(|| Instance {
                    spec: spec.clone(),
                    disk: false,
                    held: false,
                    agent: None,
                    mounts: BTreeMap::new(),
                    network: None,
                });
                instance.disk |= whole;
            }
            (Deed::Start, Some(spec)) => {
                let Some(instance) = self.instances.get_mut(id).filter(|instance| instance.disk) else {
                    return Err(DriverError::Final {
                        what: format!("instance {id} has no system disk"),
                        public: "The instance has no system disk. Delete it and create it again.".to_owned(),
                    });
                };
                instance.spec = spec.clone();
                instance.held = true;
                if whole && instance.agent.is_none() {
                    instance.agent = Some(Agent::new(Used::new(self.loads.get(id).copied().unwrap_or_default())));
                }
                self.host_held = true;
            }
            (Deed::Stop, _) => {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.agent = None;
                    instance.mounts.clear();
                    instance.held &= !whole;
                }
            }
            (Deed::Delete, _) if whole => {
                self.instances.remove(id);
            }
            (Deed::Delete, _) => self.act(Deed::Stop, id, None, When::After)?,
            (Deed::ReleaseHost, _) if whole => {
                let unused = |instance: &Instance| instance.state() == ObservedState::Stopped;
                self.host_held &= !self.instances.values().all(unused);
            }
            _ => {}
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Shared(Mutex<World>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The in-memory driver. Cloning shares the world.
#[derive(Debug, Clone)]
pub struct FakeDriver {
    shared: Arc<Shared>,
}

impl Default for FakeDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeDriver {
    /// Makes an empty world: every image exists, a large machine, displays start at once through their four stages.
    #[must_use]
    pub fn new() -> Self {
        let machine = Machine {
            cpus: 64,
            memory_bytes: 256 << 30,
            memory_free_bytes: 200 << 30,
            disk_bytes: 20 << 40,
            disk_free_bytes: 16 << 40,
            load_millis: 1_500,
        };
        let world = World {
            instances: BTreeMap::new(),
            disks: BTreeMap::new(),
            shelf: snapshots::Shelf::default(),
            host_held: false,
            images: None,
            machine,
            stage: Duration::from_millis(1),
            outcomes: BTreeMap::new(),
            loads: BTreeMap::new(),
            faults: FaultPlan::default(),
            log: Vec::new(),
        };
        Self { shared: Arc::new(Shared(Mutex::new(world))) }
    }

    /// Lets the `nth` call from now (1 is the next) of `deed` go wrong.
    pub fn fail_nth(&self, deed: Deed, nth: usize, when: When, fault: Fault) {
        self.shared.lock().faults.add(deed, nth, when, fault);
    }

    /// Lets every call of `deed` go wrong until [`FakeDriver::clear_faults`].
    pub fn fail_always(&self, deed: Deed, when: When, fault: Fault) {
        self.shared.lock().faults.add_always(deed, when, fault);
    }

    /// Forgets every fault still to come.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Makes every call of `deed` take this long (tokio's clock).
    pub fn set_latency(&self, deed: Deed, latency: Duration) {
        self.shared.lock().faults.set_latency(deed, latency);
    }

    /// Sets the time between two stages of a starting display (tokio's clock).
    pub fn set_display_stage(&self, stage: Duration) {
        self.shared.lock().stage = stage;
    }

    /// Sets how the display of this name behaves when it is next started.
    pub fn set_display_outcome(&self, name: &str, outcome: DisplayOutcome) {
        self.shared.lock().outcomes.insert(name.to_owned(), outcome);
    }

    /// Sets which images exist.
    pub fn set_images<const N: usize>(&self, names: [&str; N]) {
        self.shared.lock().images = Some(names.map(str::to_owned).into());
    }

    /// Sets what the machine offers.
    pub fn set_machine(&self, machine: Machine) {
        self.shared.lock().machine = machine;
    }

    /// Ends the instance's init behind the server's back: what it held is left ([`ObservedState::Partial`]).
    pub fn kill_init(&self, id: &str) {
        if let Some(instance) = self.shared.lock().instances.get_mut(id) {
            instance.agent = None;
            instance.mounts.clear();
        }
    }

    /// Gives every call so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().log.clone()
    }

    /// Empties the call log.
    pub fn clear_calls(&self) {
        self.shared.lock().log.clear();
    }

    /// Gives the whole world, for comparing.
    #[must_use]
    pub fn snapshot(&self) -> WorldSnapshot {
        let world = self.shared.lock();
        let instances = world.instances.iter().map(|(id, instance)| (id.clone(), snapshot_of(instance))).collect();
        WorldSnapshot { instances, disks: world.disks.clone(), host_held: world.host_held }
    }

    /// Logs the call, waits its latency, lets faults strike, and does the deed.
    async fn perform(&self, deed: Deed, subject: &str, spec: Option<&InstanceSpec>) -> Result<(), DriverError> {
        let (latency, fault) = self.shared.lock().begin(deed, subject);
        sleep(latency).await;
        match fault {
            None => self.shared.lock().act(deed, subject, spec, When::After),
            Some((When::Before, fault)) => Err(fault.strike(deed).await),
            Some((part, fault)) => {
                self.shared.lock().act(deed, subject, spec, part)?;
                Err(fault.strike(deed).await)
            }
        }
    }
}

fn snapshot_of(instance: &Instance) -> InstanceSnapshot {
    use porthole_model::guest::DisplayState;
    let displays = instance.agent.iter().flat_map(|agent| &agent.displays);
    let live = displays.filter(|(name, display)| display.status(name).state != DisplayState::Stopped);
    InstanceSnapshot {
        state: instance.state(),
        spec: instance.spec.clone(),
        disk: instance.disk,
        displays: live.map(|(name, _)| name.clone()).collect(),
        mounts: instance.mounts.clone(),
    }
}

#[async_trait]
impl Driver for FakeDriver {
    async fn machine(&self) -> Result<Machine, DriverError> {
        self.perform(Deed::Machine, "", None).await?;
        Ok(self.shared.lock().machine.clone())
    }

    async fn ensure_image(&self, image: &str) -> Result<(), DriverError> {
        self.perform(Deed::EnsureImage, image, None).await?;
        let world = self.shared.lock();
        if world.images.as_ref().is_none_or(|images| images.contains(image)) {
            return Ok(());
        }
        Err(crate::image_missing(image))
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.perform(Deed::Create, &spec.id, Some(spec)).await
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.perform(Deed::Start, &spec.id, Some(spec)).await
    }

    async fn stop(&self, id: &str, _grace: Duration) -> Result<(), DriverError> {
        self.perform(Deed::Stop, id, None).await
    }

    async fn delete(&self, id: &str) -> Result<(), DriverError> {
        self.perform(Deed::Delete, id, None).await
    }

    async fn connect(&self, id: &str) -> Result<Box<dyn AgentStream>, DriverError> {
        self.perform(Deed::Connect, id, None).await?;
        let world = self.shared.lock();
        let Some(agent) = world.agent(id) else {
            let what = format!("instance {id} is not running");
            return Err(DriverError::Retry { what, after: Duration::from_millis(100) });
        };
        let boot = agent::boot_of(agent);
        let (near, far) = tokio::io::duplex(256 * 1024);
        tokio::spawn(agent::serve(Arc::clone(&self.shared), id.to_owned(), far, boot));
        Ok(Box::new(near))
    }

    async fn observe(&self) -> Result<Vec<Observed>, DriverError> {
        self.perform(Deed::Observe, "", None).await?;
        let world = self.shared.lock();
        Ok(world.instances.iter().map(|(id, i)| Observed { id: id.clone(), state: i.state() }).collect())
    }

    fn address(&self, index: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(Ipv4Addr::new(172, 26, 0, 0).to_bits() + index)
    }

    async fn release_host(&self) -> Result<(), DriverError> {
        self.perform(Deed::ReleaseHost, "", None).await
    }
}
