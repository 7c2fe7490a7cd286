//! Ports, public addresses, peering and the metadata service of instances.

use super::FakeDriver;
use crate::Networking;

impl Networking for FakeDriver {}
