//! Status checks in GetInstance and GetInstances.

use porthole_api::types::{
    Instance as WireInstance, InstanceHealthStatus, InstanceHealthStatusDetail, InstanceHealthStatusDetailName,
    InstanceHealthStatusDetailValue as Detail, InstanceHealthStatusValue as Value, Timestamp,
};
use porthole_model::instance::State;
use porthole_store::Instance;

use crate::app::App;

/// Adds what the last checks found, where it was asked for.
pub fn add(app: &App, instance: &Instance, wire: &mut WireInstance, asked: Option<bool>) {
    if asked != Some(true) {
        return;
    }
    let (one, other) = match instance.state {
        State::Running => match app.usage.checks(instance.id.as_str()) {
            Some(checks) => (checked(checks.instance_failed_ms), checked(checks.system_failed_ms)),
            None => twice(|| status(Value::InsufficientData, Some(Detail::InsufficientData), None)),
        },
        State::Pending => twice(|| status(Value::Initializing, Some(Detail::Initializing), None)),
        State::Stopping | State::Stopped | State::ShuttingDown => twice(|| status(Value::NotApplicable, None, None)),
    };
    (wire.instance_status, wire.system_status) = (Some(one), Some(other));
}

fn twice<T>(make: impl Fn() -> T) -> (T, T) {
    (make(), make())
}

fn checked(failed_ms: Option<i64>) -> InstanceHealthStatus {
    match failed_ms {
        None => status(Value::Ok, Some(Detail::Passed), None),
        since => status(Value::Impaired, Some(Detail::Failed), since),
    }
}

fn status(value: Value, detail: Option<Detail>, since_ms: Option<i64>) -> InstanceHealthStatus {
    let detail = detail.map(|detail| InstanceHealthStatusDetail {
        impaired_since: since_ms.map(Timestamp),
        name: Some(InstanceHealthStatusDetailName::Reachability),
        status: Some(detail),
    });
    InstanceHealthStatus { details: Some(detail.into_iter().collect()), status: Some(value) }
}
