//! A whole server in a test: real services, real runner, SQLite in a folder, a fake driver, and trouble on demand.
//!
//! Trouble comes between runner and plan: each plan is wrapped in a [`Troubled`], which counts the calls of steps and undos
//! and makes the chosen one go wrong. The runner itself knows nothing of it.

mod snapshots;

use std::{
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use porthole_api::types::{
    AttachDiskRequest, CreateDiskRequest, CreateInstancesRequest, DeleteDiskRequest, DeleteInstanceRequest,
    DetachDiskRequest, Operation as Wire, RebootInstanceRequest, StartGuiSessionRequest, StartInstanceRequest,
    StopGuiSessionRequest, StopInstanceRequest,
};
use porthole_driver::FakeDriver;
use porthole_model::{AccountId, operation::Kind};
use porthole_store::{Account, KeyPair, Operation, Page, Store};
use tokio::sync::Notify;

use super::{
    plan::{AnyPlan, StepError, StepFuture},
    runner::{Drives, Find, Runner},
};
use crate::{
    app::{App, SystemClock, SystemIds},
    auth::{Caller, KeyCache},
    catalog::Catalog,
    config::{Config, DriverKind},
    dispatch::Request,
    gateway::registry::Viewers,
    metrics::Metrics,
    secret::Seal,
    service,
};

/// Name of the one instance of a world.
pub(super) const NAME: &str = "lab-1";
/// Name of the one data disk of a world.
pub(super) const DISK: &str = "data-1";
/// Name of the one snapshot of an instance.
pub(super) const SNAPSHOT: &str = "snap-1";
/// Name of the one snapshot of a disk.
pub(super) const DISK_SNAPSHOT: &str = "disk-snap-1";
/// Day of the one automatic snapshot.
pub(super) const AUTO_DATE: &str = "2026-01-01";
/// How long a test waits for a state before it fails.
const PATIENCE: Duration = Duration::from_secs(20);
const ACCOUNT: &str = "111122223333";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Every step and every undo runs twice.
    Twice,
    /// This step fails for good before it did anything.
    FailBefore(u16),
    /// This step fails for good after it did everything.
    FailAfter(u16),
    /// The call of this number, steps and undos counted from 0, never begins: the runner is dropped there.
    CrashBefore(usize),
    /// The call of this number is done, and its record is never written.
    CrashAfter(usize),
    /// This step waits before it did anything, until [`World::go_on`]; one that may be cut off is.
    HoldBefore(u16),
}

/// Trouble shared by all plans of a world.
#[derive(Default)]
struct Shared {
    trouble: Mutex<Vec<Trouble>>,
    calls: Mutex<Vec<String>>,
    crashed: AtomicBool,
    held: AtomicBool,
    changed: Notify,
    go_on: Notify,
}

impl Shared {
    fn has(&self, trouble: Trouble) -> bool {
        self.trouble.lock().expect("no test panics in here").contains(&trouble)
    }

    /// Stops here for ever, as a process that was killed does.
    async fn crash(&self) {
        self.crashed.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
        std::future::pending::<()>().await;
    }

    fn count(&self, name: &str) -> usize {
        let mut calls = self.calls.lock().expect("no test panics in here");
        calls.push(name.to_owned());
        calls.len() - 1
    }
}

/// A plan with trouble.
struct Troubled {
    plan: &'static dyn AnyPlan,
    shared: Arc<Shared>,
}

impl AnyPlan for Troubled {
    fn version(&self) -> i64 {
        self.plan.version()
    }

    fn steps(&self) -> u16 {
        self.plan.steps()
    }

    fn deadline_ms(&self) -> i64 {
        self.plan.deadline_ms()
    }

