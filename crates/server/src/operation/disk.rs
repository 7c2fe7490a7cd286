//! Plans of data disks.

use porthole_driver::{DataDisk, DriverError};
use porthole_model::{
    DiskId, InstanceId,
    disk::{Event, GB_BYTES, Mount, State, transition},
};
use porthole_store::{Disk, StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::{
    plan::{Plan, Step, StepError},
    session::runs,
};
use crate::{app::App, telemetry::chain};

/// What the steps of a disk's plan have learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskLearnt {
    /// The disk worked on.
    pub disk_id: String,
    /// The instance it is attached to or detached from; empty where there is none.
    #[serde(default)]
    pub instance_id: String,
    /// What became of mounting it, as the store names it; empty until then.
    #[serde(default)]
    pub mount: String,
}

impl DiskLearnt {
    /// What an operation begins with.
    pub fn begin(disk_id: &DiskId, instance_id: Option<&InstanceId>) -> String {
        let instance_id = instance_id.map(ToString::to_string).unwrap_or_default();
        let learnt = Self { disk_id: disk_id.to_string(), instance_id, mount: String::new() };
        serde_json::to_string(&learnt).expect("is plain data")
    }

    fn disk(&self) -> DiskId {
        DiskId::new(self.disk_id.as_str())
    }
}

