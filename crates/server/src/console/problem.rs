//! Why the console refuses, as its pages read it.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use porthole_store::StoreError;

use crate::telemetry::chain;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    /// For the page.
    pub code: &'static str,
    message: String,
    field: Option<&'static str>,
    retry_after_s: Option<i64>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after_s: None }
    }

    /// Something of the request breaks a rule.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalidInput", message)
    }

    /// A member of the request breaks a rule.
    pub fn field(field: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::invalid(message) }
    }

    /// There is no session, or it is over.
    pub fn sign_in_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signInRequired", "Sign in first.")
    }

    /// Name, password or link are wrong; says not which.
    pub fn sign_in_failed(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signInFailed", message)
    }

    /// The policies do not allow it.
    pub fn not_allowed() -> Self {
        Self::new(StatusCode::FORBIDDEN, "notAllowed", "You are not allowed to do this. Ask the operator of this site.")
    }

    /// It does not come from the console's own page.
    pub fn cross_origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "crossOrigin", "Only the console's own page may ask this.")
    }

    /// The site's configuration switches it off.
    pub fn off_by_policy() -> Self {
        Self::new(StatusCode::FORBIDDEN, "offByPolicy", "This site has switched that off.")
    }

    /// There is no such thing in the account.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", format!("There is no such {what}."))
    }

    /// There is no picture to be had.
    pub fn no_picture() -> Self {
        Self::new(StatusCode::NOT_FOUND, "noPicture", "No session is running that could be shown.")
    }

    /// It is taken, in use, or was changed meanwhile.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// The computer, its session or its agent does not answer.
    pub fn not_running(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "notRunning", message)
    }

    /// The body is too long.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "tooLarge", "The request is too long.")
    }

    /// Too many failures: wait.
    pub fn too_many_attempts(wait_ms: i64) -> Self {
        let seconds = (wait_ms + 999) / 1000;
        let message = format!("Too many attempts failed. Try again in {seconds} s.");
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "tooManyAttempts", message);
        Self { retry_after_s: Some(seconds), ..problem }
    }

    /// It cannot be done just now.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The service cannot do that just now. Try again.")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Conflict) {
            return Self::conflict("Somebody else changed this at the same time. Look again and try again.");
        }
        tracing::error!(error = chain(&error), "the store failed");
        Self::unavailable()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({"code": self.code, "message": self.message});
        if let Some(field) = self.field {
            body["field"] = field.into();
        }
        if let Some(seconds) = self.retry_after_s {
            body["retryAfterSeconds"] = seconds.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
