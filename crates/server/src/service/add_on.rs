//! EnableAddOn, DisableAddOn, and add-ons in the requests and replies of other actions.

use porthole_api::{
    Error,
    types::{
        AddOn as WireAddOn, AddOnRequest, AddOnType, DisableAddOnRequest, DisableAddOnResult, EnableAddOnRequest,
        EnableAddOnResult,
    },
};
use porthole_model::{
    add_on::{self, AddOn},
    operation::Kind,
};

use super::{Deed, act};
use crate::dispatch::Request;

/// EnableAddOn: in the place of one of the same type.
pub async fn enable(cx: Request<'_>, input: EnableAddOnRequest) -> Result<EnableAddOnResult, Error> {
    let new = read(&input.add_on_request, "addOnRequest")?;
    let operations = act(cx, &input.resource_name, Kind::EnableAddOn, |instance| {
        let mut all = add_on::parse(&instance.add_ons);
        add_on::enable(&mut all, new.clone());
        instance.add_ons = add_on::write(&all);
        Ok(Deed::Done)
    })
    .await?;
    Ok(EnableAddOnResult { operations: Some(operations) })
}

/// DisableAddOn.
pub async fn disable(cx: Request<'_>, input: DisableAddOnRequest) -> Result<DisableAddOnResult, Error> {
    let operations = act(cx, &input.resource_name, Kind::DisableAddOn, |instance| {
        let mut all = add_on::parse(&instance.add_ons);
        if !add_on::disable(&mut all, input.add_on_type.as_str()) {
            return Err(not_enabled(input.add_on_type));
        }
        instance.add_ons = add_on::write(&all);
        Ok(Deed::Done)
    })
    .await?;
    Ok(DisableAddOnResult { operations: Some(operations) })
}

/// The service's own words, which clients look for.
fn not_enabled(add_on_type: AddOnType) -> Error {
    Error::invalid_input(match add_on_type {
        AddOnType::AutoSnapshot => "AutoSnapshot not enabled for the resource",
        AddOnType::StopInstanceOnIdle => "The addOn is already in requested state",
    })
}

/// Reads the add-ons of a request that creates an instance, as a row keeps them.
///
/// # Errors
/// InvalidInputException that names the member and the rule.
pub fn checked(requests: Option<&[AddOnRequest]>) -> Result<String, Error> {
    let mut all = Vec::new();
    for (index, request) in requests.unwrap_or_default().iter().enumerate() {
        let new = read(request, &format!("addOns[{index}]"))?;
        if all.iter().any(|add_on: &AddOn| add_on.type_name() == new.type_name()) {
            return Err(Error::invalid_input(format!("addOns has {} more than once.", new.type_name())));
        }
        all.push(new);
    }
    Ok(add_on::write(&all))
}

fn read(request: &AddOnRequest, path: &str) -> Result<AddOn, Error> {
    match request.add_on_type {
        AddOnType::AutoSnapshot => {
            let time = request.auto_snapshot_add_on_request.as_ref();
            let time = time.and_then(|request| request.snapshot_time_of_day.as_deref());
            add_on::auto_snapshot(time).ok_or_else(|| {
                Error::invalid_input(format!(
                    "{path}.autoSnapshotAddOnRequest.snapshotTimeOfDay must be a whole hour in UTC, HH:00."
                ))
            })
        }
        AddOnType::StopInstanceOnIdle => {
            let path = format!("{path}.stopInstanceOnIdleRequest");
            let Some(idle) = &request.stop_instance_on_idle_request else {
                return Err(Error::invalid_input(format!("{path} is required for the add-on StopInstanceOnIdle.")));
            };
            add_on::stop_on_idle(idle.threshold.as_deref(), idle.duration.as_deref())
                .map_err(|(member, rule)| Error::invalid_input(format!("{path}.{member} {rule}.")))
        }
    }
}

/// Refuses to delete a resource with add-ons unless it is forced, in the service's own words.
///
/// # Errors
/// InvalidInputException.
pub fn check_delete(kind: &str, name: &str, add_ons: &str, force: Option<bool>) -> Result<(), Error> {
    if force == Some(true) || add_on::parse(add_ons).is_empty() {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "You cannot delete the {kind} {name} with addons. Specify the forceDeleteAddons parameter to delete the {kind} and \
         its associated addons."
    )))
}

/// Writes a row's add-ons as clients read them.
pub fn wire(add_ons: &str) -> Vec<WireAddOn> {
    add_on::parse(add_ons).iter().map(wire_one).collect()
}

fn wire_one(add_on: &AddOn) -> WireAddOn {
    let common = WireAddOn {
        name: Some(add_on.type_name().to_owned()),
        status: Some("Enabled".to_owned()),
        ..WireAddOn::default()
    };
    match add_on {
        AddOn::AutoSnapshot { minute_of_day } => {
            let time = format!("{:02}:{:02}", minute_of_day / 60, minute_of_day % 60);
            WireAddOn { snapshot_time_of_day: Some(time.clone()), next_snapshot_time_of_day: Some(time), ..common }
        }
        AddOn::StopInstanceOnIdle { threshold_percent, duration_min } => WireAddOn {
            threshold: Some(threshold_percent.to_string()),
            duration: Some(duration_min.to_string()),
            ..common
        },
    }
}
