//! Ports, public addresses, peering and the metadata service of instances.

/// Ports, public addresses, peering and the metadata service of instances. Methods keep the rules of [`crate::Driver`]: each begins by looking, and may be cut off and called again.
pub trait Networking: Send + Sync {}
