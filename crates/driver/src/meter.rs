//! What instances use.

use async_trait::async_trait;

use crate::DriverError;

/// Counters of a running instance, which only rise while it runs and no disk is detached; a boot may begin anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// CPU time of all its processes, in nanoseconds.
    pub cpu_ns: u64,
    /// Bytes the instance received.
    pub received_bytes: u64,
    /// Bytes the instance sent.
    pub sent_bytes: u64,
    /// Completed reads of all its disks.
    pub read_ops: u64,
    /// Completed writes of its disks.
    pub write_ops: u64,
    /// Bytes read from its disks.
    pub read_bytes: u64,
    /// Bytes written to its disks.
    pub write_bytes: u64,
    /// Time that reads took, all together, in milliseconds.
    pub read_ms: u64,
    /// Time that writes took, all together, in milliseconds.
    pub write_ms: u64,
    /// Memory in use now, in bytes; not a counter.
    pub memory_bytes: u64,
}

/// What instances use. Methods keep the rules of [`crate::Driver`]: each begins by looking, and may be cut off and called again.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Reads the counters of an instance; `None` while it does not run.
    async fn sample(&self, id: &str) -> Result<Option<Counters>, DriverError>;
}
