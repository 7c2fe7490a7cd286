//! Accounts and their access keys.

use sqlx::{Row as _, any::AnyRow};

use porthole_model::AccountId;

use crate::{Store, StoreError, Tx, number, text};

/// An account: everything belongs to one, and sees nothing of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: AccountId,
    /// For the operator; unique.
    pub name: String,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
}

/// A key that signs requests. The secret is sealed; has no Debug on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Twenty characters.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// The secret, encrypted by the server.
    pub secret_sealed: Vec<u8>,
    /// Whether it may sign.
    pub active: bool,
    /// Cedar policy that restricts it; empty: it may do everything in its account.
    pub policy: String,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    /// What it is for, for a person.
    pub description: String,
    /// Id of the person who made it in the console; empty: an operator at the command line.
    pub created_by: String,
    /// When it last signed, in milliseconds since the epoch; 0: never.
    pub last_used_ms: i64,
}

macro_rules! keys {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, secret_sealed, active, policy, created_ms, description, created_by, last_used_ms \
             FROM access_key ",
            $rest
        )
    };
}

fn account(row: &AnyRow) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId::new(text(row, "id")?),
        name: text(row, "name")?,
        created_ms: number(row, "created_ms")?,
    })
}

fn access_key(row: &AnyRow) -> Result<AccessKey, StoreError> {
    Ok(AccessKey {
        id: text(row, "id")?,
        account_id: AccountId::new(text(row, "account_id")?),
        secret_sealed: row.try_get("secret_sealed")?,
        active: number(row, "active")? != 0,
        policy: text(row, "policy")?,
        created_ms: number(row, "created_ms")?,
        description: text(row, "description")?,
        created_by: text(row, "created_by")?,
        last_used_ms: number(row, "last_used_ms")?,
    })
}

impl Store {
    /// Lists all accounts by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query("SELECT id, name, created_ms FROM account ORDER BY name").fetch_all(&self.reads).await?;
        rows.iter().map(account).collect()
    }

    /// Finds an account by name or id.
    pub async fn account(&self, name_or_id: &str) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query("SELECT id, name, created_ms FROM account WHERE name = $1 OR id = $1 ORDER BY id")
            .bind(name_or_id)
            .fetch_optional(&self.reads)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// Finds an access key.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>, StoreError> {
        let row = sqlx::query(keys!("WHERE id = $1")).bind(id).fetch_optional(&self.reads).await?;
        row.as_ref().map(access_key).transpose()
    }

    /// Lists the keys of an account, oldest first.
    pub async fn access_keys(&self, account_id: &AccountId) -> Result<Vec<AccessKey>, StoreError> {
        let rows = sqlx::query(keys!("WHERE account_id = $1 ORDER BY created_ms, id"))
            .bind(account_id.as_str())
            .fetch_all(&self.reads)
            .await?;
        rows.iter().map(access_key).collect()
    }
}

impl Tx {
    /// Adds an account. [`StoreError::Conflict`] when the name or id exists.
    pub async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO account (id, name, created_ms) VALUES ($1, $2, $3)")
            .bind(account.id.as_str())
            .bind(account.name.as_str())
            .bind(account.created_ms)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Removes an account with its keys, quotas and old operations. [`StoreError::Conflict`] while it owns anything or has
    /// people.
    pub async fn delete_account(&mut self, id: &AccountId) -> Result<(), StoreError> {
        let owned = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM name WHERE account_id = $1) + \
             (SELECT COUNT(*) FROM person WHERE account_id = $1) AS owned",
        )
        .bind(id.as_str())
        .fetch_one(&mut *self.inner)
        .await?;
        if number(&owned, "owned")? > 0 {
            return Err(StoreError::Conflict);
        }
        for statement in [
            "DELETE FROM operation WHERE account_id = $1 AND done_ms <> 0",
            "DELETE FROM access_key WHERE account_id = $1",
            "DELETE FROM account_quota WHERE account_id = $1",
            // The default pair alone: all others have names, which were counted.
            "DELETE FROM key_pair WHERE account_id = $1",
            "DELETE FROM account WHERE id = $1",
        ] {
            sqlx::query(statement).bind(id.as_str()).execute(&mut *self.inner).await?;
        }
        Ok(())
    }

    /// Adds an access key.
    pub async fn insert_access_key(&mut self, key: &AccessKey) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO access_key (id, account_id, secret_sealed, active, policy, created_ms, description, created_by, \
             last_used_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(key.id.as_str())
        .bind(key.account_id.as_str())
        .bind(key.secret_sealed.clone())
        .bind(i64::from(key.active))
        .bind(key.policy.as_str())
        .bind(key.created_ms)
        .bind(key.description.as_str())
        .bind(key.created_by.as_str())
        .bind(key.last_used_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Takes a key out of use for good. Says whether there was one in use.
    pub async fn revoke_access_key(&mut self, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE access_key SET active = 0 WHERE id = $1 AND active = 1")
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Says what a key is for. Says whether there was one in use.
    pub async fn set_description(&mut self, id: &str, description: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE access_key SET description = $1 WHERE id = $2 AND active = 1")
            .bind(description)
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes when a key last signed; an earlier time changes nothing.
    pub async fn note_use(&mut self, id: &str, at_ms: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE access_key SET last_used_ms = $1 WHERE id = $2 AND last_used_ms < $1")
            .bind(at_ms)
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Restricts a key by a policy, or by none. Says whether there was one in use.
    pub async fn set_policy(&mut self, id: &str, policy: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE access_key SET policy = $1 WHERE id = $2 AND active = 1")
            .bind(policy)
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}
