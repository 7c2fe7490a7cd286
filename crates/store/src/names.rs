//! The one namespace an account has in a region.

use porthole_model::AccountId;

use crate::{Store, StoreError, Tx, text};

impl Store {
    /// Lists names after `after` in alphabetical order, at most `limit`.
    pub async fn names(
        &self,
        account_id: &AccountId,
        region: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT name FROM name WHERE account_id = $1 AND region = $2 AND name > $3 ORDER BY name LIMIT $4",
        )
        .bind(account_id.as_str())
        .bind(region)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(|row| text(row, "name")).collect()
    }
}

impl Tx {
    /// Takes names for resources, pairs of name and id: all, or none and [`StoreError::NamesTaken`] with those in use.
    pub async fn take_names(
        &mut self,
        account_id: &AccountId,
        region: &str,
        resource_type: &str,
        names: &[(String, String)],
    ) -> Result<(), StoreError> {
        let mut taken = Vec::new();
        for (name, resource_id) in names {
            let done = sqlx::query(
                "INSERT INTO name (account_id, region, name, resource_type, resource_id) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(account_id.as_str())
            .bind(region)
            .bind(name.as_str())
            .bind(resource_type)
            .bind(resource_id.as_str())
            .execute(&mut *self.inner)
            .await?;
            if done.rows_affected() == 0 {
                taken.push(name.clone());
            }
        }
        if taken.is_empty() { Ok(()) } else { Err(StoreError::NamesTaken(taken)) }
    }

    /// Gives a resource's name back.
    pub async fn free_name(&mut self, resource_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM name WHERE resource_id = $1").bind(resource_id).execute(&mut *self.inner).await?;
        Ok(())
    }
}
