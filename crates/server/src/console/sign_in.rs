//! Signing in and out: by name and password, by a one-time link; what a session may have.

use axum::{Json, response::Response};
use porthole_model::person::{self, Counted};
use porthole_store::{Person, SignIn, Store, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer,
    cx::{Browser, Cx, Json_, cookie, hash, new_token, seconds, with_cookie},
    problem::Problem,
};
use crate::{
    app::{App, Ids},
    auth::{Parent, temporary_credentials},
};

/// How long a one-time link is good.
pub const LINK_MS: i64 = 24 * 3_600_000;
/// How long temporary credentials are good, at most.
const CREDENTIALS_MS: i64 = 3_600_000;
const WRONG: &str = "The name or the password is not right.";
const WRONG_LINK: &str = "This link was used already or is too old. Ask for a new one.";

/// `GET site`: what the page must know before anybody has signed in.
pub async fn site(browser: Browser) -> Answer {
    let signed_in = browser.session().await?.is_some();
    let config = &browser.app.config;
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "region": config.region,
        "zones": config.zones,
        "oidc": config.console.oidc.as_ref().map(|oidc| json!({"label": oidc.label})),
        "signedIn": signed_in,
    })))
}

/// `GET session`.
pub async fn session(cx: Cx) -> Answer {
    Ok(Json(describe(cx.app(), &cx.sign_in, &cx.person).await?))
}

/// What a person types.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameAndPassword {
    name: String,
    password: String,
}

/// `POST sign-in`.
pub async fn sign_in(browser: Browser, Json_(typed): Json_<NameAndPassword>) -> Result<Response, Problem> {
    let app = &browser.app;
    // A name that none can be is counted as well, all of them as one.
    let name = person::name(&typed.name).unwrap_or_default();
    count_attempt(app, &name, &browser.address).await?;
    let person = app.store.person(&name).await?.filter(|person| person.name == name && !person.disabled);
    let hash = person.as_ref().map_or("", |person| person.password.as_str());
    let right = app.console.hasher.verify(&typed.password, hash).await?;
    let Some(person) = person.filter(|_| right) else {
        let actor = if name.is_empty() { "?" } else { &name };
        browser.log(actor, "", "SignIn", "password", "signInFailed").await;
        return Err(Problem::sign_in_failed(WRONG));
    };
    let mut tx = app.store.begin().await?;
    tx.forgive_attempt(Counted::Name, &name).await?;
    tx.forgive_attempt(Counted::Address, &browser.address).await?;
    tx.commit().await?;
    begin(&browser, person, By::Password).await
}

/// Counts an attempt against the name and the address, or says how long to wait.
async fn count_attempt(app: &App, name: &str, address: &str) -> Result<(), Problem> {
    let now_ms = app.clock.now_ms();
    let mut tx = app.store.begin().await?;
    let waits_ms = [
        tx.count_attempt(Counted::Address, address, now_ms).await?,
        tx.count_attempt(Counted::Name, name, now_ms).await?,
    ];
    match waits_ms.into_iter().max() {
        // Not committed: an attempt that is not looked at makes nobody wait longer.
        Some(wait_ms) if wait_ms > 0 => Err(Problem::too_many_attempts(wait_ms)),
        _ => Ok(tx.commit().await?),
    }
}

/// What a link holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkToken {
    token: String,
}

/// `POST sign-in/link`.
pub async fn by_link(browser: Browser, Json_(link): Json_<LinkToken>) -> Result<Response, Problem> {
    let app = &browser.app;
    let mut tx = app.store.begin().await?;
    let person = tx.take_link(&hash(&link.token), app.clock.now_ms()).await?;
    tx.commit().await?;
    let Some(person) = person.filter(|person| !person.disabled) else {
        browser.log("?", "", "SignIn", "link", "signInFailed").await;
        return Err(Problem::sign_in_failed(WRONG_LINK));
    };
    begin(&browser, person, By::Link).await
}

/// How a person proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Name and password.
    Password,
    /// A one-time link.
    Link,
    /// The identity provider.
    Oidc,
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::Oidc => "oidc",
        }
    }
}

/// Begins a session of a person who has proved who they are, in the place of the one the browser had.
pub async fn begin(browser: &Browser, person: Person, by: By) -> Result<Response, Problem> {
    let app = &browser.app;
    let (now_ms, token) = (app.clock.now_ms(), new_token(&*app.ids));
    let sign_in = SignIn {
        id: app.ids.uuid(),
        token_hash: hash(&token),
        person_id: person.id.clone(),
        by_link: by == By::Link,
        created_ms: now_ms,
        expires_ms: now_ms + app.config.console.session_ms,
    };
    let before = browser.session().await?;
    let person = Person { signed_in_ms: now_ms, ..person };
    let mut tx = app.store.begin().await?;
    if let Some((before, _)) = before {
        tx.delete_sign_in(&before.id).await?;
    }
    tx.update_person(&person).await?;
    tx.insert_sign_in(&sign_in).await?;
    tx.commit().await?;
    browser.log(&person.name, person.account_id.as_str(), "SignIn", by.name(), "ok").await;
    let body = describe(app, &sign_in, &person).await?;
    Ok(with_cookie(body, cookie(app, &token, app.config.console.session_ms / 1000)))
}

