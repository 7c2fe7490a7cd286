//! Snapshots as clients read them.

use porthole_api::{
    names,
    types::{
        AttachedDisk, AutoSnapshotDetails, AutoSnapshotStatus, Disk as WireDisk, DiskSnapshot, DiskSnapshotState,
        DiskState, InstanceSnapshot, InstanceSnapshotState, RegionName, ResourceLocation, ResourceType, Timestamp,
    },
};
use porthole_model::snapshot::{Kind, Part, State};
use porthole_store::Snapshot;

use super::super::tags;

/// An automatic snapshot.
pub(super) fn auto(snapshot: &Snapshot) -> AutoSnapshotDetails {
    let attached =
        |part: &Part| AttachedDisk { path: Some(part.path.clone()), size_in_gb: i32::try_from(part.size_gb).ok() };
    AutoSnapshotDetails {
        created_at: Some(Timestamp(snapshot.created_ms)),
        date: Some(snapshot.auto_date.clone()),
        from_attached_disks: Some(snapshot.disks.iter().map(attached).collect()),
        status: Some(match snapshot.state {
            State::Pending => AutoSnapshotStatus::InProgress,
            State::Available => AutoSnapshotStatus::Success,
            State::Error => AutoSnapshotStatus::Failed,
        }),
    }
}

fn location(snapshot: &Snapshot) -> ResourceLocation {
    ResourceLocation { availability_zone: Some("all".into()), region_name: RegionName::from_wire(&snapshot.region) }
}

/// The ARN of what a snapshot was made of.
pub(in crate::service) fn source_arn(snapshot: &Snapshot) -> String {
    let kind = if snapshot.source_type == "Instance" { ResourceType::Instance } else { ResourceType::Disk };
    names::arn(&snapshot.region, snapshot.account_id.as_str(), kind, &snapshot.source_id)
}

/// The ARN of a snapshot.
pub(in crate::service) fn arn(snapshot: &Snapshot) -> String {
    names::arn(&snapshot.region, snapshot.account_id.as_str(), resource_type(snapshot), snapshot.id.as_str())
}

fn resource_type(snapshot: &Snapshot) -> ResourceType {
    match snapshot.kind {
        Kind::InstanceSnapshot => ResourceType::InstanceSnapshot,
        Kind::DiskSnapshot => ResourceType::DiskSnapshot,
    }
}

fn progress(snapshot: &Snapshot) -> String {
    format!("{}%", snapshot.progress)
}

/// An instance's snapshot.
pub(super) fn of_instance(snapshot: &Snapshot) -> InstanceSnapshot {
    let disk = |part: &Part| WireDisk {
        arn: Some(names::arn(&snapshot.region, snapshot.account_id.as_str(), ResourceType::Disk, &part.id)),
        is_attached: Some(false),
        is_system_disk: Some(false),
        name: Some(part.name.clone()),
        path: Some(part.path.clone()),
        resource_type: Some(ResourceType::Disk),
        size_in_gb: i32::try_from(part.size_gb).ok(),
        state: Some(DiskState::Available),
        ..WireDisk::default()
    };
    let support_code =
        names::support_code(snapshot.account_id.as_str(), ResourceType::InstanceSnapshot, snapshot.id.as_str());
    InstanceSnapshot {
        arn: Some(arn(snapshot)),
        created_at: Some(Timestamp(snapshot.created_ms)),
        from_attached_disks: Some(snapshot.disks.iter().map(disk).collect()),
        from_blueprint_id: Some(snapshot.blueprint_id.clone()),
        from_bundle_id: Some(snapshot.bundle_id.clone()),
        from_instance_arn: Some(source_arn(snapshot)),
        from_instance_name: Some(snapshot.source_name.clone()),
        is_from_auto_snapshot: Some(snapshot.from_auto),
        location: Some(location(snapshot)),
        name: Some(snapshot.name.clone()),
        progress: Some(progress(snapshot)),
        resource_type: Some(ResourceType::InstanceSnapshot),
        size_in_gb: i32::try_from(snapshot.size_gb).ok(),
        state: Some(match snapshot.state {
            State::Pending => InstanceSnapshotState::Pending,
            State::Available => InstanceSnapshotState::Available,
            State::Error => InstanceSnapshotState::Error,
        }),
        support_code: Some(support_code),
        tags: Some(tags::wire(&snapshot.tags)),
    }
}

/// A disk's snapshot.
pub(super) fn of_disk(snapshot: &Snapshot) -> DiskSnapshot {
    let whole = snapshot.source_type == "Instance";
    let support_code =
        names::support_code(snapshot.account_id.as_str(), ResourceType::DiskSnapshot, snapshot.id.as_str());
    DiskSnapshot {
        arn: Some(arn(snapshot)),
        created_at: Some(Timestamp(snapshot.created_ms)),
        from_disk_arn: (!whole).then(|| source_arn(snapshot)),
        from_disk_name: (!whole).then(|| snapshot.source_name.clone()),
        from_instance_arn: whole.then(|| source_arn(snapshot)),
        from_instance_name: whole.then(|| snapshot.source_name.clone()),
        is_from_auto_snapshot: Some(snapshot.from_auto),
        location: Some(location(snapshot)),
        name: Some(snapshot.name.clone()),
        progress: Some(progress(snapshot)),
        resource_type: Some(ResourceType::DiskSnapshot),
        size_in_gb: i32::try_from(snapshot.size_gb).ok(),
        state: Some(match snapshot.state {
            State::Pending => DiskSnapshotState::Pending,
            State::Available => DiskSnapshotState::Completed,
            State::Error => DiskSnapshotState::Error,
        }),
        support_code: Some(support_code),
        tags: Some(tags::wire(&snapshot.tags)),
    }
}
