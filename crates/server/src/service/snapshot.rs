//! CreateInstanceSnapshot, CreateDiskSnapshot, CopySnapshot, the Gets and Deletes of snapshots, GetAutoSnapshots,
//! DeleteAutoSnapshot.

mod wire;

use porthole_api::{
    Error,
    types::{
        CopySnapshotRequest, CopySnapshotResult, CreateDiskSnapshotRequest, CreateDiskSnapshotResult,
        CreateInstanceSnapshotRequest, CreateInstanceSnapshotResult, DeleteAutoSnapshotRequest,
        DeleteAutoSnapshotResult, DeleteDiskSnapshotRequest, DeleteDiskSnapshotResult, DeleteInstanceSnapshotRequest,
        DeleteInstanceSnapshotResult, GetAutoSnapshotsRequest, GetAutoSnapshotsResult, GetDiskSnapshotRequest,
        GetDiskSnapshotResult, GetDiskSnapshotsRequest, GetDiskSnapshotsResult, GetInstanceSnapshotRequest,
        GetInstanceSnapshotResult, GetInstanceSnapshotsRequest, GetInstanceSnapshotsResult, Operation, ResourceType,
    },
};
use porthole_model::{
    SnapshotId,
    disk::State as DiskLife,
    instance::State as InstanceLife,
    operation::{Kind as Deed, Meeting, meet},
    snapshot::{Kind, Part, State},
};
use porthole_store::{Disk, Instance, Operation as Stored, Snapshot, StoreError, Tx};

use super::{
    NewDeed, Subject, TRIES, account, insert_operation, operation::wire as wire_operation, page_end, page_limit,
    page_start, region, tags, unavailable, under_way,
};
use crate::{app::App, dispatch::Request, operation::SnapshotLearnt};

pub(super) use wire::{arn, source_arn};

/// What one try of a request's transaction gives: operations, a refusal, or a store that failed or was changed meanwhile.
pub(super) type Tried = Result<Result<Vec<Stored>, Error>, StoreError>;

/// Reads one try: what to answer, or `None` when somebody else was faster. Wakes the runner.
pub(super) fn settle(cx: Request<'_>, tried: Tried) -> Result<Option<Vec<Operation>>, Error> {
    match tried {
        Ok(operations) => {
            let operations = operations?;
            cx.app.wake.notify_one();
            Ok(Some(operations.iter().map(wire_operation).collect()))
        }
        Err(StoreError::Conflict) => Ok(None),
        Err(StoreError::NamesTaken(taken)) => Err(Error::names_in_use(taken.iter().map(String::as_str))),
        Err(error) => Err(unavailable(&error)),
    }
}

pub(super) fn too_busy() -> Error {
    Error::service_unavailable("The snapshot is being changed by many requests at once. Try again.")
}

/// A snapshot as the subject of an operation.
pub(super) fn subject(snapshot: &Snapshot) -> Subject<'_> {
    // An automatic one is called after what it was made of.
    let name = if snapshot.name.is_empty() { &snapshot.source_name } else { &snapshot.name };
    Subject { name, resource_type: snapshot.kind.name(), id: snapshot.id.as_str(), zone: "all" }
}

/// A snapshot that is about to be made of something.
fn blank(cx: Request<'_>, kind: Kind, name: &str, tags: String) -> Snapshot {
    Snapshot {
        id: SnapshotId::new(cx.app.ids.uuid()),
        account_id: account(cx),
        region: region(cx.app).to_owned(),
        name: name.to_owned(),
        kind,
        state: State::Pending,
        progress: 0,
        auto_date: String::new(),
        from_auto: false,
        source_type: String::new(),
        source_id: String::new(),
        source_name: String::new(),
        blueprint_id: String::new(),
        bundle_id: String::new(),
        size_gb: 0,
        disks: Vec::new(),
        tags,
        generation: 0,
        created_ms: cx.app.clock.now_ms(),
    }
}

