//! What a person sees of their computers beyond the public API: pictures, windows, stages, decisions, changes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use porthole_model::{
    add_on,
    catalog::Bundle,
    guest::Window,
    idle::{self, Decision},
    operation::Progress,
    session::Status,
};
use porthole_store::{Instance, Operation};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Answer,
    cx::{Cx, Query, seconds, seconds_or_null},
    problem::Problem,
};
use crate::{
    agent::Agent,
    app::App,
    operation::{step_name, step_names},
    usage::idle_rule,
};

/// How old a picture may be, in milliseconds.
const PICTURE_MS: i64 = 3_000;
/// Most pictures remembered.
const MOST_PICTURES: usize = 500;
/// Longest wait for a change, in seconds, and how often it is looked for meanwhile.
const MOST_WAIT_S: u64 = 25;
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Which computer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    instance: String,
}

/// Which display of which computer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichDisplay {
    instance: String,
    display: String,
}

/// Names of an instance's displays, the primary one first.
pub fn displays(app: &App, instance: &Instance) -> Vec<String> {
    let blueprint = app.catalog.blueprint(&instance.blueprint_id);
    blueprint.map_or_else(Vec::new, |blueprint| blueprint.displays.iter().map(|display| display.name.clone()).collect())
}

/// `GET displays`.
pub async fn list_displays(cx: Cx, Query(which): Query<Which>) -> Answer {
    let instance = cx.instance(&which.instance).await?;
    let names = displays(cx.app(), &instance);
    Ok(Json(json!({"primary": names.first(), "displays": names})))
}

/// `GET sessions`: how the session of each computer is.
pub async fn sessions(cx: Cx) -> Answer {
    let (app, now_ms) = (cx.app(), cx.app().clock.now_ms());
    let mut instances = app.store.all_instances().await?;
    instances.retain(|instance| instance.account_id == *cx.account() && instance.region == app.config.region);
    let viewers = app.viewers.list(|stream| stream.account_id == cx.account().as_str());
    let described = instances.iter().map(|instance| {
        let session = instance.session.at(now_ms);
        let started = session.status == Status::Started;
        let reason = Some(&session.failure_reason).filter(|reason| !reason.is_empty());
        json!({
            "instance": instance.name,
            "status": session.status.name(),
            "percent": if started { 100 } else { session.percent },
            "expiresAt": started.then(|| seconds(session.expires_at_ms)),
            "viewers": viewers.iter().filter(|stream| stream.instance_id == instance.id.as_str()).count(),
            "failureReason": reason,
        })
    });
    Ok(Json(json!({"sessions": described.collect::<Vec<_>>()})))
}

/// `GET prices`: what costs are computed from.
pub async fn prices(cx: Cx) -> Answer {
    let app = cx.app();
    let bundles = app.catalog.current_bundles();
    let describe = |bundle: &Bundle| json!({"id": bundle.id, "pricePerHour": bundle.price_per_hour, "pricePerMonth": bundle.price_per_month});
    Ok(Json(json!({
        "bundles": bundles.iter().map(describe).collect::<Vec<_>>(),
        "diskGbMonth": app.config.prices.disk_gb_month,
        "snapshotGbMonth": app.config.prices.snapshot_gb_month,
    })))
}

/// `GET windows`: of all displays that run, also of a session whose hour is over.
pub async fn windows(cx: Cx, Query(which): Query<Which>) -> Answer {
    let (app, instance) = (cx.app(), cx.instance(&which.instance).await?);
    let mut found = Vec::new();
    if matches!(instance.session.status, Status::Started | Status::StartExpired) {
        let agent = Agent::new(&*app.driver, instance.id.as_str());
        let names = displays(app, &instance);
        let asked = names.iter().map(|name| agent.windows(name));
        for (name, windows) in names.iter().zip(futures_util::future::join_all(asked).await) {
            match windows {
                Ok(windows) => found.extend(windows.into_iter().map(|window| describe_window(name, &window))),
                // A display that ended by itself has no windows; one that does not answer must not keep a person from
                // being asked, so that it is an error only when none answers.
                Err(error) => tracing::debug!(instance = %instance.id, display = name, %error, "no windows"),
            }
        }
    }
    Ok(Json(json!({"windows": found})))
}

fn describe_window(display: &str, window: &Window) -> Value {
    json!({"display": display, "title": window.title, "application": window.application})
}

/// Pictures taken lately.
#[derive(Default)]
pub struct Pictures(Mutex<HashMap<String, (i64, Bytes)>>);

