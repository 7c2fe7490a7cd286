//! StartGUISession, StopGUISession, CreateGUISessionAccessDetails.

use porthole_api::{
    Error,
    types::{
        CreateGuiSessionAccessDetailsRequest, CreateGuiSessionAccessDetailsResult, Session as WireSession,
        StartGuiSessionRequest, StartGuiSessionResult, Status as WireStatus, StopGuiSessionRequest,
        StopGuiSessionResult,
    },
};
use porthole_model::{
    InstanceId,
    guest::DisplaySpec,
    instance::State,
    operation::Kind,
    session::{Event, Status, transition},
};

use super::{Deed, account, act, region, unavailable};
use crate::{
    app::App,
    dispatch::Request,
    gateway::token::{Role, ViewToken},
};

/// StartGUISession: brings the displays up, resumes them after expiry, or renews a started session's time.
pub async fn start(cx: Request<'_>, input: StartGuiSessionRequest) -> Result<StartGuiSessionResult, Error> {
    let name = &input.resource_name;
    let operations = act(cx, name, Kind::StartSession, |instance| {
        let blueprint = cx.app.catalog.blueprint(&instance.blueprint_id);
        if blueprint.is_none_or(|blueprint| blueprint.displays.is_empty()) {
            return Err(Error::invalid_input(format!(
                "The blueprint {} of {name} has no graphical interface. Create an instance from one that has.",
                instance.blueprint_id
            )));
        }
        match (instance.session.status, instance.state) {
            (Status::SettingUpInstance, _) => {
                let text = format!("{name} is still being set up. Start the session when its state is running.");
                return Err(Error::invalid_input(text));
            }
            (Status::FailedInstanceCreation, _) => {
                let text = format!("{name} could not be created: {}", instance.session.failure_reason);
                return Err(Error::invalid_input(text));
            }
            (_, State::Running) => {}
            (_, state) => {
                let text = format!("{name} is {}. A session can be started only while it is running.", state.name());
                return Err(Error::invalid_input(text));
            }
        }
        let renewed = instance.session.status == Status::Started;
        let expires_at_ms = cx.app.clock.now_ms() + cx.app.config.session.duration_ms;
        instance.session = transition(&instance.session, Event::Start { expires_at_ms }).map_err(|_| {
            Error::invalid_input(format!(
                "The session of {name} is being stopped. Please wait for it to complete before trying again."
            ))
        })?;
        Ok(if renewed { Deed::Done } else { Deed::Begin })
    })
    .await?;
    Ok(StartGuiSessionResult { operations: Some(operations) })
}

/// StopGUISession: ends the displays and everything started in them; succeeds at once where there is nothing to stop.
pub async fn stop(cx: Request<'_>, input: StopGuiSessionRequest) -> Result<StopGuiSessionResult, Error> {
    let operations = act(cx, &input.resource_name, Kind::StopSession, |instance| {
        if !instance.session.status.may_have_displays() {
            return Ok(Deed::Done);
        }
        instance.session = transition(&instance.session, Event::Stop).unwrap_or_else(|_| instance.session.clone());
        Ok(Deed::Begin)
    })
    .await?;
    Ok(StopGuiSessionResult { operations: Some(operations) })
}

/// CreateGUISessionAccessDetails: the session's status, and a fresh URL for each display while it is started.
pub async fn access_details(
    cx: Request<'_>,
    input: CreateGuiSessionAccessDetailsRequest,
) -> Result<CreateGuiSessionAccessDetailsResult, Error> {
    let (app, name) = (cx.app, &input.resource_name);
    let found =
        app.store.instance_by_name(&account(cx), region(app), name).await.map_err(|error| unavailable(&error))?;
    let instance = found.ok_or_else(|| Error::does_not_exist("Instance", name))?;
    let session = instance.session.at(app.clock.now_ms());
    let blueprint = app.catalog.blueprint(&instance.blueprint_id);
    let displays = match session.status {
        Status::Started => blueprint.map_or(&[][..], |blueprint| &blueprint.displays),
        _ => &[],
    };
    let sessions = displays.iter().enumerate().map(|(index, display)| {
        let token = ViewToken {
            instance_id: instance.id.to_string(),
            generation: session.generation,
            display: display.name.clone(),
            role: Role::Control,
            by: cx.caller.actor().to_owned(),
            share: String::new(),
        };
        let url = format!("{}/view/#t={}", app.config.base_url(), token.seal(app));
        WireSession { is_primary: Some(index == 0), name: Some(display.name.clone()), url: Some(url.into()) }
    });
    Ok(CreateGuiSessionAccessDetailsResult {
        failure_reason: Some(session.failure_reason.clone()).filter(|reason| !reason.is_empty()),
        percentage_complete: Some(match session.status {
            Status::Started => 100,
            _ => i32::from(session.percent),
        }),
        resource_name: Some(name.clone()),
        sessions: Some(sessions.collect()),
        status: WireStatus::from_wire(session.status.name()),
    })
}

/// What to tell the guest agent about a display of an instance; `None` when there is no such display any more.
pub async fn display_spec(app: &App, instance_id: &str, display: &str) -> Option<DisplaySpec> {
    let instance = app.store.instance(&InstanceId::new(instance_id)).await.ok()??;
    let blueprint = app.catalog.blueprint(&instance.blueprint_id)?;
    let display = blueprint.displays.iter().find(|known| known.name == display)?;
    Some(display.spec(app.config.session.width_px, app.config.session.height_px))
}
