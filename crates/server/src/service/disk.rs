//! CreateDisk, GetDisk, GetDisks, AttachDisk, DetachDisk, DeleteDisk.

use std::collections::HashMap;

use porthole_api::{
    Error, names,
    types::{
        AttachDiskRequest, AttachDiskResult, AutoMountStatus, CreateDiskRequest, CreateDiskResult, DeleteDiskRequest,
        DeleteDiskResult, DetachDiskRequest, DetachDiskResult, Disk as WireDisk, DiskState, GetDiskRequest,
        GetDiskResult, GetDisksRequest, GetDisksResult, Operation, RegionName, ResourceLocation, ResourceType,
        Timestamp,
    },
};
use porthole_model::{
    DiskId, InstanceId,
    disk::{Event, LEAST_GB, MOST_GB, Mount, Refused, State, is_device_path, transition},
    instance,
    operation::{Kind, Meeting, meet},
};
use porthole_store::{Disk, Instance, Operation as Stored, StoreError, Tx};

use super::{
    NewDeed, Subject, TRIES, account, insert_operation, operation::wire as wire_operation, page_end, page_limit,
    page_start, quota, region, tags, unavailable, under_way,
};
use crate::{dispatch::Request, operation::DiskLearnt};

/// What one try of a request's transaction gives: operations, a refusal, or a store that failed or was changed meanwhile.
type Tried = Result<Result<Vec<Stored>, Error>, StoreError>;

/// Reads one try: what to answer, or `None` when somebody else was faster. Wakes the runner.
fn settle(cx: Request<'_>, tried: Tried) -> Result<Option<Vec<Operation>>, Error> {
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

fn too_busy() -> Error {
    Error::service_unavailable("The disk is being changed by many requests at once. Try again.")
}

fn subject(disk: &Disk) -> Subject<'_> {
    Subject { name: &disk.name, resource_type: "Disk", id: disk.id.as_str(), zone: &disk.zone }
}

/// CreateDisk: an empty disk.
pub async fn create(cx: Request<'_>, input: CreateDiskRequest) -> Result<CreateDiskResult, Error> {
    let app = cx.app;
    check_size(input.size_in_gb)?;
    if !app.config.zones.contains(&input.availability_zone) {
        let zones = app.config.zones.join(", ");
        let text = format!("availabilityZone {} is not one of this server's: {zones}.", input.availability_zone);
        return Err(Error::invalid_input(text));
    }
    let new = Disk {
        id: DiskId::new(app.ids.uuid()),
        account_id: account(cx),
        region: region(app).to_owned(),
        zone: input.availability_zone.clone(),
        name: input.disk_name.clone(),
        size_gb: i64::from(input.size_in_gb),
        state: State::Pending,
        instance_id: None,
        path: String::new(),
        mount: Mount::NotMounted,
        auto_mount: false,
        from_snapshot_id: String::new(),
        tags: tags::checked(input.tags.as_deref())?,
        add_ons: super::add_on::checked_of_disk(input.add_ons.as_deref())?,
        generation: 0,
        created_ms: app.clock.now_ms(),
    };
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, create_once(cx, &new).await)? {
            return Ok(CreateDiskResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

async fn create_once(cx: Request<'_>, new: &Disk) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    if let Err(refused) = insert(cx, &mut tx, new).await? {
        return Ok(Err(refused));
    }
    let state = DiskLearnt::begin(&new.id, None);
    let deed = NewDeed { kind: Kind::CreateDisk, subject: subject(new), details: "", state, leader: None, done: false };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    Ok(Ok(vec![operation]))
}

/// Checks a size that a request asks for.
pub fn check_size(size_gb: i32) -> Result<(), Error> {
    if (LEAST_GB..=MOST_GB).contains(&i64::from(size_gb)) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("The size of a block storage disk must be between {LEAST_GB} and {MOST_GB} GB.")))
}

/// Inserts a disk and takes its name, within the account's quotas.
pub async fn insert(cx: Request<'_>, tx: &mut Tx, new: &Disk) -> Result<Result<(), Error>, StoreError> {
    let quota = quota::of(cx).await?;
    tx.take_names(&new.account_id, &new.region, "Disk", &[(new.name.clone(), new.id.to_string())]).await?;
    let used = tx.disk_use(&new.account_id, &new.region).await?;
    if used.disks >= i64::from(quota.disks) {
        return Ok(Err(Error::invalid_input("You've reached the limit of disks in this account.")));
    }
    if used.total_gb + new.size_gb > i64::from(quota.disk_total_gb) {
        return Ok(Err(Error::invalid_input("You've reached the maximum size limit of all disks in this account.")));
    }
    tx.insert_disk(new).await?;
    Ok(Ok(()))
}

