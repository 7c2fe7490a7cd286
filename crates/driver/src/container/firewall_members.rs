//! Which instances the firewall knows, and the rule that a change is in force when the call that made it returns.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
};

use super::{
    net::{Joined, Network},
    record::Record,
};
use crate::{DriverError, InstanceNetwork};

#[derive(Debug, Default)]
struct Members {
    by_id: BTreeMap<String, Joined>,
    version: u64,
}

/// The attached instances.
#[derive(Debug, Default)]
pub(crate) struct FirewallMembers {
    members: Mutex<Members>,
    /// The version of the rules in force. Held while rules are applied, so that waiting changes are applied together.
    applied: Mutex<u64>,
}

impl FirewallMembers {
    /// Lets an instance in; to be followed by [`FirewallMembers::apply`].
    pub(crate) fn add(&self, record: &Record, network: InstanceNetwork) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let joined = Joined { account_id: record.account_id.clone(), index: record.index, network };
        members.by_id.insert(record.id.clone(), joined);
        members.version += 1;
    }

    /// Changes how an instance is seen from outside; says whether that is to be applied.
    pub(crate) fn set(&self, id: &str, network: &InstanceNetwork) -> bool {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(joined) = members.by_id.get_mut(id).filter(|joined| joined.network != *network) else { return false };
        joined.network = network.clone();
        members.version += 1;
        true
    }

    /// Takes an instance out; says whether it was in.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let was = members.by_id.remove(id).is_some();
        members.version += u64::from(was);
        was
    }

    /// Whether none is in.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).by_id.is_empty()
    }

    /// Puts rules in force that have every change made before this call.
    pub(crate) fn apply(&self, network: &Network, nameservers: &[Ipv4Addr]) -> Result<(), DriverError> {
        let wanted = self.members.lock().unwrap_or_else(PoisonError::into_inner).version;
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        if *applied >= wanted {
            return Ok(());
        }
        let (members, version) = {
            let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
            (members.by_id.clone(), members.version)
        };
        network.apply_rules(members.values(), nameservers)?;
        *applied = version;
        Ok(())
    }

    /// Says that no rules are in force any more.
    pub(crate) fn forget_applied(&self) {
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        self.members.lock().unwrap_or_else(PoisonError::into_inner).version += 1;
    }
}
