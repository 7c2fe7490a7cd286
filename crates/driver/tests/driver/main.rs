//! The driver's contract on both drivers, and what only the container driver promises. Needs root and the packages
//! that `porthole doctor` asks for; builds a small image once.

#![allow(clippy::unwrap_used)]

mod conformance;
mod disks;
#[cfg(target_arch = "x86_64")]
mod export;
mod isolation;
mod limits;
mod meter;
mod network;
mod resilience;
mod snapshots;
mod support;
