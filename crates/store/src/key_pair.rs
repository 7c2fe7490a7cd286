//! Key pairs, and what SSH needs to know of instances.

use porthole_model::{AccountId, InstanceId};
use sqlx::{Row as _, any::AnyRow};

use crate::{Page, Store, StoreError, Tx, number, text};

macro_rules! columns {
    () => {
        "id, account_id, region, name, public_key, fingerprint, private_key_sealed, tags, generation, created_ms"
    };
}

/// A key pair as it is stored; has no Debug on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it is.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Algorithm and key in base64.
    pub public_key: String,
    /// As clients see it.
    pub fingerprint: String,
    /// The default pair's private key, encrypted by the server; empty for all others.
    pub private_key_sealed: Vec<u8>,
    /// JSON object of tag keys and values.
    pub tags: String,
    /// Rises with every change; guards against writing over one.
    pub generation: i64,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
}

/// What SSH needs to know of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceSsh {
    /// The public key it was created with; empty: none.
    pub public_key: String,
    /// JSON array of the host keys as they were first seen; empty: not seen yet.
    pub host_keys: String,
}

fn key_pair(row: &AnyRow) -> Result<KeyPair, StoreError> {
    Ok(KeyPair {
        id: text(row, "id")?,
        account_id: AccountId::new(text(row, "account_id")?),
        region: text(row, "region")?,
        name: text(row, "name")?,
        public_key: text(row, "public_key")?,
        fingerprint: text(row, "fingerprint")?,
        private_key_sealed: row.try_get("private_key_sealed")?,
        tags: text(row, "tags")?,
        generation: number(row, "generation")?,
        created_ms: number(row, "created_ms")?,
    })
}

const BY_NAME: &str =
    concat!("SELECT ", columns!(), " FROM key_pair WHERE account_id = $1 AND region = $2 AND name = $3");

impl Store {
    /// Finds a key pair by name.
    pub async fn key_pair(
        &self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<KeyPair>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&self.reads).await?.as_ref().map(key_pair).transpose()
    }

    /// Lists key pairs but the one named `without`, after a place in the order of creation, at most `limit`.
    pub async fn key_pairs(
        &self,
        account_id: &AccountId,
        region: &str,
        without: &str,
        after: &Page,
        limit: i64,
    ) -> Result<Vec<KeyPair>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM key_pair WHERE account_id = $1 AND region = $2 AND name <> $3 \
             AND (created_ms > $4 OR (created_ms = $4 AND id > $5)) ORDER BY created_ms, id LIMIT $6"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(without)
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(key_pair).collect()
    }

    /// Gives what SSH needs to know of an instance; `None` when nothing was ever recorded.
    pub async fn instance_ssh(&self, id: &InstanceId) -> Result<Option<InstanceSsh>, StoreError> {
        let query = sqlx::query("SELECT public_key, host_keys FROM instance_ssh WHERE instance_id = $1");
        let row = query.bind(id.as_str()).fetch_optional(&self.reads).await?;
        let read = |row: AnyRow| {
            Ok(InstanceSsh { public_key: text(&row, "public_key")?, host_keys: text(&row, "host_keys")? })
        };
        row.map(read).transpose()
    }
}

impl Tx {
    /// Finds a key pair by name.
    pub async fn key_pair(
        &mut self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<KeyPair>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(key_pair).transpose()
    }

    /// Counts an account's key pairs but the one named `without`.
    pub async fn count_key_pairs(
        &mut self,
        account_id: &AccountId,
        region: &str,
        without: &str,
    ) -> Result<i64, StoreError> {
        let row =
            sqlx::query("SELECT COUNT(*) AS many FROM key_pair WHERE account_id = $1 AND region = $2 AND name <> $3")
                .bind(account_id.as_str())
                .bind(region)
                .bind(without)
                .fetch_one(&mut *self.inner)
                .await?;
        number(&row, "many")
    }

    /// Adds a key pair. [`StoreError::Conflict`] when its name exists.
    pub async fn insert_key_pair(&mut self, new: &KeyPair) -> Result<(), StoreError> {
        sqlx::query(concat!(
            "INSERT INTO key_pair (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ))
        .bind(new.id.as_str())
        .bind(new.account_id.as_str())
        .bind(new.region.as_str())
        .bind(new.name.as_str())
        .bind(new.public_key.as_str())
        .bind(new.fingerprint.as_str())
        .bind(new.private_key_sealed.clone())
        .bind(new.tags.as_str())
        .bind(new.generation)
        .bind(new.created_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Writes a key pair's tags, which is all that can change of it. Guarded by the generation that was read, which rises
    /// by one, also in `changed`. [`StoreError::Conflict`] when somebody else was faster.
    pub async fn update_key_pair(&mut self, changed: &mut KeyPair) -> Result<(), StoreError> {
        let done =
            sqlx::query("UPDATE key_pair SET tags = $1, generation = generation + 1 WHERE id = $2 AND generation = $3")
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

    /// Removes a key pair and frees its name.
    pub async fn delete_key_pair(&mut self, id: &str) -> Result<(), StoreError> {
        self.free_name(id).await?;
        sqlx::query("DELETE FROM key_pair WHERE id = $1").bind(id).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Records what SSH needs to know of an instance.
    pub async fn put_instance_ssh(&mut self, id: &InstanceId, ssh: &InstanceSsh) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO instance_ssh (instance_id, public_key, host_keys) VALUES ($1, $2, $3) \
             ON CONFLICT (instance_id) DO UPDATE SET public_key = excluded.public_key, host_keys = excluded.host_keys",
        )
        .bind(id.as_str())
        .bind(ssh.public_key.as_str())
        .bind(ssh.host_keys.as_str())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Records an instance's host keys unless some are recorded already; says whether it did.
    pub async fn witness_host_keys(&mut self, id: &InstanceId, host_keys: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO instance_ssh (instance_id, public_key, host_keys) VALUES ($1, '', $2) \
             ON CONFLICT (instance_id) DO UPDATE SET host_keys = excluded.host_keys WHERE instance_ssh.host_keys = ''",
        )
        .bind(id.as_str())
        .bind(host_keys)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets an instance's host keys.
    pub async fn forget_host_keys(&mut self, id: &InstanceId) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE instance_ssh SET host_keys = '' WHERE instance_id = $1");
        query.bind(id.as_str()).execute(&mut *self.inner).await?;
        Ok(())
    }
}
