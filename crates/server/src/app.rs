//! The application context: everything a request, a step or a reconciler needs, made once at start.
//! The only file that reads the clock and makes ids and random bytes, so that a test decides all three.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use porthole_driver::Driver;
use porthole_store::Store;

use crate::{
    audit::Audit, auth::KeyCache, catalog::Catalog, config::Config, console, gateway::registry::Viewers,
    metrics::Metrics, operation::runner::Drives, secret::Seal, usage::Usage,
};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;
}

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Makes ids and secrets.
pub trait Ids: Send + Sync {
    /// A new version 4 UUID in lower-case text.
    fn uuid(&self) -> String;
    /// Fills with bytes nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The system's random source.
pub struct SystemIds;

impl Ids for SystemIds {
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the kernel's random source answers");
    }
}

/// Everything a request, a step or a reconciler needs.
pub struct App {
    /// The checked configuration.
    pub config: Config,
    /// What the service remembers.
    pub store: Store,
    /// What makes instances.
    pub driver: Arc<dyn Driver>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids and secrets.
    pub ids: Arc<dyn Ids>,
    /// Blueprints and bundles.
    pub catalog: Catalog,
    /// Encrypts secrets at rest and derives keys.
    pub seal: Seal,
    /// Access keys seen lately.
    pub keys: KeyCache,
    /// Connected viewers of this server.
    pub viewers: Viewers,
    /// Wakes the runner when an operation was inserted.
    pub wake: Arc<tokio::sync::Notify>,
    /// Operations driven by this server.
    pub drives: Drives,
    /// Counters for `/metrics`.
    pub metrics: Metrics,
    /// Instances this server measures.
    pub usage: Usage,
    /// What was done and is not yet in the store.
    pub audit: Audit,
    /// Of the console.
    pub console: console::State,
}

impl App {
    /// The key that page tokens are signed with.
    pub fn page_key(&self) -> [u8; 32] {
        self.seal.derive("page-token")
    }
}
