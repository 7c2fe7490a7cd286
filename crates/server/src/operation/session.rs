//! Plans of sessions.

use std::time::Duration;

use porthole_model::{
    InstanceId,
    guest::{DisplayState, DisplayStatus},
    session::{Event, Session, Status, transition},
};
use porthole_store::{Instance, StoreError};

use super::{
    Learnt,
    plan::{Plan, Step, StepError},
};
use crate::{agent::Agent, app::App};

/// How long one question for a display's state waits for a change, which is also how long a change that came between two
/// questions goes unnoticed.
const WAIT_MS: u32 = 40;

/// StartGUISession.
pub const START: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 120_000,
    steps: &[
        Step {
            name: "start_displays",
            deadline_ms: 90_000,
            interruptible: true,
            run: |app, op| Box::pin(start_displays(app, op)),
            undo: Some(|app, op| Box::pin(release_displays(app, op))),
        },
        Step {
            name: "mark_started",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_started(app, op)),
            // The undo of the step before ends the displays and marks the failure.
            undo: None,
        },
    ],
};

/// StopGUISession. Tokens died in the transaction that accepted it: the session's generation rose.
pub const STOP: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 60_000,
    steps: &[
        Step {
            name: "close_viewers",
            deadline_ms: 5_000,
            interruptible: true,
            run: |app, op| Box::pin(close_viewers(app, op)),
            // Undone last, wherever it failed: the session says so and can be stopped or started again.
            undo: Some(|app, op| Box::pin(mark_stop_failed(app, op))),
        },
        Step {
            name: "stop_displays",
            deadline_ms: 30_000,
            interruptible: true,
            run: |app, op| Box::pin(stop_displays(app, op)),
            // Nothing to undo: what was ended stays ended.
            undo: None,
        },
        Step {
            name: "mark_stopped",
            deadline_ms: 10_000,
            interruptible: true,
            run: |app, op| Box::pin(mark_stopped(app, op)),
            // Nothing to undo: it is one write.
            undo: None,
        },
    ],
};

/// Reads the instance; `None` when it was deleted meanwhile.
pub(super) async fn find(app: &App, op: &Learnt) -> Result<Option<Instance>, StepError> {
    Ok(app.store.instance(&InstanceId::new(op.instance_id.as_str())).await?)
}