    fn name(&self, step: u16) -> &'static str {
        self.plan.name(step)
    }

    fn limit(&self, step: u16) -> Duration {
        self.plan.limit(step)
    }

    fn interruptible(&self, step: u16) -> bool {
        self.plan.interruptible(step)
    }

    fn has_undo(&self, step: u16) -> bool {
        self.plan.has_undo(step)
    }

    fn run<'a>(&'a self, app: &'a App, step: u16, state: &'a mut String) -> StepFuture<'a> {
        Box::pin(async move {
            let shared = &self.shared;
            let call = shared.count(self.plan.name(step));
            if shared.has(Trouble::CrashBefore(call)) {
                shared.crash().await;
            }
            if shared.has(Trouble::FailBefore(step)) {
                return Err(failure());
            }
            if shared.has(Trouble::HoldBefore(step)) {
                let go_on = shared.go_on.notified();
                shared.held.store(true, Ordering::SeqCst);
                shared.changed.notify_waiters();
                go_on.await;
            }
            self.plan.run(app, step, state).await?;
            if shared.has(Trouble::Twice) {
                self.plan.run(app, step, state).await?;
            }
            if shared.has(Trouble::CrashAfter(call)) {
                shared.crash().await;
            }
            if shared.has(Trouble::FailAfter(step)) {
                return Err(failure());
            }
            Ok(())
        })
    }

    fn undo<'a>(&'a self, app: &'a App, step: u16, state: &'a mut String) -> StepFuture<'a> {
        Box::pin(async move {
            let shared = &self.shared;
            let call = shared.count(&format!("undo {}", self.plan.name(step)));
            if shared.has(Trouble::CrashBefore(call)) {
                shared.crash().await;
            }
            self.plan.undo(app, step, state).await?;
            if shared.has(Trouble::Twice) {
                self.plan.undo(app, step, state).await?;
            }
            if shared.has(Trouble::CrashAfter(call)) {
                shared.crash().await;
            }
            Ok(())
        })
    }
}

fn failure() -> StepError {
    StepError::Failed { what: "trouble".into(), code: "OperationFailure", public: "Trouble was asked for.".into() }
}

/// A server and everything it works on.
pub(super) struct World {
    pub(super) app: Arc<App>,
    pub(super) driver: FakeDriver,
    shared: Arc<Shared>,
    find: Find,
    runner: Option<Runner>,
    _folder: tempfile::TempDir,
}

impl World {
    /// An empty world with a runner.
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with another configuration.
    pub(super) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let driver = FakeDriver::new();
        let mut config = Config { state_dir: folder.path().to_owned(), driver: DriverKind::Fake, ..Config::default() };
        change(&mut config);
        let store = Store::open(&config.store_url()).await.expect("the store opens");
        let app = Arc::new(app(config, store, &driver));
        let mut tx = app.store.begin().await.expect("a transaction");
        let account = Account { id: AccountId::new(ACCOUNT), name: "test".into(), created_ms: 0 };
        tx.insert_account(&account).await.expect("an account");
        tx.insert_key_pair(&key_pair()).await.expect("a key pair");
        tx.commit().await.expect("is written");
        let shared = Arc::<Shared>::default();
        let wrapped: Vec<(Kind, &'static dyn AnyPlan)> = super::PLANNED
            .iter()
            .map(|&kind| {
                // Plans live as long as the program; a test's do too.
                let troubled = Box::leak(Box::new(Troubled {
                    plan: super::plan(kind).expect("it has a plan"),
                    shared: Arc::clone(&shared),
                }));
                (kind, &*troubled as &dyn AnyPlan)
            })
            .collect();
        let find: Find = Arc::new(move |operation: &Operation| {
            wrapped.iter().find(|(kind, _)| *kind == operation.kind).map(|(_, plan)| *plan)
        });
        let mut world = Self { app, driver, shared, find, runner: None, _folder: folder };
        world.start_runner();
        world
    }

    /// A world in which a request of this kind makes sense: its instance is running with a started session, or whatever
    /// the request needs.
    pub(super) async fn ready(kind: Kind) -> Self {
        let world = Self::new().await;
        let before: &[Kind] = match kind {
            Kind::CreateInstance => &[],
            Kind::StartInstance => &[Kind::CreateInstance, Kind::StopInstance],
            Kind::StartSession => &[Kind::CreateInstance],
            Kind::StopInstance | Kind::RebootInstance | Kind::DeleteInstance | Kind::StopSession => {
                &[Kind::CreateInstance, Kind::StartSession]
            }
            Kind::CreateDisk => &[],
            Kind::DeleteDisk => &[Kind::CreateDisk],
            Kind::AttachDisk => &[Kind::CreateInstance, Kind::CreateDisk],
            Kind::DetachDisk => &[Kind::CreateInstance, Kind::CreateDisk, Kind::AttachDisk, Kind::StopInstance],
            Kind::CreateInstanceSnapshot | Kind::DeleteAutoSnapshot => &[Kind::CreateInstance],
            Kind::DeleteInstanceSnapshot | Kind::CopySnapshot | Kind::ExportSnapshot => {
                &[Kind::CreateInstance, Kind::CreateInstanceSnapshot]
            }
            Kind::CreateInstancesFromSnapshot => {
                &[Kind::CreateInstance, Kind::CreateInstanceSnapshot, Kind::DeleteInstance]
            }
            Kind::CreateDiskSnapshot => &[Kind::CreateDisk],
            Kind::DeleteDiskSnapshot => &[Kind::CreateDisk, Kind::CreateDiskSnapshot],
            Kind::CreateDiskFromSnapshot => &[Kind::CreateDisk, Kind::CreateDiskSnapshot, Kind::DeleteDisk],
            other => unreachable!("{other:?} has no plan"),
        };
        for kind in before {
            let id = world.request(*kind).await;
            let ended = world.ended(&id).await;
            assert_eq!(ended.error_code, "", "{kind:?} prepares the world");
        }
        if kind == Kind::DeleteAutoSnapshot {
            world.auto_snapshot(AUTO_DATE).await;
        }
        world.shared.calls.lock().expect("no test panics in here").clear();
        world
    }

