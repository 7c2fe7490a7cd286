//! Data disks and snapshots.

/// Data disks and snapshots. Methods keep the rules of [`crate::Driver`]: each begins by looking, and may be cut off and called again.
pub trait Storage: Send + Sync {}
