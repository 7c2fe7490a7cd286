//! Blueprints and bundles, as the operator's data files give them.

use serde::Deserialize;

use crate::guest::DisplaySpec;

/// An operating system or application to make instances from (model shape Blueprint).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blueprint {
    /// What CreateInstances takes, for example `debian_12`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Groups versions of one thing; by default the id up to its first underscore.
    #[serde(default)]
    pub group: String,
    /// Operating system or application.
    pub kind: BlueprintKind,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// Version for people.
    #[serde(default)]
    pub version: String,
    /// Name of the image: a folder of recipes that was built.
    pub image: String,
    /// Whether it can be chosen for new instances.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Whether it belongs to Lightsail for Research: listed with `appCategory` LfR.
    #[serde(default = "yes")]
    pub lfr: bool,
    /// Whether it belongs to plain Lightsail: listed without `appCategory`.
    #[serde(default)]
    pub lightsail: bool,
    /// Home page of the product.
    #[serde(default)]
    pub product_url: String,
    /// Page of the licence.
    #[serde(default)]
    pub license_url: String,
    /// Screens of a session; the first is primary. None: the blueprint has no graphical interface.
    #[serde(default)]
    pub displays: Vec<Display>,
}

/// Operating system or application (model shape BlueprintType).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlueprintKind {
    /// `os`
    Os,
    /// `app`
    App,
}

/// One screen of a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// `application` or `desktop`.
    pub name: String,
    /// Command and arguments inside the instance.
    pub command: Vec<String>,
    /// The display counts as started only when a large window is drawn.
    #[serde(default)]
    pub wait_for_window: bool,
}

impl Display {
    /// What the guest agent is told.
    pub fn spec(&self, width_px: u16, height_px: u16) -> DisplaySpec {
        DisplaySpec { width_px, height_px, command: self.command.clone(), wait_for_window: self.wait_for_window }
    }
}

/// A size and its price (model shape Bundle).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// What CreateInstances takes, for example `app_standard_xl_1_0`.
    pub id: String,
    /// For people.
    pub name: String,
    /// USD a month of running all the time, shown by GetBundles.
    pub price_per_month: f64,
    /// USD an hour of running, what costs are computed from.
    pub price_per_hour: f64,
    /// CPUs, 1–1 024.
    pub vcpus: u32,
    /// Memory in GB (2^30 bytes), at least 0.25.
    pub ram_gb: f64,
    /// System disk in GB (2^30 bytes), 8–16 384.
    pub disk_gb: u32,
    /// Monthly transfer in GB.
    pub transfer_gb: u32,
    /// Relative size.
    pub power: u32,
    /// For people, for example `nano`.
    pub instance_type: String,
    /// Whether it can be chosen for new instances.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Whether it belongs to Lightsail for Research: listed with `appCategory` LfR.
    #[serde(default = "yes")]
    pub lfr: bool,
    /// Whether it belongs to plain Lightsail: listed without `appCategory`.
    #[serde(default)]
    pub lightsail: bool,
}

impl Bundle {
    /// Memory in bytes.
    pub fn memory_bytes(&self) -> u64 {
        // Validated to be small and positive, so that the conversion is exact enough.
        (self.ram_gb * f64::from(1 << 30)) as u64
    }

    /// System disk in bytes.
    pub fn disk_bytes(&self) -> u64 {
        u64::from(self.disk_gb) << 30
    }

    /// CPU limit in thousandths of a core.
    pub fn cpu_millis(&self) -> u32 {
        self.vcpus * 1000
    }

    /// Most processes and threads at once: a desktop with a browser needs hundreds.
    pub fn pids_max(&self) -> u32 {
        1024 + self.vcpus * 1024
    }
}

