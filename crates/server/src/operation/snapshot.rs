//! Plans of snapshots, of what is made from them, and of exports.

use porthole_driver::{ExportSpec, SnapshotSource};
use porthole_model::{
    DiskId, InstanceId, SnapshotId,
    disk::{self as data_disk, GB_BYTES},
    snapshot::{Kind, State},
};
use porthole_store::{ExportRecord, Snapshot, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    Learnt,
    instance::{ensure_disk, ensure_running, mark_create_failed, mark_running, release_disk, release_running},
    plan::{Plan, Step, StepError},
};
use crate::app::App;

/// What the steps of a snapshot's plan have learnt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotLearnt {
    /// The snapshot worked on.
    pub snapshot_id: String,
    /// The snapshot that it is a copy of; empty where it is none.
    #[serde(default)]
    pub copy_of: String,
    /// The disk made from it; empty where none is.
    #[serde(default)]
    pub disk_id: String,
    /// The export's record; empty where nothing is exported.
    #[serde(default)]
    pub export_id: String,
}

impl SnapshotLearnt {
    /// What an operation begins with.
    pub fn begin(&self) -> String {
        serde_json::to_string(self).expect("is plain data")
    }

    fn snapshot(&self) -> SnapshotId {
        SnapshotId::new(self.snapshot_id.as_str())
    }
}

/// An hour for what copies a disk.
const COPY_MS: u64 = 3_600_000;

/// CreateInstanceSnapshot, CreateDiskSnapshot, CopySnapshot, and automatic snapshots.
pub const CREATE: Plan<SnapshotLearnt> = Plan {
    version: 1,
    deadline_ms: 7_200_000,
    steps: &[
        Step {
            name: "copy",
            deadline_ms: COPY_MS,
            // The driver gives the copy up when nobody waits for it; the undo waits until it has.
            interruptible: true,
            run: |app, op| Box::pin(copy(app, op)),
            undo: Some(|app, op| Box::pin(release(app, op))),
        },
        // Nothing to undo: it is one write, and last.
        Step {
            name: "mark_available",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_available(app, op)),
            undo: None,
        },
    ],
};

/// DeleteInstanceSnapshot, DeleteDiskSnapshot and DeleteAutoSnapshot. Never superseded; tried again by the next delete.
pub const DELETE: Plan<SnapshotLearnt> = Plan {
    version: 1,
    deadline_ms: 7_200_000,
    steps: &[
        Step {
            name: "delete_files",
            // A disk that is being made from it is waited for.
            deadline_ms: COPY_MS,
            interruptible: false,
            run: |app, op| Box::pin(delete_files(app, op)),
            undo: None,
        },
        Step {
            name: "mark_deleted",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_deleted(app, op)),
            undo: None,
        },
    ],
};

/// CreateInstancesFromSnapshot, for one instance.
pub const CREATE_INSTANCE: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 7_200_000,
    steps: &[
        Step {
            name: "mark_failed_if_undone",
            deadline_ms: 10_000,
            interruptible: true,
            run: |_, _| Box::pin(async { Ok(()) }),
            undo: Some(|app, op| Box::pin(mark_create_failed(app, op))),
        },
        Step {
            name: "ensure_disks",
            deadline_ms: COPY_MS,
            interruptible: false,
            run: |app, op| Box::pin(ensure_disk(app, op)),
            undo: Some(|app, op| Box::pin(release_disks(app, op))),
        },
        Step {
            name: "ensure_running",
            deadline_ms: 60_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_running(app, op)),
            undo: Some(|app, op| Box::pin(release_running(app, op))),
        },
        // Nothing to undo: it is one write, and last.
        Step {
            name: "mark_running",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_running(app, op)),
            undo: None,
        },
    ],
};

/// CreateDiskFromSnapshot.
pub const CREATE_DISK: Plan<SnapshotLearnt> = Plan {
    version: 1,
    deadline_ms: 7_200_000,
    steps: &[
        Step {
            name: "ensure_file",
            deadline_ms: COPY_MS,
            interruptible: false,
            run: |app, op| Box::pin(ensure_file(app, op)),
            undo: Some(|app, op| Box::pin(release_file(app, op))),
        },
        // Nothing to undo: it is one write, and last.
        Step {
            name: "mark_available",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_disk_available(app, op)),
            undo: None,
        },
    ],
};