/// Says that a snapshot is of an instance: of its system disk, and for an instance's snapshot of its data disks.
fn of_instance(app: &App, snapshot: &mut Snapshot, instance: &Instance, disks: &[Disk]) {
    snapshot.source_type = "Instance".into();
    snapshot.source_id = instance.id.to_string();
    snapshot.source_name.clone_from(&instance.name);
    snapshot.blueprint_id.clone_from(&instance.blueprint_id);
    snapshot.bundle_id.clone_from(&instance.bundle_id);
    snapshot.size_gb = app.catalog.bundle(&instance.bundle_id).map_or(0, |bundle| bundle.disk_gb);
    if snapshot.kind == Kind::InstanceSnapshot {
        let part = |disk: &Disk| Part {
            id: disk.id.to_string(),
            name: disk.name.clone(),
            path: disk.path.clone(),
            size_gb: u32::try_from(disk.size_gb).unwrap_or(0),
        };
        snapshot.disks = disks.iter().filter(|disk| disk.state == DiskLife::InUse).map(part).collect();
    }
}

fn of_disk(snapshot: &mut Snapshot, disk: &Disk) {
    snapshot.source_type = "Disk".into();
    snapshot.source_id = disk.id.to_string();
    snapshot.source_name.clone_from(&disk.name);
    snapshot.size_gb = u32::try_from(disk.size_gb).unwrap_or(0);
}

