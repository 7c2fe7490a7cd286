//! What an operator changed of what the configuration and the data files say, and what has changed in an account.

use porthole_model::AccountId;

use crate::{Store, StoreError, Tx, number, text};

/// How a bundle differs from the data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleChange {
    /// Which.
    pub bundle_id: String,
    /// Millionths of a USD an hour; `None`: as in the file.
    pub hour_micros: Option<i64>,
    /// Millionths of a USD a month; `None`: as in the file.
    pub month_micros: Option<i64>,
    /// Whether it can be chosen; `None`: as in the file.
    pub active: Option<bool>,
}

impl Store {
    /// Lists how bundles differ from the data file, by id.
    pub async fn bundle_changes(&self) -> Result<Vec<BundleChange>, StoreError> {
        let rows =
            sqlx::query("SELECT bundle_id, hour_micros, month_micros, active FROM bundle_change ORDER BY bundle_id")
                .fetch_all(&self.reads)
                .await?;
        rows.iter()
            .map(|row| {
                let known = |column| Ok::<_, StoreError>(Some(number(row, column)?).filter(|number| *number >= 0));
                Ok(BundleChange {
                    bundle_id: text(row, "bundle_id")?,
                    hour_micros: known("hour_micros")?,
                    month_micros: known("month_micros")?,
                    active: known("active")?.map(|active| active != 0),
                })
            })
            .collect()
    }

    /// Lists an account's own quotas: pairs of name and value, by name.
    pub async fn quotas(&self, account_id: &AccountId) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = sqlx::query("SELECT name, value FROM account_quota WHERE account_id = $1 ORDER BY name")
            .bind(account_id.as_str())
            .fetch_all(&self.reads)
            .await?;
        rows.iter().map(|row| Ok((text(row, "name")?, number(row, "value")?))).collect()
    }

    /// Gives numbers of which at least one differs after any change of what an account has or does.
    pub async fn fingerprint(&self, account_id: &AccountId, region: &str) -> Result<Vec<i64>, StoreError> {
        let row = sqlx::query(
            "SELECT \
             (SELECT COUNT(*) FROM instance WHERE account_id = $1 AND region = $2) AS a, \
             (SELECT CAST(COALESCE(SUM(generation), 0) AS BIGINT) FROM instance WHERE account_id = $1 AND region = $2) AS b, \
             (SELECT COUNT(*) FROM disk WHERE account_id = $1 AND region = $2) AS c, \
             (SELECT CAST(COALESCE(SUM(generation), 0) AS BIGINT) FROM disk WHERE account_id = $1 AND region = $2) AS d, \
             (SELECT COUNT(*) FROM name WHERE account_id = $1 AND region = $2) AS e, \
             (SELECT COUNT(*) FROM operation WHERE account_id = $1 AND region = $2) AS f, \
             (SELECT COALESCE(MAX(changed_ms), 0) FROM operation WHERE account_id = $1 AND region = $2) AS g, \
             (SELECT CAST(COALESCE(SUM(progress + attempts), 0) AS BIGINT) FROM operation \
              WHERE account_id = $1 AND region = $2) AS h, \
             (SELECT COALESCE(MAX(s.created_ms), 0) + COUNT(*) FROM share s JOIN instance i ON i.id = s.instance_id \
              WHERE i.account_id = $1 AND i.region = $2) AS i, \
             (SELECT CAST(COALESCE(SUM(session_percent), 0) AS BIGINT) FROM instance \
              WHERE account_id = $1 AND region = $2) AS j",
        )
        .bind(account_id.as_str())
        .bind(region)
        .fetch_one(&self.reads)
        .await?;
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].into_iter().map(|column| number(&row, column)).collect()
    }
}

impl Tx {
    /// Writes how a bundle differs from the data file.
    pub async fn set_bundle_change(&mut self, change: &BundleChange) -> Result<(), StoreError> {
        self.delete_bundle_change(&change.bundle_id).await?;
        sqlx::query("INSERT INTO bundle_change (bundle_id, hour_micros, month_micros, active) VALUES ($1, $2, $3, $4)")
            .bind(change.bundle_id.as_str())
            .bind(change.hour_micros.unwrap_or(-1))
            .bind(change.month_micros.unwrap_or(-1))
            .bind(change.active.map_or(-1, i64::from))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Makes a bundle as the data file has it.
    pub async fn delete_bundle_change(&mut self, bundle_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM bundle_change WHERE bundle_id = $1").bind(bundle_id).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Gives an account a quota of its own, or takes it away.
    pub async fn set_quota(
        &mut self,
        account_id: &AccountId,
        name: &str,
        value: Option<i64>,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM account_quota WHERE account_id = $1 AND name = $2")
            .bind(account_id.as_str())
            .bind(name)
            .execute(&mut *self.inner)
            .await?;
        if let Some(value) = value {
            sqlx::query("INSERT INTO account_quota (account_id, name, value) VALUES ($1, $2, $3)")
                .bind(account_id.as_str())
                .bind(name)
                .bind(value)
                .execute(&mut *self.inner)
                .await?;
        }
        Ok(())
    }
}
