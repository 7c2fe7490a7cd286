//! GetOperation, GetOperations, GetOperationsForResource.

use porthole_api::{
    Error,
    types::{
        GetOperationRequest, GetOperationResult, GetOperationsForResourceRequest, GetOperationsForResourceResult,
        GetOperationsRequest, GetOperationsResult, Operation, OperationStatus, OperationType, RegionName,
        ResourceLocation, ResourceType, Timestamp,
    },
};
use porthole_model::operation::Progress;
use porthole_store::Operation as Stored;

use super::{account, page_end, page_limit, page_start, region, unavailable};
use crate::dispatch::Request;

/// GetOperation.
pub async fn get(cx: Request<'_>, input: GetOperationRequest) -> Result<GetOperationResult, Error> {
    let found = cx.app.store.operation(&account(cx), region(cx.app), &input.operation_id).await;
    let found = found.map_err(|error| unavailable(&error))?;
    let operation = found.ok_or_else(|| Error::does_not_exist("Operation", &input.operation_id))?;
    Ok(GetOperationResult { operation: Some(wire(&operation)) })
}

/// GetOperations: oldest first.
pub async fn list(cx: Request<'_>, input: GetOperationsRequest) -> Result<GetOperationsResult, Error> {
    let after = page_start(cx, "GetOperations", input.page_token.as_deref())?;
    let found = cx.app.store.operations(&account(cx), region(cx.app), &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next_page_token = page_end(cx, "GetOperations", &mut rows, place);
    Ok(GetOperationsResult { operations: Some(rows.iter().map(wire).collect()), next_page_token })
}

/// GetOperationsForResource: those of every resource that has or had this name.
pub async fn list_for_resource(
    cx: Request<'_>,
    input: GetOperationsForResourceRequest,
) -> Result<GetOperationsForResourceResult, Error> {
    let action = format!("GetOperationsForResource/{}", input.resource_name);
    let after = page_start(cx, &action, input.page_token.as_deref())?;
    let store = &cx.app.store;
    let found = store.operations_for(&account(cx), region(cx.app), &input.resource_name, &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next_page_token = page_end(cx, &action, &mut rows, place);
    let operations = Some(rows.iter().map(wire).collect());
    Ok(GetOperationsForResourceResult { operations, next_page_token, ..Default::default() })
}

fn place(operation: &Stored) -> (i64, &str) {
    (operation.created_ms, operation.id.as_str())
}

/// Writes an operation as clients read it.
pub fn wire(operation: &Stored) -> Operation {
    let status = match operation.progress {
        Progress::Forward(_) | Progress::Undo(_) => OperationStatus::Started,
        Progress::Succeeded => OperationStatus::Succeeded,
        Progress::Failed => OperationStatus::Failed,
    };
    // What undoes itself has not failed yet, so that its error is not shown.
    let failed = operation.progress == Progress::Failed;
    Operation {
        created_at: Some(Timestamp(operation.created_ms)),
        error_code: failed.then(|| operation.error_code.clone()),
        error_details: failed.then(|| operation.error_details.clone()),
        id: Some(operation.id.to_string()),
        is_terminal: Some(operation.progress.is_terminal()),
        location: Some(ResourceLocation {
            availability_zone: Some(operation.zone.clone()),
            region_name: RegionName::from_wire(&operation.region),
        }),
        operation_details: Some(operation.details.clone()),
        operation_type: OperationType::from_wire(operation.kind.name()),
        resource_name: Some(operation.resource_name.clone()),
        resource_type: ResourceType::from_wire(&operation.resource_type),
        status: Some(status),
        status_changed_at: Some(Timestamp(operation.changed_ms)),
    }
}
