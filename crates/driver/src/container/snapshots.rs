//! Snapshots: the trait, over the blocking deeds of the host.

use async_trait::async_trait;
use tokio::sync::watch;

use super::ContainerDriver;
use crate::{DriverError, ExportSpec, InstanceSpec, SnapshotMade, SnapshotSource, Snapshots};

#[async_trait]
impl Snapshots for ContainerDriver {
    async fn create_snapshot(
        &self,
        id: &str,
        source: &SnapshotSource,
        progress: watch::Sender<u8>,
    ) -> Result<SnapshotMade, DriverError> {
        let key = match source {
            SnapshotSource::Instance { id, .. } | SnapshotSource::Snapshot { id } => id,
            SnapshotSource::Disk { id, holder } => holder.as_ref().unwrap_or(id),
        };
        // What is copied stays as it is until the copy ends: its instance is neither started nor stopped meanwhile.
        let source_guard = self.lock(key).await;
        let (snapshot_id, source) = (id.to_owned(), source.clone());
        self.exclusive(id, move |host| {
            let _source_guard = source_guard;
            host.create_snapshot(&snapshot_id, &source, &progress)
        })
        .await
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), DriverError> {
        let key = id.to_owned();
        self.exclusive(id, move |host| host.delete_snapshot(&key)).await
    }

    async fn create_from_snapshot(&self, spec: &InstanceSpec, snapshot_id: &str) -> Result<(), DriverError> {
        let snapshot_guard = self.lock(snapshot_id).await;
        let (wanted, snapshot_id) = (spec.clone(), snapshot_id.to_owned());
        self.exclusive(&spec.id, move |host| {
            let _snapshot_guard = snapshot_guard;
            host.create_from_snapshot(&wanted, &snapshot_id)
        })
        .await
    }

    async fn create_disk_from_snapshot(
        &self,
        id: &str,
        size_bytes: u64,
        snapshot_id: &str,
        part: Option<&str>,
    ) -> Result<(), DriverError> {
        let snapshot_guard = self.lock(snapshot_id).await;
        let (disk_id, snapshot_id, part) = (id.to_owned(), snapshot_id.to_owned(), part.map(str::to_owned));
        self.exclusive(id, move |host| {
            let _snapshot_guard = snapshot_guard;
            host.create_disk_from_snapshot(&disk_id, size_bytes, &snapshot_id, part.as_deref())
        })
        .await
    }

    async fn export_snapshot(&self, export: &ExportSpec) -> Result<(), DriverError> {
        let wanted = export.clone();
        self.exclusive(&export.snapshot_id, move |host| host.export_snapshot(&wanted)).await
    }
}
