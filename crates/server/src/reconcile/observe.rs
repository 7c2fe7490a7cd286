//! Compares what the driver finds on the host with what the store says, and mends the difference.

use std::{collections::HashMap, time::Duration};

use porthole_driver::ObservedState;
use porthole_model::{instance, session};
use porthole_store::{Instance, StoreError};

use crate::app::App;

/// Runs once.
pub(super) async fn observe(app: &App) -> anyhow::Result<()> {
    // Listed before looking, so that an instance made in between is not taken for a leftover.
    let busy: Vec<String> =
        app.store.undone_operations().await?.into_iter().map(|operation| operation.resource_id).collect();
    let observed = app.driver.observe().await?;
    let known: HashMap<String, Instance> =
        app.store.all_instances().await?.into_iter().map(|instance| (instance.id.to_string(), instance)).collect();
    for found in &observed {
        if !known.contains_key(&found.id) {
            tracing::warn!(instance = found.id, "releasing what nobody owns");
            app.driver.delete(&found.id).await?;
        }
    }
    for (id, instance) in &known {
        if busy.contains(id) || instance.state != instance::State::Running {
            continue;
        }
        let state = observed.iter().find(|found| found.id == *id).map(|found| found.state);
        if state != Some(ObservedState::Running) {
            went_down(app, instance).await?;
        }
    }
    Ok(())
}

/// An instance ended by itself: a shutdown from inside, a kill, or a restart of the host.
async fn went_down(app: &App, seen: &Instance) -> anyhow::Result<()> {
    let mut tx = app.store.begin().await?;
    let Some(mut instance) = tx.instance(&seen.id).await? else { return Ok(()) };
    // An operation began since: it decides.
    if instance.generation != seen.generation || tx.live_operation(seen.id.as_str()).await?.is_some() {
        return Ok(());
    }
    instance.state = instance::transition(instance.state, instance::Event::WentDown).unwrap_or(instance.state);
    let over = session::transition(&instance.session, session::Event::InstanceDown);
    instance.session = over.unwrap_or_else(|_| instance.session.clone());
    tx.end_run(&instance.id, app.clock.now_ms()).await?;
    match tx.update_instance(&mut instance).await {
        Ok(()) => tx.commit().await?,
        Err(StoreError::Conflict) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    tracing::warn!(instance = %instance.id, name = instance.name, "Instance ended by itself");
    app.viewers.cut(instance.id.as_str(), |_| true);
    app.driver.stop(instance.id.as_str(), Duration::ZERO).await?;
    Ok(())
}
