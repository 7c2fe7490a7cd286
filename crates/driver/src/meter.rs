//! What instances use.

/// What instances use. Methods keep the rules of [`crate::Driver`]: each begins by looking, and may be cut off and called again.
pub trait Meter: Send + Sync {}
