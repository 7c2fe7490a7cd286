//! Data disks and snapshots.

use async_trait::async_trait;

use crate::DriverError;

/// A data disk that is attached to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDisk {
    /// UUID in lower-case text; the driver's only key, and the disk's file name.
    pub id: String,
    /// Its name, a resource name: the folder in the person's home where it is mounted.
    pub name: String,
}

/// Data disks and snapshots. Methods keep the rules of [`crate::Driver`]: each begins by looking, and may be cut off and called again.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Makes a data disk: a sparse file with an empty ext4 filesystem that belongs to the person. One that is there is
    /// left as it is.
    async fn ensure_disk(&self, id: &str, size_bytes: u64) -> Result<(), DriverError>;
    /// Removes a data disk. Fails with `Retry` while it is mounted anywhere.
    async fn delete_disk(&self, id: &str) -> Result<(), DriverError>;
    /// Lists the ids of all data disks of which any file is there.
    async fn disks(&self) -> Result<Vec<String>, DriverError>;
    /// Mounts a data disk in a running instance, at `/home/lightsail-user/NAME`, where it stays until the instance ends.
    /// Fails with `Retry` when the instance does not run or the disk is still held elsewhere.
    async fn mount_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError>;
    /// Takes a data disk out of an instance, running or not, and returns once nothing holds it any more.
    async fn unmount_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError>;
}
