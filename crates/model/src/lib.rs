//! What the service decides: names, instance and session state machines, operation progress, blueprints and bundles.
//! Pure: no I/O, no clock, no task, no randomness; time and ids come in as arguments.
#![forbid(unsafe_code)]

pub mod add_on;
pub mod catalog;
pub mod cost;
pub mod disk;
pub mod files;
pub mod guest;
pub mod idle;
mod ids;
pub mod instance;
pub mod metric;
pub mod operation;
pub mod person;
pub mod ports;
pub mod session;
pub mod snapshot;

pub use ids::{AccountId, DiskId, InstanceId, OperationId, SnapshotId};
