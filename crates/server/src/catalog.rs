//! Blueprints and bundles: data files, built in, or named by the configuration.

use std::path::Path;

use anyhow::Context as _;
use porthole_model::catalog::{Blueprint, Bundle, parse_blueprints, parse_bundles};

use crate::config::Config;

const BLUEPRINTS: &str = include_str!("../data/blueprints.toml");
const BUNDLES: &str = include_str!("../data/bundles.toml");

/// Blueprints and bundles, checked.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// In the order of the file.
    pub blueprints: Vec<Blueprint>,
    /// In the order of the file.
    pub bundles: Vec<Bundle>,
}

impl Catalog {
    /// Reads and checks both files.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let (name, text) = read(config.blueprints.as_deref(), BLUEPRINTS)?;
        let blueprints = parse_blueprints(&text).with_context(|| format!("{name} has a fault"))?;
        let (name, text) = read(config.bundles.as_deref(), BUNDLES)?;
        let bundles = parse_bundles(&text).with_context(|| format!("{name} has a fault"))?;
        Ok(Self { blueprints, bundles })
    }

    /// Finds a blueprint by id.
    pub fn blueprint(&self, id: &str) -> Option<&Blueprint> {
        self.blueprints.iter().find(|blueprint| blueprint.id == id)
    }

    /// Finds a bundle by id.
    pub fn bundle(&self, id: &str) -> Option<&Bundle> {
        self.bundles.iter().find(|bundle| bundle.id == id)
    }
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
