//! Snapshots of disks, what is made of them, and their export.

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{DriverError, InstanceSpec};

/// Of what a snapshot is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotSource {
    /// An instance's system disk, and these data disks that are attached to it, all at one instant.
    Instance {
        /// The instance's id.
        id: String,
        /// The data disks' ids.
        disks: Vec<String>,
    },
    /// A data disk.
    Disk {
        /// The disk's id.
        id: String,
        /// The instance it is attached to.
        holder: Option<String>,
    },
    /// Another snapshot, whole.
    Snapshot {
        /// Its id.
        id: String,
    },
}

/// A snapshot that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotMade {
    /// How long the instance could not write.
    pub pause: Duration,
    /// Bytes that the snapshot takes on the host, blocks shared with its source counted.
    pub used_bytes: u64,
}

/// What a snapshot is to be exported as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSpec {
    /// The snapshot's id.
    pub snapshot_id: String,
    /// The folder to be made: it is there only when it is complete.
    pub folder: PathBuf,
    /// What the manifest says beside files and digests, a JSON object.
    pub facts: serde_json::Value,
}

/// Snapshots. Methods keep the rules of [`crate::Driver`]: each begins by looking, and may be cut off and called again.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Makes a snapshot, consistent as after a power cut, also of an instance that runs. Sends its progress in percent;
    /// stops, and leaves nothing that counts, when nobody listens to that any more.
    async fn create_snapshot(
        &self,
        id: &str,
        source: &SnapshotSource,
        progress: watch::Sender<u8>,
    ) -> Result<SnapshotMade, DriverError>;
    /// Removes a snapshot, complete or not.
    async fn delete_snapshot(&self, id: &str) -> Result<(), DriverError>;
    /// Makes the instance's folder, and its system disk from a snapshot, grown to the size asked for. Does nothing when the
    /// instance has its disk already, also when the snapshot is gone.
    async fn create_from_snapshot(&self, spec: &InstanceSpec, snapshot_id: &str) -> Result<(), DriverError>;
    /// Makes a data disk from a snapshot of a disk, or from the `part` with this id of an instance's snapshot, grown to the
    /// size asked for. Does nothing when the disk is there already.
    async fn create_disk_from_snapshot(
        &self,
        id: &str,
        size_bytes: u64,
        snapshot_id: &str,
        part: Option<&str>,
    ) -> Result<(), DriverError>;
    /// Exports a snapshot as disk images with a manifest.
    async fn export_snapshot(&self, export: &ExportSpec) -> Result<(), DriverError>;
}
