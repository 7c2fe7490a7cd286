//! Data disks.

use porthole_model::{
    AccountId, DiskId, InstanceId,
    disk::{Mount, State},
};
use sqlx::any::AnyRow;

use crate::{Page, Store, StoreError, Tx, known, number, text};

macro_rules! columns {
    () => {
        "id, account_id, region, zone, name, size_gb, state, instance_id, path, auto_mount_status, auto_mount, \
         from_snapshot_id, tags, add_ons, generation, created_ms"
    };
}

/// A disk as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its id, also the driver's.
    pub id: DiskId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it is.
    pub region: String,
    /// Where in the region.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// Its size in GB of 2³⁰ bytes.
    pub size_gb: i64,
    /// Where it is in its life.
    pub state: State,
    /// The instance it is attached to.
    pub instance_id: Option<InstanceId>,
    /// As AttachDisk gave it, for example `/dev/xvdf`; empty while detached.
    pub path: String,
    /// Whether it is mounted in its instance.
    pub mount: Mount,
    /// Whether autoMounting was asked for.
    pub auto_mount: bool,
    /// The snapshot it was made from; empty: none.
    pub from_snapshot_id: String,
    /// JSON object of tag keys and values.
    pub tags: String,
    /// JSON array of add-ons.
    pub add_ons: String,
    /// Rises with every change; guards against writing over one.
    pub generation: i64,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
}

/// How much of its quota an account uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUse {
    /// Number of disks.
    pub disks: i64,
    /// Their sizes together, in GB.
    pub total_gb: i64,
}

fn disk(row: &AnyRow) -> Result<Disk, StoreError> {
    let instance_id = text(row, "instance_id")?;
    Ok(Disk {
        id: DiskId::new(text(row, "id")?),
        account_id: AccountId::new(text(row, "account_id")?),
        region: text(row, "region")?,
        zone: text(row, "zone")?,
        name: text(row, "name")?,
        size_gb: number(row, "size_gb")?,
        state: known("disk.state", State::from_name(&text(row, "state")?))?,
        instance_id: (!instance_id.is_empty()).then(|| InstanceId::new(instance_id)),
        path: text(row, "path")?,
        mount: known("disk.auto_mount_status", Mount::from_name(&text(row, "auto_mount_status")?))?,
        auto_mount: number(row, "auto_mount")? != 0,
        from_snapshot_id: text(row, "from_snapshot_id")?,
        tags: text(row, "tags")?,
        add_ons: text(row, "add_ons")?,
        generation: number(row, "generation")?,
        created_ms: number(row, "created_ms")?,
    })
}

const BY_NAME: &str = concat!("SELECT ", columns!(), " FROM disk WHERE account_id = $1 AND region = $2 AND name = $3");
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM disk WHERE id = $1");
const OF_INSTANCE: &str = concat!("SELECT ", columns!(), " FROM disk WHERE instance_id = $1 ORDER BY path");

fn instance_text(disk: &Disk) -> &str {
    disk.instance_id.as_ref().map_or("", InstanceId::as_str)
}

impl Store {
    /// Finds a disk by name.
    pub async fn disk_by_name(
        &self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Disk>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&self.reads).await?.as_ref().map(disk).transpose()
    }

    /// Finds a disk by id.
    pub async fn disk(&self, id: &DiskId) -> Result<Option<Disk>, StoreError> {
        sqlx::query(BY_ID).bind(id.as_str()).fetch_optional(&self.reads).await?.as_ref().map(disk).transpose()
    }

    /// Lists disks after a place in the order of creation, at most `limit`.
    pub async fn disks(
        &self,
        account_id: &AccountId,
        region: &str,
        after: &Page,
        limit: i64,
    ) -> Result<Vec<Disk>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM disk WHERE account_id = $1 AND region = $2 AND (created_ms > $3 OR (created_ms = $3 AND id > $4)) \
             ORDER BY created_ms, id LIMIT $5"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(disk).collect()
    }

    /// Lists every disk of all accounts: for reconcilers and for `porthole down`.
    pub async fn all_disks(&self) -> Result<Vec<Disk>, StoreError> {
        let rows = sqlx::query(concat!("SELECT ", columns!(), " FROM disk ORDER BY created_ms, id"))
            .fetch_all(&self.reads)
            .await?;
        rows.iter().map(disk).collect()
    }

    /// Lists the disks that are attached to an instance, by path.
    pub async fn disks_of_instance(&self, id: &InstanceId) -> Result<Vec<Disk>, StoreError> {
        sqlx::query(OF_INSTANCE).bind(id.as_str()).fetch_all(&self.reads).await?.iter().map(disk).collect()
    }

    /// Lists the account's disks that are attached to any instance, by path.
    pub async fn attached_disks(&self, account_id: &AccountId, region: &str) -> Result<Vec<Disk>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM disk WHERE account_id = $1 AND region = $2 AND instance_id <> '' ORDER BY path"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(disk).collect()
    }
}

