//! Data disks and snapshots.

use std::sync::Arc;

use async_trait::async_trait;

use super::{ContainerDriver, blocking};
use crate::{DataDisk, DriverError, Storage};

#[async_trait]
impl Storage for ContainerDriver {
    async fn ensure_disk(&self, id: &str, size_bytes: u64) -> Result<(), DriverError> {
        let key = id.to_owned();
        self.exclusive(id, move |host| host.ensure_data_disk(&key, size_bytes)).await
    }

    async fn delete_disk(&self, id: &str) -> Result<(), DriverError> {
        let key = id.to_owned();
        self.exclusive(id, move |host| host.delete_data_disk(&key)).await
    }

    async fn disks(&self) -> Result<Vec<String>, DriverError> {
        let host = Arc::clone(&self.host);
        blocking(move || host.data_disks()).await
    }

    async fn mount_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError> {
        let (key, disk) = (instance_id.to_owned(), disk.clone());
        self.exclusive(instance_id, move |host| host.mount_data_disk(&key, &disk)).await
    }

    async fn unmount_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError> {
        let (key, disk) = (instance_id.to_owned(), disk.clone());
        self.exclusive(instance_id, move |host| host.unmount_data_disk(&key, &disk)).await
    }
}
