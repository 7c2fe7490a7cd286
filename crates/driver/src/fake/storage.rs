//! Data disks and snapshots.

use super::FakeDriver;
use crate::Storage;

impl Storage for FakeDriver {}
