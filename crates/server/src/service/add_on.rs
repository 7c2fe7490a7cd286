//! EnableAddOn, DisableAddOn, and add-ons in the requests and replies of other actions.

use porthole_api::{
    Error,
    types::{
        AddOn as WireAddOn, AddOnRequest, AddOnType, DisableAddOnRequest, DisableAddOnResult, EnableAddOnRequest,
        EnableAddOnResult, Operation,
    },
};
use porthole_model::{
    add_on::{self, AddOn},
    operation::Kind,
};
use porthole_store::StoreError;

use super::{Deed, NewDeed, Subject, TRIES, account, act, insert_operation, region, unavailable};
use crate::dispatch::Request;

/// EnableAddOn: in the place of one of the same type.
pub async fn enable(cx: Request<'_>, input: EnableAddOnRequest) -> Result<EnableAddOnResult, Error> {
    let new = read(&input.add_on_request, "addOnRequest")?;
    let operations = change(cx, &input.resource_name, Kind::EnableAddOn, input.add_on_request.add_on_type, |all| {
        add_on::enable(all, new.clone());
        Ok(())
    })
    .await?;
    Ok(EnableAddOnResult { operations: Some(operations) })
}

/// DisableAddOn.
pub async fn disable(cx: Request<'_>, input: DisableAddOnRequest) -> Result<DisableAddOnResult, Error> {
    let add_on_type = input.add_on_type;
    let operations = change(cx, &input.resource_name, Kind::DisableAddOn, add_on_type, |all| {
        let was_there = add_on::disable(all, add_on_type.as_str());
        if was_there { Ok(()) } else { Err(not_enabled(add_on_type)) }
    })
    .await?;
    Ok(DisableAddOnResult { operations: Some(operations) })
}

/// Changes the add-ons of the disk or else the instance of this name; gives the operation, which has ended.
async fn change(
    cx: Request<'_>,
    name: &str,
    kind: Kind,
    add_on_type: AddOnType,
    edit: impl Fn(&mut Vec<AddOn>) -> Result<(), Error>,
) -> Result<Vec<Operation>, Error> {
    for _ in 0..TRIES {
        match change_disk(cx, name, kind, add_on_type, &edit).await {
            Ok(None) => break,
            Ok(Some(outcome)) => return outcome.map(|operation| vec![super::operation::wire(&operation)]),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(unavailable(&error)),
        }
    }
    act(cx, name, kind, |instance| {
        let mut all = add_on::parse(&instance.add_ons);
        edit(&mut all)?;
        instance.add_ons = add_on::write(&all);
        Ok(Deed::Done)
    })
    .await
}

/// `None` when no disk has this name.
async fn change_disk(
    cx: Request<'_>,
    name: &str,
    kind: Kind,
    add_on_type: AddOnType,
    edit: &impl Fn(&mut Vec<AddOn>) -> Result<(), Error>,
) -> Result<Option<Result<porthole_store::Operation, Error>>, StoreError> {
    let mut tx = cx.app.store.begin().await?;
    let Some(mut disk) = tx.disk_by_name(&account(cx), region(cx.app), name).await? else { return Ok(None) };
    if add_on_type == AddOnType::StopInstanceOnIdle {
        return Ok(Some(Err(Error::invalid_input(format!(
            "The add-on StopInstanceOnIdle is for instances; {name} is a disk."
        )))));
    }
    let mut all = add_on::parse(&disk.add_ons);
    if let Err(error) = edit(&mut all) {
        return Ok(Some(Err(error)));
    }
    disk.add_ons = add_on::write(&all);
    tx.update_disk(&mut disk).await?;
    let subject = Subject { name, resource_type: "Disk", id: disk.id.as_str(), zone: &disk.zone };
    let deed = NewDeed { kind, subject, details: "", state: "{}".into(), leader: None, done: true };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    Ok(Some(Ok(operation)))
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

/// The same for a disk, which takes AutoSnapshot alone.
///
/// # Errors
/// InvalidInputException that names the member and the rule.
pub fn checked_of_disk(requests: Option<&[AddOnRequest]>) -> Result<String, Error> {
    let idle = |request: &AddOnRequest| request.add_on_type == AddOnType::StopInstanceOnIdle;
    if requests.unwrap_or_default().iter().any(idle) {
        return Err(Error::invalid_input("addOns: StopInstanceOnIdle is for instances; a disk takes AutoSnapshot."));
    }
    checked(requests)
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
