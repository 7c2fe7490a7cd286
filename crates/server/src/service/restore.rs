//! CreateInstancesFromSnapshot, CreateDiskFromSnapshot, ExportSnapshot, GetExportSnapshotRecords.

use std::collections::BTreeMap;

use porthole_api::{
    Error, names,
    types::{
        CreateDiskFromSnapshotRequest, CreateDiskFromSnapshotResult, CreateInstancesFromSnapshotRequest,
        CreateInstancesFromSnapshotResult, CreateInstancesRequest, DestinationInfo, DiskInfo, DiskMap,
        DiskSnapshotInfo, ExportSnapshotRecord, ExportSnapshotRecordSourceInfo, ExportSnapshotRecordSourceType,
        ExportSnapshotRequest, ExportSnapshotResult, GetExportSnapshotRecordsRequest, GetExportSnapshotRecordsResult,
        InstanceSnapshotInfo, RecordState, RegionName, ResourceLocation, ResourceType, Timestamp,
    },
};
use porthole_model::{
    DiskId,
    disk::{Mount, State as DiskLife},
    operation::Kind as Deed,
    snapshot::{Kind, Part, too_small},
};
use porthole_store::{Disk, ExportRecord, Instance, Snapshot, StoreError, Tx};

use super::{
    NewDeed, Subject, TRIES, account, disk, insert_operation, instance, page_end, page_limit, page_start, region,
    snapshot::{Tried, Wanted, arn, resolve, settle, source_arn, subject, too_busy},
    tags, unavailable,
};
use crate::{dispatch::Request, operation::SnapshotLearnt};

/// The snapshot that instances are made from, and what becomes of its data disks.
pub(super) struct Origin {
    /// The snapshot.
    pub(super) snapshot: Snapshot,
    /// By instance name: what its disks are called, by their original path.
    mapping: BTreeMap<String, Vec<DiskMap>>,
}

impl Origin {
    /// What the disk at a path is called in an instance.
    fn disk_name(&self, instance: &str, part: &Part) -> String {
        let maps = self.mapping.get(instance).into_iter().flatten();
        let named = maps.filter(|map| map.original_disk_path.as_deref() == Some(part.path.as_str()));
        let mut named = named.filter_map(|map| map.new_disk_name.clone());
        named.next().unwrap_or_else(|| format!("{instance}-{}", part.name))
    }

    /// Checks the mapping against the snapshot and the names asked for.
    fn check(&self, instances: &[String]) -> Result<(), Error> {
        for (instance, maps) in &self.mapping {
            if !instances.contains(instance) {
                return Err(Error::invalid_input(format!(
                    "attachedDiskMapping names {instance}, which is not among instanceNames."
                )));
            }
            for map in maps {
                let path = map.original_disk_path.as_deref().unwrap_or_default();
                if !self.snapshot.disks.iter().any(|part| part.path == path) {
                    return Err(Error::invalid_input(format!(
                        "attachedDiskMapping names {path}, where the snapshot's instance had no disk."
                    )));
                }
                if let Some(name) = &map.new_disk_name {
                    names::check_resource_name(name)?;
                }
            }
        }
        Ok(())
    }

    /// Inserts the disks that come with an instance, attached to it, within the account's quotas.
    pub(super) async fn insert_disks(
        &self,
        cx: Request<'_>,
        tx: &mut Tx,
        instance: &Instance,
    ) -> Result<Result<(), Error>, StoreError> {
        for part in &self.snapshot.disks {
            let new = Disk {
                id: DiskId::new(cx.app.ids.uuid()),
                account_id: instance.account_id.clone(),
                region: instance.region.clone(),
                zone: instance.zone.clone(),
                name: self.disk_name(&instance.name, part),
                size_gb: i64::from(part.size_gb),
                state: DiskLife::Pending,
                instance_id: Some(instance.id.clone()),
                path: part.path.clone(),
                mount: Mount::Pending,
                auto_mount: true,
                from_snapshot_id: self.snapshot.id.to_string(),
                tags: "{}".into(),
                add_ons: "[]".into(),
                generation: 0,
                created_ms: cx.app.clock.now_ms(),
            };
            if let Err(refused) = disk::insert(cx, tx, &new).await? {
                return Ok(Err(refused));
            }
        }
        Ok(Ok(()))
    }
}

