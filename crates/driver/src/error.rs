//! Short ways to say what failed.

use std::{fmt::Display, time::Duration};

use crate::DriverError;

/// How long a caller waits after trouble that may pass by itself.
const SOON: Duration = Duration::from_millis(500);

/// Passing trouble.
pub(crate) fn retry(what: impl Into<String>) -> DriverError {
    DriverError::Retry { what: what.into(), after: SOON }
}

/// Lasting trouble: `what` for the log, `public` for the caller.
pub(crate) fn lasting(what: impl Into<String>, public: impl Into<String>) -> DriverError {
    DriverError::Final { what: what.into(), public: public.into() }
}

/// Turns any error into passing trouble with a deed in front of it.
pub(crate) trait Doing<T> {
    /// Says what was being done, as an infinitive: "mount the system disk".
    fn doing(self, what: &str) -> Result<T, DriverError>;
    /// The same, with the deed made only when it failed.
    fn doing_with(self, what: impl FnOnce() -> String) -> Result<T, DriverError>;
}

impl<T, E: Display> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, DriverError> {
        self.map_err(|error| retry(format!("{what}: {error}")))
    }

    fn doing_with(self, what: impl FnOnce() -> String) -> Result<T, DriverError> {
        self.map_err(|error| retry(format!("{}: {error}", what())))
    }
}