/// ExportSnapshot.
pub const EXPORT: Plan<SnapshotLearnt> = Plan {
    version: 1,
    deadline_ms: 7_200_000,
    steps: &[
        Step {
            name: "export",
            deadline_ms: COPY_MS,
            interruptible: false,
            run: |app, op| Box::pin(export(app, op)),
            undo: Some(|app, op| Box::pin(mark_export(app, op, "Failed"))),
        },
        // Nothing to undo: it is one write, and last.
        Step {
            name: "mark_exported",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_export(app, op, "Succeeded")),
            undo: None,
        },
    ],
};

fn gone(what: &str) -> StepError {
    let public = format!("The {what} was deleted.");
    StepError::Failed { what: public.clone(), code: "OperationFailure", public }
}

async fn find(app: &App, op: &SnapshotLearnt) -> Result<Snapshot, StepError> {
    app.store.snapshot(&op.snapshot()).await?.ok_or_else(|| gone("snapshot"))
}

/// What the driver is to copy.
async fn source(app: &App, op: &SnapshotLearnt, snapshot: &Snapshot) -> Result<SnapshotSource, StepError> {
    if !op.copy_of.is_empty() {
        return Ok(SnapshotSource::Snapshot { id: op.copy_of.clone() });
    }
    if snapshot.source_type == "Instance" {
        let disks = snapshot.disks.iter().map(|part| part.id.clone()).collect();
        return Ok(SnapshotSource::Instance { id: snapshot.source_id.clone(), disks });
    }
    let disk = app.store.disk(&DiskId::new(snapshot.source_id.as_str())).await?.ok_or_else(|| gone("disk"))?;
    let holder = disk.instance_id.map(|id| id.to_string());
    Ok(SnapshotSource::Disk { id: snapshot.source_id.clone(), holder })
}

async fn copy(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    let snapshot = find(app, op).await?;
    let source = source(app, op, &snapshot).await?;
    let (sender, mut progress) = watch::channel(0);
    let made = app.driver.create_snapshot(&op.snapshot_id, &source, sender);
    tokio::pin!(made);
    let made = loop {
        tokio::select! {
            made = &mut made => break made?,
            Ok(()) = progress.changed() => {
                let percent = *progress.borrow_and_update();
                change(app, &op.snapshot(), |snapshot| snapshot.progress = percent).await?;
            }
        }
    };
    tracing::info!(
        snapshot = op.snapshot_id,
        pause_us = made.pause.as_micros(),
        bytes = made.used_bytes,
        "Snapshot made"
    );
    Ok(())
}

async fn release(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    app.driver.delete_snapshot(&op.snapshot_id).await?;
    change(app, &op.snapshot(), |snapshot| (snapshot.state, snapshot.progress) = (State::Error, 0)).await
}

async fn mark_available(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    change(app, &op.snapshot(), |snapshot| (snapshot.state, snapshot.progress) = (State::Available, 100)).await
}

async fn delete_files(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    Ok(app.driver.delete_snapshot(&op.snapshot_id).await?)
}

async fn mark_deleted(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    let mut tx = app.store.begin().await?;
    tx.delete_snapshot(&op.snapshot()).await?;
    Ok(tx.commit().await?)
}

