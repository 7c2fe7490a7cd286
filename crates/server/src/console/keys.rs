//! Access keys of a person's account.

use std::collections::HashMap;

use axum::{Json, extract::Path};
use porthole_store::AccessKey;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    Answer,
    cx::{Cx, Json_, seconds, seconds_or_null},
    decide::Act,
    problem::Problem,
};
use crate::{auth, policy};

/// Most active keys of an account.
const MOST_KEYS: usize = 100;
/// Longest description, in characters.
const MOST_DESCRIPTION: usize = 200;

/// `GET access-keys`.
pub async fn list(cx: Cx) -> Answer {
    cx.may(Act::ManageKeys, "ListAccessKeys", "").await?;
    let app = cx.app();
    app.keys.write_uses(&app.store).await?;
    let keys = app.store.access_keys(cx.account()).await?;
    let people = people(&cx).await?;
    Ok(Json(json!({"keys": keys.iter().map(|key| describe(key, &people)).collect::<Vec<_>>()})))
}

/// A key to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    description: String,
    #[serde(default)]
    policy: Option<String>,
}

/// `POST access-keys`: gives the secret, this once.
pub async fn create(cx: Cx, Json_(new): Json_<NewKey>) -> Answer {
    cx.may(Act::ManageKeys, "CreateAccessKey", "").await?;
    let (id, secret) = auth::new_key(&*cx.app().ids, "AKIA");
    let outcome = make(&cx, new, id.clone(), &secret).await;
    let key = cx.logged("CreateAccessKey", &id, outcome).await?;
    let mut described = describe(&key, &people(&cx).await?);
    described["secretAccessKey"] = secret.into();
    Ok(Json(described))
}

async fn make(cx: &Cx, new: NewKey, id: String, secret: &str) -> Result<AccessKey, Problem> {
    let app = cx.app();
    let active = app.store.access_keys(cx.account()).await?.iter().filter(|key| key.active).count();
    if active >= MOST_KEYS {
        return Err(Problem::conflict(format!("The account has {MOST_KEYS} access keys in use. Revoke one first.")));
    }
    let key = AccessKey {
        account_id: cx.account().clone(),
        secret_sealed: app.seal.seal(&*app.ids, &auth::key_context(&id), secret.as_bytes()),
        active: true,
        policy: checked_policy(new.policy)?,
        created_ms: app.clock.now_ms(),
        description: checked_description(&new.description)?,
        created_by: cx.person.id.clone(),
        last_used_ms: 0,
        id,
    };
    let mut tx = app.store.begin().await?;
    tx.insert_access_key(&key).await?;
    tx.commit().await?;
    Ok(key)
}

/// What is to be changed of a key: what is not named stays, a policy that is null is taken away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "named")]
    policy: Option<Option<String>>,
}

/// Tells a member that is null from one that is not there.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// `PUT access-keys/ID`.
pub async fn change(cx: Cx, Path(id): Path<String>, Json_(change): Json_<Change>) -> Answer {
    cx.may(Act::ManageKeys, "ChangeAccessKey", "").await?;
    let outcome = apply(&cx, &id, change).await;
    let key = cx.logged("ChangeAccessKey", &id, outcome).await?;
    Ok(Json(describe(&key, &people(&cx).await?)))
}

async fn apply(cx: &Cx, id: &str, change: Change) -> Result<AccessKey, Problem> {
    let (app, key) = (cx.app(), find(cx, id).await?);
    let mut tx = app.store.begin().await?;
    let mut in_use = key.active;
    if let Some(description) = change.description {
        in_use &= tx.set_description(id, &checked_description(&description)?).await?;
    }
    if let Some(policy) = change.policy {
        in_use &= tx.set_policy(id, &checked_policy(policy)?).await?;
    }
    if !in_use {
        return Err(Problem::conflict("The access key was revoked."));
    }
    tx.commit().await?;
    app.keys.clear();
    find(cx, id).await
}

/// `DELETE access-keys/ID`.
pub async fn revoke(cx: Cx, Path(id): Path<String>) -> Answer {
    cx.may(Act::ManageKeys, "RevokeAccessKey", "").await?;
    let outcome = end(&cx, &id).await;
    cx.logged("RevokeAccessKey", &id, outcome).await?;
    Ok(Json(json!({})))
}

async fn end(cx: &Cx, id: &str) -> Result<(), Problem> {
    find(cx, id).await?;
    let mut tx = cx.app().store.begin().await?;
    tx.revoke_access_key(id).await?;
    tx.commit().await?;
    cx.app().keys.clear();
    Ok(())
}

/// `GET policy-schema`.
pub async fn schema(_: Cx) -> Answer {
    Ok(Json(json!({"schema": policy::schema_text()})))
}

async fn find(cx: &Cx, id: &str) -> Result<AccessKey, Problem> {
    let key = cx.app().store.access_key(id).await?.filter(|key| key.account_id == *cx.account());
    key.ok_or_else(|| Problem::not_found("access key"))
}

fn checked_policy(policy: Option<String>) -> Result<String, Problem> {
    let Some(text) = policy else { return Ok(String::new()) };
    match policy::Policy::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let fault = format!("{error:#}");
            Err(Problem::field("policy", format!("{}.", fault.trim_end_matches('.'))))
        }
    }
}

fn checked_description(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.chars().count() > MOST_DESCRIPTION || text.chars().any(char::is_control) {
        return Err(Problem::field("description", "A description is one line of at most 200 characters."));
    }
    Ok(text.to_owned())
}

async fn people(cx: &Cx) -> Result<HashMap<String, String>, Problem> {
    Ok(cx.app().store.people().await?.into_iter().map(|person| (person.id, person.name)).collect())
}

fn describe(key: &AccessKey, people: &HashMap<String, String>) -> Value {
    json!({
        "accessKeyId": key.id,
        "description": key.description,
        "policy": Some(&key.policy).filter(|policy| !policy.is_empty()),
        "createdAt": seconds(key.created_ms),
        "createdBy": people.get(&key.created_by),
        "lastUsedAt": seconds_or_null(key.last_used_ms),
        "status": if key.active { "active" } else { "revoked" },
    })
}
