//! Operations: what the service is doing and has done.

use porthole_model::{
    AccountId, OperationId,
    operation::{Kind, Progress},
};
use sqlx::any::AnyRow;

use crate::{Store, StoreError, Tx, known, number, text};

macro_rules! columns {
    () => {
        "id, kind, version, account_id, region, zone, resource_name, resource_type, resource_id, details, state, progress, \
         attempts, next_try_ms, superseded, created_ms, changed_ms, deadline_ms, error_code, error_details, done_ms, leader_id"
    };
}

/// Kinds of operation that end something: they do not wait for room.
macro_rules! ending {
    () => {
        "('StopGUISession', 'StopInstance', 'DeleteInstance', 'DeleteDisk', 'DeleteDiskSnapshot', 'DeleteInstanceSnapshot')"
    };
}

/// Which operations to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Any.
    All,
    /// Only those that end something.
    Ending,
}

/// A place in the order of creation: what comes after it is on the next page. The default is before everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    /// Tells rows of one millisecond apart.
    pub id: String,
}

impl Default for Page {
    fn default() -> Self {
        Self { created_ms: i64::MIN, id: String::new() }
    }
}

impl Operation {
    /// Id of the operation that is driven for this one: itself, unless it follows another.
    pub fn driven(&self) -> OperationId {
        if self.leader_id.is_empty() { self.id.clone() } else { OperationId::new(self.leader_id.as_str()) }
    }
}

/// An operation as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: Kind,
    /// Version of its plan.
    pub version: i64,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where.
    pub region: String,
    /// Where in the region.
    pub zone: String,
    /// Name of what it works on.
    pub resource_name: String,
    /// Type of what it works on (model shape ResourceType).
    pub resource_type: String,
    /// Id of what it works on; one live operation each.
    pub resource_id: String,
    /// Details shown.
    pub details: String,
    /// What its steps have learnt, JSON.
    pub state: String,
    /// Where it stands.
    pub progress: Progress,
    /// How often the current step was tried.
    pub attempts: u32,
    /// When to go on, in milliseconds since the epoch.
    pub next_try_ms: i64,
    /// Whether it was told to give way.
    pub superseded: bool,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    /// When its status changed last.
    pub changed_ms: i64,
    /// When it must have ended.
    pub deadline_ms: i64,
    /// Empty unless it failed.
    pub error_code: String,
    /// For a person.
    pub error_details: String,
    /// When it ended; 0: it has not.
    pub done_ms: i64,
    /// The operation that this one follows: it is not driven, keeps its resource busy, and ends as its leader ends.
    /// Empty: it follows none.
    pub leader_id: String,
}

/// An operation to be inserted.
#[derive(Debug, Clone)]
pub struct NewOperation<'a> {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: Kind,
    /// Version of its plan.
    pub version: i64,
    /// Whose it is.
    pub account_id: &'a AccountId,
    /// Where.
    pub region: &'a str,
    /// Where in the region.
    pub zone: &'a str,
    /// Name of what it works on.
    pub resource_name: &'a str,
    /// Type of what it works on.
    pub resource_type: &'a str,
    /// Id of what it works on.
    pub resource_id: &'a str,
    /// Details shown.
    pub details: &'a str,
    /// What its steps begin with, JSON.
    pub state: String,
    /// Now.
    pub created_ms: i64,
    /// When it must have ended.
    pub deadline_ms: i64,
    /// There was nothing to do: it has succeeded already.
    pub done: bool,
    /// The operation whose end is this one's too, where a request works on two resources; inserted before.
    pub leader: Option<&'a OperationId>,
}

