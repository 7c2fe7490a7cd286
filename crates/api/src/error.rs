//! Errors as clients see them: a code, a status, and a sentence.
//!
//! SDKs find the code in different places: boto3 and the aws CLI in the body's `__type`, the Rust SDK in the header
//! `x-amzn-errortype`, JavaScript in `__type` or `code`. Every reply carries all three, equal.

use std::{borrow::Cow, fmt};

use serde::Serialize;

use crate::{generated::actions::Action, protocol::Response};

/// What kind of error a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The caller may not do this.
    AccessDenied,
    /// The account is still being set up.
    AccountSetupInProgress,
    /// The input breaks a rule.
    InvalidInput,
    /// The thing named does not exist.
    NotFound,
    /// The operation failed to run.
    OperationFailure,
    /// The Region is still being set up.
    RegionSetupInProgress,
    /// The service failed.
    Service,
    /// The caller is not known.
    Unauthenticated,
    /// The session token has expired.
    ExpiredToken,
    /// The Authorization header lacks a part.
    IncompleteSignature,
    /// The signature, its scope or its date is wrong.
    InvalidSignature,
    /// The HTTP request is not of this protocol.
    MalformedHttpRequest,
    /// The request carries no signature.
    MissingAuthenticationToken,
    /// The body is too large.
    RequestEntityTooLarge,
    /// The body is not what the protocol allows.
    Serialization,
    /// The service cannot answer now.
    ServiceUnavailable,
    /// The caller asks too often.
    Throttling,
    /// There is no such action.
    UnknownOperation,
    /// The access key or the session token is not known.
    UnrecognizedClient,
}

impl ErrorCode {
    /// Gives the code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::AccountSetupInProgress => "AccountSetupInProgressException",
            Self::InvalidInput => "InvalidInputException",
            Self::NotFound => "NotFoundException",
            Self::OperationFailure => "OperationFailureException",
            Self::RegionSetupInProgress => "RegionSetupInProgressException",
            Self::Service => "ServiceException",
            Self::Unauthenticated => "UnauthenticatedException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::MalformedHttpRequest => "MalformedHttpRequestException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::RequestEntityTooLarge => "RequestEntityTooLargeException",
            Self::Serialization => "SerializationException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::Throttling => "ThrottlingException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
        }
    }

    /// Gives the HTTP status. Client errors of the service's own description are all 400.
    pub const fn status(self) -> u16 {
        match self {
            Self::AccessDenied
            | Self::AccountSetupInProgress
            | Self::InvalidInput
            | Self::NotFound
            | Self::OperationFailure
            | Self::RegionSetupInProgress
            | Self::Unauthenticated
            | Self::MalformedHttpRequest
            | Self::Serialization
            | Self::Throttling => 400,
            Self::ExpiredToken
            | Self::IncompleteSignature
            | Self::InvalidSignature
            | Self::MissingAuthenticationToken
            | Self::UnrecognizedClient => 403,
            Self::UnknownOperation => 404,
            Self::RequestEntityTooLarge => 413,
            Self::Service => 500,
            Self::ServiceUnavailable => 503,
        }
    }
}

/// A refusal or failure, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: ErrorCode,
    message: Cow<'static, str>,
    tip: Cow<'static, str>,
}

