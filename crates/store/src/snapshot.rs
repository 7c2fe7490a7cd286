//! Snapshots, and the records of their exports.

use porthole_model::{
    AccountId, SnapshotId,
    snapshot::{Kind, Part, State},
};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::{Page, Store, StoreError, Tx, known, number, text};

macro_rules! columns {
    () => {
        "id, account_id, region, name, resource_type, state, progress, auto_date, from_auto, source_type, source_id, \
         source_name, blueprint_id, bundle_id, size_gb, disks, tags, generation, created_ms"
    };
}

macro_rules! export_columns {
    () => {
        "id, account_id, region, name, state, source, destination, generation, created_ms"
    };
}

/// A snapshot as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id, also the driver's.
    pub id: SnapshotId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it is.
    pub region: String,
    /// Its name; empty for an automatic one.
    pub name: String,
    /// Of what it is.
    pub kind: Kind,
    /// Where it is in its life.
    pub state: State,
    /// How much of it is made, in percent.
    pub progress: u8,
    /// UTC day of an automatic one, `YYYY-MM-DD`; empty: made by hand.
    pub auto_date: String,
    /// Whether it is a copy of an automatic one.
    pub from_auto: bool,
    /// `Instance` or `Disk`.
    pub source_type: String,
    /// Id of what it was made of.
    pub source_id: String,
    /// Name of what it was made of, at that time.
    pub source_name: String,
    /// Blueprint of the instance; empty for a data disk's.
    pub blueprint_id: String,
    /// Bundle of the instance; empty for a data disk's.
    pub bundle_id: String,
    /// Size of the disk, of the system disk for an instance's, in GB.
    pub size_gb: u32,
    /// Data disks attached to the instance.
    pub disks: Vec<Part>,
    /// JSON object of tag keys and values.
    pub tags: String,
    /// Rises with every change.
    pub generation: i64,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
}

fn snapshot(row: &AnyRow) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        id: SnapshotId::new(text(row, "id")?),
        account_id: AccountId::new(text(row, "account_id")?),
        region: text(row, "region")?,
        name: text(row, "name")?,
        kind: known("snapshot.resource_type", Kind::from_name(&text(row, "resource_type")?))?,
        state: known("snapshot.state", State::from_name(&text(row, "state")?))?,
        progress: known("snapshot.progress", u8::try_from(number(row, "progress")?).ok())?,
        auto_date: text(row, "auto_date")?,
        from_auto: number(row, "from_auto")? != 0,
        source_type: text(row, "source_type")?,
        source_id: text(row, "source_id")?,
        source_name: text(row, "source_name")?,
        blueprint_id: text(row, "blueprint_id")?,
        bundle_id: text(row, "bundle_id")?,
        size_gb: known("snapshot.size_gb", u32::try_from(number(row, "size_gb")?).ok())?,
        disks: known("snapshot.disks", serde_json::from_str(&text(row, "disks")?).ok())?,
        tags: text(row, "tags")?,
        generation: number(row, "generation")?,
        created_ms: number(row, "created_ms")?,
    })
}

/// The record of an export as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRecord {
    /// Its id, also the name of the exported files.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it is.
    pub region: String,
    /// Its name.
    pub name: String,
    /// `Started`, `Succeeded` or `Failed`.
    pub state: String,
    /// The snapshot as it was when the export began.
    pub source: Snapshot,
    /// Where the image is; empty until it is there.
    pub destination: String,
    /// Rises with every change.
    pub generation: i64,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
}

fn export_record(row: &AnyRow) -> Result<ExportRecord, StoreError> {
    Ok(ExportRecord {
        id: text(row, "id")?,
        account_id: AccountId::new(text(row, "account_id")?),
        region: text(row, "region")?,
        name: text(row, "name")?,
        state: text(row, "state")?,
        source: known("export_record.source", serde_json::from_str(&text(row, "source")?).ok())?,
        destination: text(row, "destination")?,
        generation: number(row, "generation")?,
        created_ms: number(row, "created_ms")?,
    })
}

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM snapshot WHERE id = $1");
const BY_NAME: &str =
    concat!("SELECT ", columns!(), " FROM snapshot WHERE account_id = $1 AND region = $2 AND name = $3 AND name <> ''");
const AUTOS: &str =
    concat!("SELECT ", columns!(), " FROM snapshot WHERE source_id = $1 AND auto_date <> '' ORDER BY auto_date");

