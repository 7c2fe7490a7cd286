//! `cargo xtask tidy`: the repository's own rules, which no compiler checks.

use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

mod text;

use text::Fault;

/// Our crates and which of ours each may depend on: arrows point down only.
const EDGES: [(&str, &[&str]); 9] = [
    ("porthole-api", &[]),
    ("porthole-model", &[]),
    ("porthole-display", &[]),
    ("porthole-store", &["porthole-model"]),
    ("porthole-driver", &["porthole-model"]),
    ("porthole-guest", &["porthole-display", "porthole-model"]),
    ("porthole-server", &["porthole-api", "porthole-model", "porthole-store", "porthole-driver"]),
    ("porthole-load", &[]),
    ("xtask", &[]),
];

/// Checks everything, prints each fault, and fails if there was one.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    let mut faults = edge_faults(&metadata(root)?)?;
    let architecture =
        std::fs::read_to_string(root.join("docs/ARCHITECTURE.md")).context("read docs/ARCHITECTURE.md")?;
    faults.extend(architecture_faults(&architecture));
    for file in tracked_files(root)? {
        let Ok(bytes) = std::fs::read(root.join(&file)) else { continue };
        // Pictures and recordings have no lines.
        if let Ok(text) = String::from_utf8(bytes) {
            faults.extend(text::faults(&file, &text));
        }
    }
    for fault in &faults {
        println!("{fault}");
    }
    ensure!(faults.is_empty(), "{} faults", faults.len());
    Ok(())
}

fn metadata(root: &Path) -> anyhow::Result<Value> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn tracked_files(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git").current_dir(root).args(["ls-files", "-z"]).output().context("run git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Compares the crates' dependencies, those of tests included, with [`EDGES`].
fn edge_faults(metadata: &Value) -> anyhow::Result<Vec<Fault>> {
    let Some(packages) = metadata["packages"].as_array() else { bail!("cargo metadata has no packages") };
    let allowed: BTreeMap<&str, &[&str]> = EDGES.into_iter().collect();
    let mut faults = Vec::new();
    for package in packages {
        let name = package["name"].as_str().context("a package has no name")?;
        let file = "Cargo.toml";
        let Some(may) = allowed.get(name) else {
            faults.push(Fault::new(
                file,
                0,
                format!("crate {name} is not in xtask/src/tidy.rs: say what it may depend on"),
            ));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let ours = dependencies
            .filter(|dependency| !dependency["path"].is_null())
            .filter_map(|dependency| dependency["name"].as_str());
        for dependency in ours.filter(|dependency| !may.contains(dependency)) {
            faults.push(Fault::new(file, 0, format!("{name} must not depend on {dependency}")));
        }
    }
    Ok(faults)
}

fn architecture_faults(text: &str) -> Vec<Fault> {
    let missing = EDGES.iter().filter(|(name, _)| !text.contains(&format!("`{name}`")));
    missing.map(|(name, _)| Fault::new("docs/ARCHITECTURE.md", 0, format!("does not list the crate {name}"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependency = |(name, path): &(&str, Option<&str>)| json!({"name": name, "path": path});
        json!({"name": name, "dependencies": dependencies.iter().map(dependency).collect::<Vec<_>>()})
    }

    #[test]
    fn arrows_point_down_only() {
        let good = [
            package("porthole-store", &[("porthole-model", Some("/m")), ("sqlx", None)]),
            package("porthole-model", &[]),
        ];
        assert!(edge_faults(&json!({"packages": good})).expect("is read").is_empty());
        let up = package("porthole-model", &[("porthole-store", Some("/s"))]);
        let faults = edge_faults(&json!({"packages": [up, package("porthole-new", &[])]})).expect("is read");
        assert_eq!(faults.len(), 2);
        assert_eq!(faults[0].to_string(), "Cargo.toml: porthole-model must not depend on porthole-store");
    }

    #[test]
    fn every_crate_is_in_the_document() {
        assert_eq!(architecture_faults("").len(), EDGES.len());
        let all: String = EDGES.iter().map(|(name, _)| format!("`{name}`")).collect();
        assert!(architecture_faults(&all).is_empty());
    }
}
