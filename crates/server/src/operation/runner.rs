//! Drives operations: claims them by lease, runs their steps, records each, undoes what failed.
//!
//! ```text
//!   Forward(0) ─done─► Forward(1) ─done─► … ─done─► Succeeded
//!       │ failed, superseded, out of time
//!       ▼
//!   Undo(n) ─done─► … ─done─► Undo(0) ─done─► Failed
//!     ⟲ failed: again, for ever, with growing pauses; or until a later operation takes over
//! ```
//!
//! One task looks (woken by a request, by an operation's end, by the clock), and one task an operation drives it. A step
//! that is cut off by its limit, by the runner's end or, if it is interruptible, by a superseding operation is dropped at
//! its next await: to the step that is what a crash is.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use porthole_model::{
    OperationId,
    operation::{Outcome, Progress, backoff_ms},
};
use porthole_store::{Claim, Operation, StoreError};
use tokio::{
    sync::watch,
    task::{Id, JoinHandle, JoinSet},
};
use tracing::Instrument as _;

use super::plan::{AnyPlan, StepError, StepFuture};
use crate::{app::App, metrics::OperationLabels, telemetry::chain};

/// The errorCode of an operation that gave way to another.
const SUPERSEDED: &str = "Superseded";
/// What is said of it.
const SUPERSEDED_DETAILS: &str = "A later request took its place.";
/// The errorCode of an operation that did not end in time.
const TIMED_OUT: &str = "TimedOut";
/// How long a claim lasts unless it is renewed: so long another server waits for one that died.
const LEASE_MS: i64 = 10_000;
/// How often to look for work that nobody told of: leases that ran out, operations of other servers.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A step tried so often is stuck: operators see it, and a superseded operation hands over to its successor, which ends the
/// same things.
pub const STUCK_ATTEMPTS: u32 = 3;
/// Most operations that end something to claim at once when all room is taken.
const MOST_ENDING: usize = 64;
/// How long an operation rests whose plan this program does not know.
const UNKNOWN_PLAN_REST_MS: i64 = 60_000;
/// How long to wait before writing again what the database did not take.
const RECORD_AGAIN: Duration = Duration::from_millis(100);

/// The running runner.
pub struct Runner {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Runner {
    /// Starts driving operations, those that an earlier runner left first.
    pub fn start(app: &Arc<App>) -> Self {
        Self::start_with(app, Arc::new(super::find))
    }

    /// The same with other plans.
    pub(super) fn start_with(app: &Arc<App>, find: Find) -> Self {
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared { app: Arc::clone(app), owner: owner(app), find });
        Self { stop, task: tokio::spawn(run(shared, stopped)) }
    }

    /// Cuts every step off and gives the leases back, so that the next runner goes on at once.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the runner ended badly");
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Finds the plan that a row names; `None` when this program does not know its version.
pub(super) type Find = Arc<dyn Fn(&Operation) -> Option<&'static dyn AnyPlan> + Send + Sync>;

/// Names this server among those that share a store: a state folder serves one process at a time.
pub(super) fn owner(app: &App) -> String {
    let host = rustix::system::uname();
    let folder = std::path::absolute(&app.config.state_dir).unwrap_or_else(|_| app.config.state_dir.clone());
    format!("{}:{}", host.nodename().to_string_lossy(), folder.display())
}

struct Shared {
    app: Arc<App>,
    owner: String,
    find: Find,
}

/// Operations driven by this server, and how to tell each to give way.
#[derive(Default)]
pub struct Drives(Mutex<HashMap<String, watch::Sender<bool>>>);

impl Drives {
    /// Tells an operation at once that it was superseded, if this server drives it. One driven by another server hears of
    /// it when its lease is renewed.
    pub fn interrupt(&self, id: &str) {
        if let Some(give_way) = self.lock().get(id) {
            give_way.send_replace(true);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<bool>>> {
        // A panic elsewhere leaves the map whole: each entry is inserted and removed in one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tasks that drive, by the operation.
type Driven = HashMap<Id, OperationId>;

async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut driven = Driven::new();
    let mut tasks = JoinSet::new();
    // What an earlier process of this server left half done has no driver any more.
    shared.release().await;
    loop {
        let rest = match shared.look(&mut driven, &mut tasks).await {
            Ok(rest) => rest,
            // Another server was faster with what both wanted to claim.
            Err(StoreError::Conflict) => RECORD_AGAIN,
            Err(error) => {
                tracing::warn!(error = chain(&error), "the store does not answer; operations wait");
                LOOK_EVERY
            }
        };
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            () = shared.app.wake.notified() => {}
            Some(ended) = tasks.join_next_with_id(), if !tasks.is_empty() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "driving an operation ended badly; it goes on when its lease is over");
                        error.id()
                    }
                };
                shared.forget(driven.remove(&id));
            }
            () = tokio::time::sleep(rest) => {}
        }
    }
    tasks.shutdown().await;
    driven.into_values().for_each(|id| shared.forget(Some(id)));
    shared.release().await;
}

