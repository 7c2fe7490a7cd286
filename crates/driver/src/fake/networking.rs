//! Ports, public addresses, peering and the metadata service of instances.

use std::net::{Ipv4Addr, Ipv6Addr};

use async_trait::async_trait;

use super::{Deed, FakeDriver};
use crate::{DriverError, InstanceNetwork, Networking};

/// How many addresses are kept for static ones.
const RESERVED: u32 = 255;

#[async_trait]
impl Networking for FakeDriver {
    async fn set_network(&self, id: &str, wanted: &InstanceNetwork) -> Result<bool, DriverError> {
        self.perform(Deed::SetNetwork, id, None).await?;
        let mut world = self.shared.lock();
        let Some(instance) = world.instances.get_mut(id) else { return Ok(false) };
        let changed = instance.network.as_ref() != Some(wanted);
        instance.network = Some(wanted.clone());
        Ok(changed)
    }

    fn address6(&self, index: u32) -> Option<Ipv6Addr> {
        Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, (index >> 16) as u16, index as u16))
    }

    fn reserved_address(&self, number: u32) -> Option<Ipv4Addr> {
        (number < RESERVED).then(|| Ipv4Addr::from_bits(Ipv4Addr::new(172, 26, 255, 0).to_bits() + number))
    }
}

impl FakeDriver {
    /// Gives what an instance's agent was told since it booted to say as metadata.
    #[must_use]
    pub fn metadata_of(&self, id: &str) -> Option<porthole_model::guest::Metadata> {
        self.shared.lock().agent(id)?.metadata.clone()
    }

    /// Gives how an instance is seen from outside, as it was set last.
    #[must_use]
    pub fn network_of(&self, id: &str) -> Option<InstanceNetwork> {
        self.shared.lock().instances.get(id)?.network.clone()
    }
}