/// CreateDisk.
pub const CREATE: Plan<DiskLearnt> = Plan {
    version: 1,
    deadline_ms: 180_000,
    steps: &[
        Step {
            name: "ensure_file",
            deadline_ms: 90_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_file(app, op)),
            undo: Some(|app, op| Box::pin(release_file(app, op))),
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

/// DeleteDisk. Never superseded; what fails is tried again until the deadline, and by the next DeleteDisk.
pub const DELETE: Plan<DiskLearnt> = Plan {
    version: 1,
    deadline_ms: 180_000,
    steps: &[
        Step {
            name: "delete_file",
            deadline_ms: 30_000,
            interruptible: false,
            run: |app, op| Box::pin(delete_file(app, op)),
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

/// AttachDisk. The transaction that accepted it gave the disk to the instance; what fails takes it away again.
pub const ATTACH: Plan<DiskLearnt> = Plan {
    version: 1,
    deadline_ms: 90_000,
    steps: &[
        Step {
            name: "ensure_mounted",
            deadline_ms: 30_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_mounted(app, op)),
            undo: Some(|app, op| Box::pin(release(app, op))),
        },
        // Nothing to undo: it is one write, and last; the undo of the step before marks the disk detached.
        Step {
            name: "mark_attached",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_attached(app, op)),
            undo: None,
        },
    ],
};

/// DetachDisk, of an instance that is stopped. Superseded only by the instance's delete, which detaches too: nothing is to
/// be undone.
pub const DETACH: Plan<DiskLearnt> = Plan {
    version: 1,
    deadline_ms: 90_000,
    steps: &[Step {
        name: "release",
        deadline_ms: 30_000,
        interruptible: false,
        run: |app, op| Box::pin(release(app, op)),
        undo: None,
    }],
};

/// What the driver must know of a disk.
fn data_disk(disk: &Disk) -> DataDisk {
    DataDisk { id: disk.id.to_string(), name: disk.name.clone() }
}

fn gone() -> StepError {
    let public = "The disk was deleted.".to_owned();
    StepError::Failed { what: public.clone(), code: "OperationFailure", public }
}

async fn ensure_file(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    let disk = app.store.disk(&op.disk()).await?.ok_or_else(gone)?;
    let size_bytes = disk.size_gb.unsigned_abs() * GB_BYTES;
    Ok(app.driver.ensure_disk(&op.disk_id, size_bytes).await?)
}

async fn release_file(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    app.driver.delete_disk(&op.disk_id).await?;
    change(app, &op.disk(), |disk| disk.state = State::Error).await
}

async fn mark_available(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    change(app, &op.disk(), |disk| disk.state = transition(disk.state, Event::Made).unwrap_or(disk.state)).await
}

async fn delete_file(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    Ok(app.driver.delete_disk(&op.disk_id).await?)
}

async fn mark_deleted(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    let mut tx = app.store.begin().await?;
    tx.delete_disk(&op.disk()).await?;
    Ok(tx.commit().await?)
}

async fn ensure_mounted(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    let disk = app.store.disk(&op.disk()).await?.ok_or_else(gone)?;
    let mount = if !disk.auto_mount {
        Mount::NotMounted
    } else if runs(app, &op.instance_id).await? {
        match app.driver.mount_disk(&op.instance_id, &data_disk(&disk)).await {
            Ok(()) => Mount::Mounted,
            Err(error @ DriverError::Final { .. }) => not_mounted(&disk, &error),
            Err(error) => return Err(error.into()),
        }
    } else {
        // The next start mounts it.
        Mount::Pending
    };
    op.mount = mount.name().to_owned();
    Ok(())
}

fn not_mounted(disk: &Disk, error: &DriverError) -> Mount {
    tracing::warn!(disk = %disk.id, name = disk.name, error = chain(error), "a disk could not be mounted");
    Mount::Failed
}

async fn mark_attached(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    let mount = Mount::from_name(&op.mount).unwrap_or(Mount::Failed);
    change(app, &op.disk(), |disk| disk.mount = mount).await
}

/// Takes the disk out of the instance, and marks it detached.
async fn release(app: &App, op: &mut DiskLearnt) -> Result<(), StepError> {
    let Some(disk) = app.store.disk(&op.disk()).await? else { return Ok(()) };
    if disk.instance_id.as_ref().is_some_and(|id| id.as_str() == op.instance_id) {
        app.driver.unmount_disk(&op.instance_id, &data_disk(&disk)).await?;
        change(app, &op.disk(), detach).await?;
    }
    Ok(())
}

/// Marks the disks of an instance detached, in the transaction that removes the instance.
pub(super) async fn detach_all(tx: &mut Tx, instance_id: &InstanceId) -> Result<(), StoreError> {
    for mut disk in tx.disks_of_instance(instance_id).await? {
        detach(&mut disk);
        tx.update_disk(&mut disk).await?;
    }
    Ok(())
}

/// Changes a row of a disk whose instance does not hold it any more.
fn detach(disk: &mut Disk) {
    disk.state = transition(disk.state, Event::Detach).unwrap_or(disk.state);
    (disk.instance_id, disk.auto_mount, disk.mount) = (None, false, Mount::NotMounted);
    disk.path.clear();
}

/// Mounts the disks of an instance that came up, and notes of each whether that succeeded. None of them keeps the instance
/// from running.
pub(super) async fn mount_all(app: &App, instance_id: &str) -> Result<(), StepError> {
    for disk in app.store.disks_of_instance(&InstanceId::new(instance_id)).await? {
        if !disk.auto_mount {
            continue;
        }
        let mount = match app.driver.mount_disk(instance_id, &data_disk(&disk)).await {
            Ok(()) => Mount::Mounted,
            Err(error) => not_mounted(&disk, &error),
        };
        let still = |changed: &mut Disk| {
            if changed.instance_id == disk.instance_id {
                changed.mount = mount;
            }
        };
        change(app, &disk.id, still).await?;
    }
    Ok(())
}

/// Changes the row, reading again when somebody else was faster; a row that is gone needs no change.
async fn change(app: &App, id: &DiskId, what: impl Fn(&mut Disk)) -> Result<(), StepError> {
    loop {
        let Some(before) = app.store.disk(id).await? else { return Ok(()) };
        let mut after = before.clone();
        what(&mut after);
        if after == before {
            return Ok(());
        }
        let mut tx = app.store.begin().await?;
        match tx.update_disk(&mut after).await {
            Ok(()) => return Ok(tx.commit().await?),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
