//! Ports, public addresses, peering and the metadata service of instances.

use super::ContainerDriver;
use crate::Networking;

impl Networking for ContainerDriver {}
