//! What instances use.

use super::ContainerDriver;
use crate::Meter;

impl Meter for ContainerDriver {}
