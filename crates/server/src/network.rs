//! How instances are seen from outside: what of it the store says is told to the driver and to guest agents, by requests
//! at once and by a reconciler for good.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

use porthole_driver::{DriverError, InstanceNetwork};
use porthole_model::{
    AccountId, InstanceId,
    guest::Metadata,
    instance::{AddressType, State},
    ports::{self, Rule},
};
use porthole_store::{Instance, PublicAddress, StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{agent::Agent, app::App, telemetry::chain};

/// Options of an instance's metadata service, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataOptions {
    /// It answers at all.
    pub enabled: bool,
    /// Only with a token.
    pub token_required: bool,
    /// By IPv6 too.
    #[serde(default)]
    pub ipv6: bool,
    /// Hops the answer with a token may take.
    pub hop_limit: u8,
    /// The instance's agent has not taken them yet.
    pub pending: bool,
}

impl MetadataOptions {
    /// Reads an instance's options.
    pub fn of(instance: &Instance) -> Self {
        let Metadata { enabled, token_required, ipv6, hop_limit, .. } = Metadata::default();
        let default = Self { enabled, token_required, ipv6, hop_limit, pending: false };
        serde_json::from_str(&instance.metadata_options).unwrap_or(default)
    }

    /// Writes them into an instance.
    pub fn store(&self, instance: &mut Instance) {
        instance.metadata_options = serde_json::to_string(self).expect("is plain data");
    }
}

/// Reads an instance's port rules.
pub fn rules(instance: &Instance) -> Vec<Rule> {
    if instance.ports.is_empty() {
        return ports::defaults();
    }
    // Unreadable rules let nothing in.
    serde_json::from_str(&instance.ports).unwrap_or_default()
}

/// What the store says of all instances together.
pub struct Picture {
    public: Vec<PublicAddress>,
    peered: BTreeSet<AccountId>,
}

impl Picture {
    /// Reads it.
    pub async fn read(app: &App) -> Result<Self, StoreError> {
        Ok(Self { public: app.store.public_addresses().await?, peered: app.store.peered_accounts().await? })
    }

    /// Gives an instance's public address: the static one if it has one.
    pub fn public(&self, id: &InstanceId) -> Option<&PublicAddress> {
        self.public.iter().find(|public| public.instance_id == id.as_str())
    }

    /// How an instance is to be seen.
    pub fn wanted(&self, app: &App, instance: &Instance) -> InstanceNetwork {
        let addresses = AddressType::of(&instance.ip_address_type);
        let public = self.public(&instance.id).filter(|_| addresses != AddressType::Ipv6);
        let public_address = public.and_then(|public| public.address.parse().ok());
        InstanceNetwork {
            addresses,
            ports: rules(instance),
            public_address,
            site: self.peered.contains(&instance.account_id),
            metadata: Some(metadata(app, instance, public_address)),
        }
    }
}

/// Gives the IPv6 addresses an instance has.
pub fn ipv6_addresses(app: &App, instance: &Instance) -> Vec<String> {
    let has = AddressType::of(&instance.ip_address_type).has_ipv6();
    let address = app.driver.address6(instance.address_index).filter(|_| has);
    // The service's own form has all eight groups, in capitals (model shape Ipv6Address).
    let groups = |address: Ipv6Addr| address.segments().map(|group| format!("{group:04X}")).join(":");
    address.into_iter().map(groups).collect()
}

/// What an instance's metadata service says.
fn metadata(app: &App, instance: &Instance, public_address: Option<Ipv4Addr>) -> Metadata {
    let options = MetadataOptions::of(instance);
    let private = app.driver.address(instance.address_index);
    let public = public_address.unwrap_or(private).to_string();
    let short: String = instance.id.as_str().chars().filter(char::is_ascii_alphanumeric).take(17).collect();
    let (id, hostname) = (format!("i-{short}"), crate::operation::hostname(&instance.name));
    let document = json!({
        "accountId": instance.account_id.as_str(),
        "architecture": match std::env::consts::ARCH { "aarch64" => "arm64", other => other },
        "availabilityZone": instance.zone,
        "imageId": instance.blueprint_id,
        "instanceId": id,
        "instanceType": instance.bundle_id,
        "pendingTime": instance.created_ms,
        "privateIp": private.to_string(),
        "region": instance.region,
        "version": "2017-09-30",
    });
    let document = serde_json::to_string_pretty(&document).expect("is plain data");
    let [a, b, c, d] = private.octets();
    let mut entries: Vec<(&str, String)> = vec![
        ("dynamic/instance-identity/document", document),
        ("meta-data/ami-id", instance.blueprint_id.clone()),
        ("meta-data/hostname", hostname.clone()),
        ("meta-data/instance-id", id),
        ("meta-data/instance-type", instance.bundle_id.clone()),
        ("meta-data/local-hostname", hostname),
        ("meta-data/local-ipv4", private.to_string()),
        ("meta-data/mac", format!("02:70:{a:02x}:{b:02x}:{c:02x}:{d:02x}")),
        ("meta-data/placement/availability-zone", instance.zone.clone()),
        ("meta-data/placement/region", instance.region.clone()),
        ("meta-data/services/domain", "amazonaws.com".into()),
        ("meta-data/services/partition", "aws".into()),
        ("meta-data/tags/instance/Name", instance.name.clone()),
    ];
    if AddressType::of(&instance.ip_address_type) != AddressType::Ipv6 {
        entries.push(("meta-data/public-ipv4", public));
    }
    if let Some(address) = ipv6_addresses(app, instance).pop() {
        let address = address.to_lowercase();
        entries.push(("meta-data/ipv6", address));
    }
    if !instance.user_data.is_empty() {
        entries.push(("user-data", instance.user_data.clone()));
    }
    Metadata {
        enabled: options.enabled,
        token_required: options.token_required,
        ipv6: options.ipv6,
        hop_limit: options.hop_limit,
        entries: entries.into_iter().map(|(path, text)| (path.to_owned(), text)).collect(),
    }
}

