//! Plans of instances.

use std::time::Duration;

use porthole_driver::InstanceSpec;
use porthole_model::{
    InstanceId, instance,
    session::{self, Event},
};
use porthole_store::{Instance, StoreError, Tx};

use super::{
    Learnt,
    disk::{detach_all, mount_all},
    plan::{Plan, Step, StepError},
    session::{close_viewers, find, stop_displays},
    snapshot::ensure_data_disks,
};
use crate::{app::App, network, service::key_pair, ssh::Authority};

/// CreateInstances, for one instance.
pub const CREATE: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 180_000,
    steps: &[
        Step {
            name: "ensure_image",
            deadline_ms: 30_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_image(app, op)),
            undo: Some(|app, op| Box::pin(mark_create_failed(app, op))),
        },
        Step {
            name: "ensure_disk",
            deadline_ms: 60_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_disk(app, op)),
            undo: Some(|app, op| Box::pin(release_disk(app, op))),
        },
        Step {
            name: "ensure_running",
            deadline_ms: 60_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_running(app, op)),
            undo: Some(|app, op| Box::pin(release_running(app, op))),
        },
        // Nothing to undo: it is one write, and last.
        Step {
            name: "mark_running",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_running(app, op)),
            undo: None,
        },
    ],
};

/// StartInstance.
pub const START: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 120_000,
    steps: &[
        Step {
            name: "ensure_disk",
            deadline_ms: 60_000,
            interruptible: false,
            // An instance whose creation failed has no disk yet; all others keep theirs.
            run: |app, op| Box::pin(ensure_disk(app, op)),
            undo: Some(|app, op| Box::pin(mark_down(app, op))),
        },
        Step {
            name: "ensure_running",
            deadline_ms: 60_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_running(app, op)),
            undo: Some(|app, op| Box::pin(release_running(app, op))),
        },
        // Nothing to undo: it is one write, and last.
        Step {
            name: "mark_running",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_running(app, op)),
            undo: None,
        },
    ],
};

/// StopInstance. Superseded only by a delete, which does the same and more: nothing is to be undone.
pub const STOP: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 120_000,
    steps: &[
        Step {
            name: "close_viewers",
            deadline_ms: 5_000,
            interruptible: true,
            run: |app, op| Box::pin(close_viewers(app, op)),
            undo: None,
        },
        Step {
            name: "stop_instance",
            deadline_ms: 90_000,
            interruptible: false,
            run: |app, op| Box::pin(stop_instance(app, op)),
            undo: None,
        },
        Step {
            name: "mark_down",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_down(app, op)),
            undo: None,
        },
    ],
};

/// RebootInstance: down, then up again.
pub const REBOOT: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 180_000,
    steps: &[
        Step {
            name: "close_viewers",
            deadline_ms: 5_000,
            interruptible: true,
            run: |app, op| Box::pin(close_viewers(app, op)),
            // The session ended when the request was accepted: where the instance is still up, its displays go too.
            undo: Some(|app, op| Box::pin(stop_displays(app, op))),
        },
        Step {
            name: "stop_instance",
            deadline_ms: 90_000,
            interruptible: false,
            run: |app, op| Box::pin(stop_instance(app, op)),
            // What may have half gone down goes down, and is said to be.
            undo: Some(|app, op| Box::pin(release_and_mark_down(app, op))),
        },
        Step {
            name: "ensure_running",
            deadline_ms: 60_000,
            interruptible: false,
            run: |app, op| Box::pin(ensure_running(app, op)),
            undo: Some(|app, op| Box::pin(release_running(app, op))),
        },
        // Nothing to undo: it is one write, and last.
        Step {
            name: "mark_running",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_running(app, op)),
            undo: None,
        },
    ],
};