/// Applies an event to the session, reading again when somebody else was faster. Gives the session after it.
pub async fn apply(app: &App, instance_id: &str, event: &Event) -> Result<Option<Session>, StoreError> {
    let id = InstanceId::new(instance_id);
    loop {
        let Some(mut instance) = app.store.instance(&id).await? else { return Ok(None) };
        // An event that no longer fits says nothing about the session there is now.
        let after = transition(&instance.session, event.clone()).unwrap_or_else(|_| instance.session.clone());
        if after == instance.session {
            return Ok(Some(after));
        }
        instance.session = after;
        let mut tx = app.store.begin().await?;
        match tx.update_instance(&mut instance).await {
            Ok(()) => {
                tx.commit().await?;
                return Ok(Some(instance.session));
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
}

async fn start_displays(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let Some(instance) = find(app, op).await? else {
        return Err(failed(op, "The instance was deleted.".into()));
    };
    let Some(blueprint) = app.catalog.blueprint(&instance.blueprint_id) else {
        return Err(failed(
            op,
            format!("The blueprint {} is no longer offered by this server.", instance.blueprint_id),
        ));
    };
    let agent = Agent::new(&*app.driver, &op.instance_id);
    let (width_px, height_px) = (app.config.session.width_px, app.config.session.height_px);
    let mut displays = Vec::new();
    for display in &blueprint.displays {
        displays.push(agent.ensure_display(&display.name, &display.spec(width_px, height_px)).await?);
    }
    loop {
        if let Some(broken) = displays.iter().find(|display| dead(display)) {
            let reason = format!(
                "The {} display could not start: {}. Start the session again.",
                broken.name,
                sentence(&broken.reason)
            );
            return Err(failed(op, reason));
        }
        let percent = displays.iter().map(|display| u32::from(display.percent.min(100))).sum::<u32>()
            / displays.len().max(1) as u32;
        apply(app, &op.instance_id, &Event::Progress(u8::try_from(percent).unwrap_or(99))).await?;
        let Some(waiting) = displays.iter_mut().find(|display| display.state != DisplayState::Started) else {
            return Ok(());
        };
        *waiting = agent.wait_display(&waiting.name.clone(), WAIT_MS).await?;
    }
}

fn dead(display: &DisplayStatus) -> bool {
    match display.state {
        DisplayState::Starting | DisplayState::Started => false,
        DisplayState::Stopping | DisplayState::Stopped | DisplayState::Failed => true,
    }
}

/// The guest's own words, made harmless: one line, printable, short.
fn sentence(words: &str) -> String {
    let words: String = words.chars().filter(|c| !c.is_control()).take(200).collect();
    if words.is_empty() { "it ended at once".into() } else { words.trim_end_matches('.').to_owned() }
}

fn failed(op: &mut Learnt, reason: String) -> StepError {
    op.reason.clone_from(&reason);
    StepError::Failed { what: reason.clone(), code: "SessionStartFailed", public: reason }
}

async fn mark_started(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let expires_at_ms = app.clock.now_ms() + app.config.session.duration_ms;
    let session = apply(app, &op.instance_id, &Event::CameUp { expires_at_ms }).await?;
    match session.map(|session| session.status) {
        Some(Status::Started) => Ok(()),
        _ => Err(failed(op, "The session was stopped while it started.".into())),
    }
}

async fn release_displays(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    stop_displays(app, op).await?;
    if op.reason.is_empty() {
        op.reason = "The session could not be started in time. Start it again, or restart the computer.".into();
    }
    apply(app, &op.instance_id, &Event::StartFailed(op.reason.clone())).await?;
    Ok(())
}

/// Cuts this server's streams of tokens that are no longer good; other servers' streams end at their next check.
pub(super) async fn close_viewers(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let generation = find(app, op).await?.map_or(i64::MAX, |instance| instance.session.generation);
    app.viewers.cut(&op.instance_id, |stream| stream.generation < generation);
    Ok(())
}

/// Ends all displays. An instance that does not run has none.
pub(super) async fn stop_displays(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let Some(instance) = find(app, op).await? else { return Ok(()) };
    if !runs(app, &op.instance_id).await? {
        return Ok(());
    }
    let agent = Agent::new(&*app.driver, &op.instance_id);
    // What the agent says is up is ended, whatever the blueprint says now.
    let health = agent.health().await?;
    let up = health.displays.iter().filter(|display| display.state != DisplayState::Stopped);
    let stops = up.map(|display| agent.stop_display(&display.name, app.config.session.stop_grace_ms));
    for stopped in futures_util::future::join_all(stops).await {
        let stopped = stopped?;
        if stopped.state != DisplayState::Stopped {
            tracing::warn!(instance = %instance.id, display = stopped.name, "display is not stopped");
            return Err(StepError::Retry { what: "a display is not stopped".into(), after: Duration::ZERO });
        }
    }
    Ok(())
}

/// Asks the driver, not the store, whether the instance runs.
pub(super) async fn runs(app: &App, instance_id: &str) -> Result<bool, StepError> {
    let observed = app.driver.observe().await?;
    Ok(observed.iter().any(|found| found.id == instance_id && found.state == porthole_driver::ObservedState::Running))
}

async fn mark_stopped(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    apply(app, &op.instance_id, &Event::Ended).await?;
    Ok(())
}

async fn mark_stop_failed(app: &App, op: &mut Learnt) -> Result<(), StepError> {
    let reason = "The session could not be ended. Stop or restart the computer.".to_owned();
    apply(app, &op.instance_id, &Event::StopFailed(reason)).await?;
    Ok(())
}
