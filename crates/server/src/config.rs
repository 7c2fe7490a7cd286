//! What an operator can set: one TOML file, unknown keys refused, every key with its unit and default here.
//! Flags of `porthole serve` win over the file; the environment is never read.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use porthole_model::ports::Cidr;
use serde::{Deserialize, Serialize};

mod console;

pub use console::{ConsoleConfig, OidcConfig};

/// Most addresses of the public pool: a /16.
const MOST_POOL_ADDRESSES: usize = 65_536;

/// Which back end makes instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DriverKind {
    /// Real containers of the OCI runtime.
    Container,
    /// Nothing but memory: for trying the API without root.
    Fake,
}

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port of the one listener. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Folder of the database, secrets and instances. Default `/var/lib/porthole/state`.
    pub state_dir: PathBuf,
    /// Folder of built images; may be shared. Default `/var/lib/porthole/images`.
    pub images_dir: PathBuf,
    /// Folder that ExportSnapshot writes to, a folder an export. Default: `exports` in the state folder.
    pub export_dir: Option<PathBuf>,
    /// Folder of image recipes. Default `images`, next to the working folder.
    pub recipes_dir: PathBuf,
    /// The guest agent's binary. Default: `porthole-guest` beside the running binary.
    pub guest_binary: Option<PathBuf>,
    /// Back end. Default `container`.
    pub driver: DriverKind,
    /// `sqlite` (a file in the state folder) or a `postgres://` URL. Default `sqlite`.
    pub store: String,
    /// Region this server answers for. Default `us-east-2`.
    pub region: String,
    /// Availability zones of the region. Default `["us-east-2a"]`.
    pub zones: Vec<String>,
    /// Base of the URLs given out, without a slash at the end. Default `http://` and the listen address.
    pub public_url: Option<String>,
    /// Serves plain HTTP on an address other than loopback. Default `false`: refused.
    pub allow_plain_http: bool,
    /// Blueprints file; default: the ones built in.
    pub blueprints: Option<PathBuf>,
    /// Bundles file; default: the ones built in.
    pub bundles: Option<PathBuf>,
    /// Sessions.
    pub session: SessionConfig,
    /// Instances' network.
    pub network: NetworkConfig,
    /// Limits of operations.
    pub operation: OperationConfig,
    /// What an account may have in this region.
    pub quota: QuotaConfig,
    /// Measuring instances.
    pub metrics: MetricsConfig,
    /// Stopping idle instances.
    pub idle: IdleConfig,
    /// What keeping data costs; a bundle's own price is in the bundles file.
    pub prices: PriceConfig,
    /// The console.
    pub console: ConsoleConfig,
    /// The viewer.
    pub viewer: ViewerConfig,
}

/// The viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewerConfig {
    /// A person may list, download and upload the files of their own instance in the viewer. Default `true`.
    pub files: bool,
    /// Largest file that can be uploaded, in bytes, at least 1. Default 10 737 418 240 (10 GiB).
    pub largest_file_bytes: u64,
}

/// Measuring instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Between two samples, in milliseconds, 50–60 000, which divides a minute. Default 60 000. Points are of whole minutes.
    pub period_ms: i64,
}

/// Stopping idle instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdleConfig {
    /// A person who types, points or clicks in a session keeps the instance, whatever its CPU does. Default `true`.
    pub counts_viewer_input: bool,
    /// How long a minute of a rule's duration is, in milliseconds, 100–60 000: less than a minute tries rules out faster.
    /// Default 60 000.
    pub minute_ms: i64,
}

/// What keeping data costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriceConfig {
    /// USD a GB and month of a disk. Default 0.10.
    pub disk_gb_month: f64,
    /// USD a GB and month of a snapshot. Default 0.05.
    pub snapshot_gb_month: f64,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { period_ms: 60_000 }
    }
}

impl Default for IdleConfig {
    fn default() -> Self {
        Self { counts_viewer_input: true, minute_ms: 60_000 }
    }
}

impl Default for PriceConfig {
    fn default() -> Self {
        Self { disk_gb_month: 0.10, snapshot_gb_month: 0.05 }
    }
}

/// What an account may have in this region. The defaults of static addresses and disks are the service's own (AWS General
/// Reference, Lightsail quotas); the others are wide, because the machine itself is the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// Instances. Default 2 000.
    pub instances: u32,
    /// vCPUs of all instances together. Default 4 000.
    pub vcpus: u32,
    /// Data disks. Default 500.
    pub disks: u32,
    /// Size of all data disks together in GB. Default 20 000.
    pub disk_total_gb: u32,
    /// Data disks of one instance. Default 15.
    pub disks_per_instance: u32,
    /// Static addresses. Default 5.
    pub static_ips: u32,
    /// Snapshots of instances and disks, automatic ones not counted. Default 500.
    pub snapshots: u32,
    /// Key pairs. Default 100.
    pub key_pairs: u32,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            instances: 2_000,
            vcpus: 4_000,
            disks: 500,
            disk_total_gb: 20_000,
            disks_per_instance: 15,
            static_ips: 5,
            snapshots: 500,
            key_pairs: 100,
        }
    }
}

/// Sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// How long a started session admits viewers, in milliseconds, 1 000–86 400 000. Default 3 600 000 (one hour).
    pub duration_ms: i64,
    /// First size of displays in pixels. Default 1280 × 800.
    pub width_px: u16,
    /// First size of displays in pixels. Default 1280 × 800.
    pub height_px: u16,
    /// How long applications have to end after TERM when a session stops, in milliseconds, 0–10 000. Default 100.
    pub stop_grace_ms: u32,
}

/// Instances' network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// A /16 in CIDR form. Default: 172.26.0.0/16, or the next free of 172.27–172.31 where that collides.
    pub cidr: Option<String>,
    /// IPv4 addresses and networks that lead to this host and are free to give to instances, as static addresses and, while
    /// they run, to those that have none. Never an address of the host's own services. Default: none; the instances' own
    /// addresses serve.
    pub public_pool: Vec<Cidr>,
    /// Interface that gets the public addresses in use, where neighbours are to find them. Default: the loopback
    /// interface, for addresses that are routed to this host.
    pub public_interface: Option<String>,
    /// Prefix of the instances' IPv6 addresses, a /64 like `2001:db8:1:2::/64` that is routed to this host. Default: a
    /// unique local prefix of this server's own, from which instances go out by the host's address.
    pub ipv6_prefix: Option<String>,
    /// Networks of the site that only instances of peered accounts (PeerVpc) reach. Default: none.
    pub site_cidrs: Vec<Cidr>,
}

/// Limits of operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperationConfig {
    /// How long an instance has to end after TERM when it is stopped or rebooted, in milliseconds. Default 3 000.
    pub stop_grace_ms: u32,
    /// Most operations driven at once by this server, 1–256. Default 16.
    pub concurrency: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            state_dir: "/var/lib/porthole/state".into(),
            images_dir: "/var/lib/porthole/images".into(),
            export_dir: None,
            recipes_dir: "images".into(),
            guest_binary: None,
            driver: DriverKind::Container,
            store: "sqlite".into(),
            region: "us-east-2".into(),
            zones: vec!["us-east-2a".into()],
            public_url: None,
            allow_plain_http: false,
            blueprints: None,
            bundles: None,
            session: SessionConfig::default(),
            network: NetworkConfig::default(),
            operation: OperationConfig::default(),
            quota: QuotaConfig::default(),
            metrics: MetricsConfig::default(),
            idle: IdleConfig::default(),
            prices: PriceConfig::default(),
            console: ConsoleConfig::default(),
            viewer: ViewerConfig::default(),
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { duration_ms: 3_600_000, width_px: 1280, height_px: 800, stop_grace_ms: 100 }
    }
}

impl Default for ViewerConfig {
    fn default() -> Self {
        Self { files: true, largest_file_bytes: 10 << 30 }
    }
}

impl Default for OperationConfig {
    fn default() -> Self {
        Self { stop_grace_ms: 3_000, concurrency: 16 }
    }
}

