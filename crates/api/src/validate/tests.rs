use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::generated::shapes::SHAPES;

fn refuse(action: Action, mut body: Value, expected: Expect) {
    let error = input(action, &mut body).expect_err("is refused");
    let tip = if error.tip().is_empty() { String::new() } else { format!(" [{}]", error.tip()) };
    expected.assert_eq(&format!("{error}{tip}"));
}

fn accept(action: Action, mut body: Value) -> Value {
    input(action, &mut body).expect("is accepted");
    body
}

/// A valid CreateInstances input with some members replaced.
fn create(change: Value) -> Value {
    let mut body =
        json!({"instanceNames": ["lab-1"], "availabilityZone": "us-east-2a", "blueprintId": "b", "bundleId": "n"});
    for (name, value) in change.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

#[test]
fn missing_members() {
    refuse(Action::StopGuiSession, json!({}), expect!["InvalidInputException: resourceName is required."]);
    refuse(
        Action::StopGuiSession,
        json!({"resourceName": null}),
        expect!["InvalidInputException: resourceName is required."],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"addOns": [{"addOnType": "AutoSnapshot"}, {}]})),
        expect!["InvalidInputException: addOns[1].addOnType is required."],
    );
}

#[test]
fn wrong_types() {
    refuse(
        Action::StopGuiSession,
        json!({"resourceName": 7}),
        expect!["SerializationException: resourceName must be a string, but is a number."],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"instanceNames": "lab-1"})),
        expect!["SerializationException: instanceNames must be a list, but is a string."],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"instanceNames": ["lab-1", null]})),
        expect!["SerializationException: instanceNames[1] must be a string, but is null."],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"tags": [{"key": true}]})),
        expect!["SerializationException: tags[0].key must be a string, but is true or false."],
    );
    refuse(
        Action::StopInstance,
        json!({"instanceName": "ab", "force": "yes"}),
        expect!["SerializationException: force must be true or false, but is a string."],
    );
    refuse(
        Action::CreateDisk,
        json!({"diskName": "ab", "availabilityZone": "z", "sizeInGb": 8.5}),
        expect!["SerializationException: sizeInGb must be a whole number, but is 8.5."],
    );
    refuse(
        Action::GetCostEstimate,
        json!({"resourceName": "ab", "startTime": "2026-01-01T00:00:00Z", "endTime": 1}),
        expect!["SerializationException: startTime must be a number of seconds since the epoch, but is a string."],
    );
    refuse(
        Action::CreateInstancesFromSnapshot,
        create(json!({"attachedDiskMapping": {"disk-1": {}}})),
        expect!["SerializationException: attachedDiskMapping.disk-1 must be a list, but is an object."],
    );
}

#[test]
fn broken_rules() {
    refuse(
        Action::CreateInstances,
        create(json!({"instanceNames": []})),
        expect!["InvalidInputException: instanceNames must have at least 1 element, but has 0."],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"instanceNames": ["lab-1", "no good"]})),
        expect![
            "InvalidInputException: no good is not a valid resource name. Resource names must be at least 2 characters long and contain only alphanumerics, -, _, and . [Change the value of instanceNames[1].]"
        ],
    );
    refuse(
        Action::GetInstance,
        json!({"instanceName": ""}),
        expect![
            "InvalidInputException:  is not a valid resource name. Resource names must be at least 2 characters long and contain only alphanumerics, -, _, and . [Change the value of instanceName.]"
        ],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"bundleId": " "})),
        expect!["InvalidInputException: bundleId must not be empty."],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"ipAddressType": "ipv5"})),
        expect![[r#"InvalidInputException: ipAddressType must be one of dualstack, ipv4, ipv6, but is "ipv5"."#]],
    );
    refuse(
        Action::CreateInstances,
        create(json!({"tags": [{"key": "k".repeat(129)}]})),
        expect!["InvalidInputException: tags[0].key must have at most 128 characters, but has 129."],
    );
    refuse(
        Action::CreateInstances,
        create(
            json!({"addOns": [{"addOnType": "AutoSnapshot", "autoSnapshotAddOnRequest": {"snapshotTimeOfDay": "25:00"}}]}),
        ),
        expect![
            "InvalidInputException: addOns[0].autoSnapshotAddOnRequest.snapshotTimeOfDay must be a time of day in the form HH:MM, such as 06:00."
        ],
    );
    refuse(
        Action::OpenInstancePublicPorts,
        json!({"instanceName": "ab", "portInfo": {"fromPort": 70000}}),
        expect!["InvalidInputException: portInfo.fromPort must be between -1 and 65535, but is 70000."],
    );
    refuse(
        Action::CreateDisk,
        json!({"diskName": "ab", "availabilityZone": "z", "sizeInGb": 1e300}),
        expect!["InvalidInputException: sizeInGb must be between -2147483648 and 2147483647, but is 1e+300."],
    );
    refuse(
        Action::GetCostEstimate,
        json!({"resourceName": "ab", "startTime": 1e300, "endTime": 1}),
        expect!["InvalidInputException: startTime must be a time before year 10000, in seconds since the epoch."],
    );
}

#[test]
fn inputs_take_one_form() {
    let body = accept(
        Action::OpenInstancePublicPorts,
        json!({"instanceName": "ab", "unknown": {"x": 1}, "portInfo": {"fromPort": 22.0, "protocol": "TCP", "cidrs": null}}),
    );
    assert_eq!(body, json!({"instanceName": "ab", "portInfo": {"fromPort": 22, "protocol": "tcp"}}));
}