/// Changes the row, reading again when somebody else was faster; a row that is gone needs no change.
async fn change(app: &App, id: &SnapshotId, what: impl Fn(&mut Snapshot)) -> Result<(), StepError> {
    loop {
        let Some(before) = app.store.snapshot(id).await? else { return Ok(()) };
        let mut after = before.clone();
        what(&mut after);
        if after == before {
            return Ok(());
        }
        let mut tx = app.store.begin().await?;
        match tx.update_snapshot(&mut after).await {
            Ok(()) => return Ok(tx.commit().await?),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The part of an instance's snapshot that a disk is made from; `None` for a snapshot of one disk.
fn part<'a>(snapshot: &'a Snapshot, path: &str) -> Option<&'a str> {
    snapshot.disks.iter().find(|part| part.path == path).map(|part| part.id.as_str())
}

/// Makes the data disks that come with an instance made from a snapshot.
pub(super) async fn ensure_data_disks(app: &App, instance_id: &str) -> Result<(), StepError> {
    use data_disk::State as Disk;
    for disk in app.store.disks_of_instance(&InstanceId::new(instance_id)).await? {
        if !matches!(disk.state, Disk::Pending | Disk::Error) || disk.from_snapshot_id.is_empty() {
            continue;
        }
        let snapshot_id = SnapshotId::new(disk.from_snapshot_id.as_str());
        let snapshot = app.store.snapshot(&snapshot_id).await?.ok_or_else(|| gone("snapshot"))?;
        let size_bytes = disk.size_gb.unsigned_abs() * GB_BYTES;
        let part = part(&snapshot, &disk.path);
        app.driver.create_disk_from_snapshot(disk.id.as_str(), size_bytes, snapshot.id.as_str(), part).await?;
        change_disk(app, &disk.id, Disk::InUse).await?;
    }
    Ok(())
}

/// Takes back what [`ensure_disk`] made for an instance from a snapshot.
async fn release_disks(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    release_disk(app, op).await?;
    for disk in app.store.disks_of_instance(&InstanceId::new(op.instance_id.as_str())).await? {
        app.driver.delete_disk(disk.id.as_str()).await?;
        change_disk(app, &disk.id, data_disk::State::Error).await?;
    }
    Ok(())
}

async fn change_disk(app: &App, id: &DiskId, state: data_disk::State) -> Result<(), StepError> {
    loop {
        let Some(mut disk) = app.store.disk(id).await? else { return Ok(()) };
        if disk.state == state {
            return Ok(());
        }
        disk.state = state;
        let mut tx = app.store.begin().await?;
        match tx.update_disk(&mut disk).await {
            Ok(()) => return Ok(tx.commit().await?),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn ensure_file(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    let disk = app.store.disk(&DiskId::new(op.disk_id.as_str())).await?.ok_or_else(|| gone("disk"))?;
    let size_bytes = disk.size_gb.unsigned_abs() * GB_BYTES;
    Ok(app.driver.create_disk_from_snapshot(&op.disk_id, size_bytes, &op.snapshot_id, None).await?)
}

async fn release_file(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    app.driver.delete_disk(&op.disk_id).await?;
    change_disk(app, &DiskId::new(op.disk_id.as_str()), data_disk::State::Error).await
}

async fn mark_disk_available(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    let id = DiskId::new(op.disk_id.as_str());
    match app.store.disk(&id).await? {
        // A second run must not take it from an instance that it was attached to since.
        Some(disk) if disk.state == data_disk::State::Pending => {
            change_disk(app, &id, data_disk::State::Available).await
        }
        _ => Ok(()),
    }
}

/// The folder of an export.
pub fn export_folder(app: &App, record: &ExportRecord) -> std::path::PathBuf {
    app.config.export_dir().join(&record.id)
}

async fn export(app: &App, op: &mut SnapshotLearnt) -> Result<(), StepError> {
    let record = app.store.export_record(&op.export_id).await?.ok_or_else(|| gone("export's record"))?;
    let source = &record.source;
    let facts = serde_json::json!({
        "snapshot": source.name,
        "snapshot_id": source.id.as_str(),
        "resource_type": source.kind.name(),
        "created_ms": source.created_ms,
        "from": {"type": source.source_type, "name": source.source_name, "id": source.source_id},
        "blueprint_id": source.blueprint_id,
        "bundle_id": source.bundle_id,
        "size_gb": source.size_gb,
        "disks": source.disks,
        "boot": match source.kind {
            Kind::InstanceSnapshot => "disk.* is a root filesystem that a kernel given from outside starts: see docs/drivers.md, Exports",
            Kind::DiskSnapshot => "disk.* is one filesystem without partition table: mount it",
        },
    });
    let export = ExportSpec { snapshot_id: op.snapshot_id.clone(), folder: export_folder(app, &record), facts };
    Ok(app.driver.export_snapshot(&export).await?)
}

async fn mark_export(app: &App, op: &mut SnapshotLearnt, state: &str) -> Result<(), StepError> {
    loop {
        let Some(mut record) = app.store.export_record(&op.export_id).await? else { return Ok(()) };
        if record.state == state {
            return Ok(());
        }
        if state == "Succeeded" {
            record.destination = export_folder(app, &record).display().to_string();
        }
        record.state = state.to_owned();
        let mut tx = app.store.begin().await?;
        match tx.update_export_record(&mut record).await {
            Ok(()) => return Ok(tx.commit().await?),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
