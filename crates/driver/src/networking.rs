//! Ports, public addresses, peering and the metadata service of instances.

use std::net::{Ipv4Addr, Ipv6Addr};

use async_trait::async_trait;
use porthole_model::{
    guest::Metadata,
    instance::AddressType,
    ports::{self, Rule},
};
use serde::{Deserialize, Serialize};

use crate::DriverError;

/// How one instance is seen from outside of it. What was set last holds for every later start, until it is set again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceNetwork {
    /// Which kinds of address it has.
    pub addresses: AddressType,
    /// What reaches it from anywhere but its account's other instances.
    pub ports: Vec<Rule>,
    /// The address by which the outside reaches it, beside its own.
    pub public_address: Option<Ipv4Addr>,
    /// Whether it may open connections to the site's networks ([`crate::DriverConfig::site_networks`]).
    pub site: bool,
    /// What its metadata service says after the next boot; see the guest agent's `PUT /v1/metadata` for now.
    pub metadata: Option<Metadata>,
}

impl Default for InstanceNetwork {
    /// A new instance: the default ports, no public address of its own.
    fn default() -> Self {
        let addresses = AddressType::Dualstack;
        Self { addresses, ports: ports::defaults(), public_address: None, site: false, metadata: None }
    }
}

/// Ports, public addresses, peering and the metadata service of instances. Methods keep the rules of [`crate::Driver`]: each begins by looking, and may be cut off and called again.
#[async_trait]
pub trait Networking: Send + Sync {
    /// Sets how an instance is seen from outside, in force when it returns if the instance runs. Says whether anything
    /// changed; an instance that was not created is left alone.
    async fn set_network(&self, id: &str, wanted: &InstanceNetwork) -> Result<bool, DriverError>;
    /// Gives the address of this number, from 0, among those of the instances' network kept for static addresses; they
    /// reach from this host and from the account's instances. `None` past the last.
    fn reserved_address(&self, number: u32) -> Option<Ipv4Addr>;
    /// Gives the IPv6 address of an instance's lease; `None` where the host has no IPv6. It never changes while the
    /// configured prefix stays.
    fn address6(&self, index: u32) -> Option<Ipv6Addr>;
}