/// CreateInstanceSnapshot: of an instance that runs or is stopped, with the disks attached to it.
pub async fn create_of_instance(
    cx: Request<'_>,
    input: CreateInstanceSnapshotRequest,
) -> Result<CreateInstanceSnapshotResult, Error> {
    let new = blank(cx, Kind::InstanceSnapshot, &input.instance_snapshot_name, tags::checked(input.tags.as_deref())?);
    for _ in 0..TRIES {
        let tried = create_once(cx, new.clone(), Deed::CreateInstanceSnapshot, Named::Instance(&input.instance_name));
        if let Some(operations) = settle(cx, tried.await)? {
            return Ok(CreateInstanceSnapshotResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

/// CreateDiskSnapshot: of a data disk, or of an instance's system disk.
pub async fn create_of_disk(
    cx: Request<'_>,
    input: CreateDiskSnapshotRequest,
) -> Result<CreateDiskSnapshotResult, Error> {
    let named = match (input.disk_name.as_deref(), input.instance_name.as_deref()) {
        (Some(name), None) => Named::Disk(name),
        (None, Some(name)) => Named::Instance(name),
        _ => return Err(Error::invalid_input("Exactly one of diskName and instanceName must be given.")),
    };
    let new = blank(cx, Kind::DiskSnapshot, &input.disk_snapshot_name, tags::checked(input.tags.as_deref())?);
    for _ in 0..TRIES {
        let tried = create_once(cx, new.clone(), Deed::CreateDiskSnapshot, named);
        if let Some(operations) = settle(cx, tried.await)? {
            return Ok(CreateDiskSnapshotResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

/// What a request names as the source.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named<'a> {
    Instance(&'a str),
    Disk(&'a str),
}

async fn create_once(cx: Request<'_>, mut new: Snapshot, kind: Deed, named: Named<'_>) -> Tried {
    let (account, region) = (account(cx), region(cx.app));
    let mut tx = cx.app.store.begin().await?;
    let (instance, disk) = match named {
        Named::Instance(name) => match tx.instance_by_name(&account, region, name).await? {
            Some(instance) => (Some(instance), None),
            None => return Ok(Err(Error::does_not_exist("Instance", name))),
        },
        Named::Disk(name) => match tx.disk_by_name(&account, region, name).await? {
            Some(disk) => (None, Some(disk)),
            None => return Ok(Err(Error::does_not_exist("Disk", name))),
        },
    };
    if let Some(refused) = refusal(&mut tx, instance.as_ref(), disk.as_ref()).await? {
        return Ok(Err(refused));
    }
    let source = match (&instance, &disk) {
        (Some(instance), _) => {
            let disks = tx.disks_of_instance(&instance.id).await?;
            of_instance(cx.app, &mut new, instance, &disks);
            Subject::instance(instance)
        }
        (_, Some(disk)) => {
            of_disk(&mut new, disk);
            Subject { name: &disk.name, resource_type: "Disk", id: disk.id.as_str(), zone: &disk.zone }
        }
        (None, None) => return Ok(Err(too_busy())),
    };
    if new.auto_date.is_empty()
        && let Some(refused) = over_quota(cx, &mut tx).await?
    {
        return Ok(Err(refused));
    }
    let state = SnapshotLearnt { snapshot_id: new.id.to_string(), ..SnapshotLearnt::default() }.begin();
    let leader = insert(cx, &mut tx, &new, kind, &new.source_name, state.clone()).await?;
    let details = if new.name.is_empty() { &new.auto_date } else { &new.name };
    let deed = NewDeed { kind, subject: source, details, state, leader: Some(&leader.id), done: false };
    let follower = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    Ok(Ok(vec![leader, follower]))
}

/// Inserts a snapshot with its name and its operation.
async fn insert(
    cx: Request<'_>,
    tx: &mut Tx,
    new: &Snapshot,
    kind: Deed,
    details: &str,
    state: String,
) -> Result<Stored, StoreError> {
    if !new.name.is_empty() {
        let name = (new.name.clone(), new.id.to_string());
        tx.take_names(&new.account_id, &new.region, new.kind.name(), &[name]).await?;
    }
    tx.insert_snapshot(new).await?;
    insert_operation(cx, tx, NewDeed { kind, subject: subject(new), details, state, leader: None, done: false }).await
}

/// Why a snapshot cannot be made of this now.
async fn refusal(tx: &mut Tx, instance: Option<&Instance>, disk: Option<&Disk>) -> Result<Option<Error>, StoreError> {
    let mut busy = Vec::new();
    if let Some(instance) = instance {
        if !matches!(instance.state, InstanceLife::Running | InstanceLife::Stopped) {
            return Ok(Some(Error::invalid_input(format!(
                "A snapshot cannot be made while {} is {}. Please wait for it to complete before trying again.",
                instance.name,
                instance.state.name()
            ))));
        }
        busy.push((instance.id.to_string(), &instance.name));
    }
    if let Some(disk) = disk {
        if !matches!(disk.state, DiskLife::Available | DiskLife::InUse) {
            return Ok(Some(Error::invalid_input(format!(
                "You can't create a snapshot of this disk right now. The state of this disk is: {}",
                disk.state.name()
            ))));
        }
        busy.push((disk.id.to_string(), &disk.name));
        busy.extend(disk.instance_id.as_ref().map(|id| (id.to_string(), &disk.name)));
    }
    for (id, name) in busy {
        if let Some(live) = tx.live_operation(&id).await? {
            return Ok(Some(under_way(live.kind, name)));
        }
    }
    Ok(None)
}

async fn over_quota(cx: Request<'_>, tx: &mut Tx) -> Result<Option<Error>, StoreError> {
    let most = super::quota::of(cx).await?.snapshots;
    let have = tx.count_snapshots(&account(cx), region(cx.app)).await?;
    let text = format!("You've reached the limit of snapshots in this account: {most}.");
    Ok((have >= i64::from(most)).then(|| Error::invalid_input(text)))
}

/// Makes the automatic snapshot of a day. Does nothing where there is one, or where the source is busy: it is tried again.
pub(crate) async fn create_auto(cx: Request<'_>, source: &str, is_disk: bool, date: &str) -> Result<(), Error> {
    let kind = if is_disk { Kind::DiskSnapshot } else { Kind::InstanceSnapshot };
    let deed = if is_disk { Deed::CreateDiskSnapshot } else { Deed::CreateInstanceSnapshot };
    let named = if is_disk { Named::Disk(source) } else { Named::Instance(source) };
    let mut new = blank(cx, kind, "", "{}".into());
    (new.auto_date, new.from_auto) = (date.to_owned(), true);
    match create_once(cx, new, deed, named).await {
        Ok(Ok(_)) => cx.app.wake.notify_one(),
        Ok(Err(refused)) => tracing::info!(source, date, %refused, "An automatic snapshot waits"),
        Err(StoreError::Conflict) => {}
        Err(error) => return Err(unavailable(&error)),
    }
    Ok(())
}

/// CopySnapshot: within this region, also of an automatic snapshot, which the copy outlives.
pub async fn copy(cx: Request<'_>, input: CopySnapshotRequest) -> Result<CopySnapshotResult, Error> {
    if input.source_region.as_str() != region(cx.app) {
        return Err(Error::invalid_input(format!(
            "sourceRegion {} is not served here: snapshots are copied within {}.",
            input.source_region.as_str(),
            region(cx.app)
        )));
    }
    let wanted = Wanted {
        snapshot: ("sourceSnapshotName", input.source_snapshot_name.as_deref()),
        source: ("sourceResourceName", input.source_resource_name.as_deref()),
        date: input.restore_date.as_deref(),
        latest: input.use_latest_restorable_auto_snapshot.unwrap_or(false),
        kind: None,
    };
    let source = resolve(cx, &wanted).await?;
    let new = Snapshot {
        id: SnapshotId::new(cx.app.ids.uuid()),
        name: input.target_snapshot_name.clone(),
        state: State::Pending,
        progress: 0,
        auto_date: String::new(),
        generation: 0,
        created_ms: cx.app.clock.now_ms(),
        ..source.clone()
    };
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, copy_once(cx, &source, &new).await)? {
            return Ok(CopySnapshotResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

async fn copy_once(cx: Request<'_>, source: &Snapshot, new: &Snapshot) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    if let Some(refused) = over_quota(cx, &mut tx).await? {
        return Ok(Err(refused));
    }
    let learnt =
        SnapshotLearnt { snapshot_id: new.id.to_string(), copy_of: source.id.to_string(), ..SnapshotLearnt::default() };
    let details = format!("{}:{}", region(cx.app), subject(source).name);
    let operation = insert(cx, &mut tx, new, Deed::CopySnapshot, &details, learnt.begin()).await?;
    tx.commit().await?;
    Ok(Ok(vec![operation]))
}

/// A snapshot that a request names: by its own name, or by its source and a day.
pub(super) struct Wanted<'a> {
    /// Member and value of the snapshot's own name.
    pub(super) snapshot: (&'static str, Option<&'a str>),
    /// Member and value of the source's name.
    pub(super) source: (&'static str, Option<&'a str>),
    /// The day, `YYYY-MM-DD`.
    pub(super) date: Option<&'a str>,
    /// The latest day there is.
    pub(super) latest: bool,
    /// What it must be of; `None`: either.
    pub(super) kind: Option<Kind>,
}

/// Finds the snapshot that a request names; it must be complete.
pub(super) async fn resolve(cx: Request<'_>, wanted: &Wanted<'_>) -> Result<Snapshot, Error> {
    let (by_name, by_source) = (wanted.snapshot.0, wanted.source.0);
    let found = match (wanted.snapshot.1, wanted.source.1) {
        (Some(name), None) if wanted.date.is_none() && !wanted.latest => {
            let found = cx.app.store.snapshot_by_name(&account(cx), region(cx.app), name).await;
            let found = found.map_err(|error| unavailable(&error))?;
            let fits = found.filter(|found| wanted.kind.is_none_or(|kind| kind == found.kind));
            fits.ok_or_else(|| Error::does_not_exist(wanted.kind.unwrap_or(Kind::InstanceSnapshot).name(), name))?
        }
        (None, Some(source)) if wanted.date.is_some() != wanted.latest => {
            let (id, _) = source_id(cx, source).await?;
            let autos = cx.app.store.auto_snapshots(&id).await.map_err(|error| unavailable(&error))?;
            let fits = autos.into_iter().rev().filter(|auto| auto.state == State::Available);
            let fits = fits.filter(|auto| wanted.kind.is_none_or(|kind| kind == auto.kind));
            let day = wanted.date.unwrap_or("any day");
            fits.into_iter()
                .find(|auto| wanted.latest || wanted.date == Some(auto.auto_date.as_str()))
                .ok_or_else(|| Error::not_found(format!("{source} has no automatic snapshot of {day}.")))?
        }
        _ => {
            return Err(Error::invalid_input(format!(
                "Either {by_name} must be given, or {by_source} with one of restoreDate and \
                 useLatestRestorableAutoSnapshot."
            )));
        }
    };
    match found.state {
        State::Available => Ok(found),
        State::Pending => Err(Error::invalid_input(format!(
            "The snapshot {} is pending. Please wait for it to complete before trying again.",
            found.name
        ))),
        State::Error => {
            Err(Error::invalid_input(format!("The snapshot {} failed and cannot be used. Delete it.", found.name)))
        }
    }
}

/// Finds an instance or a disk by name: its id and type.
async fn source_id(cx: Request<'_>, name: &str) -> Result<(String, ResourceType), Error> {
    let (store, account, region) = (&cx.app.store, account(cx), region(cx.app));
    let instance = store.instance_by_name(&account, region, name).await.map_err(|error| unavailable(&error))?;
    if let Some(instance) = instance {
        return Ok((instance.id.to_string(), ResourceType::Instance));
    }
    let disk = store.disk_by_name(&account, region, name).await.map_err(|error| unavailable(&error))?;
    disk.map(|disk| (disk.id.to_string(), ResourceType::Disk)).ok_or_else(|| Error::does_not_exist("Resource", name))
}

async fn find(cx: Request<'_>, kind: Kind, name: &str) -> Result<Snapshot, Error> {
    let found = cx.app.store.snapshot_by_name(&account(cx), region(cx.app), name).await;
    let found = found.map_err(|error| unavailable(&error))?.filter(|found| found.kind == kind);
    found.ok_or_else(|| Error::does_not_exist(kind.name(), name))
}

async fn page(
    cx: Request<'_>,
    action: &str,
    kind: Kind,
    token: Option<&str>,
) -> Result<(Vec<Snapshot>, Option<String>), Error> {
    let after = page_start(cx, action, token)?;
    let found = cx.app.store.snapshots(&account(cx), region(cx.app), kind, &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next = page_end(cx, action, &mut rows, |row| (row.created_ms, row.id.as_str()));
    Ok((rows, next))
}

/// GetInstanceSnapshot.
pub async fn get_of_instance(
    cx: Request<'_>,
    input: GetInstanceSnapshotRequest,
) -> Result<GetInstanceSnapshotResult, Error> {
    let snapshot = find(cx, Kind::InstanceSnapshot, &input.instance_snapshot_name).await?;
    Ok(GetInstanceSnapshotResult { instance_snapshot: Some(wire::of_instance(&snapshot)) })
}

/// GetInstanceSnapshots: in the order of creation.
pub async fn list_of_instances(
    cx: Request<'_>,
    input: GetInstanceSnapshotsRequest,
) -> Result<GetInstanceSnapshotsResult, Error> {
    let token = input.page_token.as_deref();
    let (rows, next_page_token) = page(cx, "GetInstanceSnapshots", Kind::InstanceSnapshot, token).await?;
    let rows = rows.iter().map(wire::of_instance).collect();
    Ok(GetInstanceSnapshotsResult { instance_snapshots: Some(rows), next_page_token })
}

/// GetDiskSnapshot.
pub async fn get_of_disk(cx: Request<'_>, input: GetDiskSnapshotRequest) -> Result<GetDiskSnapshotResult, Error> {
    let snapshot = find(cx, Kind::DiskSnapshot, &input.disk_snapshot_name).await?;
    Ok(GetDiskSnapshotResult { disk_snapshot: Some(wire::of_disk(&snapshot)) })
}

/// GetDiskSnapshots: in the order of creation.
pub async fn list_of_disks(cx: Request<'_>, input: GetDiskSnapshotsRequest) -> Result<GetDiskSnapshotsResult, Error> {
    let token = input.page_token.as_deref();
    let (rows, next_page_token) = page(cx, "GetDiskSnapshots", Kind::DiskSnapshot, token).await?;
    Ok(GetDiskSnapshotsResult { disk_snapshots: Some(rows.iter().map(wire::of_disk).collect()), next_page_token })
}

/// DeleteInstanceSnapshot: accepted in every state.
pub async fn delete_of_instance(
    cx: Request<'_>,
    input: DeleteInstanceSnapshotRequest,
) -> Result<DeleteInstanceSnapshotResult, Error> {
    let snapshot = find(cx, Kind::InstanceSnapshot, &input.instance_snapshot_name).await?;
    let operations = delete(cx, &snapshot, Deed::DeleteInstanceSnapshot).await?;
    Ok(DeleteInstanceSnapshotResult { operations: Some(operations) })
}

/// DeleteDiskSnapshot: accepted in every state.
pub async fn delete_of_disk(
    cx: Request<'_>,
    input: DeleteDiskSnapshotRequest,
) -> Result<DeleteDiskSnapshotResult, Error> {
    let snapshot = find(cx, Kind::DiskSnapshot, &input.disk_snapshot_name).await?;
    let operations = delete(cx, &snapshot, Deed::DeleteDiskSnapshot).await?;
    Ok(DeleteDiskSnapshotResult { operations: Some(operations) })
}

/// Deletes a snapshot; what is under way on it gives way.
pub(crate) async fn delete(cx: Request<'_>, snapshot: &Snapshot, kind: Deed) -> Result<Vec<Operation>, Error> {
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, delete_once(cx, snapshot, kind).await)? {
            return Ok(operations);
        }
    }
    Err(too_busy())
}

async fn delete_once(cx: Request<'_>, snapshot: &Snapshot, kind: Deed) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    let mut superseded = None;
    if let Some(live) = tx.live_operation(snapshot.id.as_str()).await? {
        match meet(live.kind, kind) {
            Meeting::Same => return Ok(Ok(vec![live])),
            Meeting::Refused => return Ok(Err(under_way(live.kind, subject(snapshot).name))),
            Meeting::Supersedes => {
                let driven = live.driven();
                tx.supersede(&driven).await?;
                superseded = Some(driven);
            }
        }
    }
    let state = SnapshotLearnt { snapshot_id: snapshot.id.to_string(), ..SnapshotLearnt::default() }.begin();
    let deed = NewDeed { kind, subject: subject(snapshot), details: "", state, leader: None, done: false };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    if let Some(id) = superseded {
        cx.app.drives.interrupt(id.as_str());
    }
    Ok(Ok(vec![operation]))
}

/// GetAutoSnapshots: the newest first.
pub async fn autos(cx: Request<'_>, input: GetAutoSnapshotsRequest) -> Result<GetAutoSnapshotsResult, Error> {
    let (id, resource_type) = source_id(cx, &input.resource_name).await?;
    let rows = cx.app.store.auto_snapshots(&id).await.map_err(|error| unavailable(&error))?;
    Ok(GetAutoSnapshotsResult {
        auto_snapshots: Some(rows.iter().rev().map(wire::auto).collect()),
        resource_name: Some(input.resource_name),
        resource_type: Some(resource_type),
    })
}

/// DeleteAutoSnapshot.
pub async fn delete_auto(cx: Request<'_>, input: DeleteAutoSnapshotRequest) -> Result<DeleteAutoSnapshotResult, Error> {
    let (id, _) = source_id(cx, &input.resource_name).await?;
    let rows = cx.app.store.auto_snapshots(&id).await.map_err(|error| unavailable(&error))?;
    let found = rows.iter().find(|row| row.auto_date == input.date);
    let found = found.ok_or_else(|| {
        Error::not_found(format!("{} has no automatic snapshot of {}.", input.resource_name, input.date))
    })?;
    let operations = delete(cx, found, Deed::DeleteAutoSnapshot).await?;
    Ok(DeleteAutoSnapshotResult { operations: Some(operations) })
}