async fn describe(app: &App, sign_in: &SignIn, person: &Person) -> Result<Value, Problem> {
    let account = app.store.account(person.account_id.as_str()).await?;
    let has_password = !person.password.is_empty();
    Ok(json!({
        "person": {"id": person.id, "name": person.name, "role": person.role.name()},
        "account": {"id": person.account_id.as_str(), "name": account.map(|account| account.name).unwrap_or_default()},
        "expiresAt": seconds(sign_in.expires_ms),
        "hasPassword": has_password,
        "needsCurrentPassword": has_password && !sign_in.by_link,
        "screenshots": app.config.console.screenshots,
    }))
}

/// Which sessions to end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOut {
    everywhere: bool,
}

/// `POST sign-out`.
pub async fn sign_out(cx: Cx, Json_(which): Json_<SignOut>) -> Result<Response, Problem> {
    let app = cx.app();
    let mut tx = app.store.begin().await?;
    if which.everywhere {
        tx.delete_sign_ins(&cx.person.id, "").await?;
    } else {
        tx.delete_sign_in(&cx.sign_in.id).await?;
    }
    tx.commit().await?;
    app.keys.clear();
    cx.log("SignOut", if which.everywhere { "everywhere" } else { "" }, "ok").await;
    Ok(with_cookie(json!({}), cookie(app, "", 0)))
}

/// A password to be changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    #[serde(default)]
    current: String,
    new: String,
}

/// `POST password`.
pub async fn password(cx: Cx, Json_(typed): Json_<NewPassword>) -> Answer {
    let outcome = change_password(&cx, &typed).await;
    let person = cx.logged("ChangePassword", &cx.person.name, outcome).await?;
    Ok(Json(describe(cx.app(), &cx.sign_in, &person).await?))
}

async fn change_password(cx: &Cx, typed: &NewPassword) -> Result<Person, Problem> {
    let app = cx.app();
    if !cx.person.subject.is_empty() {
        return Err(Problem::conflict("You sign in by the identity provider and have no password here."));
    }
    person::check_password(&typed.new, &cx.person.name).map_err(|rule| Problem::field("new", rule))?;
    if !cx.person.password.is_empty() && !cx.sign_in.by_link {
        count_attempt(app, &cx.person.name, &cx.browser.address).await?;
        if !app.console.hasher.verify(&typed.current, &cx.person.password).await? {
            return Err(Problem::field("current", "The current password is not right."));
        }
    }
    let password = app.console.hasher.hash(&*app.ids, &typed.new).await?;
    let mut tx = app.store.begin().await?;
    let person = tx.person(&cx.person.id).await?.ok_or_else(Problem::sign_in_required)?;
    let person = Person { password, ..person };
    tx.update_person(&person).await?;
    tx.delete_sign_ins(&person.id, &cx.sign_in.id).await?;
    tx.forgive_attempt(Counted::Name, &person.name).await?;
    tx.forgive_attempt(Counted::Address, &cx.browser.address).await?;
    tx.commit().await?;
    app.keys.clear();
    Ok(person)
}

/// Nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `POST credentials`: keys for the public API that end with the session.
pub async fn credentials(cx: Cx, _: Json_<Nothing>) -> Answer {
    let app = cx.app();
    let expires_ms = cx.sign_in.expires_ms.min(app.clock.now_ms() + CREDENTIALS_MS);
    let made = temporary_credentials(&app.seal, &*app.ids, Parent::SignIn(&cx.sign_in.id), expires_ms);
    Ok(Json(json!({
        "accessKeyId": made.access_key_id,
        "secretAccessKey": made.secret,
        "sessionToken": made.session_token,
        "expiresAt": seconds(made.expires_ms),
    })))
}

/// Makes a one-time link of a person; gives its path below the site's address, and when it is over.
pub async fn make_link(
    store: &Store,
    ids: &dyn Ids,
    person_id: &str,
    now_ms: i64,
) -> Result<(String, i64), StoreError> {
    let (token, expires_ms) = (new_token(ids), now_ms + LINK_MS);
    let mut tx = store.begin().await?;
    tx.put_link(person_id, &hash(&token), expires_ms).await?;
    tx.commit().await?;
    Ok((format!("/console/#/sign-in/{token}"), expires_ms))
}