#[test]
fn outputs_are_looked_at_in_full() {
    let mut faults = output(
        Action::StopGuiSession,
        &json!({"operations": [{"id": 1, "status": "started", "createdAt": 1.5, "when": 1}], "operation": {}}),
    );
    // Members come in the order of the body or of the alphabet, as the JSON library was built.
    faults.sort();
    expect![[r#"
        The body: must be an object, but is a list
    "#]]
    .assert_eq(&(output(Action::StopGuiSession, &json!([])).join("\n") + "\n"));
    expect![[r#"
        operation: StopGUISessionResult has no such member
        operations[0].id: must be a string, but is a number
        operations[0].status: "started" is not a OperationStatus
        operations[0].when: Operation has no such member
    "#]]
    .assert_eq(&(faults.join("\n") + "\n"));
}

/// Makes a valid value of a shape; `seed` varies it.
fn sample(shape: ShapeId, seed: u64) -> Value {
    sample_at(shape, seed, 0)
}

fn sample_at(shape: ShapeId, seed: u64, depth: u32) -> Value {
    let sample = |shape, seed| sample_at(shape, seed, depth + 1);
    match &shape.get().kind {
        Kind::Boolean => json!(seed.is_multiple_of(2)),
        Kind::Integer { min, max } => json!(if seed.is_multiple_of(2) { *min } else { *max }),
        Kind::Long => json!(seed),
        Kind::Float | Kind::Timestamp => json!(1_700_000_000.5),
        Kind::String { rule, min, .. } => match rule {
            Rule::ResourceArn => json!("arn:aws:lightsail:us-east-2:111122223333:Instance/1"),
            Rule::TimeOfDay => json!("06:00"),
            Rule::Date => json!("2026-01-31"),
            _ => json!("a".repeat((*min as usize).max(2))),
        },
        Kind::Enum(values) => {
            json!(values[usize::try_from(seed).expect("is small") % values.len()])
        }
        // One type of the interface holds itself.
        Kind::List { min: 0, .. } if depth > 12 => json!([]),
        Kind::List { item, .. } => json!([sample(*item, seed), sample(*item, seed + 1)]),
        Kind::Map { value, .. } => json!({ "ab": sample(*value, seed) }),
        Kind::Structure(members) => members
            .iter()
            .map(|member| (member.name.to_owned(), sample(member.shape, seed)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// The places inside a value, as JSON pointers.
fn places(value: &Value, at: String, out: &mut Vec<String>) {
    if !at.is_empty() {
        out.push(at.clone());
    }
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| places(v, format!("{at}/{i}"), out)),
        Value::Object(entries) => entries.iter().for_each(|(k, v)| places(v, format!("{at}/{k}"), out)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn full_inputs_of_every_action_are_accepted(action in 0..167_usize, seed in 0..50_u64) {
        let action = Action::all()[action];
        let mut body = sample(action.row().input, seed);
        let before = body.clone();
        prop_assert_eq!(input(action, &mut body), Ok(()));
        prop_assert_eq!(body, before);
    }

    #[test]
    fn full_outputs_of_every_action_are_accepted(action in 0..167_usize, seed in 0..50_u64) {
        let action = Action::all()[action];
        prop_assert_eq!(output(action, &sample(action.row().output, seed)), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_type_anywhere_is_refused_and_named(action in 0..167_usize, seed in 0..50_u64, at in any::<prop::sample::Index>()) {
        let action = Action::all()[action];
        let mut body = sample(action.row().input, seed);
        let mut all = Vec::new();
        places(&body, String::new(), &mut all);
        if all.is_empty() {
            return Ok(());
        }
        let place = &all[at.index(all.len())];
        let value = body.pointer_mut(place).expect("is a place");
        *value = if value.is_object() { json!("x") } else { json!({}) };
        let error = input(action, &mut body).expect_err("is refused");
        prop_assert_eq!(error.code(), ErrorCode::Serialization);
        let path = place[1..].split('/').fold(String::new(), |path, step| match step.parse::<usize>() {
            Ok(i) => format!("{path}[{i}]"),
            Err(_) if path.is_empty() => step.to_owned(),
            Err(_) => format!("{path}.{step}"),
        });
        prop_assert!(error.message().starts_with(&format!("{path} must be ")), "{} names {}", error, path);
    }
}

#[test]
fn generated_types_read_every_full_input() {
    use crate::types::*;
    macro_rules! all {
        ($($input:ty),+ $(,)?) => {$({
            let action = <$input as crate::protocol::Input>::ACTION;
            for seed in 0..8 {
                let call = crate::protocol::Call { action, input: sample(action.row().input, seed) };
                call.input::<$input>().unwrap_or_else(|error| panic!("{action}: {error}"));
            }
        })+};
    }
    all!(
        CreateInstancesRequest,
        CreateInstancesFromSnapshotRequest,
        CreateGuiSessionAccessDetailsRequest,
        StartGuiSessionRequest,
        StopGuiSessionRequest,
        GetCostEstimateRequest,
        GetInstanceMetricDataRequest,
        PutInstancePublicPortsRequest,
        EnableAddOnRequest,
        TagResourceRequest,
        DownloadDefaultKeyPairRequest,
        StartInstanceRequest,
    );
}

#[test]
fn shapes_point_into_the_table() {
    for shape in &SHAPES {
        let ids: Vec<ShapeId> = match &shape.kind {
            Kind::List { item, .. } => vec![*item],
            Kind::Map { key, value } => vec![*key, *value],
            Kind::Structure(members) => members.iter().map(|member| member.shape).collect(),
            _ => vec![],
        };
        assert!(ids.iter().all(|id| usize::from(id.0) < SHAPES.len()), "{}", shape.name);
    }
}
