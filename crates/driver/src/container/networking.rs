//! Ports, public addresses, peering and the metadata service of instances.

use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
};

use async_trait::async_trait;

use super::{ContainerDriver, host::Host, net::resolver, record::Record};
use crate::{DriverError, InstanceNetwork, Networking, error::Doing};

#[async_trait]
impl Networking for ContainerDriver {
    async fn set_network(&self, id: &str, wanted: &InstanceNetwork) -> Result<bool, DriverError> {
        let (key, wanted) = (id.to_owned(), wanted.clone());
        self.exclusive(id, move |host| host.set_network(&key, &wanted)).await
    }

    fn reserved_address(&self, number: u32) -> Option<Ipv4Addr> {
        self.host.reserved_address(number)
    }

    fn address6(&self, index: u32) -> Option<Ipv6Addr> {
        self.host.address6(index)
    }
}

impl Host {
    fn set_network(&self, id: &str, wanted: &InstanceNetwork) -> Result<bool, DriverError> {
        let paths = self.paths(id)?;
        let Some(record) = self.record(id)? else { return Ok(false) };
        let file = paths.network();
        let old = read(&file).doing("read the instance's network settings")?;
        let changed = old.as_ref() != Some(wanted);
        // Before it is written that it is so: whoever is cut off between the two begins again.
        if old.map(|old| old.addresses) != Some(wanted.addresses)
            && let Some(pid) = self.running(id, &paths)?
        {
            self.network.set_addresses(record.index, pid as u32, wanted.addresses)?;
        }
        if changed {
            write(&file, wanted).doing("write the instance's network settings")?;
        }
        // Also when the file says so already: whoever wrote it may have been cut off before the rules were in force.
        if self.firewall.set(id, wanted) {
            self.firewall.apply(&self.network, &resolver::nameservers())?;
        }
        Ok(changed)
    }

    /// How an instance is to be seen from outside.
    pub(super) fn network_of(&self, id: &str) -> Result<InstanceNetwork, DriverError> {
        let found = read(&self.paths(id)?.network()).doing("read the instance's network settings")?;
        Ok(found.unwrap_or_default())
    }

    /// Lets an instance into the firewall with its own rules; to be followed by applying them.
    pub(super) fn let_in(&self, record: &Record) -> Result<(), DriverError> {
        self.firewall.add(record, self.network_of(&record.id)?);
        Ok(())
    }
}

/// Reads the settings; `None` when there are none, or of another version of this program.
fn read(file: &Path) -> io::Result<Option<InstanceNetwork>> {
    match fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(file: &Path, settings: &InstanceNetwork) -> io::Result<()> {
    let draft = file.with_extension("new");
    fs::write(&draft, serde_json::to_vec(settings)?)?;
    fs::rename(draft, file)
}
