//! How the site is: the machine, sessions, operations, the audit log, health.

use axum::{Json, extract::Path};
use porthole_driver::doctor::{Check, Level, checks};
use porthole_model::{instance::State, operation::Progress, session::Status};
use porthole_store::Operation;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{
        Answer,
        cx::{Json_, OperatorCx, Query, seconds},
        problem::Problem,
        shares::describe_viewer,
        sign_in::Nothing,
        watch::describe_operation,
    },
    account_names, short_account,
};
use crate::operation::runner::STUCK_ATTEMPTS;

/// `GET capacity`.
pub async fn capacity(OperatorCx(cx): OperatorCx) -> Answer {
    let app = cx.app();
    let machine = app.driver.machine().await.map_err(|error| {
        tracing::warn!(%error, "the machine cannot be looked at");
        Problem::unavailable()
    })?;
    let (instances, now_ms) = (app.store.all_instances().await?, app.clock.now_ms());
    let running = instances.iter().filter(|instance| matches!(instance.state, State::Running | State::Pending));
    let bundles: Vec<_> = running.clone().filter_map(|instance| app.catalog.bundle(&instance.bundle_id)).collect();
    let started = instances.iter().filter(|instance| instance.session.at(now_ms).status == Status::Started);
    Ok(Json(json!({
        "cpus": machine.cpus,
        "load": seconds(i64::try_from(machine.load_millis).unwrap_or(i64::MAX)),
        "memoryBytes": machine.memory_bytes,
        "memoryUsedBytes": machine.memory_bytes.saturating_sub(machine.memory_free_bytes),
        "diskBytes": machine.disk_bytes,
        "diskUsedBytes": machine.disk_bytes.saturating_sub(machine.disk_free_bytes),
        "instances": instances.len(),
        "instancesRunning": running.count(),
        "sessionsStarted": started.count(),
        "viewers": app.viewers.count(),
        "vcpusPromised": bundles.iter().map(|bundle| u64::from(bundle.vcpus)).sum::<u64>(),
        "memoryPromisedBytes": bundles.iter().map(|bundle| bundle.memory_bytes()).sum::<u64>(),
    })))
}

/// `GET sessions`: those of which anything runs.
pub async fn sessions(OperatorCx(cx): OperatorCx) -> Answer {
    let (app, names) = (cx.app(), account_names(&cx).await?);
    let now_ms = app.clock.now_ms();
    let mut found = Vec::new();
    for mut instance in app.store.all_instances().await? {
        instance.session = instance.session.at(now_ms);
        if !instance.session.status.may_have_displays() {
            continue;
        }
        let viewers = app.viewers.list(|stream| stream.instance_id == instance.id.as_str());
        found.push(json!({
            "account": short_account(&names, instance.account_id.as_str()),
            "instance": instance.name,
            "blueprint": instance.blueprint_id,
            "status": instance.session.status.name(),
            "expiresAt": seconds(instance.session.expires_at_ms),
            "viewers": viewers.iter().map(describe_viewer).collect::<Vec<_>>(),
        }));
    }
    Ok(Json(json!({"sessions": found})))
}

/// Which operations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    #[serde(default)]
    stuck: bool,
}

/// `GET operations`: those that have not ended.
pub async fn operations(OperatorCx(cx): OperatorCx, Query(which): Query<Which>) -> Answer {
    let names = account_names(&cx).await?;
    let mut undone = cx.app().store.undone_operations().await?;
    undone.retain(|operation| !which.stuck || is_stuck(operation));
    undone.sort_by_key(|operation| (!is_stuck(operation), operation.created_ms));
    let describe =
        |operation: &Operation| describe_undone(operation, short_account(&names, operation.account_id.as_str()));
    Ok(Json(json!({"operations": undone.iter().map(describe).collect::<Vec<_>>()})))
}

fn is_stuck(operation: &Operation) -> bool {
    matches!(operation.progress, Progress::Undo(_)) && operation.attempts >= STUCK_ATTEMPTS
}

fn describe_undone(operation: &Operation, account: Value) -> Value {
    let mut described = describe_operation(operation);
    described["account"] = account;
    described["stuck"] = is_stuck(operation).into();
    described["nextTryAt"] = seconds(operation.next_try_ms).into();
    described["deadlineAt"] = seconds(operation.deadline_ms).into();
    described
}

/// `POST operations/ID/retry`: its next try is now.
pub async fn retry(OperatorCx(cx): OperatorCx, Path(id): Path<String>, _: Json_<Nothing>) -> Answer {
    let app = cx.app();
    let mut tx = app.store.begin().await?;
    let found = tx.hurry_operation(&id, app.clock.now_ms()).await?;
    tx.commit().await?;
    let operation = found.ok_or_else(|| Problem::not_found("operation that has not ended"))?;
    app.wake.notify_one();
    cx.log("RetryOperation", &format!("{} {id}", operation.resource_name), "ok").await;
    let names = account_names(&cx).await?;
    Ok(Json(describe_undone(&operation, short_account(&names, operation.account_id.as_str()))))
}

/// Which part of the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    #[serde(default)]
    before: String,
    #[serde(default = "most_entries")]
    limit: i64,
    #[serde(default)]
    account: String,
}

fn most_entries() -> i64 {
    100
}

/// `GET audit`.
pub async fn audit(OperatorCx(cx): OperatorCx, Query(part): Query<Part>) -> Answer {
    if !(1..=500).contains(&part.limit) {
        return Err(Problem::field("limit", "limit must be 1 to 500."));
    }
    let (app, names) = (cx.app(), account_names(&cx).await?);
    app.audit.flush(app).await;
    let mut entries = app.store.audit(&part.before, &part.account, part.limit + 1).await?;
    let more = entries.len() as i64 > part.limit;
    entries.truncate(usize::try_from(part.limit).unwrap_or(0));
    let next = entries.last().filter(|_| more).map(|entry| entry.id.clone());
    let entries = entries.iter().map(|entry| {
        let account = (!entry.account_id.is_empty()).then(|| short_account(&names, &entry.account_id));
        json!({
            "id": entry.id,
            "at": seconds(entry.at_ms),
            "actor": entry.actor,
            "account": account,
            "action": entry.action,
            "target": entry.target,
            "from": entry.address,
            "outcome": entry.outcome,
        })
    });
    Ok(Json(json!({"entries": entries.collect::<Vec<_>>(), "next": next})))
}

/// `GET health`: what `porthole doctor` finds.
pub async fn health(OperatorCx(cx): OperatorCx) -> Answer {
    let config = cx.app().config.clone();
    let found = tokio::task::spawn_blocking(move || checks(&config.state_dir, &config.images_dir)).await;
    let found = found.map_err(|_| Problem::unavailable())?;
    let describe = |check: &Check| {
        let status = match check.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Missing => "missing",
        };
        json!({"name": check.name, "status": status, "says": check.found, "costs": check.cost, "mend": check.mend})
    };
    Ok(Json(json!({"checks": found.iter().map(describe).collect::<Vec<_>>()})))
}