impl Error {
    /// Makes an error of any kind.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), tip: Cow::Borrowed("") }
    }

    /// Adds a sentence about what the caller can do.
    #[must_use]
    pub fn with_tip(mut self, tip: impl Into<Cow<'static, str>>) -> Self {
        self.tip = tip.into();
        self
    }

    /// The caller may not do this.
    pub fn access_denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::AccessDenied, message)
    }

    /// The account is still being set up.
    pub fn account_setup_in_progress(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::AccountSetupInProgress, message)
    }

    /// The input breaks a rule.
    pub fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidInput, message)
    }

    /// A name that is to be created is taken.
    pub fn names_in_use<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        Self::invalid_input(format!("Some names are already in use: {}", names.join(", ")))
    }

    /// The thing named does not exist, in the service's own words: `The Instance does not exist: NAME`.
    pub fn does_not_exist(kind: impl fmt::Display, name: &str) -> Self {
        Self::not_found(format!("The {kind} does not exist: {name}"))
    }

    /// The thing asked for does not exist.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// The operation failed to run.
    pub fn operation_failure(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::OperationFailure, message)
    }

    /// The Region is still being set up.
    pub fn region_setup_in_progress(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::RegionSetupInProgress, message)
    }

    /// The service failed; what went wrong inside belongs in the log, under the request's id.
    pub fn service(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Service, message)
    }

    /// The caller is not known.
    pub fn unauthenticated(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Unauthenticated, message)
    }

    /// The access key is not known.
    pub fn unknown_access_key() -> Self {
        Self::new(ErrorCode::UnrecognizedClient, "The access key in the request does not exist.")
    }

    /// The session token does not belong to the access key.
    pub fn unknown_session_token() -> Self {
        Self::new(ErrorCode::UnrecognizedClient, "The security token included in the request is invalid.")
    }

    /// The session token was right once.
    pub fn expired_token() -> Self {
        Self::new(ErrorCode::ExpiredToken, "The security token included in the request is expired.")
    }

    /// There is no such action, or `X-Amz-Target` names another service.
    pub fn unknown_operation(target: &str) -> Self {
        Self::new(ErrorCode::UnknownOperation, format!("Unknown operation: {}", excerpt(target)))
    }

    /// The action exists, but this server does not serve it.
    pub fn not_served(action: Action) -> Self {
        Self::new(ErrorCode::UnknownOperation, format!("This server does not serve the operation {action}."))
    }

    /// The body is larger than [`crate::protocol::MAX_BODY_BYTES`].
    pub fn request_entity_too_large() -> Self {
        let most = crate::protocol::MAX_BODY_BYTES;
        Self::new(ErrorCode::RequestEntityTooLarge, format!("The request is larger than {most} bytes."))
    }

    /// The caller asks too often.
    pub fn throttling() -> Self {
        Self::new(ErrorCode::Throttling, "Rate exceeded.")
    }

    /// The service cannot answer now.
    pub fn service_unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::ServiceUnavailable, message)
    }

    /// Gives the kind.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Gives the HTTP status.
    pub fn status(&self) -> u16 {
        self.code.status()
    }

    /// Gives the sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Gives the advice, empty where there is none.
    pub fn tip(&self) -> &str {
        &self.tip
    }

    /// Makes the reply.
    pub fn to_response(&self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            __type: &'a str,
            code: &'a str,
            message: &'a str,
            docs: &'a str,
            tip: &'a str,
        }
        let code = self.code.as_str();
        let body = Body { __type: code, code, message: &self.message, docs: "", tip: &self.tip };
        let mut response = Response::json(self.status(), &body);
        response.headers.push(("x-amzn-errortype", code));
        response
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Error {}

/// Shortens what a caller sent before it is put into a message.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_reply_names_its_code_in_all_three_places() {
        let response = Error::does_not_exist("Instance", "lab-1").with_tip("Names are per Region.").to_response();
        assert_eq!(response.status, 400);
        expect![[r#"{"__type":"NotFoundException","code":"NotFoundException","message":"The Instance does not exist: lab-1","docs":"","tip":"Names are per Region."}"#]]
            .assert_eq(std::str::from_utf8(&response.body).expect("JSON is UTF-8"));
        assert_eq!(
            response.headers,
            [("content-type", "application/x-amz-json-1.1"), ("x-amzn-errortype", "NotFoundException")]
        );
    }

    #[test]
    fn long_input_is_cut_at_a_character() {
        let error = Error::unknown_operation(&"ä".repeat(1000));
        assert!(error.message().chars().count() < 120);
    }
}
