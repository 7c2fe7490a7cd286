//! Whatever has a name: what it is, where, and its tags.

use porthole_model::AccountId;
use sqlx::any::AnyRow;

use crate::{Store, StoreError, Tx, text};

/// What a name belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Model shape ResourceType.
    pub resource_type: String,
    /// Its id.
    pub id: String,
}

/// The tags of a resource, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// JSON object of tag keys and values.
    pub tags: String,
    /// Availability zone, or `all`.
    pub zone: String,
}

const NAMED: &str = "SELECT resource_type, resource_id FROM name WHERE account_id = $1 AND region = $2 AND name = $3";

/// How tags of a type of resource are read and written; `None`: it has none.
///
/// A change raises the row's generation, so that nobody writes older tags back over it.
fn statements(resource_type: &str) -> Option<(&'static str, &'static str)> {
    Some(match resource_type {
        "Instance" => (
            "SELECT tags, zone FROM instance WHERE id = $1",
            "UPDATE instance SET tags = $1, generation = generation + 1 WHERE id = $2",
        ),
        "Disk" => (
            "SELECT tags, zone FROM disk WHERE id = $1",
            "UPDATE disk SET tags = $1, generation = generation + 1 WHERE id = $2",
        ),
        "KeyPair" => (
            "SELECT tags, 'all' AS zone FROM key_pair WHERE id = $1",
            "UPDATE key_pair SET tags = $1, generation = generation + 1 WHERE id = $2",
        ),
        "InstanceSnapshot" | "DiskSnapshot" => (
            "SELECT tags, 'all' AS zone FROM snapshot WHERE id = $1",
            "UPDATE snapshot SET tags = $1, generation = generation + 1 WHERE id = $2",
        ),
        _ => return None,
    })
}

fn named(row: &AnyRow) -> Result<Named, StoreError> {
    Ok(Named { resource_type: text(row, "resource_type")?, id: text(row, "resource_id")? })
}

fn tagged(row: &AnyRow) -> Result<Tagged, StoreError> {
    Ok(Tagged { tags: text(row, "tags")?, zone: text(row, "zone")? })
}

impl Store {
    /// Finds what a name belongs to.
    pub async fn resource_named(
        &self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Named>, StoreError> {
        let query = sqlx::query(NAMED).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&self.reads).await?.as_ref().map(named).transpose()
    }

    /// Gives the tags of a resource; `None` when it is gone or its type has none.
    pub async fn tags_of(&self, resource: &Named) -> Result<Option<Tagged>, StoreError> {
        let Some((select, _)) = statements(&resource.resource_type) else { return Ok(None) };
        let query = sqlx::query(select).bind(resource.id.as_str());
        query.fetch_optional(&self.reads).await?.as_ref().map(tagged).transpose()
    }
}

impl Tx {
    /// Finds what a name belongs to.
    pub async fn resource_named(
        &mut self,
        account_id: &AccountId,
        region: &str,
        name: &str,
    ) -> Result<Option<Named>, StoreError> {
        let query = sqlx::query(NAMED).bind(account_id.as_str()).bind(region).bind(name);
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(named).transpose()
    }

    /// Gives the tags of a resource; `None` when it is gone or its type has none.
    pub async fn tags_of(&mut self, resource: &Named) -> Result<Option<Tagged>, StoreError> {
        let Some((select, _)) = statements(&resource.resource_type) else { return Ok(None) };
        let query = sqlx::query(select).bind(resource.id.as_str());
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(tagged).transpose()
    }

    /// Writes the tags of a resource. [`StoreError::Conflict`] when it is gone or its type has none.
    pub async fn set_tags(&mut self, resource: &Named, tags: &str) -> Result<(), StoreError> {
        let (_, update) = statements(&resource.resource_type).ok_or(StoreError::Conflict)?;
        let done = sqlx::query(update).bind(tags).bind(resource.id.as_str()).execute(&mut *self.inner).await?;
        if done.rows_affected() == 0 { Err(StoreError::Conflict) } else { Ok(()) }
    }
}
