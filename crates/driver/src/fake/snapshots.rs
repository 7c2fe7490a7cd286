//! Snapshots.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Deed, FakeDriver, When, World};
use crate::{DriverError, ExportSpec, InstanceSpec, SnapshotMade, SnapshotSource, Snapshots};

/// What the fake holds of snapshots and exports.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Id, and what it was made of.
    pub(super) snapshots: BTreeMap<String, SnapshotSource>,
    /// Folders.
    pub(super) exports: Vec<std::path::PathBuf>,
}

fn gone(what: &str) -> DriverError {
    DriverError::Final { what: format!("{what} is not there"), public: format!("The {what} was deleted.") }
}

impl World {
    fn has(&self, source: &SnapshotSource) -> bool {
        match source {
            SnapshotSource::Instance { id, disks } => {
                self.instances.get(id).is_some_and(|instance| instance.disk)
                    && disks.iter().all(|disk| self.disks.contains_key(disk))
            }
            SnapshotSource::Disk { id, .. } => self.disks.contains_key(id),
            SnapshotSource::Snapshot { id } => self.shelf.snapshots.contains_key(id),
        }
    }

    fn act_on_snapshot(&mut self, deed: Deed, id: &str, subject: Subject<'_>) -> Result<(), DriverError> {
        match subject {
            Subject::Source(source) => {
                if !self.shelf.snapshots.contains_key(id) {
                    if !self.has(source) {
                        return Err(gone("resource"));
                    }
                    self.shelf.snapshots.insert(id.to_owned(), source.clone());
                }
            }
            Subject::Alone => {
                self.shelf.snapshots.remove(id);
            }
            Subject::Instance(spec) => {
                if !self.instances.get(&spec.id).is_some_and(|instance| instance.disk) {
                    self.shelf.snapshots.get(id).ok_or_else(|| gone("snapshot"))?;
                    self.act(deed, &spec.id, Some(spec), When::After)?;
                }
            }
            Subject::Disk(disk, size_bytes) => {
                if !self.disks.contains_key(disk) {
                    self.shelf.snapshots.get(id).ok_or_else(|| gone("snapshot"))?;
                    self.disks.insert(disk.to_owned(), size_bytes);
                }
            }
            Subject::Export(export) => {
                self.shelf.snapshots.get(id).ok_or_else(|| gone("snapshot"))?;
                if !self.shelf.exports.contains(&export.folder) {
                    self.shelf.exports.push(export.folder.clone());
                }
            }
        }
        Ok(())
    }
}

/// What else a deed on a snapshot works on.
#[derive(Debug, Clone, Copy)]
enum Subject<'a> {
    Source(&'a SnapshotSource),
    Alone,
    Instance(&'a InstanceSpec),
    Disk(&'a str, u64),
    Export(&'a ExportSpec),
}

impl FakeDriver {
    /// Gives the ids of all snapshots.
    #[must_use]
    pub fn snapshot_ids(&self) -> Vec<String> {
        self.shared.lock().shelf.snapshots.keys().cloned().collect()
    }

    /// Logs the call, waits its latency, lets faults strike, and does the deed; half of it is nothing.
    async fn perform_on_snapshot(&self, deed: Deed, id: &str, subject: Subject<'_>) -> Result<(), DriverError> {
        let (latency, fault) = self.shared.lock().begin(deed, id);
        tokio::time::sleep(latency).await;
        if !matches!(fault, Some((When::Before | When::Halfway, _))) {
            self.shared.lock().act_on_snapshot(deed, id, subject)?;
        }
        match fault {
            None => Ok(()),
            Some((_, fault)) => Err(fault.strike(deed).await),
        }
    }
}

#[async_trait]
impl Snapshots for FakeDriver {
    async fn create_snapshot(
        &self,
        id: &str,
        source: &SnapshotSource,
        progress: watch::Sender<u8>,
    ) -> Result<SnapshotMade, DriverError> {
        // Nobody need listen.
        let _ = progress.send(50);
        self.perform_on_snapshot(Deed::CreateSnapshot, id, Subject::Source(source)).await?;
        Ok(SnapshotMade { pause: Duration::ZERO, used_bytes: 0 })
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), DriverError> {
        self.perform_on_snapshot(Deed::DeleteSnapshot, id, Subject::Alone).await
    }

    async fn create_from_snapshot(&self, spec: &InstanceSpec, snapshot_id: &str) -> Result<(), DriverError> {
        self.perform_on_snapshot(Deed::Create, snapshot_id, Subject::Instance(spec)).await
    }

    async fn create_disk_from_snapshot(
        &self,
        id: &str,
        size_bytes: u64,
        snapshot_id: &str,
        _part: Option<&str>,
    ) -> Result<(), DriverError> {
        self.perform_on_snapshot(Deed::CreateDiskFromSnapshot, snapshot_id, Subject::Disk(id, size_bytes)).await
    }

    async fn export_snapshot(&self, export: &ExportSpec) -> Result<(), DriverError> {
        self.perform_on_snapshot(Deed::ExportSnapshot, &export.snapshot_id, Subject::Export(export)).await
    }
}
