//! Links to a display of a running session, given to others.

use porthole_model::InstanceId;
use sqlx::any::AnyRow;

use crate::{Store, StoreError, Tx, number, text};

/// A link to a display of a running session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// A UUID.
    pub id: String,
    /// The instance.
    pub instance_id: InstanceId,
    /// Generation of the session it ends with.
    pub generation: i64,
    /// Name of the display.
    pub display: String,
    /// `control` or `view`.
    pub role: String,
    /// Name of who made it.
    pub created_by: String,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    /// Milliseconds since the epoch.
    pub expires_ms: i64,
}

fn share(row: &AnyRow) -> Result<Share, StoreError> {
    Ok(Share {
        id: text(row, "id")?,
        instance_id: InstanceId::new(text(row, "instance_id")?),
        generation: number(row, "generation")?,
        display: text(row, "display")?,
        role: text(row, "role")?,
        created_by: text(row, "created_by")?,
        created_ms: number(row, "created_ms")?,
        expires_ms: number(row, "expires_ms")?,
    })
}

macro_rules! shares {
    ($rest:literal) => {
        concat!(
            "SELECT id, instance_id, generation, display, role, created_by, created_ms, expires_ms FROM share ",
            $rest
        )
    };
}

impl Store {
    /// Finds a share. Whether it is over is for the caller.
    pub async fn share(&self, id: &str) -> Result<Option<Share>, StoreError> {
        let row = sqlx::query(shares!("WHERE id = $1")).bind(id).fetch_optional(&self.reads).await?;
        row.as_ref().map(share).transpose()
    }

    /// Lists an instance's shares, oldest first, those that are over as well.
    pub async fn shares(&self, instance_id: &InstanceId) -> Result<Vec<Share>, StoreError> {
        let rows = sqlx::query(shares!("WHERE instance_id = $1 ORDER BY created_ms, id"))
            .bind(instance_id.as_str())
            .fetch_all(&self.reads)
            .await?;
        rows.iter().map(share).collect()
    }

    /// Removes shares whose time or session is over; gives their number.
    pub async fn prune_shares(&self, now_ms: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM share WHERE expires_ms <= $1 OR generation <> \
             (SELECT i.session_generation FROM instance i WHERE i.id = share.instance_id)",
        )
        .bind(now_ms)
        .execute(&self.writes)
        .await?;
        Ok(done.rows_affected())
    }
}

impl Tx {
    /// Adds a share.
    pub async fn insert_share(&mut self, share: &Share) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO share (id, instance_id, generation, display, role, created_by, created_ms, expires_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(share.id.as_str())
        .bind(share.instance_id.as_str())
        .bind(share.generation)
        .bind(share.display.as_str())
        .bind(share.role.as_str())
        .bind(share.created_by.as_str())
        .bind(share.created_ms)
        .bind(share.expires_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Removes a share. Says whether there was one.
    pub async fn delete_share(&mut self, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM share WHERE id = $1").bind(id).execute(&mut *self.inner).await?;
        Ok(done.rows_affected() == 1)
    }
}