impl Store {
    /// Finds a snapshot of the account by name.
    pub async fn snapshot_by_name(
        &self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Snapshot>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&self.reads).await?.as_ref().map(snapshot).transpose()
    }

    /// Finds a snapshot by id.
    pub async fn snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, StoreError> {
        sqlx::query(BY_ID).bind(id.as_str()).fetch_optional(&self.reads).await?.as_ref().map(snapshot).transpose()
    }

    /// Lists snapshots of a kind that have a name, after a place in the order of creation, at most `limit`.
    pub async fn snapshots(
        &self,
        account_id: &AccountId,
        region: &str,
        kind: Kind,
        after: &Page,
        limit: i64,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM snapshot WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND auto_date = '' \
             AND (created_ms > $4 OR (created_ms = $4 AND id > $5)) ORDER BY created_ms, id LIMIT $6"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(kind.name())
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(snapshot).collect()
    }

    /// Lists every snapshot of all accounts, automatic ones too, in the order of creation.
    pub async fn all_snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        let rows = sqlx::query(concat!("SELECT ", columns!(), " FROM snapshot ORDER BY created_ms, id"))
            .fetch_all(&self.reads)
            .await?;
        rows.iter().map(snapshot).collect()
    }

    /// Lists the automatic snapshots of an instance or disk, oldest first.
    pub async fn auto_snapshots(&self, source_id: &str) -> Result<Vec<Snapshot>, StoreError> {
        sqlx::query(AUTOS).bind(source_id).fetch_all(&self.reads).await?.iter().map(snapshot).collect()
    }

    /// Lists the account's exports after a place in the order of creation, at most `limit`.
    pub async fn export_records(
        &self,
        account_id: &AccountId,
        region: &str,
        after: &Page,
        limit: i64,
    ) -> Result<Vec<ExportRecord>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            export_columns!(),
            " FROM export_record WHERE account_id = $1 AND region = $2 \
             AND (created_ms > $3 OR (created_ms = $3 AND id > $4)) ORDER BY created_ms, id LIMIT $5"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(export_record).collect()
    }

    /// Finds the record of an export by id.
    pub async fn export_record(&self, id: &str) -> Result<Option<ExportRecord>, StoreError> {
        let query = sqlx::query(concat!("SELECT ", export_columns!(), " FROM export_record WHERE id = $1")).bind(id);
        query.fetch_optional(&self.reads).await?.as_ref().map(export_record).transpose()
    }
}

impl Tx {
    /// Finds a snapshot of the account by name.
    pub async fn snapshot_by_name(
        &mut self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Snapshot>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(snapshot).transpose()
    }

    /// Lists the automatic snapshots of an instance or disk, oldest first.
    pub async fn auto_snapshots(&mut self, source_id: &str) -> Result<Vec<Snapshot>, StoreError> {
        sqlx::query(AUTOS).bind(source_id).fetch_all(&mut *self.inner).await?.iter().map(snapshot).collect()
    }

    /// Counts the account's snapshots, automatic ones not counted.
    pub async fn count_snapshots(&mut self, account_id: &AccountId, region: &str) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS number FROM snapshot WHERE account_id = $1 AND region = $2 AND auto_date = ''",
        )
        .bind(account_id.as_str())
        .bind(region)
        .fetch_one(&mut *self.inner)
        .await?;
        number(&row, "number")
    }

    /// Adds a snapshot. Its name, if it has one, must have been taken before. [`StoreError::Conflict`] where the day has an
    /// automatic one already.
    pub async fn insert_snapshot(&mut self, new: &Snapshot) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO snapshot (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
        ))
        .bind(new.id.as_str())
        .bind(new.account_id.as_str())
        .bind(new.region.as_str())
        .bind(new.name.as_str())
        .bind(new.kind.name())
        .bind(new.state.name())
        .bind(i64::from(new.progress))
        .bind(new.auto_date.as_str())
        .bind(i64::from(new.from_auto))
        .bind(new.source_type.as_str())
        .bind(new.source_id.as_str())
        .bind(new.source_name.as_str())
        .bind(new.blueprint_id.as_str())
        .bind(new.bundle_id.as_str())
        .bind(i64::from(new.size_gb))
        .bind(serde_json::to_string(&new.disks).unwrap_or_else(|_| "[]".into()))
        .bind(new.tags.as_str())
        .bind(new.generation)
        .bind(new.created_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Writes what can change of a snapshot: state, progress and tags. Guarded by the generation that was read, which rises
    /// by one, also in `changed`.
    pub async fn update_snapshot(&mut self, changed: &mut Snapshot) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE snapshot SET state = $1, progress = $2, tags = $3, generation = generation + 1 \
             WHERE id = $4 AND generation = $5",
        )
        .bind(changed.state.name())
        .bind(i64::from(changed.progress))
        .bind(changed.tags.as_str())
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

    /// Removes a snapshot and frees its name.
    pub async fn delete_snapshot(&mut self, id: &SnapshotId) -> Result<(), StoreError> {
        self.free_name(id.as_str()).await?;
        sqlx::query("DELETE FROM snapshot WHERE id = $1").bind(id.as_str()).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Adds the record of an export.
    pub async fn insert_export_record(&mut self, new: &ExportRecord) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO export_record (",
            export_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ))
        .bind(new.id.as_str())
        .bind(new.account_id.as_str())
        .bind(new.region.as_str())
        .bind(new.name.as_str())
        .bind(new.state.as_str())
        .bind(serde_json::to_string(&new.source).unwrap_or_default())
        .bind(new.destination.as_str())
        .bind(new.generation)
        .bind(new.created_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Writes how an export stands: state and destination.
    pub async fn update_export_record(&mut self, changed: &mut ExportRecord) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE export_record SET state = $1, destination = $2, generation = generation + 1 \
             WHERE id = $3 AND generation = $4",
        )
        .bind(changed.state.as_str())
        .bind(changed.destination.as_str())
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
}
