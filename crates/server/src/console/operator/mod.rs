//! The site, for its operators.

pub mod accounts;
pub mod catalog;
pub mod images;
pub mod people;
pub mod site;

use std::collections::HashMap;

use axum::{
    Router,
    routing::{get, patch, post, put},
};
use serde_json::{Value, json};

use super::{cx::Cx, problem::Problem};
use crate::app::App;

/// Gives the routes under `operator/`.
pub fn routes() -> Router<std::sync::Arc<App>> {
    Router::new()
        .route("/accounts", get(accounts::list).post(accounts::create))
        .route("/accounts/{id}", axum::routing::delete(accounts::delete))
        .route("/accounts/{id}/quotas", get(accounts::quotas).put(accounts::set_quotas))
        .route("/people", get(people::list).post(people::create))
        .route("/people/{id}", patch(people::change).delete(people::delete))
        .route("/people/{id}/link", post(people::link))
        .route("/bundles", get(catalog::bundles))
        .route("/bundles/{id}", put(catalog::set_bundle).delete(catalog::reset_bundle))
        .route("/blueprints", get(images::blueprints))
        .route("/blueprints/{id}/build", post(images::build))
        .route("/blueprints/{id}/log", get(images::log))
        .route("/capacity", get(site::capacity))
        .route("/sessions", get(site::sessions))
        .route("/operations", get(site::operations))
        .route("/operations/{id}/retry", post(site::retry))
        .route("/audit", get(site::audit))
        .route("/health", get(site::health))
}

/// Names of all accounts, by id.
async fn account_names(cx: &Cx) -> Result<HashMap<String, String>, Problem> {
    let accounts = cx.app().store.accounts().await?;
    Ok(accounts.into_iter().map(|account| (account.id.to_string(), account.name)).collect())
}

/// Writes an account in short; one that is gone has no name.
fn short_account(names: &HashMap<String, String>, id: &str) -> Value {
    json!({"id": id, "name": names.get(id).map(String::as_str).unwrap_or_default()})
}
