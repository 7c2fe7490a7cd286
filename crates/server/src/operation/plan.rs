//! What an operation consists of: a constant table of idempotent steps, each with its undo.

use std::{future::Future, pin::Pin, time::Duration};

use porthole_driver::DriverError;
use porthole_store::StoreError;
use serde::{Serialize, de::DeserializeOwned};

use crate::{agent, app::App, telemetry::chain};

/// What a step does: works on the world and on what the operation has learnt.
pub type StepFn<S> = for<'a> fn(&'a App, &'a mut S) -> StepFuture<'a>;
/// The future of a step.
pub type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<(), StepError>> + Send + 'a>>;

/// One idempotent action and how to take it back.
pub struct Step<S: 'static> {
    /// Stable: it is written to the log and shown to operators.
    pub name: &'static str,
    /// Longest time for one try of `run` or `undo`, in milliseconds.
    pub deadline_ms: u64,
    /// May be dropped at any await without harm: nothing goes on behind it. A step that waits for the guest is; one that
    /// calls the driver is not, and is waited for when the operation is superseded.
    pub interruptible: bool,
    /// Does it. Begins by looking: it may have run, or half run, before.
    pub run: StepFn<S>,
    /// Takes it back, likewise. `None` only with a comment at that line saying why nothing is to be undone.
    pub undo: Option<StepFn<S>>,
}

/// A constant table of steps.
pub struct Plan<S: 'static> {
    /// Rises when steps change; a row keeps the version it was made with.
    pub version: i64,
    /// Longest time for all steps together, in milliseconds; past it the operation undoes and fails.
    pub deadline_ms: i64,
    /// At least one.
    pub steps: &'static [Step<S>],
}

/// Why a step failed.
#[derive(Debug)]
pub enum StepError {
    /// Passing trouble: try again, not before the given time.
    Retry {
        /// For the log.
        what: String,
        /// Wait at least this long.
        after: Duration,
    },
    /// Trying again will not help: undo and fail.
    Failed {
        /// For the log.
        what: String,
        /// Shown as errorCode.
        code: &'static str,
        /// Shown as errorDetails: a sentence a person can act on.
        public: String,
    },
}

impl StepError {
    /// Passing trouble.
    pub fn retry(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Retry { what: chain(error), after: Duration::ZERO }
    }
}

impl From<DriverError> for StepError {
    fn from(error: DriverError) -> Self {
        match error {
            DriverError::Retry { what, after } => Self::Retry { what, after },
            DriverError::Final { what, public } => Self::Failed { what, code: "OperationFailure", public },
        }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::retry(&error)
    }
}

impl From<agent::Error> for StepError {
    fn from(error: agent::Error) -> Self {
        match error {
            agent::Error::Connect(error) => error.into(),
            error => Self::retry(&error),
        }
    }
}

/// A plan of whatever state type, as the runner sees it.
pub trait AnyPlan: Send + Sync {
    /// Rises when steps change.
    fn version(&self) -> i64;
    /// Number of steps.
    fn steps(&self) -> u16;
    /// Longest time for all steps together, in milliseconds.
    fn deadline_ms(&self) -> i64;
    /// A step's name.
    fn name(&self, step: u16) -> &'static str;
    /// Longest time for one try of a step.
    fn limit(&self, step: u16) -> Duration;
    /// Says whether a step may be dropped when the operation is superseded.
    fn interruptible(&self, step: u16) -> bool;
    /// Says whether there is anything to take back.
    fn has_undo(&self, step: u16) -> bool;
    /// Runs a step. `state` is JSON, written over with what the step has learnt, also when it failed.
    fn run<'a>(&'a self, app: &'a App, step: u16, state: &'a mut String) -> StepFuture<'a>;
    /// Takes a step back, likewise.
    fn undo<'a>(&'a self, app: &'a App, step: u16, state: &'a mut String) -> StepFuture<'a>;
}

impl<S: Serialize + DeserializeOwned + Send> Plan<S> {
    async fn call(&self, function: StepFn<S>, app: &App, state: &mut String) -> Result<(), StepError> {
        let mut typed: S = serde_json::from_str(state).map_err(|error| StepError::Failed {
            what: format!("the operation's state cannot be read: {error}"),
            code: "OperationFailure",
            public: "The service cannot go on with this operation. Ask the operator to look at its log.".into(),
        })?;
        let ended = function(app, &mut typed).await;
        *state = serde_json::to_string(&typed).expect("a plan's state is plain data");
        ended
    }
}

impl<S: Serialize + DeserializeOwned + Send> AnyPlan for Plan<S> {
    fn version(&self) -> i64 {
        self.version
    }

    fn steps(&self) -> u16 {
        u16::try_from(self.steps.len()).expect("a plan has few steps")
    }

    fn deadline_ms(&self) -> i64 {
        self.deadline_ms
    }

    fn name(&self, step: u16) -> &'static str {
        self.steps[usize::from(step)].name
    }

    fn limit(&self, step: u16) -> Duration {
        Duration::from_millis(self.steps[usize::from(step)].deadline_ms)
    }

    fn interruptible(&self, step: u16) -> bool {
        self.steps[usize::from(step)].interruptible
    }

    fn has_undo(&self, step: u16) -> bool {
        self.steps[usize::from(step)].undo.is_some()
    }

    fn run<'a>(&'a self, app: &'a App, step: u16, state: &'a mut String) -> StepFuture<'a> {
        Box::pin(self.call(self.steps[usize::from(step)].run, app, state))
    }

    fn undo<'a>(&'a self, app: &'a App, step: u16, state: &'a mut String) -> StepFuture<'a> {
        match self.steps[usize::from(step)].undo {
            Some(undo) => Box::pin(self.call(undo, app, state)),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }
}