fn operation(row: &AnyRow) -> Result<Operation, StoreError> {
    Ok(Operation {
        id: OperationId::new(text(row, "id")?),
        kind: known("operation.kind", Kind::from_name(&text(row, "kind")?))?,
        version: number(row, "version")?,
        account_id: AccountId::new(text(row, "account_id")?),
        region: text(row, "region")?,
        zone: text(row, "zone")?,
        resource_name: text(row, "resource_name")?,
        resource_type: text(row, "resource_type")?,
        resource_id: text(row, "resource_id")?,
        details: text(row, "details")?,
        state: text(row, "state")?,
        progress: known("operation.progress", Progress::from_number(number(row, "progress")?))?,
        attempts: known("operation.attempts", u32::try_from(number(row, "attempts")?).ok())?,
        next_try_ms: number(row, "next_try_ms")?,
        superseded: number(row, "superseded")? != 0,
        created_ms: number(row, "created_ms")?,
        changed_ms: number(row, "changed_ms")?,
        deadline_ms: number(row, "deadline_ms")?,
        error_code: text(row, "error_code")?,
        error_details: text(row, "error_details")?,
        done_ms: number(row, "done_ms")?,
        leader_id: text(row, "leader_id")?,
    })
}

/// Reads what a guarded write gave back. All rows are fetched where one is expected, since only a statement that ran to
/// its end says whether its commit succeeded.
fn superseded(rows: &[AnyRow]) -> Result<bool, StoreError> {
    let row = rows.first().ok_or(StoreError::LeaseLost)?;
    Ok(number(row, "superseded")? != 0)
}

async fn record<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Any>,
    operation: &Operation,
    owner: &str,
    release: bool,
) -> Result<bool, StoreError> {
    let rows = sqlx::query(
        "UPDATE operation SET state = $1, progress = $2, attempts = $3, next_try_ms = $4, changed_ms = $5, \
         error_code = $6, error_details = $7, done_ms = $8, deadline_ms = $9, \
         lease_until_ms = CASE WHEN $10 = 1 THEN 0 ELSE lease_until_ms END \
         WHERE id = $11 AND lease_owner = $12 AND done_ms = 0 RETURNING superseded",
    )
    .bind(operation.state.as_str())
    .bind(operation.progress.to_number())
    .bind(i64::from(operation.attempts))
    .bind(operation.next_try_ms)
    .bind(operation.changed_ms)
    .bind(operation.error_code.as_str())
    .bind(operation.error_details.as_str())
    .bind(operation.done_ms)
    .bind(operation.deadline_ms)
    .bind(i64::from(release))
    .bind(operation.id.as_str())
    .bind(owner)
    .fetch_all(executor)
    .await?;
    superseded(&rows)
}

