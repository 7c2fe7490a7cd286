//! Accounts and their quotas.

use std::collections::HashMap;

use axum::{Json, extract::Path};
use porthole_model::AccountId;
use porthole_store::{Account, StoreError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::{
    Answer,
    cx::{Cx, Json_, OperatorCx, seconds},
    problem::Problem,
};
use crate::{app::Ids, service::quota};

/// Largest quota.
const MOST: i64 = 1_000_000_000;

/// `GET accounts`.
pub async fn list(OperatorCx(cx): OperatorCx) -> Answer {
    let app = cx.app();
    let (mut people, mut instances) = (HashMap::<AccountId, u64>::new(), HashMap::<AccountId, u64>::new());
    for person in app.store.people().await? {
        *people.entry(person.account_id).or_default() += 1;
    }
    for instance in app.store.all_instances().await? {
        *instances.entry(instance.account_id).or_default() += 1;
    }
    let count = |of: &HashMap<AccountId, u64>, account: &Account| of.get(&account.id).copied().unwrap_or(0);
    let accounts = app.store.accounts().await?;
    let described =
        accounts.iter().map(|account| describe(account, count(&people, account), count(&instances, account)));
    Ok(Json(json!({"accounts": described.collect::<Vec<_>>()})))
}

fn describe(account: &Account, people: u64, instances: u64) -> Value {
    json!({
        "id": account.id.as_str(),
        "name": account.name,
        "createdAt": seconds(account.created_ms),
        "people": people,
        "instances": instances,
    })
}

/// An account to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    name: String,
}

/// `POST accounts`.
pub async fn create(OperatorCx(cx): OperatorCx, Json_(new): Json_<NewAccount>) -> Answer {
    let outcome = make(&cx, &new.name).await;
    let account = cx.logged("CreateAccount", &new.name, outcome).await?;
    Ok(Json(describe(&account, 0, 0)))
}

async fn make(cx: &Cx, name: &str) -> Result<Account, Problem> {
    let app = cx.app();
    if !is_name(name) {
        return Err(Problem::field("name", "An account's name is 1 to 64 letters, digits, . - and _."));
    }
    let account = Account { id: new_id(&*app.ids), name: name.to_owned(), created_ms: app.clock.now_ms() };
    let mut tx = app.store.begin().await?;
    match tx.insert_account(&account).await {
        Ok(()) => tx.commit().await?,
        Err(StoreError::Conflict) => return Err(Problem::conflict(format!("There is an account {name} already."))),
        Err(error) => return Err(error.into()),
    }
    Ok(account)
}

/// Says whether an account may be called so.
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// Makes an account's id: twelve digits.
pub fn new_id(ids: &dyn Ids) -> AccountId {
    let mut random = [0; 8];
    ids.fill(&mut random);
    AccountId::new(format!("{:012}", u64::from_le_bytes(random) % 1_000_000_000_000))
}

async fn find(cx: &Cx, id: &str) -> Result<Account, Problem> {
    let found = cx.app().store.account(id).await?.filter(|account| account.id.as_str() == id);
    found.ok_or_else(|| Problem::not_found("account"))
}

/// `DELETE accounts/ID`.
pub async fn delete(OperatorCx(cx): OperatorCx, Path(id): Path<String>) -> Answer {
    let account = find(&cx, &id).await?;
    let outcome = end(&cx, &account).await;
    cx.logged("DeleteAccount", &account.name, outcome).await?;
    Ok(Json(json!({})))
}

async fn end(cx: &Cx, account: &Account) -> Result<(), Problem> {
    let mut tx = cx.app().store.begin().await?;
    match tx.delete_account(&account.id).await {
        Ok(()) => tx.commit().await?,
        Err(StoreError::Conflict) => {
            let text = "The account still owns computers, disks or snapshots, or has people. Delete those first.";
            return Err(Problem::conflict(text));
        }
        Err(error) => return Err(error.into()),
    }
    cx.app().keys.clear();
    Ok(())
}

/// `GET accounts/ID/quotas`.
pub async fn quotas(OperatorCx(cx): OperatorCx, Path(id): Path<String>) -> Answer {
    let account = find(&cx, &id).await?;
    Ok(Json(describe_quotas(&cx, &account).await?))
}

/// `PUT accounts/ID/quotas`.
pub async fn set_quotas(
    OperatorCx(cx): OperatorCx,
    Path(id): Path<String>,
    Json_(wanted): Json_<HashMap<String, Option<i64>>>,
) -> Answer {
    let account = find(&cx, &id).await?;
    let outcome = set(&cx, &account, &wanted).await;
    let mut names: Vec<&str> = wanted.keys().map(String::as_str).collect();
    names.sort_unstable();
    cx.logged("SetQuotas", &format!("{} {}", account.name, names.join(" ")), outcome).await?;
    Ok(Json(describe_quotas(&cx, &account).await?))
}

async fn set(cx: &Cx, account: &Account, wanted: &HashMap<String, Option<i64>>) -> Result<(), Problem> {
    let mut tx = cx.app().store.begin().await?;
    for (name, value) in wanted {
        let Some((known, _)) = quota::ALL.iter().find(|(known, _)| known == name) else {
            return Err(Problem::invalid(format!("There is no quota {name:?}.")));
        };
        if value.is_some_and(|value| !(0..=MOST).contains(&value)) {
            return Err(Problem::field(known, format!("{known} must be 0 to {MOST}, or null.")));
        }
        tx.set_quota(&account.id, known, *value).await?;
    }
    Ok(tx.commit().await?)
}

async fn describe_quotas(cx: &Cx, account: &Account) -> Result<Value, Problem> {
    let app = cx.app();
    let own = app.store.quotas(&account.id).await?;
    let (mut now, mut default) = (quota::of_account(app, &account.id).await?, app.config.quota.clone());
    let described: Map<String, Value> = quota::ALL
        .iter()
        .map(|(name, place)| {
            let is_own = own.iter().any(|(own, _)| own == name);
            let value = json!({"value": *place(&mut now), "default": *place(&mut default), "isOwn": is_own});
            ((*name).to_owned(), value)
        })
        .collect();
    Ok(json!({"quotas": described}))
}
