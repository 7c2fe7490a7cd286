//! Data disks and snapshots.

use std::time::Duration;

use async_trait::async_trait;

use super::{Deed, FakeDriver, Instance, When, World};
use crate::{DataDisk, DriverError, Storage};

impl World {
    /// Does a part of a deed on a disk: half of it, or all. Halves leave nothing but what `Before` would.
    fn act_on_disk(
        &mut self,
        deed: Deed,
        disk: &str,
        subject: &DiskSubject<'_>,
        part: When,
    ) -> Result<(), DriverError> {
        let passing = |what: String| DriverError::Retry { what, after: Duration::from_millis(100) };
        let holds = |instance: &&Instance| instance.mounts.values().any(|id| id == disk);
        let whole = part == When::After;
        match *subject {
            DiskSubject::Size(size_bytes) if whole => {
                self.disks.entry(disk.to_owned()).or_insert(size_bytes);
            }
            DiskSubject::Alone if deed == Deed::DeleteDisk && self.instances.values().any(|one| holds(&one)) => {
                return Err(passing(format!("disk {disk} is still mounted")));
            }
            DiskSubject::Alone if deed == Deed::DeleteDisk && whole => {
                self.disks.remove(disk);
            }
            DiskSubject::In(instance_id, name) if deed == Deed::MountDisk => {
                if !self.disks.contains_key(disk) {
                    let what = format!("disk {disk} has no file");
                    return Err(DriverError::Final { what, public: "The disk's data is missing.".into() });
                }
                if self.instances.iter().any(|(id, one)| id != instance_id && holds(&one)) {
                    return Err(passing(format!("disk {disk} is still held elsewhere")));
                }
                let instance = self.instances.get_mut(instance_id).filter(|instance| instance.agent.is_some());
                let instance = instance.ok_or_else(|| passing(format!("instance {instance_id} is not running")))?;
                if whole {
                    instance.mounts.insert(name.to_owned(), disk.to_owned());
                }
            }
            DiskSubject::In(instance_id, _) if whole => {
                if let Some(instance) = self.instances.get_mut(instance_id) {
                    instance.mounts.retain(|_, id| id != disk);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What else a deed on a disk works on.
#[derive(Debug, Clone, Copy)]
enum DiskSubject<'a> {
    /// Only the disk.
    Alone,
    /// A size in bytes.
    Size(u64),
    /// An instance, and the folder in it.
    In(&'a str, &'a str),
}

impl FakeDriver {
    /// Logs the call, waits its latency, lets faults strike, and does the deed.
    async fn perform_on_disk(&self, deed: Deed, disk: &str, subject: DiskSubject<'_>) -> Result<(), DriverError> {
        let (latency, fault) = self.shared.lock().begin(deed, disk);
        tokio::time::sleep(latency).await;
        match fault {
            None => self.shared.lock().act_on_disk(deed, disk, &subject, When::After),
            Some((When::Before, fault)) => Err(fault.strike(deed).await),
            Some((part, fault)) => {
                self.shared.lock().act_on_disk(deed, disk, &subject, part)?;
                Err(fault.strike(deed).await)
            }
        }
    }
}

#[async_trait]
impl Storage for FakeDriver {
    async fn ensure_disk(&self, id: &str, size_bytes: u64) -> Result<(), DriverError> {
        self.perform_on_disk(Deed::EnsureDisk, id, DiskSubject::Size(size_bytes)).await
    }

    async fn delete_disk(&self, id: &str) -> Result<(), DriverError> {
        self.perform_on_disk(Deed::DeleteDisk, id, DiskSubject::Alone).await
    }

    async fn disks(&self) -> Result<Vec<String>, DriverError> {
        self.perform_on_disk(Deed::Disks, "", DiskSubject::Alone).await?;
        Ok(self.shared.lock().disks.keys().cloned().collect())
    }

    async fn mount_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError> {
        self.perform_on_disk(Deed::MountDisk, &disk.id, DiskSubject::In(instance_id, &disk.name)).await
    }

    async fn unmount_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError> {
        self.perform_on_disk(Deed::UnmountDisk, &disk.id, DiskSubject::In(instance_id, &disk.name)).await
    }
}
