//! Who looks at a session, and links to it for others.

use axum::{Json, extract::Path};
use porthole_model::session::Status;
use porthole_store::{Instance, Share};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer,
    cx::{Cx, Json_, Query, seconds},
    decide::Act,
    problem::Problem,
    watch::displays,
};
use crate::{
    app::App,
    gateway::{
        registry::Stream,
        token::{Role, ViewToken},
    },
};

/// Longest time a share may be good, in milliseconds.
const LONGEST_MS: f64 = 7.0 * 24.0 * 3_600_000.0;

/// Which computer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    instance: String,
}

/// `GET viewers`.
pub async fn viewers(cx: Cx, Query(which): Query<Which>) -> Answer {
    let instance = cx.instance(&which.instance).await?;
    let found = cx.app().viewers.list(|stream| stream.instance_id == instance.id.as_str());
    Ok(Json(json!({"viewers": found.iter().map(describe_viewer).collect::<Vec<_>>()})))
}

/// Writes a viewer.
pub fn describe_viewer(stream: &Stream) -> Value {
    let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    json!({
        "id": stream.id,
        "display": stream.display,
        "role": stream.role.as_str(),
        "since": seconds(stream.since_ms),
        "from": stream.from,
        "by": known(&stream.by),
        "share": known(&stream.share),
    })
}

/// `DELETE viewers/ID`.
pub async fn cut_viewer(cx: Cx, Path(id): Path<String>) -> Answer {
    cx.may(Act::Share, "CutViewer", "").await?;
    let viewers = &cx.app().viewers;
    let found = viewers.list(|stream| stream.id == id && stream.account_id == cx.account().as_str());
    let Some(stream) = found.first() else { return Err(Problem::not_found("viewer")) };
    viewers.cut(&stream.instance_id, |stream| stream.id == id);
    cx.log("CutViewer", &format!("{} {}", stream.display, stream.from), "ok").await;
    Ok(Json(json!({})))
}

/// `GET shares`.
pub async fn list(cx: Cx, Query(which): Query<Which>) -> Answer {
    let (app, instance) = (cx.app(), cx.instance(&which.instance).await?);
    let mut shares = app.store.shares(&instance.id).await?;
    shares.retain(|share| lives(app, &instance, share));
    Ok(Json(json!({"shares": shares.iter().map(|share| describe(app, &instance, share)).collect::<Vec<_>>()})))
}

/// A share to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewShare {
    instance: String,
    display: String,
    role: Role,
    expires_at: f64,
}

/// `POST shares`: gives the link, this once.
pub async fn create(cx: Cx, Json_(new): Json_<NewShare>) -> Answer {
    cx.may(Act::Share, "CreateShare", "").await?;
    let target = format!("{} {} {}", new.instance, new.display, new.role.as_str());
    let outcome = make(&cx, &new).await;
    let (instance, share) = cx.logged("CreateShare", &target, outcome).await?;
    let app = cx.app();
    let token = ViewToken {
        instance_id: share.instance_id.to_string(),
        generation: share.generation,
        display: share.display.clone(),
        role: new.role,
        by: share.created_by.clone(),
        share: share.id.clone(),
    };
    let mut described = describe(app, &instance, &share);
    described["url"] = format!("{}/view/#t={}", app.config.base_url(), token.seal(app)).into();
    Ok(Json(described))
}

async fn make(cx: &Cx, new: &NewShare) -> Result<(Instance, Share), Problem> {
    let (app, instance) = (cx.app(), cx.instance(&new.instance).await?);
    let now_ms = app.clock.now_ms();
    let left_ms = new.expires_at * 1000.0 - now_ms as f64;
    if !(1.0..=LONGEST_MS).contains(&left_ms) {
        return Err(Problem::field("expiresAt", "expiresAt must lie in the future, at most 7 days from now."));
    }
    if !displays(app, &instance).contains(&new.display) {
        return Err(Problem::field("display", format!("{} has no display of this name.", new.instance)));
    }
    if instance.session.status != Status::Started {
        return Err(Problem::not_running("A session can be shared only while it is started."));
    }
    let share = Share {
        id: app.ids.uuid(),
        instance_id: instance.id.clone(),
        generation: instance.session.generation,
        display: new.display.clone(),
        role: new.role.as_str().to_owned(),
        created_by: cx.person.name.clone(),
        created_ms: now_ms,
        expires_ms: now_ms + left_ms as i64,
    };
    let mut tx = app.store.begin().await?;
    tx.insert_share(&share).await?;
    tx.commit().await?;
    Ok((instance, share))
}

/// `DELETE shares/ID`.
pub async fn revoke(cx: Cx, Path(id): Path<String>) -> Answer {
    cx.may(Act::Share, "RevokeShare", "").await?;
    let outcome = end(&cx, &id).await;
    cx.logged("RevokeShare", &id, outcome).await?;
    Ok(Json(json!({})))
}

async fn end(cx: &Cx, id: &str) -> Result<(), Problem> {
    let app = cx.app();
    let not_found = || Problem::not_found("share");
    let share = app.store.share(id).await?.ok_or_else(not_found)?;
    let instance = app.store.instance(&share.instance_id).await?;
    instance.filter(|instance| instance.account_id == *cx.account()).ok_or_else(not_found)?;
    let mut tx = app.store.begin().await?;
    tx.delete_share(id).await?;
    tx.commit().await?;
    // After the commit: a viewer that comes now finds no share.
    app.viewers.cut(share.instance_id.as_str(), |stream| stream.share == id);
    Ok(())
}

fn lives(app: &App, instance: &Instance, share: &Share) -> bool {
    share.expires_ms > app.clock.now_ms()
        && share.generation == instance.session.generation
        && instance.session.status == Status::Started
}

fn describe(app: &App, instance: &Instance, share: &Share) -> Value {
    json!({
        "id": share.id,
        "instance": instance.name,
        "display": share.display,
        "role": share.role,
        "createdAt": seconds(share.created_ms),
        "createdBy": share.created_by,
        "expiresAt": seconds(share.expires_ms),
        "viewers": app.viewers.list(|stream| stream.share == share.id).len(),
    })
}
