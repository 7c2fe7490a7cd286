//! Bundles and their prices.

use axum::{Json, extract::Path};
use porthole_model::catalog::Bundle;
use porthole_store::BundleChange;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    Answer,
    cx::{Cx, Json_, OperatorCx},
    problem::Problem,
};

/// Highest prices: those of the data file.
const MOST_HOUR: f64 = 1e6;
const MOST_MONTH: f64 = 1e9;

/// `GET bundles`.
pub async fn bundles(OperatorCx(cx): OperatorCx) -> Answer {
    let app = cx.app();
    app.catalog.refresh(&app.store).await?;
    let described = app.catalog.current_bundles().iter().map(|bundle| describe(&cx, bundle)).collect::<Vec<_>>();
    Ok(Json(json!({"bundles": described})))
}

fn describe(cx: &Cx, bundle: &Bundle) -> Value {
    json!({
        "id": bundle.id,
        "name": bundle.name,
        "vcpus": bundle.vcpus,
        "ramGb": bundle.ram_gb,
        "diskGb": bundle.disk_gb,
        "pricePerHour": bundle.price_per_hour,
        "pricePerMonth": bundle.price_per_month,
        "isActive": bundle.is_active,
        "changed": cx.app().catalog.bundle(&bundle.id) != Some(bundle),
    })
}

/// What is to be changed; what is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Change {
    #[serde(default)]
    price_per_hour: Option<f64>,
    #[serde(default)]
    price_per_month: Option<f64>,
    #[serde(default)]
    is_active: Option<bool>,
}

/// `PUT bundles/ID`.
pub async fn set_bundle(OperatorCx(cx): OperatorCx, Path(id): Path<String>, Json_(change): Json_<Change>) -> Answer {
    known(&cx, &id)?;
    let outcome = set(&cx, &id, &change).await;
    cx.logged("ChangeBundle", &id, outcome).await?;
    Ok(Json(describe(&cx, &known(&cx, &id)?)))
}

async fn set(cx: &Cx, id: &str, change: &Change) -> Result<(), Problem> {
    let hour_micros = micros("pricePerHour", change.price_per_hour, MOST_HOUR)?;
    let month_micros = micros("pricePerMonth", change.price_per_month, MOST_MONTH)?;
    let store = &cx.app().store;
    let before = store.bundle_changes().await?.into_iter().find(|before| before.bundle_id == id);
    let before =
        before.unwrap_or(BundleChange { bundle_id: id.into(), hour_micros: None, month_micros: None, active: None });
    let after = BundleChange {
        bundle_id: id.to_owned(),
        hour_micros: hour_micros.or(before.hour_micros),
        month_micros: month_micros.or(before.month_micros),
        active: change.is_active.or(before.active),
    };
    let mut tx = store.begin().await?;
    tx.set_bundle_change(&after).await?;
    tx.commit().await?;
    Ok(cx.app().catalog.refresh(store).await?)
}

fn micros(field: &'static str, price: Option<f64>, most: f64) -> Result<Option<i64>, Problem> {
    match price {
        None => Ok(None),
        Some(price) if (0.0..most).contains(&price) => Ok(Some((price * 1e6).round() as i64)),
        Some(_) => Err(Problem::field(field, format!("{field} must be 0 to {most}, in USD."))),
    }
}

/// `DELETE bundles/ID`: as the site's file has it.
pub async fn reset_bundle(OperatorCx(cx): OperatorCx, Path(id): Path<String>) -> Answer {
    known(&cx, &id)?;
    let outcome = reset(&cx, &id).await;
    cx.logged("ResetBundle", &id, outcome).await?;
    Ok(Json(describe(&cx, &known(&cx, &id)?)))
}

async fn reset(cx: &Cx, id: &str) -> Result<(), Problem> {
    let store = &cx.app().store;
    let mut tx = store.begin().await?;
    tx.delete_bundle_change(id).await?;
    tx.commit().await?;
    Ok(cx.app().catalog.refresh(store).await?)
}

fn known(cx: &Cx, id: &str) -> Result<Bundle, Problem> {
    cx.app().catalog.current_bundle(id).ok_or_else(|| Problem::not_found("bundle"))
}