impl Tx {
    /// Finds a disk by name.
    pub async fn disk_by_name(
        &mut self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Disk>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(disk).transpose()
    }

    /// Finds a disk by id.
    pub async fn disk(&mut self, id: &DiskId) -> Result<Option<Disk>, StoreError> {
        sqlx::query(BY_ID).bind(id.as_str()).fetch_optional(&mut *self.inner).await?.as_ref().map(disk).transpose()
    }

    /// Lists the disks that are attached to an instance, by path.
    pub async fn disks_of_instance(&mut self, id: &InstanceId) -> Result<Vec<Disk>, StoreError> {
        sqlx::query(OF_INSTANCE).bind(id.as_str()).fetch_all(&mut *self.inner).await?.iter().map(disk).collect()
    }

    /// Counts the account's disks, for its quotas.
    pub async fn disk_use(&mut self, account_id: &AccountId, region: &str) -> Result<DiskUse, StoreError> {
        // PostgreSQL sums to a type that is not ours.
        let row = sqlx::query(
            "SELECT COUNT(*) AS disks, CAST(COALESCE(SUM(size_gb), 0) AS BIGINT) AS total_gb FROM disk \
             WHERE account_id = $1 AND region = $2",
        )
        .bind(account_id.as_str())
        .bind(region)
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(DiskUse { disks: number(&row, "disks")?, total_gb: number(&row, "total_gb")? })
    }

    /// Adds a disk. Its name must have been taken before.
    pub async fn insert_disk(&mut self, new: &Disk) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO disk (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        ))
        .bind(new.id.as_str())
        .bind(new.account_id.as_str())
        .bind(new.region.as_str())
        .bind(new.zone.as_str())
        .bind(new.name.as_str())
        .bind(new.size_gb)
        .bind(new.state.name())
        .bind(instance_text(new))
        .bind(new.path.as_str())
        .bind(new.mount.name())
        .bind(i64::from(new.auto_mount))
        .bind(new.from_snapshot_id.as_str())
        .bind(new.tags.as_str())
        .bind(new.add_ons.as_str())
        .bind(new.generation)
        .bind(new.created_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Writes what can change of a disk: state, attachment, tags, add-ons. Guarded by the generation that was read, which
    /// rises by one, also in `changed`. [`StoreError::Conflict`] when somebody else was faster.
    pub async fn update_disk(&mut self, changed: &mut Disk) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE disk SET state = $1, instance_id = $2, path = $3, auto_mount_status = $4, auto_mount = $5, tags = $6, \
             add_ons = $7, generation = generation + 1 WHERE id = $8 AND generation = $9",
        )
        .bind(changed.state.name())
        .bind(instance_text(changed))
        .bind(changed.path.as_str())
        .bind(changed.mount.name())
        .bind(i64::from(changed.auto_mount))
        .bind(changed.tags.as_str())
        .bind(changed.add_ons.as_str())
        .bind(changed.id.as_str())
        .bind(changed.generation)
        .execute(&mut *self.inner)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        changed.generation += 1;
        Ok(())
    }

    /// Removes a disk and frees its name.
    pub async fn delete_disk(&mut self, id: &DiskId) -> Result<(), StoreError> {
        self.free_name(id.as_str()).await?;
        sqlx::query("DELETE FROM disk WHERE id = $1").bind(id.as_str()).execute(&mut *self.inner).await?;
        Ok(())
    }
}