impl Store {
    /// Finds an operation of the account.
    pub async fn operation(
        &self,
        account_id: &AccountId,
        region: &str,
        id: &str,
    ) -> Result<Option<Operation>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM operation WHERE id = $1 AND account_id = $2 AND region = $3"
        ))
        .bind(id)
        .bind(account_id.as_str())
        .bind(region)
        .fetch_optional(&self.reads)
        .await?;
        row.as_ref().map(operation).transpose()
    }

    /// Lists operations after a place, oldest first, at most `limit`.
    pub async fn operations(
        &self,
        account_id: &AccountId,
        region: &str,
        after: &Page,
        limit: i64,
    ) -> Result<Vec<Operation>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM operation WHERE account_id = $1 AND region = $2 AND (created_ms > $3 OR (created_ms = $3 AND id > $4)) \
             ORDER BY created_ms, id LIMIT $5"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(operation).collect()
    }

    /// Lists operations on resources of this name after a place, oldest first, at most `limit`.
    pub async fn operations_for(
        &self,
        account_id: &AccountId,
        region: &str,
        resource_name: &str,
        after: &Page,
        limit: i64,
    ) -> Result<Vec<Operation>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM operation WHERE account_id = $1 AND region = $2 AND resource_name = $3 \
             AND (created_ms > $4 OR (created_ms = $4 AND id > $5)) ORDER BY created_ms, id LIMIT $6"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(resource_name)
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(operation).collect()
    }

    /// Lists operations of all accounts that have not ended, oldest first.
    pub async fn undone_operations(&self) -> Result<Vec<Operation>, StoreError> {
        let rows =
            sqlx::query(concat!("SELECT ", columns!(), " FROM operation WHERE done_ms = 0 ORDER BY created_ms, id"))
                .fetch_all(&self.reads)
                .await?;
        rows.iter().map(operation).collect()
    }

    /// Claims operations that are due and that nobody drives, at most `limit`, for `owner` until `until_ms`; those that
    /// end something first. Of each resource only the oldest: what superseded it begins after it has ended.
    pub async fn claim(
        &self,
        owner: &str,
        now_ms: i64,
        until_ms: i64,
        which: Claim,
        limit: i64,
    ) -> Result<Vec<Operation>, StoreError> {
        // The outer conditions are checked again when another server was faster.
        let rows = sqlx::query(concat!(
            "UPDATE operation SET lease_owner = $1, lease_until_ms = $2 WHERE done_ms = 0 AND lease_until_ms <= $3 AND id IN (\
             SELECT o.id FROM operation o WHERE o.done_ms = 0 AND o.leader_id = '' AND o.lease_until_ms <= $3 \
             AND (o.next_try_ms <= $3 OR o.superseded = 1) AND ($4 = 0 OR o.kind IN ",
            ending!(),
            ") AND NOT EXISTS (SELECT 1 FROM operation p WHERE p.resource_id = o.resource_id AND p.done_ms = 0 \
             AND p.created_ms < o.created_ms) \
             ORDER BY CASE WHEN o.kind IN ",
            ending!(),
            " THEN 0 ELSE 1 END, o.created_ms LIMIT $5) RETURNING ",
            columns!()
        ))
        .bind(owner)
        .bind(until_ms)
        .bind(now_ms)
        .bind(i64::from(which == Claim::Ending))
        .bind(limit)
        .fetch_all(&self.writes)
        .await?;
        rows.iter().map(operation).collect()
    }

    /// Gives back every lease of an owner, for when it begins or ends.
    pub async fn release_leases(&self, owner: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE operation SET lease_until_ms = 0 WHERE lease_owner = $1 AND done_ms = 0 AND lease_until_ms > 0",
        )
        .bind(owner)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Keeps a lease. Says whether the operation was told to give way. [`StoreError::LeaseLost`] when it has another owner.
    pub async fn renew(&self, id: &OperationId, owner: &str, until_ms: i64) -> Result<bool, StoreError> {
        let rows = sqlx::query(
            "UPDATE operation SET lease_until_ms = $1 WHERE id = $2 AND lease_owner = $3 AND done_ms = 0 RETURNING superseded",
        )
        .bind(until_ms)
        .bind(id.as_str())
        .bind(owner)
        .fetch_all(&self.writes)
        .await?;
        superseded(&rows)
    }

    /// Writes what a step has done: progress, state, attempts, times, error. Keeps the lease, or gives it up when the
    /// operation has ended or waits (`release`). Says whether it was told to give way.
    pub async fn record(&self, operation: &Operation, owner: &str, release: bool) -> Result<bool, StoreError> {
        if operation.done_ms == 0 {
            return record(&self.writes, operation, owner, release).await;
        }
        let mut tx = self.begin().await?;
        let superseded = record(&mut *tx.inner, operation, owner, release).await?;
        sqlx::query(
            "UPDATE operation SET progress = $1, changed_ms = $2, error_code = $3, error_details = $4, done_ms = $5 \
             WHERE leader_id = $6 AND done_ms = 0",
        )
        .bind(operation.progress.to_number())
        .bind(operation.changed_ms)
        .bind(operation.error_code.as_str())
        .bind(operation.error_details.as_str())
        .bind(operation.done_ms)
        .bind(operation.id.as_str())
        .execute(&mut *tx.inner)
        .await?;
        tx.commit().await?;
        Ok(superseded)
    }

    /// Removes operations that ended before `before_ms`; gives their number.
    pub async fn prune_operations(&self, before_ms: i64) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM operation WHERE done_ms <> 0 AND done_ms < $1")
            .bind(before_ms)
            .execute(&self.writes)
            .await?;
        Ok(done.rows_affected())
    }
}

