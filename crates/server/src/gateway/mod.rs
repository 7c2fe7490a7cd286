//! The browser's side: the viewer page, trading a URL's token for a cookie, the streams, and the person's files.
//!
//! A token comes in the URL's fragment, which browsers never send; the page trades it here for a cookie that is bound to
//! one session generation and wipes the fragment. The gateway never parses the display protocol.

mod courier;
pub mod files;
pub mod page;
pub mod registry;
pub mod stream;
pub mod token;
pub mod trade;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use porthole_model::session::Status;

use crate::app::App;

/// Gives the routes under `/view`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/view", get(page::index))
        .route("/view/", get(page::index))
        .route("/view/v/{view_id}", get(page::index))
        .route("/view/assets/{*path}", get(page::asset))
        .route("/view/api/trade", post(trade::trade))
        .route("/view/s/{view_id}/status", get(trade::status))
        .route("/view/s/{view_id}/stream", get(stream::stream))
        .route("/view/s/{view_id}/files", get(files::list))
        .route("/view/s/{view_id}/files/content", get(files::download).put(files::upload))
}

/// Says whether the request comes from one of our own pages: its Origin is the configured base or the host it asks for.
pub fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else { return false };
    if origin == app.config.base_url() {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    origin.parse::<Uri>().is_ok_and(|uri| uri.authority().map(|authority| authority.as_str()) == host && host.is_some())
}

/// Finds a cookie by its whole name.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

fn cookie_name(view_id: &str) -> String {
    format!("porthole_{view_id}")
}

/// A refusal as the page reads it.
fn refusal(status: StatusCode, reason: &str, message: &str) -> Response {
    (status, axum::Json(serde_json::json!({"reason": reason, "message": message}))).into_response()
}

/// The sentence a person reads when a session in this status cannot be viewed, and the word the page acts on.
fn explain(status: Status, same_generation: bool) -> (&'static str, &'static str) {
    if !same_generation {
        return ("stopped", "The session this link was for has ended. Ask for a new link.");
    }
    match status {
        Status::Started => ("started", "The session is running."),
        Status::Starting => ("starting", "The session is starting."),
        Status::StartExpired => (
            "expired",
            "The session's time is over. Applications keep running; start the session again for a new link to the same desktop.",
        ),
        Status::Stopping => ("stopping", "The session is being stopped."),
        Status::Stopped => {
            ("stopped", "This session was stopped. What was not saved is gone; a new session needs a new link.")
        }
        Status::NotStarted => {
            ("stopped", "The computer was restarted and this session ended. A new session needs a new link.")
        }
        Status::SettingUpInstance | Status::FailedInstanceCreation => ("gone", "The computer is not ready."),
        Status::FailedStartingGuiSession | Status::FailedStoppingGuiSession => {
            ("failed", "The session failed. Start it again for a new link.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "porthole_ab=1; porthole_a=2".parse().expect("a header"));
        assert_eq!(cookie(&headers, "porthole_a"), Some("2"));
        assert_eq!(cookie(&headers, "porthole_b"), None);
    }
}