/// Before a start: leases a public address where the pool has one, and sets all that must hold from the first packet on.
pub async fn prepare(app: &App, instance: &Instance) -> Result<(), PrepareError> {
    lease(app, instance).await?;
    let wanted = Picture::read(app).await?.wanted(app, instance);
    app.driver.set_network(instance.id.as_str(), &wanted).await?;
    Ok(())
}

/// Why an instance's network cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The driver failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// After a change of the store: puts it in force, as well as that goes now; the reconciler does the rest.
pub async fn refresh(app: &App, id: &InstanceId) {
    let done = async {
        let Some(instance) = app.store.instance(id).await? else { return Ok(()) };
        if instance.state == State::Running {
            lease(app, &instance).await?;
        }
        mend(app, &instance, &Picture::read(app).await?).await
    };
    if let Err(error) = done.await {
        tracing::warn!(instance = %id, error = chain(&error), "the network will be mended later");
    }
}

/// Puts one instance's network in force, where it differs.
pub async fn mend(app: &App, instance: &Instance, picture: &Picture) -> Result<(), PrepareError> {
    let wanted = picture.wanted(app, instance);
    let changed = app.driver.set_network(instance.id.as_str(), &wanted).await?;
    let pending = MetadataOptions::of(instance).pending;
    if !changed && !pending {
        return Ok(());
    }
    if instance.state == State::Running {
        let agent = Agent::new(&*app.driver, instance.id.as_str());
        if let Err(error) = agent.set_metadata(&wanted.metadata.unwrap_or_default()).await {
            tracing::warn!(instance = %instance.id, error = chain(&error), "the metadata service was not told");
            return Ok(());
        }
    }
    if pending { mark_applied(app, instance).await } else { Ok(()) }
}

/// The agent has taken the options. One that does not run takes them when it next boots.
async fn mark_applied(app: &App, seen: &Instance) -> Result<(), PrepareError> {
    let mut tx = app.store.begin().await?;
    let Some(mut now) = tx.instance(&seen.id).await? else { return Ok(()) };
    if now.metadata_options != seen.metadata_options {
        // Changed since: not what the agent took.
        return Ok(());
    }
    MetadataOptions { pending: false, ..MetadataOptions::of(&now) }.store(&mut now);
    match tx.update_instance(&mut now).await {
        Ok(()) => Ok(tx.commit().await?),
        Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Gives an instance that has no public address a free one of the pool; nothing when there is none.
pub async fn lease(app: &App, instance: &Instance) -> Result<(), StoreError> {
    if app.config.network.public_pool.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.begin().await?;
    if AddressType::of(&instance.ip_address_type) == AddressType::Ipv6 {
        tx.delete_dynamic_ip(&instance.id).await?;
        return tx.commit().await;
    }
    if tx.static_ip_of(&instance.id).await?.is_some() {
        tx.delete_dynamic_ip(&instance.id).await?;
        return tx.commit().await;
    }
    let Some(address) = free_of_pool(app, &mut tx).await? else { return Ok(()) };
    match tx.insert_dynamic_ip(&instance.id, &address.to_string()).await {
        Ok(()) => tx.commit().await,
        // It has one, or somebody else was faster: the reconciler looks again.
        Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Finds an address for a new static one: of the pool, or without a pool of those the driver keeps.
pub async fn free_address(app: &App, tx: &mut Tx) -> Result<Option<Ipv4Addr>, StoreError> {
    if !app.config.network.public_pool.is_empty() {
        return free_of_pool(app, tx).await;
    }
    let leased = tx.leased_addresses().await?;
    let mut reserved = (0..).map_while(|number| app.driver.reserved_address(number));
    Ok(reserved.find(|address| !leased.contains(&address.to_string())))
}

async fn free_of_pool(app: &App, tx: &mut Tx) -> Result<Option<Ipv4Addr>, StoreError> {
    let leased = tx.leased_addresses().await?;
    let mut pool = app.config.network.public_pool.iter().flat_map(|network| network.addresses());
    Ok(pool.find(|address| !leased.contains(&address.to_string())))
}