/// DeleteInstance. Never superseded; what fails is tried again until the deadline, and by the next DeleteInstance.
pub const DELETE: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 600_000,
    steps: &[
        Step {
            name: "close_viewers",
            deadline_ms: 5_000,
            interruptible: true,
            run: |app, op| Box::pin(close_viewers(app, op)),
            undo: None,
        },
        Step {
            name: "delete_instance",
            deadline_ms: 90_000,
            interruptible: false,
            run: |app, op| Box::pin(delete_instance(app, op)),
            undo: None,
        },
        Step {
            name: "mark_deleted",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_deleted(app, op)),
            undo: None,
        },
    ],
};

/// What the driver must know of an instance. `None` when the operator took its blueprint or bundle away.
pub async fn spec(app: &App, instance: &Instance) -> Result<Option<InstanceSpec>, StoreError> {
    let Some((blueprint, bundle)) =
        app.catalog.blueprint(&instance.blueprint_id).zip(app.catalog.bundle(&instance.bundle_id))
    else {
        return Ok(None);
    };
    Ok(Some(InstanceSpec {
        id: instance.id.to_string(),
        account_id: instance.account_id.to_string(),
        hostname: hostname(&instance.name),
        image: blueprint.image.clone(),
        disk_bytes: bundle.disk_bytes(),
        cpu_millis: bundle.cpu_millis(),
        memory_bytes: bundle.memory_bytes(),
        pids_max: bundle.pids_max(),
        index: instance.address_index,
        authorized_keys: authorized_key(app, instance).await?.into_iter().collect(),
        trusted_ca: Authority::of_instance(&app.seal, instance.id.as_str()).public().line(),
        user_data: instance.user_data.clone(),
    }))
}

/// The public key that logs in: the one the instance was created with, or its pair's where none was recorded then.
async fn authorized_key(app: &App, instance: &Instance) -> Result<Option<String>, StoreError> {
    if let Some(ssh) = app.store.instance_ssh(&instance.id).await?.filter(|ssh| !ssh.public_key.is_empty()) {
        return Ok(Some(ssh.public_key));
    }
    let name = Some(instance.key_pair_name.as_str()).filter(|name| !name.is_empty()).unwrap_or(key_pair::DEFAULT);
    let pair = app.store.key_pair(&instance.account_id, &instance.region, name).await?;
    Ok(pair.map(|pair| pair.public_key))
}

/// Makes a DNS label of a resource's name: letters, digits and inner hyphens, at most 63.
pub fn hostname(name: &str) -> String {
    let label: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).take(63).collect();
    label.trim_matches('-').to_owned()
}

async fn found(app: &App, op: &mut Learnt) -> Result<(Instance, InstanceSpec), StepError> {
    let Some(instance) = find(app, op).await? else {
        return Err(failed(op, "The instance was deleted.".into()));
    };
    match spec(app, &instance).await? {
        Some(spec) => Ok((instance, spec)),
        None => Err(failed(op, "The instance's blueprint or bundle is no longer offered by this server.".into())),
    }
}

fn failed(op: &mut Learnt, reason: String) -> StepError {
    op.reason.clone_from(&reason);
    StepError::Failed { what: reason.clone(), code: "OperationFailure", public: reason }
}

/// Keeps a final error's public sentence for the session's failure reason.
fn remember(op: &mut Learnt, error: porthole_driver::DriverError) -> StepError {
    if let porthole_driver::DriverError::Final { public, .. } = &error {
        op.reason.clone_from(public);
    }
    error.into()
}

async fn ensure_image(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let (_, spec) = found(app, op).await?;
    app.driver.ensure_image(&spec.image).await.map_err(|error| remember(op, error))
}

pub(super) async fn ensure_disk(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let (instance, spec) = found(app, op).await?;
    if instance.from_snapshot_id.is_empty() {
        return app.driver.create(&spec).await.map_err(|error| remember(op, error));
    }
    let made = app.driver.create_from_snapshot(&spec, &instance.from_snapshot_id).await;
    made.map_err(|error| remember(op, error))?;
    ensure_data_disks(app, &op.instance_id).await
}

