//! Finding out what is on the host.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use super::{host::Host, loopdev, names::is_id, net::resolver};
use crate::{DriverError, Observed, ObservedState, error::Doing};

impl Host {
    /// See [`crate::Driver::observe`].
    pub(crate) fn observe(&self) -> Result<Vec<Observed>, DriverError> {
        let files = folder_names(&self.names.instances_dir()).doing("list the instances' folders")?;
        let held = self.held()?;
        self.mend_firewall()?;
        let mut found = BTreeMap::new();
        for id in files.union(&held) {
            let paths = self.names.instance(id);
            let state = match self.running(id, &paths)? {
                Some(_) => ObservedState::Running,
                None if held.contains(id) => ObservedState::Partial,
                None => ObservedState::Stopped,
            };
            found.insert(id.clone(), state);
        }
        Ok(found.into_iter().map(|(id, state)| Observed { id, state }).collect())
    }

    /// Puts the rules back where another program has flushed the host's rules: without them, instances would reach the
    /// host and one another.
    fn mend_firewall(&self) -> Result<(), DriverError> {
        if self.firewall.is_empty() || self.network.has_rules()? {
            return Ok(());
        }
        tracing::warn!("the firewall rules were gone; putting them back");
        self.firewall.forget_applied();
        self.firewall.apply(&self.network, &resolver::nameservers())
    }

    /// Gives the ids of which any runtime resource is there.
    pub(super) fn held(&self) -> Result<BTreeSet<String>, DriverError> {
        let mut held = self.hierarchies.children(&self.names.cgroup()).doing("list the instances' cgroups")?;
        held.extend(folder_names(&self.names.runtime_root()).doing("list the runtime's states")?);
        held.extend(folder_names(&self.names.assembly_root()).doing("list the assemblies")?);
        for link in self.network.links()? {
            held.insert(match link.id.is_empty() {
                false => link.id,
                true => self.owner_of(&link.name)?.unwrap_or_default(),
            });
        }
        let instances = self.names.instances_dir();
        let folders: Vec<String> = folder_names(&instances).doing("list the instances' folders")?.into_iter().collect();
        for file in loopdev::backing_files().doing("list loop devices")? {
            held.extend(self.holder_of(&file, &folders));
            // The kernel adds a word to the name of a removed file.
            if let Some(id) = file.strip_prefix(&instances).ok().and_then(|below| below.iter().next()) {
                held.insert(id.to_string_lossy().into_owned());
            }
        }
        held.retain(|id| is_id(id));
        Ok(held)
    }

    fn owner_of(&self, link: &str) -> Result<Option<String>, DriverError> {
        for id in folder_names(&self.names.instances_dir()).doing("list the instances' folders")? {
            if self.record(&id)?.is_some_and(|record| self.names.link(record.index) == link) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// Names of the folders in a folder; none when it is missing.
fn folder_names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other?,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| is_id(name)).collect())
}
