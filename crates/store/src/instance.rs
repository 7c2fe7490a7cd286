//! Instances, each with its session.

use porthole_model::{
    AccountId, InstanceId,
    instance::State,
    session::{Session, Status},
};
use sqlx::any::AnyRow;

use crate::{Store, StoreError, Tx, known, number, text};

/// Smallest address index: 0 is the network, 1 the bridge.
pub const FIRST_INDEX: u32 = 2;
/// Largest address index: past it user namespaces would leave the range of ids.
pub const LAST_INDEX: u32 = 60_000;

macro_rules! columns {
    () => {
        "id, account_id, region, zone, name, blueprint_id, bundle_id, state, address_index, ip_address_type, \
         key_pair_name, user_data, tags, add_ons, session_status, session_generation, session_percent, session_failure, \
         session_expires_ms, generation, created_ms, ports, metadata_options, from_snapshot_id"
    };
}

/// An instance as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id, also the driver's.
    pub id: InstanceId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it is.
    pub region: String,
    /// Where in the region.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// What it was made from.
    pub blueprint_id: String,
    /// Its size.
    pub bundle_id: String,
    /// Where it is in its life.
    pub state: State,
    /// Leased while the row exists: decides address and user namespace. Given by [`Tx::insert_instance`].
    pub address_index: u32,
    /// `ipv4`, `ipv6` or `dualstack`.
    pub ip_address_type: String,
    /// Empty: the default key pair.
    pub key_pair_name: String,
    /// Script for the first boot; empty: none.
    pub user_data: String,
    /// JSON object of tag keys and values.
    pub tags: String,
    /// JSON array of add-on requests.
    pub add_ons: String,
    /// Its session.
    pub session: Session,
    /// Rises with every change; guards against writing over one.
    pub generation: i64,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    /// JSON array of port states; empty: the default ones.
    pub ports: String,
    /// JSON object, options of the metadata service; empty: the default ones.
    pub metadata_options: String,
    /// The snapshot it was made from; empty: none.
    pub from_snapshot_id: String,
}

fn instance(row: &AnyRow) -> Result<Instance, StoreError> {
    Ok(Instance {
        id: InstanceId::new(text(row, "id")?),
        account_id: AccountId::new(text(row, "account_id")?),
        region: text(row, "region")?,
        zone: text(row, "zone")?,
        name: text(row, "name")?,
        blueprint_id: text(row, "blueprint_id")?,
        bundle_id: text(row, "bundle_id")?,
        state: known("instance.state", State::from_name(&text(row, "state")?))?,
        address_index: known("instance.address_index", u32::try_from(number(row, "address_index")?).ok())?,
        ip_address_type: text(row, "ip_address_type")?,
        key_pair_name: text(row, "key_pair_name")?,
        user_data: text(row, "user_data")?,
        tags: text(row, "tags")?,
        add_ons: text(row, "add_ons")?,
        session: Session {
            status: known("instance.session_status", Status::from_name(&text(row, "session_status")?))?,
            generation: number(row, "session_generation")?,
            percent: known("instance.session_percent", u8::try_from(number(row, "session_percent")?).ok())?,
            failure_reason: text(row, "session_failure")?,
            expires_at_ms: number(row, "session_expires_ms")?,
        },
        generation: number(row, "generation")?,
        created_ms: number(row, "created_ms")?,
        ports: text(row, "ports")?,
        metadata_options: text(row, "metadata_options")?,
        from_snapshot_id: text(row, "from_snapshot_id")?,
    })
}

const BY_NAME: &str =
    concat!("SELECT ", columns!(), " FROM instance WHERE account_id = $1 AND region = $2 AND name = $3");
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM instance WHERE id = $1");

impl Store {
    /// Finds an instance by name.
    pub async fn instance_by_name(
        &self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Instance>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&self.reads).await?.as_ref().map(instance).transpose()
    }

    /// Finds an instance by id.
    pub async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, StoreError> {
        sqlx::query(BY_ID).bind(id.as_str()).fetch_optional(&self.reads).await?.as_ref().map(instance).transpose()
    }

    /// Lists instances after a place in the order of creation, at most `limit`.
    pub async fn instances(
        &self,
        account_id: &AccountId,
        region: &str,
        after: &crate::Page,
        limit: i64,
    ) -> Result<Vec<Instance>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM instance WHERE account_id = $1 AND region = $2 AND (created_ms > $3 OR (created_ms = $3 AND id > $4)) \
             ORDER BY created_ms, id LIMIT $5"
        ))
        .bind(account_id.as_str())
        .bind(region)
        .bind(after.created_ms)
        .bind(after.id.as_str())
        .bind(limit)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(instance).collect()
    }

    /// Lists every instance of all accounts: for the reconciler and for `porthole down`.
    pub async fn all_instances(&self) -> Result<Vec<Instance>, StoreError> {
        let rows = sqlx::query(concat!("SELECT ", columns!(), " FROM instance ORDER BY created_ms, id"))
            .fetch_all(&self.reads)
            .await?;
        rows.iter().map(instance).collect()
    }

    /// Lists instances whose session is started and whose time is over.
    pub async fn expired_sessions(&self, now_ms: i64) -> Result<Vec<Instance>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM instance WHERE session_status = 'started' AND session_expires_ms <= $1"
        ))
        .bind(now_ms)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(instance).collect()
    }
}

