//! Trades a URL's token for a cookie, and tells the page how the session is.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use porthole_model::{
    InstanceId,
    session::{Session, Status},
};
use porthole_store::StoreError;
use serde::Deserialize;

use super::{cookie, cookie_name, explain, files, refusal, same_origin, token::ViewToken};
use crate::{app::App, service::unavailable};

/// What the page sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trade {
    token: String,
}

/// A view whose cookie is good, and how its session is now.
pub struct Found {
    /// What the cookie gives access to.
    pub view: ViewToken,
    /// The session's status; a session that is gone with its instance is `Stopped`.
    pub status: Status,
    /// Whether the cookie was made for the session there is now.
    pub same_generation: bool,
    /// Name of the instance.
    pub instance_name: String,
    /// Whose the instance is.
    pub account_id: String,
    /// When viewers are cut off.
    pub expires_at_ms: i64,
}

/// `POST /view/api/trade`.
pub async fn trade(State(app): State<Arc<App>>, headers: HeaderMap, body: axum::body::Bytes) -> Response {
    if !same_origin(&app, &headers) {
        return refusal(StatusCode::FORBIDDEN, "invalid", "Only Porthole's own page may ask this.");
    }
    let trade = serde_json::from_slice::<Trade>(&body).ok();
    let Some(view) = trade.and_then(|trade| ViewToken::open(&app, &trade.token)) else {
        return refusal(StatusCode::FORBIDDEN, "invalid", "This link is not valid. Ask for a new one.");
    };
    let found = match look_up(&app, view).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let (state, message) = explain(found.status, found.same_generation);
    if state != "started" {
        return refusal(StatusCode::FORBIDDEN, if state == "expired" { "expired" } else { "ended" }, message);
    }
    let mut random = [0; 8];
    app.ids.fill(&mut random);
    let view_id = hex::encode(random);
    let secure = if app.config.base_url().starts_with("https://") { "; Secure" } else { "" };
    let value = found.view.seal_cookie(&app, &view_id);
    let cookie = format!("{}={value}; Path=/view/; HttpOnly; SameSite=Strict{secure}", cookie_name(&view_id));
    let mut response = Json(describe(&app, &found, &view_id, "started", message)).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    no_store(response)
}

/// `GET /view/s/{view_id}/status`.
pub async fn status(State(app): State<Arc<App>>, Path(view_id): Path<String>, headers: HeaderMap) -> Response {
    match find_view(&app, &view_id, &headers).await {
        Ok(found) => {
            let (state, message) = explain(found.status, found.same_generation);
            no_store(Json(describe(&app, &found, &view_id, state, message)).into_response())
        }
        Err(response) => no_store(response),
    }
}

/// Finds the view that the request's cookie gives access to.
pub async fn find_view(app: &App, view_id: &str, headers: &HeaderMap) -> Result<Found, Response> {
    let plain = view_id.len() == 16 && view_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = if plain { cookie(headers, &cookie_name(view_id)) } else { None };
    match value.and_then(|value| ViewToken::open_cookie(app, view_id, value)) {
        Some(view) => look_up(app, view).await,
        None => Err(refusal(StatusCode::FORBIDDEN, "invalid", "This page has no access. Open the link again.")),
    }
}

async fn look_up(app: &App, view: ViewToken) -> Result<Found, Response> {
    let found = app.store.instance(&InstanceId::new(view.instance_id.as_str())).await;
    let instance = found.map_err(|error| not_now(&error))?;
    let Some(instance) = instance else {
        let gone = Session { status: Status::Stopped, ..Session::new() };
        return Ok(Found {
            view,
            status: gone.status,
            same_generation: false,
            instance_name: String::new(),
            account_id: String::new(),
            expires_at_ms: 0,
        });
    };
    let session = instance.session.at(app.clock.now_ms());
    let shared = view.share.is_empty() || share_lives(app, &view.share).await?;
    // A resumed session has a new generation too, but its old links are expired and not stopped.
    Ok(Found {
        same_generation: session.generation == view.generation && shared,
        view,
        status: session.status,
        instance_name: instance.name,
        account_id: instance.account_id.to_string(),
        expires_at_ms: session.expires_at_ms,
    })
}

/// The refusal while the store fails, whose error is told to the operator.
fn not_now(error: &StoreError) -> Response {
    unavailable(error);
    refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The server cannot look that up just now.")
}

/// Says whether a share was not revoked and its time is not over.
async fn share_lives(app: &App, id: &str) -> Result<bool, Response> {
    let share = app.store.share(id).await.map_err(|error| not_now(&error))?;
    Ok(share.is_some_and(|share| share.expires_ms > app.clock.now_ms()))
}

fn describe(app: &App, found: &Found, view_id: &str, state: &str, message: &str) -> serde_json::Value {
    // Only who may use them is told where the files are.
    let files = files::allowed(app, &found.view).then(|| format!("/view/s/{view_id}/files"));
    serde_json::json!({
        "viewId": view_id,
        "state": state,
        "message": message,
        "instanceName": found.instance_name,
        "display": found.view.display,
        "role": found.view.role.as_str(),
        "expiresAtMs": found.expires_at_ms,
        "streamPath": format!("/view/s/{view_id}/stream"),
        "statusPath": format!("/view/s/{view_id}/status"),
        "filesPath": files,
        "largestFileBytes": app.config.viewer.largest_file_bytes,
    })
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
