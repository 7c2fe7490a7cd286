//! Everything slower than a transaction: plans, and the runner that drives them.
//!
//! A service function inserts an operation in the transaction that made it necessary (see [`crate::service::begin`]) and
//! wakes the runner; the runner claims it by lease and drives its plan step by step, recording each. After a crash the
//! next runner goes on from the last record.

mod disk;
#[cfg(test)]
mod harness;
mod instance;
pub mod plan;
pub mod runner;
mod session;
mod snapshot;
#[cfg(test)]
mod tests;

use porthole_model::operation::Kind;
use porthole_store::Operation;
use serde::{Deserialize, Serialize};

pub use disk::DiskLearnt;
pub use instance::hostname;
pub use runner::Runner;
pub use session::apply as apply_to_session;
pub use snapshot::SnapshotLearnt;

use plan::AnyPlan;

/// What the steps of every plan have learnt. Holds ids and small facts, never copies of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learnt {
    /// The instance worked on.
    pub instance_id: String,
    /// Why it failed, for the session's failureReason; empty until then.
    #[serde(default)]
    pub reason: String,
}

impl Learnt {
    /// What an operation begins with.
    pub fn begin(instance_id: &str) -> String {
        let learnt = Self { instance_id: instance_id.to_owned(), reason: String::new() };
        serde_json::to_string(&learnt).expect("is plain data")
    }
}

/// Kinds that take time and have a plan; operations of all others have ended when they are inserted.
#[cfg(test)]
const PLANNED: &[Kind] = &[
    Kind::CreateInstance,
    Kind::StartInstance,
    Kind::StopInstance,
    Kind::RebootInstance,
    Kind::DeleteInstance,
    Kind::StartSession,
    Kind::StopSession,
    Kind::CreateDisk,
    Kind::AttachDisk,
    Kind::DetachDisk,
    Kind::DeleteDisk,
    Kind::CreateInstanceSnapshot,
    Kind::DeleteInstanceSnapshot,
    Kind::CreateDiskSnapshot,
    Kind::DeleteDiskSnapshot,
    Kind::CopySnapshot,
    Kind::ExportSnapshot,
    Kind::DeleteAutoSnapshot,
    Kind::CreateInstancesFromSnapshot,
    Kind::CreateDiskFromSnapshot,
];

/// The plan of a kind of operation, if it has one. One version each so far; an old one stays until no row has it.
fn plan(kind: Kind) -> Option<&'static dyn AnyPlan> {
    Some(match kind {
        Kind::CreateInstance => &instance::CREATE,
        Kind::StartInstance => &instance::START,
        Kind::StopInstance => &instance::STOP,
        Kind::RebootInstance => &instance::REBOOT,
        Kind::DeleteInstance => &instance::DELETE,
        Kind::StartSession => &session::START,
        Kind::StopSession => &session::STOP,
        Kind::CreateDisk => &disk::CREATE,
        Kind::AttachDisk => &disk::ATTACH,
        Kind::DetachDisk => &disk::DETACH,
        Kind::DeleteDisk => &disk::DELETE,
        Kind::CreateInstanceSnapshot | Kind::CreateDiskSnapshot | Kind::CopySnapshot => &snapshot::CREATE,
        Kind::DeleteInstanceSnapshot | Kind::DeleteDiskSnapshot | Kind::DeleteAutoSnapshot => &snapshot::DELETE,
        Kind::CreateInstancesFromSnapshot => &snapshot::CREATE_INSTANCE,
        Kind::CreateDiskFromSnapshot => &snapshot::CREATE_DISK,
        Kind::ExportSnapshot => &snapshot::EXPORT,
        _ => return None,
    })
}

/// Version and deadline of the plan a new operation of this kind gets.
pub fn terms(kind: Kind) -> (i64, i64) {
    plan(kind).map_or((1, 0), |plan| (plan.version(), plan.deadline_ms()))
}

/// The plan that a row names; `None` when this program does not know its version.
fn find(operation: &Operation) -> Option<&'static dyn AnyPlan> {
    plan(operation.kind).filter(|plan| plan.version() == operation.version)
}

/// Names of all steps of an operation, in their order; none for a kind without a plan.
pub fn step_names(kind: Kind) -> Vec<&'static str> {
    plan(kind).map_or_else(Vec::new, |plan| (0..plan.steps()).map(|step| plan.name(step)).collect())
}

/// Name of a step, for operators.
pub fn step_name(kind: Kind, step: u16) -> &'static str {
    plan(kind).filter(|plan| step < plan.steps()).map_or("?", |plan| plan.name(step))
}
