//! What instances use.

use super::FakeDriver;
use crate::Meter;

impl Meter for FakeDriver {}
