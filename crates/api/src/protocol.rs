//! AWS JSON 1.1: from a request's target and body to a typed input, and from a result to a reply.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, error::Category};

use crate::{error::Error, generated::actions::Action, validate};

/// The largest body looked at.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The media type of requests and replies.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// What `X-Amz-Target` begins with.
pub const TARGET_PREFIX: &str = "Lightsail_20161128";

/// A request of one action.
pub trait Input: DeserializeOwned {
    /// The action it belongs to.
    const ACTION: Action;
}

/// The result of one action.
pub trait Output: Serialize {
    /// The action it belongs to.
    const ACTION: Action;
}

/// An action with its input, which obeys every rule of the service's description.
///
/// Members that were null or are not in the description are gone; texts that are compared without case are in the
/// description's spelling.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The action asked for.
    pub action: Action,
    /// The input: always an object.
    pub input: Value,
}

impl Call {
    /// Reads the input into its Rust type.
    ///
    /// # Errors
    /// SerializationException, only if the type and the description disagree.
    ///
    /// # Panics
    /// If `T` belongs to another action: a bug in the dispatch.
    pub fn input<T: Input>(self) -> Result<T, Error> {
        assert_eq!(T::ACTION, self.action, "the dispatch asks for another action's input");
        serde_json::from_value(self.input)
            .map_err(|_| Error::new(crate::ErrorCode::Serialization, "The input cannot be read."))
    }
}

/// Lists the members of an action's input, and whether each is required.
pub fn members(action: Action) -> Vec<(&'static str, bool)> {
    match &action.row().input.get().kind {
        crate::shape::Kind::Structure(members) => members.iter().map(|member| (member.name, member.required)).collect(),
        _ => Vec::new(),
    }
}

/// Finds the action that `X-Amz-Target` names.
///
/// # Errors
/// UnknownOperationException when the header is missing or names none of the service's actions.
pub fn action(target: Option<&str>) -> Result<Action, Error> {
    let Some(target) = target else {
        return Err(Error::new(crate::ErrorCode::UnknownOperation, "The X-Amz-Target header is missing."));
    };
    target
        .split_once('.')
        .filter(|(prefix, _)| *prefix == TARGET_PREFIX)
        .and_then(|(_, name)| Action::from_name(name))
        .ok_or_else(|| Error::unknown_operation(target))
}

/// Reads and checks a body. An empty one is an input without members.
///
/// # Errors
/// MalformedHttpRequestException for another media type, RequestEntityTooLargeException past [`MAX_BODY_BYTES`],
/// SerializationException for what is not JSON, not an object or of a wrong type, InvalidInputException for what breaks
/// a rule. The message names the member by its path.
pub fn decode(action: Action, content_type: Option<&str>, body: &[u8]) -> Result<Call, Error> {
    check_content_type(content_type)?;
    if body.len() > MAX_BODY_BYTES {
        return Err(Error::request_entity_too_large());
    }
    let mut input = if body.is_empty() { Value::Object(Map::new()) } else { parse(body)? };
    validate::input(action, &mut input)?;
    Ok(Call { action, input })
}

fn check_content_type(content_type: Option<&str>) -> Result<(), Error> {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(CONTENT_TYPE) {
        return Ok(());
    }
    let found =
        if media_type.is_empty() { "is missing".into() } else { format!("is {}", crate::error::excerpt(media_type)) };
    Err(Error::new(
        crate::ErrorCode::MalformedHttpRequest,
        format!("The Content-Type header must be {CONTENT_TYPE}, but {found}."),
    ))
}

fn parse(body: &[u8]) -> Result<Value, Error> {
    // The parser refuses more than 128 levels by itself, which bounds every walk over the value.
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        let message = match error.classify() {
            Category::Eof => format!("The body is not valid JSON: it ends too early, at {place}."),
            _ if std::str::from_utf8(body).is_err() => "The body is not valid JSON: it is not UTF-8.".to_owned(),
            _ if too_deep(body) => "The body is nested more than 128 levels deep.".to_owned(),
            _ => format!("The body is not valid JSON: there is a fault at {place}."),
        };
        Error::new(crate::ErrorCode::Serialization, message)
    })
}

/// Tells whether brackets outside of strings nest past the parser's limit.
fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 127 {
            return true;
        }
    }
    false
}

/// A reply without the headers every reply has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The JSON body.
    pub body: Vec<u8>,
}

impl Response {
    /// Makes the reply of an action that succeeded.
    pub fn ok<T: Output>(output: &T) -> Self {
        Self::json(200, output)
    }

    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("wire types have text keys and finite numbers");
        Self { status, headers: vec![("content-type", CONTENT_TYPE)], body }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::{ErrorCode, types::*};