/// CreateInstancesFromSnapshot: all names or none, with the same or a larger bundle.
pub async fn instances(
    cx: Request<'_>,
    input: CreateInstancesFromSnapshotRequest,
) -> Result<CreateInstancesFromSnapshotResult, Error> {
    let snapshot = resolve(
        cx,
        &Wanted {
            snapshot: ("instanceSnapshotName", input.instance_snapshot_name.as_deref()),
            source: ("sourceInstanceName", input.source_instance_name.as_deref()),
            date: input.restore_date.as_deref(),
            latest: input.use_latest_restorable_auto_snapshot.unwrap_or(false),
            kind: Some(Kind::InstanceSnapshot),
        },
    )
    .await?;
    if let Some(bundle) = cx.app.catalog.bundle(&input.bundle_id) {
        let source = cx.app.catalog.bundle(&snapshot.bundle_id);
        if let Some(text) = too_small(bundle, source, snapshot.size_gb) {
            return Err(Error::invalid_input(text));
        }
    }
    let origin = Origin { snapshot, mapping: input.attached_disk_mapping.unwrap_or_default() };
    origin.check(&input.instance_names)?;
    let request = CreateInstancesRequest {
        add_ons: input.add_ons,
        availability_zone: input.availability_zone,
        blueprint_id: origin.snapshot.blueprint_id.clone(),
        bundle_id: input.bundle_id,
        custom_image_name: None,
        instance_names: input.instance_names,
        ip_address_type: input.ip_address_type,
        key_pair_name: input.key_pair_name,
        tags: input.tags,
        user_data: input.user_data,
    };
    let operations = instance::create_from(cx, request, Some(&origin)).await?.operations;
    Ok(CreateInstancesFromSnapshotResult { operations })
}