pub(super) async fn ensure_running(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let (instance, spec) = found(app, op).await?;
    match network::prepare(app, &instance).await {
        Err(network::PrepareError::Store(error)) => return Err(error.into()),
        Err(network::PrepareError::Driver(error)) => return Err(remember(op, error)),
        Ok(()) => {}
    }
    app.driver.start(&spec).await.map_err(|error| remember(op, error))?;
    mount_all(app, &op.instance_id).await
}

pub(super) async fn mark_running(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    // A second run must not end a session that was started since: the boot is marked together with the state.
    change(app, op, |instance| {
        if instance.state == instance::State::Running && instance.session.status == session::Status::NotStarted {
            return;
        }
        instance.state = instance::transition(instance.state, instance::Event::CameUp).unwrap_or(instance.state);
        instance.session =
            session::transition(&instance.session, Event::Boot).unwrap_or_else(|_| instance.session.clone());
    })
    .await
}

async fn mark_down(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    change(app, op, |instance| {
        instance.state = instance::transition(instance.state, instance::Event::WentDown).unwrap_or(instance.state);
        instance.session =
            session::transition(&instance.session, Event::InstanceDown).unwrap_or_else(|_| instance.session.clone());
    })
    .await
}

pub(super) async fn mark_create_failed(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let reason = if op.reason.is_empty() {
        "The computer could not be created. Delete it, or start it to try again.".to_owned()
    } else {
        op.reason.clone()
    };
    change(app, op, |instance| {
        instance.state = instance::transition(instance.state, instance::Event::WentDown).unwrap_or(instance.state);
        let event = Event::InstanceFailed(reason.clone());
        instance.session = session::transition(&instance.session, event).unwrap_or_else(|_| instance.session.clone());
    })
    .await
}

/// Changes the row, reading again when somebody else was faster; a row that is gone needs no change.
async fn change(app: &App, op: &Learnt, what: impl Fn(&mut Instance)) -> Result<(), StepError> {
    loop {
        let Some(before) = app.store.instance(&InstanceId::new(op.instance_id.as_str())).await? else { return Ok(()) };
        let mut after = before.clone();
        what(&mut after);
        if after == before {
            return Ok(());
        }
        let mut tx = app.store.begin().await?;
        record_run(app, &mut tx, &after).await?;
        match tx.update_instance(&mut after).await {
            Ok(()) => return Ok(tx.commit().await?),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Costs are computed from runs: one begins with each boot, and ends when nothing runs any more.
async fn record_run(app: &App, tx: &mut Tx, instance: &Instance) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    match instance.state {
        instance::State::Running => {
            let price = app.catalog.current_bundle(&instance.bundle_id).map_or(0.0, |bundle| bundle.price_per_hour);
            tx.begin_run(instance, (price * 1e6).round() as i64, now_ms).await
        }
        instance::State::Stopped => tx.end_run(&instance.id, now_ms).await,
        instance::State::Pending | instance::State::Stopping | instance::State::ShuttingDown => Ok(()),
    }
}

async fn stop_instance(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let grace = Duration::from_millis(u64::from(app.config.operation.stop_grace_ms));
    Ok(app.driver.stop(&op.instance_id, grace).await?)
}

pub(super) async fn release_running(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    Ok(app.driver.stop(&op.instance_id, Duration::ZERO).await?)
}

async fn release_and_mark_down(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    release_running(app, op).await?;
    mark_down(app, op).await
}

pub(super) async fn release_disk(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    Ok(app.driver.delete(&op.instance_id).await?)
}

async fn delete_instance(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    Ok(app.driver.delete(&op.instance_id).await?)
}

async fn mark_deleted(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let mut tx = app.store.begin().await?;
    detach_all(&mut tx, &InstanceId::new(op.instance_id.as_str())).await?;
    tx.delete_instance(&InstanceId::new(op.instance_id.as_str())).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn host_names_are_dns_labels() {
        assert_eq!(super::hostname("Lab_1.x"), "lab-1-x");
        assert_eq!(super::hostname(&"a".repeat(80)).len(), 63);
    }
}
