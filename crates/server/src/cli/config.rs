//! `porthole config`: show or check the configuration.

use clap::Subcommand;

use super::{Common, say};

/// Show or check the configuration.
#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the configuration in force, defaults included, as TOML
    Print,
    /// Check the file and flags, the blueprints and the bundles; print nothing when all is well
    Check,
}

impl ConfigCommand {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Print => say(toml::to_string_pretty(&common.config()?)?.trim_end()),
            Self::Check => {
                let config = common.checked_config()?;
                crate::catalog::Catalog::load(&config)?;
                Ok(())
            }
        }
    }
}