    /// Waits until every operation has ended.
    pub(super) async fn no_operation_left(&self) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !self.app.store.undone_operations().await.expect("the store answers").is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        waited.await.expect("operations end");
    }

    pub(super) fn start_runner(&mut self) {
        self.start_runner_with(Arc::clone(&self.find));
    }

    pub(super) fn start_runner_with(&mut self, find: Find) {
        self.runner = Some(Runner::start_with(&self.app, find));
    }

    /// Drops the runner without a word, as a kill does.
    pub(super) fn kill_runner(&mut self) {
        self.runner = None;
    }

    /// Ends the runner as a server does that is told to end.
    pub(super) async fn stop_runner(&mut self) {
        if let Some(runner) = self.runner.take() {
            runner.stop().await;
        }
    }

    pub(super) fn set_trouble(&self, trouble: &[Trouble]) {
        *self.shared.trouble.lock().expect("no test panics in here") = trouble.to_vec();
        self.shared.calls.lock().expect("no test panics in here").clear();
        self.shared.crashed.store(false, Ordering::SeqCst);
        self.shared.held.store(false, Ordering::SeqCst);
    }

    /// Steps and undos called since the trouble was set.
    pub(super) fn calls(&self) -> Vec<String> {
        self.shared.calls.lock().expect("no test panics in here").clone()
    }

    /// Lets a held step go on.
    pub(super) fn go_on(&self) {
        self.set_trouble(&[]);
        self.shared.go_on.notify_waiters();
    }

    /// Sends a request through the service and gives its operation's id.
    pub(super) async fn request(&self, kind: Kind) -> String {
        self.try_request(kind).await.unwrap_or_else(|error| panic!("{kind:?} is accepted: {error}"))
    }

    /// The same, where it may be refused.
    pub(super) async fn try_request(&self, kind: Kind) -> Result<String, porthole_api::Error> {
        self.request_for(NAME, kind).await
    }

    /// The same for an instance of another name.
    pub(super) async fn request_for(&self, name: &str, kind: Kind) -> Result<String, porthole_api::Error> {
        let caller = Caller { account_id: ACCOUNT.into(), access_key_id: "AKIA".into(), policy: None, person: None };
        let cx = Request { app: &self.app, caller: &caller };
        let instance_name = || name.to_owned();
        let answer: Option<Vec<Wire>> = match kind {
            Kind::CreateInstance => service::instance::create(cx, create_request(name)).await?.operations,
            Kind::StartInstance => {
                let input = StartInstanceRequest { instance_name: instance_name(), attribute_updates: None };
                service::instance::start(cx, input).await?.operations
            }
            Kind::StopInstance => {
                let input = StopInstanceRequest { instance_name: instance_name(), force: None };
                service::instance::stop(cx, input).await?.operations
            }
            Kind::RebootInstance => {
                let input = RebootInstanceRequest { instance_name: instance_name() };
                service::instance::reboot(cx, input).await?.operations
            }
            Kind::DeleteInstance => {
                let input = DeleteInstanceRequest { instance_name: instance_name(), force_delete_add_ons: Some(true) };
                service::instance::delete(cx, input).await?.operations
            }
            Kind::StartSession => {
                let input = StartGuiSessionRequest { resource_name: instance_name() };
                service::session::start(cx, input).await?.operations
            }
            Kind::StopSession => {
                let input = StopGuiSessionRequest { resource_name: instance_name() };
                service::session::stop(cx, input).await?.operations
            }
            Kind::CreateDisk | Kind::AttachDisk | Kind::DetachDisk | Kind::DeleteDisk => {
                Self::request_on_disk(cx, kind, name).await?
            }
            _ => Self::request_on_snapshot(cx, kind, name).await?,
        };
        let operations = answer.expect("operations");
        // What a delete detaches comes before it; everywhere else the operation that is driven is the first.
        let driven = if kind == Kind::DeleteInstance { operations.last() } else { operations.first() };
        Ok(driven.expect("an operation").id.clone().expect("an id"))
    }

    async fn request_on_disk(
        cx: Request<'_>,
        kind: Kind,
        instance_name: &str,
    ) -> Result<Option<Vec<Wire>>, porthole_api::Error> {
        let disk_name = DISK.to_owned();
        Ok(match kind {
            Kind::CreateDisk => {
                let availability_zone = "us-east-2a".into();
                let input =
                    CreateDiskRequest { add_ons: None, availability_zone, disk_name, size_in_gb: 8, tags: None };
                service::disk::create(cx, input).await?.operations
            }
            Kind::AttachDisk => {
                let (instance_name, disk_path) = (instance_name.to_owned(), "/dev/xvdf".into());
                let input = AttachDiskRequest { auto_mounting: Some(true), disk_name, disk_path, instance_name };
                service::disk::attach(cx, input).await?.operations
            }
            Kind::DetachDisk => service::disk::detach(cx, DetachDiskRequest { disk_name }).await?.operations,
            _ => {
                let input = DeleteDiskRequest { disk_name, force_delete_add_ons: None };
                service::disk::delete(cx, input).await?.operations
            }
        })
    }

    /// Reads an operation.
    pub(super) async fn operation(&self, id: &str) -> Operation {
        let found = self.app.store.operation(&AccountId::new(ACCOUNT), &self.app.config.region, id).await;
        found.expect("the store answers").expect("the operation is there")
    }

    /// Waits until the operation has ended.
    pub(super) async fn ended(&self, id: &str) -> Operation {
        self.wait(id, |operation| operation.done_ms != 0).await
    }

    /// Waits until the operation is as wanted.
    pub(super) async fn wait(&self, id: &str, wanted: impl Fn(&Operation) -> bool) -> Operation {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let operation = self.operation(id).await;
                if wanted(&operation) {
                    return operation;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let Ok(operation) = waited.await else {
            panic!("not in time: {:?}, called {:?}", self.operation(id).await, self.calls())
        };
        operation
    }

    /// Waits until a step is held; false when the operation ended without reaching it.
    pub(super) async fn held(&self, id: &str) -> bool {
        self.reached(id, &self.shared.held).await
    }

    /// Waits until the runner "crashed"; false when the operation ended without it.
    pub(super) async fn crashed(&self, id: &str) -> bool {
        self.reached(id, &self.shared.crashed).await
    }

    async fn reached(&self, id: &str, flag: &AtomicBool) -> bool {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let changed = self.shared.changed.notified();
                if flag.load(Ordering::SeqCst) {
                    return true;
                }
                if self.operation(id).await.done_ms != 0 {
                    return flag.load(Ordering::SeqCst);
                }
                tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep(Duration::from_millis(2)) => {}
                }
            }
        });
        waited.await.unwrap_or_else(|_| panic!("not reached in time, called {:?}", self.calls()))
    }

    /// Writes down everything that matters afterwards, but times and random ids.
    pub(super) async fn snapshot(&self) -> String {
        let mut text = String::new();
        let store = &self.app.store;
        let instances = store.all_instances().await.expect("the store answers");
        for instance in &instances {
            let session = &instance.session;
            write!(text, "{} {}, session {}", instance.name, instance.state.name(), session.status.name())
                .expect("a string");
            write!(text, " generation {} percent {}", session.generation, session.percent).expect("a string");
            if !session.failure_reason.is_empty() {
                write!(text, " because {:?}", session.failure_reason).expect("a string");
            }
            text.push('\n');
        }
        let disks = store.all_disks().await.expect("the store answers");
        for disk in &disks {
            write!(text, "{} {}, {} GB, {}", disk.name, disk.state.name(), disk.size_gb, disk.mount.name())
                .expect("a string");
            if let Some(id) = &disk.instance_id {
                let owner = instances.iter().find(|instance| instance.id == *id);
                write!(text, ", at {} of {}", disk.path, owner.map_or("nobody", |found| &found.name))
                    .expect("a string");
            }
            text.push('\n');
        }
        let snapshots = store.all_snapshots().await.expect("the store answers");
        for snapshot in &snapshots {
            let name = if snapshot.name.is_empty() { &snapshot.auto_date } else { &snapshot.name };
            writeln!(text, "{name} {} {}%", snapshot.state.name(), snapshot.progress).expect("a string");
        }
        let account = AccountId::new(ACCOUNT);
        let exports = store.export_records(&account, &self.app.config.region, &Page::default(), 10).await;
        for export in exports.expect("the store answers") {
            writeln!(text, "export of {} {}", export.source.name, export.state).expect("a string");
        }
        let names =
            store.names(&AccountId::new(ACCOUNT), &self.app.config.region, "", 10).await.expect("the store answers");
        writeln!(text, "names {names:?}").expect("a string");
        let snapshot_name = |id: &String| {
            let found = snapshots.iter().find(|snapshot| snapshot.id.as_str() == id);
            found.map_or("unknown", |found| if found.name.is_empty() { &found.auto_date } else { &found.name })
        };
        let mut held: Vec<&str> = self.driver.snapshot_ids().iter().map(snapshot_name).collect();
        held.sort_unstable();
        for name in held {
            writeln!(text, "driver: snapshot {name}").expect("a string");
        }
        let world = self.driver.snapshot();
        for (id, size_bytes) in world.disks {
            let name = disks.iter().find(|disk| disk.id.as_str() == id).map_or("unknown", |found| &found.name);
            writeln!(text, "driver: {name} of {} GB", size_bytes >> 30).expect("a string");
        }
        for (id, held) in world.instances {
            let name =
                instances.iter().find(|instance| instance.id.as_str() == id).map_or("unknown", |found| &found.name);
            let disk = if held.disk { "disk" } else { "no disk" };
            write!(text, "driver: {name} {:?}, {disk}, displays {:?}", held.state, held.displays).expect("a string");
            if !held.mounts.is_empty() {
                write!(text, ", mounts {:?}", held.mounts.keys()).expect("a string");
            }
            text.push('\n');
        }
        text
    }
}