impl Shared {
    fn forget(&self, id: Option<OperationId>) {
        if let Some(id) = id {
            self.app.drives.lock().remove(id.as_str());
        }
    }

    async fn release(&self) {
        if let Err(error) = self.app.store.release_leases(&self.owner).await {
            tracing::warn!(error = chain(&error), "leases stay until they run out");
        }
    }

    /// An operation whose plan this program does not know rests, unless another one takes over.
    async fn lay_aside(&self, mut operation: Operation) {
        tracing::error!(version = operation.version, "no plan of this version is known; was the server downgraded?");
        let now_ms = self.app.clock.now_ms();
        operation.next_try_ms = now_ms + UNKNOWN_PLAN_REST_MS;
        if operation.superseded {
            operation.progress = Progress::Failed;
            operation.error_code = SUPERSEDED.into();
            operation.error_details = SUPERSEDED_DETAILS.into();
            (operation.changed_ms, operation.done_ms) = (now_ms, now_ms);
        }
        if let Err(error) = self.app.store.record(&operation, &self.owner, true).await {
            tracing::warn!(error = chain(&error), "could not be laid aside");
        }
    }

    /// Claims what is due: as much as there is room for, and what ends something without limit.
    async fn claim(&self, now_ms: i64, driven: usize) -> Result<Vec<Operation>, StoreError> {
        let free = self.app.config.operation.concurrency.saturating_sub(driven);
        let (limit, which) = if free > 0 { (free, Claim::All) } else { (MOST_ENDING, Claim::Ending) };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.app.store.claim(&self.owner, now_ms, now_ms + LEASE_MS, which, limit).await
    }

    /// Begins what is due, tells what was superseded to give way, says how long to rest.
    async fn look(self: &Arc<Self>, driven: &mut Driven, tasks: &mut JoinSet<()>) -> Result<Duration, StoreError> {
        let store = &self.app.store;
        let now_ms = self.app.clock.now_ms();
        for operation in self.claim(now_ms, driven.len()).await? {
            let (give_way, told) = watch::channel(operation.superseded);
            let id = operation.id.clone();
            let span =
                tracing::info_span!("operation", %id, kind = operation.kind.name(), resource = operation.resource_name);
            self.app.drives.lock().insert(id.to_string(), give_way);
            let task = tasks.spawn(drive(Arc::clone(self), operation, told).instrument(span));
            driven.insert(task.id(), id);
        }
        let undone = store.undone_operations().await?;
        let mut rest_ms = i64::MAX;
        for operation in undone.iter().filter(|operation| operation.leader_id.is_empty()) {
            if driven.values().any(|id| *id == operation.id) {
                if operation.superseded {
                    self.app.drives.interrupt(operation.id.as_str());
                }
            } else {
                rest_ms = rest_ms.min(operation.next_try_ms - now_ms);
            }
        }
        // What is due and yet was not claimed waits for a lease or for its turn.
        let rest = if rest_ms > 0 { u64::try_from(rest_ms).unwrap_or(u64::MAX) } else { u64::MAX };
        Ok(Duration::from_millis(rest).min(LOOK_EVERY))
    }
}

/// Drives one operation to its end, or to a pause.
async fn drive(shared: Arc<Shared>, mut operation: Operation, told: watch::Receiver<bool>) {
    let id = operation.id.clone();
    let now_ms = shared.app.clock.now_ms();
    let Some(plan) = (shared.find)(&operation) else { return shared.lay_aside(operation).await };
    if matches!(operation.progress, Progress::Forward(_)) && operation.deadline_ms <= now_ms {
        // Nobody drove it when its time ran out; time without a driver does not count.
        operation.deadline_ms = now_ms + plan.deadline_ms();
    }
    let drive = Drive { shared: &shared, plan, operation, told };
    tokio::select! {
        () = drive.on() => {}
        () = keep_lease(&shared, &id) => tracing::warn!("the lease was lost; its new owner goes on"),
    }
}