/// What is wrong with a data file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is not TOML of this shape.
    #[error("not a valid data file")]
    Shape(#[source] toml::de::Error),
    /// An entry breaks a rule.
    #[error("{entry}: {field} {rule}")]
    Rule {
        /// The entry's id.
        entry: String,
        /// The field.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

/// Reads and checks a blueprints file: `[[blueprint]]` tables.
///
/// # Errors
/// [`Fault`] names the entry and the field.
pub fn parse_blueprints(text: &str) -> Result<Vec<Blueprint>, Fault> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        blueprint: Vec<Blueprint>,
    }
    let mut blueprints = toml::from_str::<File>(text).map_err(Fault::Shape)?.blueprint;
    for blueprint in &mut blueprints {
        if blueprint.group.is_empty() {
            blueprint.group = blueprint.id.split('_').next().unwrap_or_default().to_owned();
        }
        let rule = |holds: bool, field, rule| check(&blueprint.id, holds, field, rule);
        rule(is_id(&blueprint.id), "id", "must be lower-case letters, digits and _")?;
        rule(is_id(&blueprint.image), "image", "must be lower-case letters, digits and _")?;
        rule(!blueprint.name.trim().is_empty(), "name", "must not be empty")?;
        for display in &blueprint.displays {
            rule(
                matches!(&*display.name, "application" | "desktop"),
                "displays.name",
                "must be application or desktop",
            )?;
            rule(!display.command.is_empty(), "displays.command", "must name a program")?;
        }
        let mut names: Vec<&str> = blueprint.displays.iter().map(|display| display.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        rule(names.len() == blueprint.displays.len(), "displays.name", "must not repeat")?;
    }
    unique(blueprints.iter().map(|blueprint| blueprint.id.as_str()))?;
    Ok(blueprints)
}

/// Reads and checks a bundles file: `[[bundle]]` tables.
///
/// # Errors
/// [`Fault`] names the entry and the field.
pub fn parse_bundles(text: &str) -> Result<Vec<Bundle>, Fault> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        bundle: Vec<Bundle>,
    }
    let bundles = toml::from_str::<File>(text).map_err(Fault::Shape)?.bundle;
    for bundle in &bundles {
        let rule = |holds: bool, field, rule| check(&bundle.id, holds, field, rule);
        rule(is_id(&bundle.id), "id", "must be lower-case letters, digits and _")?;
        rule((1..=1024).contains(&bundle.vcpus), "vcpus", "must be 1 to 1024")?;
        rule((0.25..=65_536.0).contains(&bundle.ram_gb), "ram_gb", "must be 0.25 to 65536")?;
        rule((8..=16_384).contains(&bundle.disk_gb), "disk_gb", "must be 8 to 16384")?;
        rule((0.0..1e6).contains(&bundle.price_per_hour), "price_per_hour", "must be 0 or more")?;
        rule((0.0..1e9).contains(&bundle.price_per_month), "price_per_month", "must be 0 or more")?;
    }
    unique(bundles.iter().map(|bundle| bundle.id.as_str()))?;
    Ok(bundles)
}

fn yes() -> bool {
    true
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn check(entry: &str, holds: bool, field: &'static str, rule: &'static str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::Rule { entry: entry.to_owned(), field, rule }) }
}

fn unique<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    let mut seen = std::collections::HashSet::new();
    for id in ids {
        check(id, seen.insert(id), "id", "must not repeat")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = "[[bundle]]\nid = \"a\"\nname = \"A\"\nprice_per_month = 1.0\nprice_per_hour = 0.1\nvcpus = 1\nram_gb = 0.5\ndisk_gb = 20\ntransfer_gb = 1\npower = 1\ninstance_type = \"nano\"\n";

    #[test]
    fn faults_name_the_entry_and_the_field() {
        assert_eq!(parse_bundles(BUNDLE).expect("is valid")[0].memory_bytes(), 512 << 20);
        for (from, to, wanted) in [
            ("disk_gb = 20", "disk_gb = 1", "a: disk_gb must be 8 to 16384"),
            ("vcpus = 1", "vcpus = 0", "a: vcpus must be 1 to 1024"),
            ("id = \"a\"", "id = \"A\"", "A: id must be lower-case letters, digits and _"),
        ] {
            let fault = parse_bundles(&BUNDLE.replace(from, to)).expect_err("is refused").to_string();
            assert_eq!(fault, wanted);
        }
        let twice = format!("{BUNDLE}{BUNDLE}");
        assert_eq!(parse_bundles(&twice).expect_err("is refused").to_string(), "a: id must not repeat");
        assert!(matches!(parse_bundles("[[bundle]]\nidd = 1"), Err(Fault::Shape(_))));
    }

    #[test]
    fn displays_are_checked() {
        let text = "[[blueprint]]\nid = \"x_1\"\nname = \"X\"\nkind = \"os\"\nimage = \"x\"\n[[blueprint.displays]]\nname = \"desktop\"\ncommand = [\"x\"]\n";
        assert_eq!(parse_blueprints(text).expect("is valid")[0].group, "x");
        let fault = parse_blueprints(&text.replace("\"desktop\"", "\"screen\"")).expect_err("is refused").to_string();
        assert_eq!(fault, "x_1: displays.name must be application or desktop");
    }
}