/// The account's default pair, there from the beginning: making one takes time.
fn key_pair() -> KeyPair {
    KeyPair {
        id: "default-pair".into(),
        account_id: AccountId::new(ACCOUNT),
        region: Config::default().region,
        name: service::key_pair::DEFAULT.into(),
        public_key: "ssh-ed25519 AAAA".into(),
        fingerprint: "aa:bb".into(),
        private_key_sealed: Vec::new(),
        tags: "{}".into(),
        generation: 0,
        created_ms: 0,
    }
}

fn create_request(name: &str) -> CreateInstancesRequest {
    CreateInstancesRequest {
        add_ons: None,
        availability_zone: "us-east-2a".into(),
        blueprint_id: "jupyterlab".into(),
        bundle_id: "nano_3_0".into(),
        custom_image_name: None,
        instance_names: vec![name.to_owned()],
        ip_address_type: None,
        key_pair_name: None,
        tags: None,
        user_data: None,
    }
}

fn app(config: Config, store: Store, driver: &FakeDriver) -> App {
    App {
        console: crate::console::State::load(&config, &SystemIds).expect("built-in policies are valid"),
        catalog: Catalog::load(&config).expect("built-in files are valid"),
        config,
        store,
        driver: Arc::new(driver.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        seal: Seal::new([7; 32]),
        keys: KeyCache::default(),
        viewers: Viewers::default(),
        wake: Arc::new(Notify::new()),
        drives: Drives::default(),
        metrics: Metrics::default(),
        usage: crate::usage::Usage::default(),
        audit: crate::audit::Audit::default(),
    }
}

/// Runs one operation with trouble to its end; gives how it ended and the world after it. A crash is followed by a new
/// runner, without trouble but `after_crash`.
pub(super) async fn play(kind: Kind, trouble: &[Trouble], after_crash: &[Trouble]) -> (World, Operation, String) {
    let mut world = World::ready(kind).await;
    world.set_trouble(trouble);
    let id = world.request(kind).await;
    let crashes = trouble.iter().any(|trouble| matches!(trouble, Trouble::CrashBefore(_) | Trouble::CrashAfter(_)));
    if crashes && world.crashed(&id).await {
        world.kill_runner();
        world.set_trouble(after_crash);
        world.start_runner();
    }
    let ended = world.ended(&id).await;
    let snapshot = world.snapshot().await;
    (world, ended, snapshot)
}
