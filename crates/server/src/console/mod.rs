//! The console: its pages, and its own interface, `docs/console-api.md`.
//!
//! The pages call the public API with temporary credentials; here is only what that API cannot say. Each function gets who
//! asks by its arguments: [`cx::Browser`] anybody, [`cx::Cx`] a person who signed in, [`cx::OperatorCx`] an operator.

pub mod cx;
pub mod decide;
mod keys;
mod oidc;
pub mod operator;
mod page;
pub mod password;
mod problem;
mod shares;
pub mod sign_in;
mod watch;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    http::{HeaderName, HeaderValue, header},
    response::Redirect,
    routing::{delete, get, post, put},
};
use tokio::sync::watch as signal;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{
    app::{App, Ids},
    config::Config,
};
use problem::Problem;

/// What most functions answer.
type Answer = Result<Json<serde_json::Value>, Problem>;

/// What the console needs, made once at start.
pub struct State {
    /// Decide who may do what.
    pub policies: decide::Policies,
    /// Hashes passwords.
    pub hasher: password::Hasher,
    /// Pictures taken lately.
    pub pictures: watch::Pictures,
    /// Builds of images begun here.
    pub builds: operator::images::Builds,
    /// The identity provider, where one is configured.
    pub oidc: Option<oidc::Provider>,
    ending: signal::Sender<bool>,
}

impl State {
    /// Reads the policies.
    ///
    /// # Errors
    /// When they have a fault.
    pub fn load(config: &Config, ids: &dyn Ids) -> anyhow::Result<Self> {
        Ok(Self {
            policies: decide::Policies::load(config.console.policies.as_deref())?,
            hasher: password::Hasher::new(ids),
            pictures: watch::Pictures::default(),
            builds: operator::images::Builds::default(),
            oidc: config.console.oidc.as_ref().map(oidc::Provider::load).transpose()?,
            ending: signal::Sender::new(false),
        })
    }

    /// Lets requests that wait for a change answer: the server ends.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Waits, or until the server ends.
    async fn pause(&self, time: Duration) {
        let mut ending = self.ending.subscribe();
        let _ = tokio::time::timeout(time, ending.wait_for(|ending| *ending)).await;
    }
}

/// Gives the routes under `/console`.
pub fn routes() -> Router<Arc<App>> {
    let own = |header: HeaderName, value| SetResponseHeaderLayer::overriding(header, HeaderValue::from_static(value));
    let api = Router::new()
        .route("/site", get(sign_in::site))
        .route("/session", get(sign_in::session))
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-in/link", post(sign_in::by_link))
        .route("/sign-in/oidc", get(oidc::leave))
        .route("/sign-in/oidc/callback", get(oidc::come_back))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/password", post(sign_in::password))
        .route("/credentials", post(sign_in::credentials))
        .route("/access-keys", get(keys::list).post(keys::create))
        .route("/access-keys/{id}", put(keys::change).delete(keys::revoke))
        .route("/policy-schema", get(keys::schema))
        .route("/changes", get(watch::changes))
        .route("/displays", get(watch::list_displays))
        .route("/sessions", get(watch::sessions))
        .route("/prices", get(watch::prices))
        .route("/windows", get(watch::windows))
        .route("/screenshot", get(watch::screenshot))
        .route("/idle", get(watch::idle))
        .route("/operations/{id}", get(watch::operation))
        .route("/viewers", get(shares::viewers))
        .route("/viewers/{id}", delete(shares::cut_viewer))
        .route("/shares", get(shares::list).post(shares::create))
        .route("/shares/{id}", delete(shares::revoke))
        .nest("/operator", operator::routes())
        .fallback(async || Problem::not_found("address"))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(own(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(own(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"));
    Router::new()
        .nest("/console/api", api)
        .route("/console", get(async || Redirect::permanent("/console/")))
        .route("/console/", get(page::index))
        .route("/console/{*path}", get(page::file))
}
