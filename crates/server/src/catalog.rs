//! Blueprints and bundles: data files, built in, or named by the configuration.

use std::{
    path::Path,
    sync::{PoisonError, RwLock},
};

use anyhow::Context as _;
use porthole_model::catalog::{Blueprint, Bundle, parse_blueprints, parse_bundles};
use porthole_store::{BundleChange, Store, StoreError};

use crate::config::Config;

const BLUEPRINTS: &str = include_str!("../data/blueprints.toml");
const BUNDLES: &str = include_str!("../data/bundles.toml");

/// Blueprints and bundles, checked.
#[derive(Debug)]
pub struct Catalog {
    /// In the order of the file.
    pub blueprints: Vec<Blueprint>,
    /// In the order of the file, and as in the file.
    pub bundles: Vec<Bundle>,
    /// How bundles differ from the file in price, and in whether they can be chosen; as last read from the store.
    changes: RwLock<Vec<BundleChange>>,
}

impl Catalog {
    /// Reads and checks both files.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let (name, text) = read(config.blueprints.as_deref(), BLUEPRINTS)?;
        let blueprints = parse_blueprints(&text).with_context(|| format!("{name} has a fault"))?;
        let (name, text) = read(config.bundles.as_deref(), BUNDLES)?;
        let bundles = parse_bundles(&text).with_context(|| format!("{name} has a fault"))?;
        Ok(Self { blueprints, bundles, changes: RwLock::default() })
    }

    /// Finds a blueprint by id.
    pub fn blueprint(&self, id: &str) -> Option<&Blueprint> {
        self.blueprints.iter().find(|blueprint| blueprint.id == id)
    }

    /// Reads from the store how bundles differ from the file.
    pub async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let changes = store.bundle_changes().await?;
        *self.changes.write().unwrap_or_else(PoisonError::into_inner) = changes;
        Ok(())
    }

    /// Gives all bundles with the prices they have now.
    pub fn current_bundles(&self) -> Vec<Bundle> {
        let changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        self.bundles.iter().map(|bundle| changed(bundle, &changes)).collect()
    }

    /// Finds a bundle by id, with the prices it has now.
    pub fn current_bundle(&self, id: &str) -> Option<Bundle> {
        let changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        self.bundle(id).map(|bundle| changed(bundle, &changes))
    }

    /// Finds a bundle by id, as in the file: its size never changes.
    pub fn bundle(&self, id: &str) -> Option<&Bundle> {
        self.bundles.iter().find(|bundle| bundle.id == id)
    }
}

fn changed(bundle: &Bundle, changes: &[BundleChange]) -> Bundle {
    let mut bundle = bundle.clone();
    if let Some(change) = changes.iter().find(|change| change.bundle_id == bundle.id) {
        bundle.price_per_hour = change.hour_micros.map_or(bundle.price_per_hour, |micros| micros as f64 / 1e6);
        bundle.price_per_month = change.month_micros.map_or(bundle.price_per_month, |micros| micros as f64 / 1e6);
        bundle.is_active = change.active.unwrap_or(bundle.is_active);
    }
    bundle
}

fn read(path: Option<&Path>, built_in: &str) -> anyhow::Result<(String, String)> {
    match path {
        None => Ok(("the built-in file".into(), built_in.to_owned())),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok((path.display().to_string(), text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_files_are_valid_and_every_display_is_known() {
        let catalog = Catalog::load(&Config::default()).expect("built-in files are valid");
        assert!(catalog.blueprint("debian_12").is_some() && catalog.blueprint("jupyterlab").is_some());
        assert!(catalog.bundle("app_standard_xl_1_0").is_some());
    }
}