/// GetDisk.
pub async fn get(cx: Request<'_>, input: GetDiskRequest) -> Result<GetDiskResult, Error> {
    let found = cx.app.store.disk_by_name(&account(cx), region(cx.app), &input.disk_name).await;
    let disk = found.map_err(|error| unavailable(&error))?;
    let disk = disk.ok_or_else(|| Error::does_not_exist("Disk", &input.disk_name))?;
    let names = instance_names(cx, std::slice::from_ref(&disk)).await.map_err(|error| unavailable(&error))?;
    Ok(GetDiskResult { disk: Some(wire(&disk, &names)) })
}

/// GetDisks: in the order of creation.
pub async fn list(cx: Request<'_>, input: GetDisksRequest) -> Result<GetDisksResult, Error> {
    let after = page_start(cx, "GetDisks", input.page_token.as_deref())?;
    let found = cx.app.store.disks(&account(cx), region(cx.app), &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next_page_token = page_end(cx, "GetDisks", &mut rows, |row| (row.created_ms, row.id.as_str()));
    let names = instance_names(cx, &rows).await.map_err(|error| unavailable(&error))?;
    Ok(GetDisksResult { disks: Some(rows.iter().map(|disk| wire(disk, &names)).collect()), next_page_token })
}

/// AttachDisk: to an instance that runs or is stopped.
pub async fn attach(cx: Request<'_>, input: AttachDiskRequest) -> Result<AttachDiskResult, Error> {
    if !is_device_path(&input.disk_path) {
        return Err(Error::invalid_input(format!(
            "diskPath {} is not one that a disk can be attached at: use /dev/xvdf to /dev/xvdz.",
            input.disk_path
        )));
    }
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, attach_once(cx, &input).await)? {
            return Ok(AttachDiskResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

async fn attach_once(cx: Request<'_>, input: &AttachDiskRequest) -> Tried {
    let (account, region) = (account(cx), region(cx.app));
    let mut tx = cx.app.store.begin().await?;
    let Some(mut disk) = tx.disk_by_name(&account, region, &input.disk_name).await? else {
        return Ok(Err(Error::does_not_exist("Disk", &input.disk_name)));
    };
    let Some(instance) = tx.instance_by_name(&account, region, &input.instance_name).await? else {
        return Ok(Err(Error::does_not_exist("Instance", &input.instance_name)));
    };
    let auto_mount = input.auto_mounting.unwrap_or(false);
    if disk.instance_id.as_ref() == Some(&instance.id)
        && (disk.path == input.disk_path && disk.auto_mount == auto_mount)
        && let Some(same) = under_way_already(&mut tx, &disk, &instance).await?
    {
        return Ok(Ok(same));
    }
    let attached = tx.disks_of_instance(&instance.id).await?;
    let most = quota::of(cx).await?.disks_per_instance;
    if let Err(refused) = check_attach(most, &disk, &instance, &attached, &input.disk_path) {
        return Ok(Err(refused));
    }
    if let Some(busy) = live_on(&mut tx, &disk, &instance).await? {
        return Ok(Err(busy));
    }
    (disk.state, disk.instance_id) = (State::InUse, Some(instance.id.clone()));
    (disk.path, disk.auto_mount) = (input.disk_path.clone(), auto_mount);
    disk.mount = if auto_mount { Mount::Pending } else { Mount::NotMounted };
    tx.update_disk(&mut disk).await?;
    let operations = insert_pair(cx, &mut tx, Kind::AttachDisk, &disk, &instance).await?;
    tx.commit().await?;
    Ok(Ok(operations))
}

/// The operations of the same request, when they are under way.
async fn under_way_already(tx: &mut Tx, disk: &Disk, instance: &Instance) -> Result<Option<Vec<Stored>>, StoreError> {
    let leader = tx.live_operation(disk.id.as_str()).await?.filter(|live| live.kind == Kind::AttachDisk);
    let Some(leader) = leader else { return Ok(None) };
    let follower = tx.live_operation(instance.id.as_str()).await?;
    Ok(follower.filter(|live| live.leader_id == leader.id.as_str()).map(|follower| vec![leader, follower]))
}

fn check_attach(most: u32, disk: &Disk, instance: &Instance, attached: &[Disk], path: &str) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::invalid_input(text));
    if let Err(Refused(state)) = transition(disk.state, Event::Attach) {
        return refuse(format!("You can't attach this disk right now. The state of this disk is: {}", state.name()));
    }
    if disk.zone != instance.zone {
        return refuse(format!(
            "The disk {} is in {}, the instance {} in {}: a disk can be attached only in its own Availability Zone.",
            disk.name, disk.zone, instance.name, instance.zone
        ));
    }
    match instance.state {
        instance::State::Running | instance::State::Stopped => {}
        other @ (instance::State::Pending | instance::State::Stopping | instance::State::ShuttingDown) => {
            return refuse(format!(
                "You can't attach a disk while {} is {}. Please wait for it to complete before trying again.",
                instance.name,
                other.name()
            ));
        }
    }
    if attached.len() >= most as usize {
        return refuse(format!(
            "The instance {} has {most} disks attached, which is the most it can have.",
            instance.name
        ));
    }
    if let Some(other) = attached.iter().find(|other| device(&other.path) == device(path)) {
        return refuse(format!("diskPath {path} is taken by the disk {} of {}.", other.name, instance.name));
    }
    Ok(())
}

/// The letter that tells devices apart: `/dev/sdf` and `/dev/xvdf` are two names of one.
fn device(path: &str) -> Option<char> {
    path.chars().last()
}

/// The refusal when anything else is under way on the disk or on its instance.
async fn live_on(tx: &mut Tx, disk: &Disk, instance: &Instance) -> Result<Option<Error>, StoreError> {
    for (id, name) in [(disk.id.as_str(), &disk.name), (instance.id.as_str(), &instance.name)] {
        if let Some(live) = tx.live_operation(id).await? {
            return Ok(Some(under_way(live.kind, name)));
        }
    }
    Ok(None)
}

/// Inserts the operation on the disk, which is driven, and the one on the instance, which follows it.
async fn insert_pair(
    cx: Request<'_>,
    tx: &mut Tx,
    kind: Kind,
    disk: &Disk,
    instance: &Instance,
) -> Result<Vec<Stored>, StoreError> {
    let state = DiskLearnt::begin(&disk.id, Some(&instance.id));
    let deed = NewDeed {
        kind,
        subject: subject(disk),
        details: &instance.name,
        state: state.clone(),
        leader: None,
        done: false,
    };
    let leader = insert_operation(cx, tx, deed).await?;
    let deed = NewDeed {
        kind,
        subject: Subject::instance(instance),
        details: &disk.name,
        state,
        leader: Some(&leader.id),
        done: false,
    };
    let follower = insert_operation(cx, tx, deed).await?;
    Ok(vec![leader, follower])
}

/// DetachDisk: of an instance that is stopped.
pub async fn detach(cx: Request<'_>, input: DetachDiskRequest) -> Result<DetachDiskResult, Error> {
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, detach_once(cx, &input.disk_name).await)? {
            return Ok(DetachDiskResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

async fn detach_once(cx: Request<'_>, name: &str) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    let Some(disk) = tx.disk_by_name(&account(cx), region(cx.app), name).await? else {
        return Ok(Err(Error::does_not_exist("Disk", name)));
    };
    let not_now = |state: State| {
        let text = format!("You can't detach this disk right now. The state of this disk is: {}", state.name());
        Ok(Err(Error::invalid_input(text)))
    };
    let Some(instance_id) = disk.instance_id.as_ref() else { return not_now(disk.state) };
    let Some(instance) = tx.instance(instance_id).await? else { return not_now(disk.state) };
    if let Some(live) = tx.live_operation(disk.id.as_str()).await?.filter(|live| live.kind == Kind::DetachDisk) {
        let follower = tx.live_operation(instance.id.as_str()).await?;
        return Ok(Ok([Some(live), follower].into_iter().flatten().collect()));
    }
    if instance.state != instance::State::Stopped {
        return not_now(disk.state);
    }
    if let Some(busy) = live_on(&mut tx, &disk, &instance).await? {
        return Ok(Err(busy));
    }
    let operations = insert_pair(cx, &mut tx, Kind::DetachDisk, &disk, &instance).await?;
    tx.commit().await?;
    Ok(Ok(operations))
}

/// DeleteDisk: accepted unless the disk is attached.
pub async fn delete(cx: Request<'_>, input: DeleteDiskRequest) -> Result<DeleteDiskResult, Error> {
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, delete_once(cx, &input).await)? {
            return Ok(DeleteDiskResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

async fn delete_once(cx: Request<'_>, input: &DeleteDiskRequest) -> Tried {
    let (app, name) = (cx.app, &input.disk_name);
    let mut tx = app.store.begin().await?;
    let Some(disk) = tx.disk_by_name(&account(cx), region(app), name).await? else {
        return Ok(Err(Error::does_not_exist("Disk", name)));
    };
    if let Some(instance_id) = &disk.instance_id {
        let instance = tx.instance(instance_id).await?.map(|instance| instance.name).unwrap_or_default();
        return Ok(Err(Error::invalid_input(format!(
            "You can't perform this operation because the disk is still attached to a Lightsail instance: {instance}"
        ))));
    }
    if !porthole_model::add_on::parse(&disk.add_ons).is_empty() && input.force_delete_add_ons != Some(true) {
        return Ok(Err(Error::invalid_input(format!(
            "You cannot delete the Disk {name} with addons. Specify the forceDeleteAddons parameter to delete the Disk and \
             its associated addons."
        ))));
    }
    let mut superseded = None;
    if let Some(live) = tx.live_operation(disk.id.as_str()).await? {
        match meet(live.kind, Kind::DeleteDisk) {
            Meeting::Same => return Ok(Ok(vec![live])),
            Meeting::Refused => return Ok(Err(under_way(live.kind, name))),
            Meeting::Supersedes => {
                let driven = live.driven();
                tx.supersede(&driven).await?;
                superseded = Some(driven);
            }
        }
    }
    let state = DiskLearnt::begin(&disk.id, None);
    let deed =
        NewDeed { kind: Kind::DeleteDisk, subject: subject(&disk), details: "", state, leader: None, done: false };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    if let Some(id) = superseded {
        app.drives.interrupt(id.as_str());
    }
    Ok(Ok(vec![operation]))
}

/// DeleteInstance detaches what is attached: inserts the operations that say so, two a disk, which end as the delete does.
pub async fn detach_all(
    cx: Request<'_>,
    tx: &mut Tx,
    instance: &Instance,
    delete: &Stored,
) -> Result<Vec<Stored>, StoreError> {
    let mut operations = Vec::new();
    for disk in tx.disks_of_instance(&instance.id).await? {
        // One that something else works on is detached all the same; its own operation says what became of it.
        if tx.live_operation(disk.id.as_str()).await?.is_some() {
            continue;
        }
        // The delete itself keeps the instance busy: this id keeps nothing busy that anybody else wants.
        let side = format!("{}/{}", instance.id, disk.id);
        let beside = Subject { id: &side, ..Subject::instance(instance) };
        for (subject, details) in [(subject(&disk), &instance.name), (beside, &disk.name)] {
            let state = DiskLearnt::begin(&disk.id, Some(&instance.id));
            let leader = Some(&delete.id);
            let deed = NewDeed { kind: Kind::DetachDisk, subject, details, state, leader, done: false };
            operations.push(insert_operation(cx, tx, deed).await?);
        }
    }
    Ok(operations)
}

/// Names of the instances that disks are attached to, by id.
async fn instance_names(cx: Request<'_>, disks: &[Disk]) -> Result<HashMap<InstanceId, String>, StoreError> {
    let mut names = HashMap::new();
    for id in disks.iter().filter_map(|disk| disk.instance_id.as_ref()) {
        if !names.contains_key(id)
            && let Some(instance) = cx.app.store.instance(id).await?
        {
            names.insert(id.clone(), instance.name);
        }
    }
    Ok(names)
}

/// Writes a disk as clients read it.
pub fn wire(disk: &Disk, instances: &HashMap<InstanceId, String>) -> WireDisk {
    let account_id = disk.account_id.as_str();
    let attached = disk.instance_id.as_ref();
    WireDisk {
        add_ons: Some(super::add_on::wire(&disk.add_ons)),
        arn: Some(names::arn(&disk.region, account_id, ResourceType::Disk, disk.id.as_str())),
        attached_to: attached.and_then(|id| instances.get(id).cloned()),
        attachment_state: Some(if attached.is_some() { "attached" } else { "detached" }.to_owned()),
        auto_mount_status: AutoMountStatus::from_wire(disk.mount.name()),
        created_at: Some(Timestamp(disk.created_ms)),
        is_attached: Some(attached.is_some()),
        is_system_disk: Some(false),
        location: Some(ResourceLocation {
            availability_zone: Some(disk.zone.clone()),
            region_name: RegionName::from_wire(&disk.region),
        }),
        name: Some(disk.name.clone()),
        path: Some(disk.path.clone()).filter(|path| !path.is_empty()),
        resource_type: Some(ResourceType::Disk),
        size_in_gb: i32::try_from(disk.size_gb).ok(),
        state: DiskState::from_wire(disk.state.name()),
        support_code: Some(names::support_code(account_id, ResourceType::Disk, disk.id.as_str())),
        tags: Some(tags::wire(&disk.tags)),
        ..WireDisk::default()
    }
}