/// `GET screenshot`.
pub async fn screenshot(cx: Cx, Query(which): Query<WhichDisplay>) -> Result<Response, Problem> {
    let app = cx.app();
    if !app.config.console.screenshots {
        return Err(Problem::off_by_policy());
    }
    let instance = cx.instance(&which.instance).await?;
    let known = displays(app, &instance).contains(&which.display);
    if instance.session.status != Status::Started || !known {
        return Err(Problem::no_picture());
    }
    let (key, now_ms) =
        (format!("{} {} {}", instance.id, instance.session.generation, which.display), app.clock.now_ms());
    let picture = match app.console.pictures.fresh(&key, now_ms) {
        Some(picture) => picture,
        None => {
            let agent = Agent::new(&*app.driver, instance.id.as_str());
            let picture = agent.small_picture(&which.display).await.map_err(|error| {
                tracing::debug!(instance = %instance.id, %error, "no picture");
                Problem::no_picture()
            })?;
            app.console.pictures.remember(key, now_ms, picture.clone());
            picture
        }
    };
    let mut response = picture.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    // Made by a hostile instance: a page of its own it must never be.
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

impl Pictures {
    fn fresh(&self, key: &str, now_ms: i64) -> Option<Bytes> {
        let pictures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pictures
            .get(key)
            .filter(|(at_ms, _)| (0..PICTURE_MS).contains(&(now_ms - at_ms)))
            .map(|(_, bytes)| bytes.clone())
    }

    fn remember(&self, key: String, now_ms: i64, picture: Bytes) {
        let mut pictures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pictures.len() >= MOST_PICTURES {
            pictures.retain(|_, (at_ms, _)| now_ms - *at_ms < PICTURE_MS);
        }
        if pictures.len() < MOST_PICTURES {
            pictures.insert(key, (now_ms, picture));
        }
    }
}

/// `GET idle`.
pub async fn idle(cx: Cx, Query(which): Query<Which>) -> Answer {
    let (app, instance) = (cx.app(), cx.instance(&which.instance).await?);
    let rule = idle_rule(&add_on::parse(&instance.add_ons), 1);
    let mut decisions = idle::parse(&app.store.idle_decisions(&instance.id).await?);
    decisions.reverse();
    let describe = |entry: &idle::Entry| {
        json!({
            "at": seconds(entry.at_ms),
            "stopped": entry.decision == Decision::Stop,
            "reason": entry.to_string(),
        })
    };
    Ok(Json(json!({
        "rule": rule.map(|rule| json!({
            "thresholdPercent": rule.threshold_percent,
            "durationMinutes": rule.duration_ms,
            "countsViewerInput": app.config.idle.counts_viewer_input,
        })),
        "decisions": decisions.iter().map(describe).collect::<Vec<_>>(),
    })))
}

/// `GET operations/ID`.
pub async fn operation(cx: Cx, Path(id): Path<String>) -> Answer {
    let app = cx.app();
    let found = app.store.operation(cx.account(), &app.config.region, &id).await?;
    let operation = found.ok_or_else(|| Problem::not_found("operation"))?;
    Ok(Json(describe_operation(&operation)))
}

/// Writes an operation with its stages.
pub fn describe_operation(operation: &Operation) -> Value {
    let stages = step_names(operation.kind);
    let (stage, done, undoing) = match operation.progress {
        Progress::Forward(step) => (step_name(operation.kind, step), usize::from(step), false),
        Progress::Undo(step) => (step_name(operation.kind, step), usize::from(step), true),
        Progress::Succeeded => (stages.last().copied().unwrap_or_default(), stages.len(), false),
        Progress::Failed => (stages.first().copied().unwrap_or_default(), 0, false),
    };
    let percent = match operation.progress {
        Progress::Succeeded => 100,
        _ => done * 100 / stages.len().max(1),
    };
    let status = match operation.progress {
        Progress::Forward(_) | Progress::Undo(_) => "Started",
        Progress::Succeeded => "Succeeded",
        Progress::Failed => "Failed",
    };
    let mut described = json!({
        "id": operation.id.as_str(),
        "type": operation.kind.name(),
        "resourceName": operation.resource_name,
        "stage": stage,
        "stages": stages,
        "percent": percent,
        "undoing": undoing,
        "status": status,
        "attempts": operation.attempts,
        "startedAt": seconds(operation.created_ms),
        "endedAt": seconds_or_null(operation.done_ms),
    });
    if !operation.error_details.is_empty() {
        described["error"] = operation.error_details.as_str().into();
    }
    described
}

/// Since when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    #[serde(default)]
    since: String,
    #[serde(default)]
    wait: u64,
}

/// `GET changes`: waits until something of the account differs.
pub async fn changes(cx: Cx, Query(asked): Query<Since>) -> Answer {
    if asked.wait > MOST_WAIT_S {
        return Err(Problem::field("wait", format!("wait must be 0 to {MOST_WAIT_S}.")));
    }
    let app = cx.app();
    let end = tokio::time::Instant::now() + Duration::from_secs(asked.wait);
    loop {
        let token = token(&cx).await?;
        let changed = token != asked.since;
        if changed || asked.since.is_empty() || tokio::time::Instant::now() >= end || app.console.is_ending() {
            return Ok(Json(json!({"token": token, "changed": changed})));
        }
        app.console.pause(LOOK_EVERY).await;
        // A session may end while it waits.
        if cx.browser.session().await?.is_none() {
            return Err(Problem::sign_in_required());
        }
    }
}

async fn token(cx: &Cx) -> Result<String, Problem> {
    let app = cx.app();
    let numbers = app.store.fingerprint(cx.account(), &app.config.region).await?;
    let viewers = app.viewers.list(|stream| stream.account_id == cx.account().as_str());
    let mut text = numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
    viewers.iter().for_each(|viewer| {
        text.push(' ');
        text.push_str(&viewer.id);
    });
    Ok(hex::encode(&Sha256::digest(text)[..12]))
}