/// CreateDiskFromSnapshot: as large as the original or larger.
pub async fn disk(
    cx: Request<'_>,
    input: CreateDiskFromSnapshotRequest,
) -> Result<CreateDiskFromSnapshotResult, Error> {
    let app = cx.app;
    disk::check_size(input.size_in_gb)?;
    if !app.config.zones.contains(&input.availability_zone) {
        let zones = app.config.zones.join(", ");
        let text = format!("availabilityZone {} is not one of this server's: {zones}.", input.availability_zone);
        return Err(Error::invalid_input(text));
    }
    if input.add_ons.as_ref().is_some_and(|add_ons| !add_ons.is_empty()) {
        return Err(Error::invalid_input("addOns are enabled by EnableAddOn, once the disk is there."));
    }
    let wanted = Wanted {
        snapshot: ("diskSnapshotName", input.disk_snapshot_name.as_deref()),
        source: ("sourceDiskName", input.source_disk_name.as_deref()),
        date: input.restore_date.as_deref(),
        latest: input.use_latest_restorable_auto_snapshot.unwrap_or(false),
        kind: Some(Kind::DiskSnapshot),
    };
    let snapshot = resolve(cx, &wanted).await?;
    if i64::from(input.size_in_gb) < i64::from(snapshot.size_gb) {
        return Err(Error::invalid_input(format!(
            "sizeInGb {} is smaller than the snapshot's disk, which has {} GB.",
            input.size_in_gb, snapshot.size_gb
        )));
    }
    let new = Disk {
        id: DiskId::new(app.ids.uuid()),
        account_id: account(cx),
        region: region(app).to_owned(),
        zone: input.availability_zone,
        name: input.disk_name,
        size_gb: i64::from(input.size_in_gb),
        state: DiskLife::Pending,
        instance_id: None,
        path: String::new(),
        mount: Mount::NotMounted,
        auto_mount: false,
        from_snapshot_id: snapshot.id.to_string(),
        tags: tags::checked(input.tags.as_deref())?,
        add_ons: "[]".into(),
        generation: 0,
        created_ms: app.clock.now_ms(),
    };
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, disk_once(cx, &new, &snapshot).await)? {
            return Ok(CreateDiskFromSnapshotResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

async fn disk_once(cx: Request<'_>, new: &Disk, snapshot: &Snapshot) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    if let Err(refused) = disk::insert(cx, &mut tx, new).await? {
        return Ok(Err(refused));
    }
    let learnt = SnapshotLearnt {
        snapshot_id: snapshot.id.to_string(),
        disk_id: new.id.to_string(),
        ..SnapshotLearnt::default()
    };
    let deed = NewDeed {
        kind: Deed::CreateDiskFromSnapshot,
        subject: Subject { name: &new.name, resource_type: "Disk", id: new.id.as_str(), zone: &new.zone },
        details: subject(snapshot).name,
        state: learnt.begin(),
        leader: None,
        done: false,
    };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    Ok(Ok(vec![operation]))
}

/// ExportSnapshot: to the folder that the operator configured.
pub async fn export(cx: Request<'_>, input: ExportSnapshotRequest) -> Result<ExportSnapshotResult, Error> {
    let wanted = Wanted {
        snapshot: ("sourceSnapshotName", Some(input.source_snapshot_name.as_str())),
        source: ("sourceSnapshotName", None),
        date: None,
        latest: false,
        kind: None,
    };
    let snapshot = resolve(cx, &wanted).await?;
    let id = cx.app.ids.uuid();
    let record = ExportRecord {
        name: format!("ExportSnapshotRecord-{id}"),
        id,
        account_id: account(cx),
        region: region(cx.app).to_owned(),
        state: "Started".into(),
        source: snapshot,
        destination: String::new(),
        generation: 0,
        created_ms: cx.app.clock.now_ms(),
    };
    for _ in 0..TRIES {
        if let Some(operations) = settle(cx, export_once(cx, &record).await)? {
            return Ok(ExportSnapshotResult { operations: Some(operations) });
        }
    }
    Err(too_busy())
}

async fn export_once(cx: Request<'_>, record: &ExportRecord) -> Tried {
    let mut tx = cx.app.store.begin().await?;
    let snapshot = &record.source;
    if let Some(live) = tx.live_operation(snapshot.id.as_str()).await? {
        return Ok(Err(super::under_way(live.kind, &snapshot.name)));
    }
    tx.insert_export_record(record).await?;
    let learnt = SnapshotLearnt {
        snapshot_id: snapshot.id.to_string(),
        export_id: record.id.clone(),
        ..SnapshotLearnt::default()
    };
    let deed = NewDeed {
        kind: Deed::ExportSnapshot,
        subject: subject(snapshot),
        details: &record.name,
        state: learnt.begin(),
        leader: None,
        done: false,
    };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    Ok(Ok(vec![operation]))
}

/// GetExportSnapshotRecords: in the order of creation.
pub async fn export_records(
    cx: Request<'_>,
    input: GetExportSnapshotRecordsRequest,
) -> Result<GetExportSnapshotRecordsResult, Error> {
    let after = page_start(cx, "GetExportSnapshotRecords", input.page_token.as_deref())?;
    let found = cx.app.store.export_records(&account(cx), region(cx.app), &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next_page_token = page_end(cx, "GetExportSnapshotRecords", &mut rows, |row| (row.created_ms, row.id.as_str()));
    let rows = rows.iter().map(wire).collect();
    Ok(GetExportSnapshotRecordsResult { export_snapshot_records: Some(rows), next_page_token })
}

fn wire(record: &ExportRecord) -> ExportSnapshotRecord {
    let source = &record.source;
    let kind = ResourceType::ExportSnapshotRecord;
    ExportSnapshotRecord {
        arn: Some(names::arn(&record.region, record.account_id.as_str(), kind, &record.id)),
        created_at: Some(Timestamp(record.created_ms)),
        destination_info: Some(record.destination.clone())
            .filter(|destination| !destination.is_empty())
            .map(|id| DestinationInfo { id: Some(id), service: Some("Porthole".into()) }),
        location: Some(ResourceLocation {
            availability_zone: Some("all".into()),
            region_name: RegionName::from_wire(&record.region),
        }),
        name: Some(record.name.clone()),
        resource_type: Some(kind),
        source_info: Some(source_info(source)),
        state: RecordState::from_wire(&record.state),
    }
}

fn source_info(source: &Snapshot) -> ExportSnapshotRecordSourceInfo {
    let system = DiskInfo {
        is_system_disk: Some(true),
        name: Some(source.source_name.clone()),
        path: Some("/dev/xvda".into()),
        size_in_gb: i32::try_from(source.size_gb).ok(),
    };
    let data = source.disks.iter().map(|part| DiskInfo {
        is_system_disk: Some(false),
        name: Some(part.name.clone()),
        path: Some(part.path.clone()),
        size_in_gb: i32::try_from(part.size_gb).ok(),
    });
    let of_instance = source.kind == Kind::InstanceSnapshot;
    ExportSnapshotRecordSourceInfo {
        arn: Some(arn(source)),
        created_at: Some(Timestamp(source.created_ms)),
        disk_snapshot_info: (!of_instance).then(|| DiskSnapshotInfo { size_in_gb: i32::try_from(source.size_gb).ok() }),
        from_resource_arn: Some(source_arn(source)),
        from_resource_name: Some(source.source_name.clone()),
        instance_snapshot_info: of_instance.then(|| InstanceSnapshotInfo {
            from_blueprint_id: Some(source.blueprint_id.clone()),
            from_bundle_id: Some(source.bundle_id.clone()),
            from_disk_info: Some(std::iter::once(system).chain(data).collect()),
        }),
        name: Some(source.name.clone()),
        resource_type: Some(match source.kind {
            Kind::InstanceSnapshot => ExportSnapshotRecordSourceType::InstanceSnapshot,
            Kind::DiskSnapshot => ExportSnapshotRecordSourceType::DiskSnapshot,
        }),
    }
}