impl Tx {
    /// Finds an instance by name.
    pub async fn instance_by_name(
        &mut self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Instance>, StoreError> {
        let query = sqlx::query(BY_NAME).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(instance).transpose()
    }

    /// Finds an instance by id.
    pub async fn instance(&mut self, id: &InstanceId) -> Result<Option<Instance>, StoreError> {
        sqlx::query(BY_ID).bind(id.as_str()).fetch_optional(&mut *self.inner).await?.as_ref().map(instance).transpose()
    }

    /// Adds an instance and leases it the lowest free address index, which it writes into `new`.
    /// [`StoreError::NoAddress`] when none is free. Its name must have been taken before.
    pub async fn insert_instance(&mut self, new: &mut Instance) -> Result<(), StoreError> {
        new.address_index = self.free_index().await?;
        sqlx::query(concat!(
            "INSERT INTO instance (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
             $22, $23, $24)"
        ))
        .bind(new.id.as_str())
        .bind(new.account_id.as_str())
        .bind(new.region.as_str())
        .bind(new.zone.as_str())
        .bind(new.name.as_str())
        .bind(new.blueprint_id.as_str())
        .bind(new.bundle_id.as_str())
        .bind(new.state.name())
        .bind(i64::from(new.address_index))
        .bind(new.ip_address_type.as_str())
        .bind(new.key_pair_name.as_str())
        .bind(new.user_data.as_str())
        .bind(new.tags.as_str())
        .bind(new.add_ons.as_str())
        .bind(new.session.status.name())
        .bind(new.session.generation)
        .bind(i64::from(new.session.percent))
        .bind(new.session.failure_reason.as_str())
        .bind(new.session.expires_at_ms)
        .bind(new.generation)
        .bind(new.created_ms)
        .bind(new.ports.as_str())
        .bind(new.metadata_options.as_str())
        .bind(new.from_snapshot_id.as_str())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    async fn free_index(&mut self) -> Result<u32, StoreError> {
        // The lowest index that follows a taken one, or the first.
        let row = sqlx::query(
            "SELECT COALESCE(MIN(free), $1) AS free FROM (\
             SELECT a.address_index + 1 AS free FROM instance a \
             WHERE NOT EXISTS (SELECT 1 FROM instance b WHERE b.address_index = a.address_index + 1) \
             UNION ALL SELECT $1 AS free FROM account \
             WHERE NOT EXISTS (SELECT 1 FROM instance b WHERE b.address_index = $1)) AS candidate",
        )
        .bind(i64::from(FIRST_INDEX))
        .fetch_one(&mut *self.inner)
        .await?;
        let free = u32::try_from(number(&row, "free")?).ok();
        free.filter(|free| *free <= LAST_INDEX).ok_or(StoreError::NoAddress)
    }

    /// Writes what can change of an instance: all but where and what it was made from. Guarded by the generation that was
    /// read, which rises by one, also in `changed`. [`StoreError::Conflict`] when somebody else was faster.
    pub async fn update_instance(&mut self, changed: &mut Instance) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE instance SET state = $1, bundle_id = $2, tags = $3, add_ons = $4, session_status = $5, \
             session_generation = $6, session_percent = $7, session_failure = $8, session_expires_ms = $9, \
             ip_address_type = $10, key_pair_name = $11, ports = $12, metadata_options = $13, \
             generation = generation + 1 WHERE id = $14 AND generation = $15",
        )
        .bind(changed.state.name())
        .bind(changed.bundle_id.as_str())
        .bind(changed.tags.as_str())
        .bind(changed.add_ons.as_str())
        .bind(changed.session.status.name())
        .bind(changed.session.generation)
        .bind(i64::from(changed.session.percent))
        .bind(changed.session.failure_reason.as_str())
        .bind(changed.session.expires_at_ms)
        .bind(changed.ip_address_type.as_str())
        .bind(changed.key_pair_name.as_str())
        .bind(changed.ports.as_str())
        .bind(changed.metadata_options.as_str())
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

    /// Counts the instances of an account by bundle. Until the transaction ends, others of the account wait to count.
    pub async fn instances_by_bundle(
        &mut self,
        account_id: &AccountId,
        region: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        // Changes nothing, but locks the row on PostgreSQL: two requests must not both take the last place.
        sqlx::query("UPDATE account SET name = name WHERE id = $1")
            .bind(account_id.as_str())
            .execute(&mut *self.inner)
            .await?;
        let rows = sqlx::query(
            "SELECT bundle_id, COUNT(*) AS instances FROM instance WHERE account_id = $1 AND region = $2 GROUP BY bundle_id",
        )
        .bind(account_id.as_str())
        .bind(region)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.iter().map(|row| Ok((text(row, "bundle_id")?, number(row, "instances")?))).collect()
    }

    /// Removes an instance and frees its name and addresses.
    pub async fn delete_instance(&mut self, id: &InstanceId) -> Result<(), StoreError> {
        self.free_name(id.as_str()).await?;
        self.release_addresses(id).await?;
        sqlx::query("DELETE FROM instance_ssh WHERE instance_id = $1")
            .bind(id.as_str())
            .execute(&mut *self.inner)
            .await?;
        sqlx::query("DELETE FROM instance WHERE id = $1").bind(id.as_str()).execute(&mut *self.inner).await?;
        Ok(())
    }
}
