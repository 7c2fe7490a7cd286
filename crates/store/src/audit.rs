//! What was done, by whom and from where.

use sqlx::any::AnyRow;

use crate::{Store, StoreError, number, text};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// In the order of time: digits and small letters, all of one length.
    pub id: String,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Name of a person, id of an access key, or what was typed as a name.
    pub actor: String,
    /// Account it was done in; empty: none.
    pub account_id: String,
    /// An action of the public API, or of the console.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Address of the client.
    pub address: String,
    /// `ok`, or an error's code.
    pub outcome: String,
}

fn entry(row: &AnyRow) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: text(row, "id")?,
        at_ms: number(row, "at_ms")?,
        actor: text(row, "actor")?,
        account_id: text(row, "account_id")?,
        action: text(row, "action")?,
        target: text(row, "target")?,
        address: text(row, "address")?,
        outcome: text(row, "outcome")?,
    })
}

impl Store {
    /// Adds entries, all or none.
    pub async fn add_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for entry in entries {
            sqlx::query(
                "INSERT INTO audit (id, at_ms, actor, account_id, action, target, address, outcome) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(entry.id.as_str())
            .bind(entry.at_ms)
            .bind(entry.actor.as_str())
            .bind(entry.account_id.as_str())
            .bind(entry.action.as_str())
            .bind(entry.target.as_str())
            .bind(entry.address.as_str())
            .bind(entry.outcome.as_str())
            .execute(&mut *tx.inner)
            .await?;
        }
        tx.commit().await
    }

    /// Lists entries before an id (empty: the newest), newest first; of one account, or of all when it is empty.
    pub async fn audit(&self, before: &str, account_id: &str, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, at_ms, actor, account_id, action, target, address, outcome FROM audit \
             WHERE ($1 = '' OR id < $1) AND ($2 = '' OR account_id = $2) ORDER BY id DESC LIMIT $3",
        )
        .bind(before)
        .bind(account_id)
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(entry).collect()
    }

    /// Removes entries from before `before_ms`; gives their number.
    pub async fn prune_audit(&self, before_ms: i64) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM audit WHERE at_ms < $1").bind(before_ms).execute(&self.writes).await?;
        Ok(done.rows_affected())
    }
}