impl Config {
    /// Reads a file; `None` gives the defaults. Does not check: flags may still change it.
    pub fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
    }

    /// Checks every rule and names the key that breaks one.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (1_000..=86_400_000).contains(&self.session.duration_ms),
            "session.duration_ms must be 1000 to 86400000"
        );
        ensure!((320..=8192).contains(&self.session.width_px), "session.width_px must be 320 to 8192");
        ensure!((200..=8192).contains(&self.session.height_px), "session.height_px must be 200 to 8192");
        ensure!(self.session.stop_grace_ms <= 10_000, "session.stop_grace_ms must be at most 10000");
        ensure!(self.operation.stop_grace_ms <= 60_000, "operation.stop_grace_ms must be at most 60000");
        ensure!((1..=256).contains(&self.operation.concurrency), "operation.concurrency must be 1 to 256");
        ensure!(
            porthole_api::generated::enums::RegionName::from_wire(&self.region).is_some(),
            "region must be one of the API's regions, such as us-east-2; {} is none",
            self.region
        );
        let period_ms = self.metrics.period_ms;
        ensure!(
            (50..=60_000).contains(&period_ms) && 60_000 % period_ms == 0,
            "metrics.period_ms must be 50 to 60000 and divide 60000"
        );
        ensure!((100..=60_000).contains(&self.idle.minute_ms), "idle.minute_ms must be 100 to 60000");
        for (key, price) in [
            ("prices.disk_gb_month", self.prices.disk_gb_month),
            ("prices.snapshot_gb_month", self.prices.snapshot_gb_month),
        ] {
            ensure!((0.0..=1e6).contains(&price), "{key} must be 0 to 1000000");
        }
        // TOML knows no larger number, nor does a browser.
        ensure!(
            (1..=1 << 53).contains(&self.viewer.largest_file_bytes),
            "viewer.largest_file_bytes must be 1 to 9007199254740992"
        );
        self.check_network()?;
        self.console.check()?;
        ensure!(!self.zones.is_empty(), "zones must name at least one zone");
        for zone in &self.zones {
            ensure!(
                zone.strip_prefix(&self.region).is_some_and(|letter| letter.len() == 1),
                "zones: {zone} must be the region and one letter"
            );
        }
        if let Some(url) = &self.public_url {
            ensure!(
                (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with('/'),
                "public_url must begin with http:// or https:// and not end with a slash"
            );
        }
        if self.store != "sqlite" && !self.store.starts_with("postgres://") && !self.store.starts_with("postgresql://")
        {
            bail!("store must be sqlite or a postgres:// URL");
        }
        if !self.listen.ip().is_loopback() && !self.allow_plain_http {
            bail!(
                "listen: {} is not a loopback address and this server speaks plain HTTP; put a TLS proxy in front of a \
                 loopback address, or set allow_plain_http = true",
                self.listen
            );
        }
        Ok(())
    }

    /// Gives the folder that exports are written to.
    pub fn export_dir(&self) -> PathBuf {
        self.export_dir.clone().unwrap_or_else(|| self.state_dir.join("exports"))
    }

    fn check_network(&self) -> anyhow::Result<()> {
        let NetworkConfig { cidr, public_pool, .. } = &self.network;
        let (mut addresses, own) = (0, cidr.as_deref().and_then(|text| text.parse::<Cidr>().ok()));
        for network in public_pool {
            ensure!(network.is_v4(), "network.public_pool: {network} is not IPv4");
            let overlaps = own.is_some_and(|own| own.covers(*network) || network.covers(own));
            ensure!(!overlaps, "network.public_pool: {network} overlaps network.cidr");
            addresses += network.addresses().take(MOST_POOL_ADDRESSES + 1).count();
        }
        ensure!(
            addresses <= MOST_POOL_ADDRESSES,
            "network.public_pool must have at most {MOST_POOL_ADDRESSES} addresses"
        );
        if let Some(prefix) = &self.network.ipv6_prefix {
            let cidr = prefix.parse::<Cidr>().ok().filter(|cidr| !cidr.is_v4() && prefix.ends_with("::/64"));
            ensure!(cidr.is_some(), "network.ipv6_prefix: {prefix} is not a /64 like 2001:db8:1:2::/64");
        }
        Ok(())
    }

    /// Gives the base of the URLs given out.
    pub fn base_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// Gives the store's URL or file.
    pub fn store_url(&self) -> String {
        if self.store == "sqlite" {
            format!("sqlite://{}", self.state_dir.join("porthole.db").display())
        } else {
            self.store.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_survive_printing() {
        let config = Config::default();
        config.check().expect("defaults are valid");
        let printed = toml::to_string(&config).expect("configuration prints");
        assert_eq!(toml::from_str::<Config>(&printed).expect("printed configuration reads"), config);
    }

    #[test]
    fn unknown_keys_and_bad_values_are_refused_by_name() {
        let error =
            toml::from_str::<Config>("listne = \"127.0.0.1:1\"").expect_err("a typing error is found").to_string();
        assert!(error.contains("listne"), "{error}");
        for (change, key) in [
            ("listen = \"0.0.0.0:80\"", "listen"),
            ("region = \"mars-1\"", "region"),
            ("zones = []", "zones"),
            ("store = \"mysql://x\"", "store"),
            ("[session]\nduration_ms = 1", "session.duration_ms"),
            ("[metrics]\nperiod_ms = 7", "metrics.period_ms"),
            ("[idle]\nminute_ms = 1", "idle.minute_ms"),
            ("[prices]\ndisk_gb_month = -0.1", "prices.disk_gb_month"),
            ("[viewer]\nlargest_file_bytes = 0", "viewer.largest_file_bytes"),
            ("[console]\nsession_ms = 1", "console.session_ms"),
            ("[console]\naudit_days = 0", "console.audit_days"),
            (
                "[console.oidc]\nissuer = \"http://id.example.com\"\nclient_id = \"a\"\nclient_secret_file = \"b\"\naccount = \"c\"",
                "console.oidc.issuer",
            ),
            ("[network]\npublic_pool = [\"fd00::/64\"]", "network.public_pool"),
            ("[network]\npublic_pool = [\"10.0.0.0/8\"]", "network.public_pool"),
            ("[network]\nipv6_prefix = \"2001:db8::/48\"", "network.ipv6_prefix"),
            ("public_url = \"http://x/\"", "public_url"),
        ] {
            let error = toml::from_str::<Config>(change).expect("parses").check().expect_err("is refused").to_string();
            assert!(error.contains(key), "{error} names {key}");
        }
    }
}