    fn check(action: Action, body: &str, expected: Expect) {
        let text = match decode(action, Some(CONTENT_TYPE), body.as_bytes()) {
            Ok(call) => call.input.to_string(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn targets() {
        assert_eq!(action(Some("Lightsail_20161128.StopGUISession")), Ok(Action::StopGuiSession));
        for (target, message) in [
            (None, "The X-Amz-Target header is missing."),
            (Some("Lightsail_20161128.LaunchRocket"), "Unknown operation: Lightsail_20161128.LaunchRocket"),
            (Some("DynamoDB_20120810.ListTables"), "Unknown operation: DynamoDB_20120810.ListTables"),
            (Some("StopGUISession"), "Unknown operation: StopGUISession"),
        ] {
            let error = action(target).expect_err(message);
            assert_eq!((error.code(), error.status(), error.message()), (ErrorCode::UnknownOperation, 404, message));
        }
    }

    #[test]
    fn bodies_that_are_no_objects() {
        check(Action::GetInstances, "", expect!["{}"]);
        check(
            Action::GetInstances,
            "{",
            expect!["SerializationException: The body is not valid JSON: it ends too early, at line 1 column 1."],
        );
        check(
            Action::GetInstances,
            "{\"a\":1,}",
            expect!["SerializationException: The body is not valid JSON: there is a fault at line 1 column 8."],
        );
        check(
            Action::GetInstances,
            "[]",
            expect!["SerializationException: The body must be an object, but is a list."],
        );
        check(
            Action::GetInstances,
            "null",
            expect!["SerializationException: The body must be an object, but is null."],
        );
        check(
            Action::GetInstances,
            "\"x\"",
            expect!["SerializationException: The body must be an object, but is a string."],
        );
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        check(
            Action::GetInstances,
            &deep,
            expect!["SerializationException: The body is nested more than 128 levels deep."],
        );
        let error =
            decode(Action::GetInstances, Some(CONTENT_TYPE), b"{\"pageToken\":\"\xff\"}").expect_err("no UTF-8");
        assert_eq!(error.message(), "The body is not valid JSON: it is not UTF-8.");
    }

    #[test]
    fn media_types_and_sizes() {
        let code =
            |content_type, body: &[u8]| decode(Action::GetInstances, content_type, body).map_err(|e| e.code()).err();
        assert_eq!(code(Some("Application/X-Amz-JSON-1.1; charset=utf-8"), b"{}"), None);
        assert_eq!(code(Some("application/json"), b"{}"), Some(ErrorCode::MalformedHttpRequest));
        assert_eq!(code(None, b"{}"), Some(ErrorCode::MalformedHttpRequest));
        assert_eq!(code(Some(CONTENT_TYPE), &vec![b' '; MAX_BODY_BYTES + 1]), Some(ErrorCode::RequestEntityTooLarge));
    }

    #[test]
    fn inputs_become_types() {
        let body = br#"{"instanceNames":["a1","b2"],"availabilityZone":"us-east-2a","blueprintId":"debian_12",
            "bundleId":"nano_3_0","tags":[{"key":"k"}],"ipAddressType":"ipv4","userData":"echo","later":[1]}"#;
        let call = decode(Action::CreateInstances, Some(CONTENT_TYPE), body).expect("is valid");
        let input: CreateInstancesRequest = call.input().expect("has the type");
        assert_eq!(input.instance_names, ["a1", "b2"]);
        assert_eq!(input.ip_address_type, Some(IpAddressType::Ipv4));
        assert_eq!(input.tags, Some(vec![Tag { key: Some("k".into()), value: None }]));
        assert!(!format!("{input:?}").contains("echo"), "user data is hidden");
    }

    #[test]
    fn results_become_bodies() {
        let result = StopGuiSessionResult {
            operations: Some(vec![Operation {
                id: Some("5ab1".into()),
                resource_type: Some(ResourceType::Instance),
                operation_type: Some(OperationType::StopGuiSession),
                status: Some(OperationStatus::Started),
                created_at: Some(Timestamp(1_569_447_986_061)),
                is_terminal: Some(false),
                ..Operation::default()
            }]),
        };
        let response = Response::ok(&result);
        assert_eq!(response.status, 200);
        expect![[r#"{"operations":[{"createdAt":1569447986.061,"id":"5ab1","isTerminal":false,"operationType":"StopGUISession","resourceType":"Instance","status":"Started"}]}"#]]
            .assert_eq(std::str::from_utf8(&response.body).expect("JSON is UTF-8"));
        let value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(validate::output(Action::StopGuiSession, &value), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(action in 0..167_usize, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(Action::all()[action], Some(CONTENT_TYPE), &body);
        }

        #[test]
        fn no_json_panics(action in 0..167_usize, body in "(\\{|\\}|\\[|\\]|\"[a-zA-Z]{0,6}\"|:|,|1|null|\"instanceName\":){0,30}") {
            let _ = decode(Action::all()[action], Some(CONTENT_TYPE), body.as_bytes());
        }
    }
}
