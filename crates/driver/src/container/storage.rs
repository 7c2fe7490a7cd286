//! Data disks and snapshots.

use super::ContainerDriver;
use crate::Storage;

impl Storage for ContainerDriver {}