/// Renews the lease until it is lost. Each renewal also hears whether another server superseded the operation.
async fn keep_lease(shared: &Shared, id: &OperationId) {
    let mut until_ms = shared.app.clock.now_ms() + LEASE_MS;
    loop {
        tokio::time::sleep(Duration::from_millis(LEASE_MS as u64 / 4)).await;
        let now_ms = shared.app.clock.now_ms();
        match shared.app.store.renew(id, &shared.owner, now_ms + LEASE_MS).await {
            Ok(superseded) => {
                until_ms = now_ms + LEASE_MS;
                if superseded {
                    shared.app.drives.interrupt(id.as_str());
                }
            }
            Err(StoreError::LeaseLost) => return,
            Err(_) if now_ms >= until_ms => return,
            Err(error) => tracing::warn!(error = chain(&error), "the lease was not renewed"),
        }
    }
}

/// What comes after an attempt.
enum Next {
    /// Record and go on.
    On,
    /// Record, give the lease back, go on at `next_try_ms`.
    Pause,
}

struct Drive<'a> {
    shared: &'a Shared,
    plan: &'static dyn AnyPlan,
    operation: Operation,
    told: watch::Receiver<bool>,
}

impl Drive<'_> {
    async fn on(mut self) {
        loop {
            let next = match self.operation.progress {
                Progress::Forward(step) => self.forward(step).await,
                Progress::Undo(step) => self.back(step).await,
                Progress::Succeeded | Progress::Failed => return,
            };
            let ended = self.operation.progress.is_terminal();
            if ended {
                self.operation.done_ms = self.shared.app.clock.now_ms();
                self.operation.changed_ms = self.operation.done_ms;
            }
            let release = ended || matches!(next, Next::Pause);
            if !self.record(release).await {
                return;
            }
            if ended {
                self.count();
            }
            if release {
                return;
            }
        }
    }

    async fn forward(&mut self, step: u16) -> Next {
        let left_ms = self.operation.deadline_ms - self.shared.app.clock.now_ms();
        if self.gives_way() {
            return self.undo_from(step, SUPERSEDED, SUPERSEDED_DETAILS);
        }
        if left_ms <= 0 {
            return self.undo_from(step, TIMED_OUT, &self.out_of_time());
        }
        let limit = self.plan.limit(step).min(Duration::from_millis(left_ms.unsigned_abs()));
        let name = self.plan.name(step);
        tracing::debug!(step = name, attempt = self.operation.attempts + 1, "runs");
        let Some((state, ended)) = self.attempt(step, limit).await else {
            return self.undo_from(step, SUPERSEDED, SUPERSEDED_DETAILS);
        };
        self.operation.state = state;
        match ended {
            Some(Ok(())) => {
                self.operation.attempts = 0;
                self.operation.progress = self.operation.progress.after(Outcome::Done, self.plan.steps());
                Next::On
            }
            Some(Err(StepError::Failed { what, code, public })) => {
                tracing::warn!(step = name, what, "failed; is being undone");
                self.undo_from(step, code, &public)
            }
            Some(Err(StepError::Retry { what, after })) => self.retry(step, &what, after),
            None if self.shared.app.clock.now_ms() >= self.operation.deadline_ms => {
                self.undo_from(step, TIMED_OUT, &self.out_of_time())
            }
            None => {
                let details = format!("The step {name} did not end within {} seconds.", limit.as_secs_f32());
                self.undo_from(step, TIMED_OUT, &details)
            }
        }
    }

    /// Runs a step once: the state after it, and how it ended unless its time was over. `None` when it was cut off because
    /// another operation supersedes this one.
    async fn attempt(&mut self, step: u16, limit: Duration) -> Option<(String, Option<Result<(), StepError>>)> {
        let mut state = self.operation.state.clone();
        let (plan, app) = (self.plan, &self.shared.app);
        let superseded = async {
            if !plan.interruptible(step) || self.told.wait_for(|told| *told).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            ended = tokio::time::timeout(limit, unpanicked(plan.run(app, step, &mut state))) => ended.ok(),
            () = superseded => return None,
        };
        Some((state, ended))
    }

    /// Rests before the next attempt, unless its time would be over by then.
    fn retry(&mut self, step: u16, what: &str, after: Duration) -> Next {
        self.operation.attempts += 1;
        let name = self.plan.name(step);
        tracing::info!(step = name, what, attempts = self.operation.attempts, "is tried again");
        let next_try_ms = self.shared.app.clock.now_ms() + self.pause_ms(after);
        if next_try_ms >= self.operation.deadline_ms {
            let details = format!("The step {name} did not succeed in {} attempts.", self.operation.attempts);
            return self.undo_from(step, TIMED_OUT, &details);
        }
        self.operation.next_try_ms = next_try_ms;
        Next::Pause
    }

    async fn back(&mut self, step: u16) -> Next {
        let name = self.plan.name(step);
        let mut state = self.operation.state.clone();
        tracing::debug!(step = name, attempt = self.operation.attempts + 1, "is undone");
        let undo = unpanicked(self.plan.undo(&self.shared.app, step, &mut state));
        let (what, after) = match tokio::time::timeout(self.plan.limit(step), undo).await {
            Ok(Ok(())) => {
                self.operation.state = state;
                self.step_back();
                return Next::On;
            }
            Ok(Err(StepError::Retry { what, after })) => (what, after),
            Ok(Err(StepError::Failed { what, .. })) => (what, Duration::ZERO),
            Err(_) => ("it did not end in time".to_owned(), Duration::ZERO),
        };
        self.operation.attempts += 1;
        if self.gives_way() && self.operation.attempts >= STUCK_ATTEMPTS {
            tracing::warn!(
                step = name,
                what,
                "undo does not succeed; the operation that superseded this one takes over"
            );
            self.operation.progress = Progress::Failed;
            return Next::On;
        }
        tracing::error!(step = name, what, attempts = self.operation.attempts, "undo failed; is tried again");
        self.operation.next_try_ms = self.shared.app.clock.now_ms() + self.pause_ms(after);
        Next::Pause
    }

    /// Turns round at a step, which may have half run.
    fn undo_from(&mut self, step: u16, code: &str, details: &str) -> Next {
        tracing::info!(step = self.plan.name(step), code, "turns round");
        self.operation.error_code = code.to_owned();
        self.operation.error_details = details.to_owned();
        self.operation.attempts = 0;
        self.operation.progress = self.operation.progress.after(Outcome::Failed, self.plan.steps());
        self.pass_over();
        Next::On
    }

    fn step_back(&mut self) {
        self.operation.attempts = 0;
        self.operation.progress = self.operation.progress.after(Outcome::Done, self.plan.steps());
        self.pass_over();
    }

    /// Passes over steps that have nothing to take back.
    fn pass_over(&mut self) {
        while let Progress::Undo(step) = self.operation.progress {
            if self.plan.has_undo(step) {
                return;
            }
            self.operation.progress = self.operation.progress.after(Outcome::Done, self.plan.steps());
        }
    }

    fn gives_way(&self) -> bool {
        self.operation.superseded || *self.told.borrow()
    }

    fn out_of_time(&self) -> String {
        format!("It did not end within {} seconds.", self.plan.deadline_ms() / 1_000)
    }

    fn pause_ms(&self, at_least: Duration) -> i64 {
        i64::try_from(at_least.as_millis()).unwrap_or(i64::MAX).max(backoff_ms(self.operation.attempts))
    }

    /// Writes the record, trying for as long as the lease lasts. Says whether to go on.
    async fn record(&mut self, release: bool) -> bool {
        let began_ms = self.shared.app.clock.now_ms();
        loop {
            match self.shared.app.store.record(&self.operation, &self.shared.owner, release).await {
                Ok(superseded) => {
                    self.operation.superseded |= superseded;
                    return true;
                }
                Err(StoreError::LeaseLost) => {
                    tracing::warn!("the lease was lost; its new owner goes on");
                    return false;
                }
                Err(error) => {
                    tracing::warn!(error = chain(&error), "the record was not written; is tried again");
                    if self.shared.app.clock.now_ms() - began_ms > LEASE_MS {
                        return false;
                    }
                    tokio::time::sleep(RECORD_AGAIN).await;
                }
            }
        }
    }

    fn count(&self) {
        let succeeded = self.operation.progress == Progress::Succeeded;
        let outcome = if succeeded { "succeeded" } else { "failed" };
        let kind = self.operation.kind.name();
        self.shared.app.metrics.operations.get_or_create(&OperationLabels { kind, outcome }).inc();
        let took_ms = self.operation.done_ms - self.operation.created_ms;
        tracing::info!(outcome, code = self.operation.error_code, took_ms, "ended");
    }
}

/// A panic in a step is a bug, and one operation's trouble only.
async fn unpanicked(step: StepFuture<'_>) -> Result<(), StepError> {
    AssertUnwindSafe(step).catch_unwind().await.unwrap_or_else(|_| {
        Err(StepError::Failed {
            what: "the step panicked".into(),
            code: "OperationFailure",
            public: "The service has a fault here. Ask the operator to look at its log.".into(),
        })
    })
}
