//! Public addresses: static ones, which are resources, and those running instances have for a while; and whether an
//! account is peered.

use std::collections::BTreeSet;

use porthole_model::{AccountId, InstanceId};
use sqlx::any::AnyRow;

use crate::{Page, Store, StoreError, Tx, number, text};

macro_rules! columns {
    () => {
        "id, account_id, region, name, address, instance_id, tags, generation, created_ms"
    };
}

/// A static address as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticIp {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it is.
    pub region: String,
    /// Its name.
    pub name: String,
    /// The IPv4 address, leased while the row exists.
    pub address: String,
    /// The instance it is attached to; empty: none.
    pub instance_id: String,
    /// JSON object of tag keys and values.
    pub tags: String,
    /// Rises with every change; guards against writing over one.
    pub generation: i64,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
}

/// An instance's public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// Who has it.
    pub instance_id: String,
    /// The IPv4 address.
    pub address: String,
    /// Whether it is a static one.
    pub is_static: bool,
}

fn static_ip(row: &AnyRow) -> Result<StaticIp, StoreError> {
    Ok(StaticIp {
        id: text(row, "id")?,
        account_id: AccountId::new(text(row, "account_id")?),
        region: text(row, "region")?,
        name: text(row, "name")?,
        address: text(row, "address")?,
        instance_id: text(row, "instance_id")?,
        tags: text(row, "tags")?,
        generation: number(row, "generation")?,
        created_ms: number(row, "created_ms")?,
    })
}

const BY_NAME: &str =
    concat!("SELECT ", columns!(), " FROM static_ip WHERE account_id = $1 AND region = $2 AND name = $3");
const PUBLIC: &str = "SELECT instance_id, address, 1 AS is_static FROM static_ip WHERE instance_id <> '' \
                      UNION ALL SELECT instance_id, address, 0 AS is_static FROM dynamic_ip \
                      ORDER BY instance_id, is_static DESC";

impl Store {
    /// Finds a static address by name.
    pub async fn static_ip_by_name(
        &self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<StaticIp>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&self.reads).await?.as_ref().map(static_ip).transpose()
    }

    /// Lists static addresses after a place in the order of creation, at most `limit`.
    pub async fn static_ips(
        &self,
        account_id: &AccountId,
        region: &str,
        after: &Page,
        limit: i64,
    ) -> Result<Vec<StaticIp>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM static_ip WHERE account_id = $1 AND region = $2 AND (created_ms > $3 OR (created_ms = $3 AND id > $4)) \
             ORDER BY created_ms, id LIMIT $5"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(static_ip).collect()
    }

    /// Lists the public addresses of all instances; a static one comes before another of the same instance.
    pub async fn public_addresses(&self) -> Result<Vec<PublicAddress>, StoreError> {
        let rows = sqlx::query(PUBLIC).fetch_all(&self.reads).await?;
        let public = |row: &AnyRow| {
            Ok(PublicAddress {
                instance_id: text(row, "instance_id")?,
                address: text(row, "address")?,
                is_static: number(row, "is_static")? != 0,
            })
        };
        rows.iter().map(public).collect()
    }

    /// Lists the accounts that are peered.
    pub async fn peered_accounts(&self) -> Result<BTreeSet<AccountId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM account WHERE peered = 1").fetch_all(&self.reads).await?;
        rows.iter().map(|row| Ok(AccountId::new(text(row, "id")?))).collect()
    }
}

impl Tx {
    /// Finds a static address by name.
    pub async fn static_ip_by_name(
        &mut self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<StaticIp>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(static_ip).transpose()
    }

    /// Finds the static address of an instance.
    pub async fn static_ip_of(&mut self, instance_id: &InstanceId) -> Result<Option<StaticIp>, StoreError> {
        sqlx::query(concat!("SELECT ", columns!(), " FROM static_ip WHERE instance_id = $1"))
            .bind(instance_id.as_str())
            .fetch_optional(&mut *self.inner)
            .await?
            .as_ref()
            .map(static_ip)
            .transpose()
    }

    /// Counts an account's static addresses.
    pub async fn count_static_ips(&mut self, account_id: &AccountId, region: &str) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS owned FROM static_ip WHERE account_id = $1 AND region = $2")
            .bind(account_id.as_str())
            .bind(region)
            .fetch_one(&mut *self.inner)
            .await?;
        number(&row, "owned")
    }

    /// Gives every public address that somebody has.
    pub async fn leased_addresses(&mut self) -> Result<BTreeSet<String>, StoreError> {
        let rows = sqlx::query("SELECT address FROM static_ip UNION SELECT address FROM dynamic_ip")
            .fetch_all(&mut *self.inner)
            .await?;
        rows.iter().map(|row| text(row, "address")).collect()
    }

    /// Adds a static address. [`StoreError::Conflict`] when somebody else was given it just now. Its name must have been
    /// taken before.
    pub async fn insert_static_ip(&mut self, new: &StaticIp) -> Result<(), StoreError> {
        sqlx::query(concat!("INSERT INTO static_ip (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"))
            .bind(new.id.as_str())
            .bind(new.account_id.as_str())
            .bind(new.region.as_str())
            .bind(new.name.as_str())
            .bind(new.address.as_str())
            .bind(new.instance_id.as_str())
            .bind(new.tags.as_str())
            .bind(new.generation)
            .bind(new.created_ms)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Writes to which instance it is attached, and its tags. Guarded by the generation that was read.
    pub async fn update_static_ip(&mut self, changed: &mut StaticIp) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE static_ip SET instance_id = $1, tags = $2, generation = generation + 1 \
             WHERE id = $3 AND generation = $4",
        )
        .bind(changed.instance_id.as_str())
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

    /// Removes a static address and frees its name.
    pub async fn delete_static_ip(&mut self, id: &str) -> Result<(), StoreError> {
        self.free_name(id).await?;
        sqlx::query("DELETE FROM static_ip WHERE id = $1").bind(id).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Takes an instance's public addresses away: it goes. A static one stays its account's.
    pub(crate) async fn release_addresses(&mut self, instance_id: &InstanceId) -> Result<(), StoreError> {
        sqlx::query("UPDATE static_ip SET instance_id = '', generation = generation + 1 WHERE instance_id = $1")
            .bind(instance_id.as_str())
            .execute(&mut *self.inner)
            .await?;
        self.delete_dynamic_ip(instance_id).await
    }

    /// Gives an instance an address for a while. [`StoreError::Conflict`] when it has one, or somebody else has this one.
    pub async fn insert_dynamic_ip(&mut self, instance_id: &InstanceId, address: &str) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO dynamic_ip (address, instance_id) VALUES ($1, $2)")
            .bind(address)
            .bind(instance_id.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Takes back an address that an instance had for a while; fine when it had none.
    pub async fn delete_dynamic_ip(&mut self, instance_id: &InstanceId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM dynamic_ip WHERE instance_id = $1")
            .bind(instance_id.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Peers an account with the site's networks, or no longer. Says whether that is a change.
    pub async fn set_peered(&mut self, account_id: &AccountId, peered: bool) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE account SET peered = $1 WHERE id = $2 AND peered <> $1")
            .bind(i64::from(peered))
            .bind(account_id.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}
