//! Measures every instance that runs, writes the points, and stops those whose idle rule says so.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, future::BoxFuture, stream};
use porthole_model::{
    add_on,
    idle::{self, Decision, Entry},
    instance::State,
    metric::{Row, Step},
};
use porthole_store::{Instance, StoreError, Tx};

use crate::{
    agent::Agent,
    app::App,
    service,
    telemetry::chain,
    usage::{Look, Meter, idle_rule},
};

/// Most instances looked at at once.
const AT_ONCE: usize = 32;

/// Runs once.
pub(super) async fn measure(app: &App) -> anyhow::Result<()> {
    let mut meters = app.usage.meters.lock().await;
    let booted: HashMap<String, i64> = app.store.open_runs().await?.into_iter().collect();
    let mut running = app.store.all_instances().await?;
    running.retain(|instance| instance.state == State::Running && booted.contains_key(instance.id.as_str()));
    let mut looks: Vec<BoxFuture<'_, Look>> = Vec::new();
    for instance in &running {
        looks.push(Box::pin(look(app, instance)));
    }
    let looks: Vec<Look> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let ids: HashSet<&str> = running.iter().map(|instance| instance.id.as_str()).collect();
    meters.retain(|id, _| ids.contains(id.as_str()));
    app.viewers.keep_inputs(|id| ids.contains(id));

    let mut tx = app.store.begin().await?;
    // A row of an instance that was deleted since would break the whole transaction.
    let known = tx.instance_ids().await?;
    let mut idle = Vec::new();
    for (instance, look) in running.iter().zip(looks) {
        let id = instance.id.as_str();
        if !known.contains(id) {
            continue;
        }
        let booted_ms = booted[id];
        let meter = meters.entry(id.to_owned()).or_insert_with(|| Meter::new(booted_ms));
        meter.booted(booted_ms);
        if let Some(entry) = record(app, &mut tx, instance, meter, look).await? {
            idle.push((instance, entry));
        }
    }
    tx.commit().await?;
    let checks = meters.iter().map(|(id, meter)| (id.clone(), meter.checks())).collect();
    app.usage.set_checks(checks);
    for (instance, entry) in idle {
        stop(app, instance, &entry).await;
    }
    Ok(())
}

async fn look(app: &App, instance: &Instance) -> Look {
    let id = instance.id.as_str();
    let counters = match app.driver.sample(id).await {
        Ok(counters) => counters,
        Err(error) => {
            tracing::warn!(instance = id, error = chain(&error), "cannot measure an instance");
            None
        }
    };
    // Read right after the counters, before the agent takes its time.
    let now_ms = app.clock.now_ms();
    let health = Agent::new(&*app.driver, id).health().await.ok();
    Look { now_ms, counters, without_token: health.map(|health| health.requests_without_token) }
}

/// Writes one look down; gives the decision when the instance is to be stopped.
async fn record(
    app: &App,
    tx: &mut Tx,
    instance: &Instance,
    meter: &mut Meter,
    look: Look,
) -> Result<Option<Entry>, StoreError> {
    let vcpus = app.catalog.bundle(&instance.bundle_id).map_or(1, |bundle| bundle.vcpus);
    let taken = meter.take(look, app.config.metrics.period_ms, vcpus);
    if let Some((minute_s, minute, _)) = &taken {
        let fresh = Row::empty(Step::Minute, *minute_s);
        if meter.row.as_ref().is_none_or(|row| row.began_s != fresh.began_s) {
            // After a restart of the server the hour may have begun already.
            let begun = tx.metric(&instance.id, Step::Minute, fresh.began_s).await?;
            meter.row = Some(begun.unwrap_or(fresh));
        }
        if let Some(row) = &mut meter.row {
            row.put(*minute_s, minute);
            tx.put_metric(&instance.id, row).await?;
        }
    }
    let config = &app.config.idle;
    let rule = idle_rule(&add_on::parse(&instance.add_ons), config.minute_ms);
    let input_ms = if config.counts_viewer_input { app.viewers.last_input_ms(instance.id.as_str()) } else { 0 };
    let measured = taken.and_then(|(_, _, measured)| measured);
    let Some(entry) = meter.decide(rule, look.now_ms, measured, input_ms) else { return Ok(None) };
    tracing::debug!(instance = %instance.id, name = instance.name, "idle rule: {entry}");
    let decisions = match &mut meter.decisions {
        Some(decisions) => decisions,
        none => none.insert(idle::parse(&tx.idle_decisions(&instance.id).await?)),
    };
    idle::keep(decisions, entry.clone());
    tx.put_idle_decisions(&instance.id, &idle::write(decisions)).await?;
    Ok((entry.decision == Decision::Stop).then_some(entry))
}

async fn stop(app: &App, instance: &Instance, entry: &Entry) {
    match service::instance::stop_idle(app, instance).await {
        Ok(()) => tracing::info!(instance = %instance.id, name = instance.name, "Idle instance {entry}"),
        // The rule decides again after the next sample.
        Err(error) => tracing::warn!(instance = %instance.id, %error, "an idle instance is not stopped"),
    }
}

/// Makes old points coarser, and forgets the oldest.
pub(super) async fn roll_up(app: &App) -> anyhow::Result<()> {
    let now_s = app.clock.now_ms() / 1000;
    for instance in app.store.all_instances().await? {
        app.store.roll_up_metrics(&instance.id, now_s).await?;
    }
    Ok(())
}