impl Tx {
    /// Finds the live operation on a resource: the one that was not told to give way.
    pub async fn live_operation(&mut self, resource_id: &str) -> Result<Option<Operation>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM operation WHERE resource_id = $1 AND done_ms = 0 AND superseded = 0"
        ))
        .bind(resource_id)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.as_ref().map(operation).transpose()
    }

    /// Makes the next try of an operation that has not ended now; gives the operation that is driven for it.
    pub async fn hurry_operation(&mut self, id: &str, now_ms: i64) -> Result<Option<Operation>, StoreError> {
        let rows = sqlx::query(concat!(
            "UPDATE operation SET next_try_ms = $1 WHERE done_ms = 0 AND id IN \
             (SELECT CASE WHEN o.leader_id = '' THEN o.id ELSE o.leader_id END FROM operation o WHERE o.id = $2) \
             RETURNING ",
            columns!()
        ))
        .bind(now_ms)
        .bind(id)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.first().map(operation).transpose()
    }

    /// Tells an operation to give way, and those that follow it: `leader` is the one that is driven.
    pub async fn supersede(&mut self, leader: &OperationId) -> Result<(), StoreError> {
        sqlx::query("UPDATE operation SET superseded = 1 WHERE (id = $1 OR leader_id = $1) AND done_ms = 0")
            .bind(leader.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Inserts an operation and gives it as stored. [`StoreError::Conflict`] when the resource has a live one.
    ///
    /// Its time of creation is later than that of any undone operation on the resource, so that they begin in order.
    pub async fn insert_operation(&mut self, new: NewOperation<'_>) -> Result<Operation, StoreError> {
        let row = sqlx::query(
            "SELECT COALESCE(MAX(created_ms), 0) AS latest FROM operation WHERE resource_id = $1 AND done_ms = 0",
        )
        .bind(new.resource_id)
        .fetch_one(&mut *self.inner)
        .await?;
        let created_ms = new.created_ms.max(number(&row, "latest")? + 1);
        let stored = Operation {
            id: new.id,
            kind: new.kind,
            version: new.version,
            account_id: new.account_id.clone(),
            region: new.region.to_owned(),
            zone: new.zone.to_owned(),
            resource_name: new.resource_name.to_owned(),
            resource_type: new.resource_type.to_owned(),
            resource_id: new.resource_id.to_owned(),
            details: new.details.to_owned(),
            state: new.state,
            progress: if new.done { Progress::Succeeded } else { Progress::Forward(0) },
            attempts: 0,
            next_try_ms: created_ms.min(new.created_ms),
            superseded: false,
            created_ms,
            changed_ms: new.created_ms,
            deadline_ms: new.deadline_ms,
            error_code: String::new(),
            error_details: String::new(),
            done_ms: if new.done { new.created_ms } else { 0 },
            leader_id: new.leader.map(ToString::to_string).unwrap_or_default(),
        };
        sqlx::query(concat!(
            "INSERT INTO operation (",
            columns!(),
            ", lease_owner, lease_until_ms) VALUES \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, 0, $14, $15, $16, '', '', $17, $18, '', 0)"
        ))
        .bind(stored.id.as_str())
        .bind(stored.kind.name())
        .bind(stored.version)
        .bind(stored.account_id.as_str())
        .bind(stored.region.as_str())
        .bind(stored.zone.as_str())
        .bind(stored.resource_name.as_str())
        .bind(stored.resource_type.as_str())
        .bind(stored.resource_id.as_str())
        .bind(stored.details.as_str())
        .bind(stored.state.as_str())
        .bind(stored.progress.to_number())
        .bind(stored.next_try_ms)
        .bind(stored.created_ms)
        .bind(stored.changed_ms)
        .bind(stored.deadline_ms)
        .bind(stored.done_ms)
        .bind(stored.leader_id.as_str())
        .execute(&mut *self.inner)
        .await?;
        Ok(stored)
    }
}
