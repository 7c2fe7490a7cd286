//! People: who may sign in, to which account, as what.

use std::collections::HashMap;

use axum::{Json, extract::Path};
use porthole_model::person::{self, Role};
use porthole_store::{Account, Person, StoreError, Tx};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{
        Answer,
        cx::{Cx, Json_, OperatorCx, seconds, seconds_or_null},
        problem::Problem,
        sign_in::{Nothing, make_link},
    },
    account_names, short_account,
};

const LAST_OPERATOR: &str = "This is the last operator who can sign in. Make another one first.";

/// `GET people`.
pub async fn list(OperatorCx(cx): OperatorCx) -> Answer {
    let names = account_names(&cx).await?;
    let people = cx.app().store.people().await?;
    Ok(Json(json!({"people": people.iter().map(|person| describe(person, &names)).collect::<Vec<_>>()})))
}

fn describe(person: &Person, accounts: &HashMap<String, String>) -> Value {
    json!({
        "id": person.id,
        "name": person.name,
        "role": person.role.name(),
        "account": short_account(accounts, person.account_id.as_str()),
        "disabled": person.disabled,
        "hasPassword": !person.password.is_empty(),
        "external": !person.subject.is_empty(),
        "createdAt": seconds(person.created_ms),
        "lastSignInAt": seconds_or_null(person.signed_in_ms),
    })
}

/// A person to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewPerson {
    name: String,
    account_id: String,
    role: String,
    #[serde(default)]
    password: Option<String>,
}

/// `POST people`.
pub async fn create(OperatorCx(cx): OperatorCx, Json_(new): Json_<NewPerson>) -> Answer {
    let outcome = make(&cx, &new).await;
    let person = cx.logged("CreatePerson", &new.name, outcome).await?;
    Ok(Json(describe(&person, &account_names(&cx).await?)))
}

async fn make(cx: &Cx, new: &NewPerson) -> Result<Person, Problem> {
    let app = cx.app();
    let name = person::name(&new.name).map_err(|rule| Problem::field("name", rule))?;
    let (role, account) = (role(&new.role)?, account(cx, &new.account_id).await?);
    let password = match &new.password {
        None => String::new(),
        Some(password) => {
            person::check_password(password, &name).map_err(|rule| Problem::field("password", rule))?;
            app.console.hasher.hash(&*app.ids, password).await?
        }
    };
    let person = Person {
        id: app.ids.uuid(),
        name,
        account_id: account.id,
        role,
        password,
        subject: String::new(),
        disabled: false,
        created_ms: app.clock.now_ms(),
        signed_in_ms: 0,
    };
    let mut tx = app.store.begin().await?;
    match tx.insert_person(&person).await {
        Ok(()) => tx.commit().await?,
        Err(StoreError::Conflict) => {
            return Err(Problem::conflict(format!("There is a person {} already.", person.name)));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(person)
}

fn role(name: &str) -> Result<Role, Problem> {
    Role::from_name(name).ok_or_else(|| Problem::field("role", "The role must be researcher or operator."))
}

async fn account(cx: &Cx, id: &str) -> Result<Account, Problem> {
    let found = cx.app().store.account(id).await?.filter(|account| account.id.as_str() == id);
    found.ok_or_else(|| Problem::field("accountId", "There is no such account."))
}

/// What is to be changed; what is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Change {
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    disabled: Option<bool>,
}

/// `PATCH people/ID`.
pub async fn change(OperatorCx(cx): OperatorCx, Path(id): Path<String>, Json_(change): Json_<Change>) -> Answer {
    let before = find(&cx, &id).await?;
    let outcome = apply(&cx, &id, change).await;
    let person = cx.logged("ChangePerson", &before.name, outcome).await?;
    Ok(Json(describe(&person, &account_names(&cx).await?)))
}

async fn apply(cx: &Cx, id: &str, change: Change) -> Result<Person, Problem> {
    let app = cx.app();
    let new_role = change.role.as_deref().map(role).transpose()?;
    let new_account = match &change.account_id {
        Some(id) => Some(account(cx, id).await?.id),
        None => None,
    };
    let mut tx = app.store.begin().await?;
    let operators = tx.operators().await?;
    let before = tx.person(id).await?.ok_or_else(|| Problem::not_found("person"))?;
    let mut person = before.clone();
    person.role = new_role.unwrap_or(person.role);
    person.account_id = new_account.unwrap_or(person.account_id);
    person.disabled = change.disabled.unwrap_or(person.disabled);
    if operates(&before) && !operates(&person) && operators <= 1 {
        return Err(Problem::conflict(LAST_OPERATOR));
    }
    if person == before {
        return Ok(person);
    }
    tx.update_person(&person).await?;
    tx.delete_sign_ins(&person.id, "").await?;
    // Keys belong to the account they were made in, where the person has no business any more.
    if person.disabled || person.account_id != before.account_id {
        tx.revoke_keys_of(&person.id).await?;
    }
    tx.commit().await?;
    app.keys.clear();
    Ok(person)
}

const fn operates(person: &Person) -> bool {
    matches!(person.role, Role::Operator) && !person.disabled
}

/// `DELETE people/ID`.
pub async fn delete(OperatorCx(cx): OperatorCx, Path(id): Path<String>) -> Answer {
    let person = find(&cx, &id).await?;
    let outcome = end(&cx, &id).await;
    cx.logged("DeletePerson", &person.name, outcome).await?;
    Ok(Json(json!({})))
}

async fn end(cx: &Cx, id: &str) -> Result<(), Problem> {
    let mut tx: Tx = cx.app().store.begin().await?;
    let operators = tx.operators().await?;
    let person = tx.person(id).await?.ok_or_else(|| Problem::not_found("person"))?;
    if operates(&person) && operators <= 1 {
        return Err(Problem::conflict(LAST_OPERATOR));
    }
    tx.revoke_keys_of(id).await?;
    tx.delete_person(id).await?;
    tx.commit().await?;
    cx.app().keys.clear();
    Ok(())
}

/// `POST people/ID/link`.
pub async fn link(OperatorCx(cx): OperatorCx, Path(id): Path<String>, _: Json_<Nothing>) -> Answer {
    let (app, person) = (cx.app(), find(&cx, &id).await?);
    if person.disabled {
        return Err(Problem::conflict("The person is disabled and cannot sign in."));
    }
    let (path, expires_ms) = make_link(&app.store, &*app.ids, &person.id, app.clock.now_ms()).await?;
    cx.log("CreateSignInLink", &person.name, "ok").await;
    Ok(Json(json!({"url": format!("{}{path}", app.config.base_url()), "expiresAt": seconds(expires_ms)})))
}

async fn find(cx: &Cx, id: &str) -> Result<Person, Problem> {
    let found = cx.app().store.person(id).await?.filter(|person| person.id == id);
    found.ok_or_else(|| Problem::not_found("person"))
}
