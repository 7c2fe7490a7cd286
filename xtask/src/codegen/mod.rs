//! Generates `crates/api/src/generated/` from botocore's description of the service.
//! Takes names, types, rules and error lists; takes no prose.

mod model;
mod names;
mod served;
mod tables;
mod types;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use model::Model;

/// Runs `cargo xtask codegen` with the arguments after the word `codegen`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let mut check = false;
    let mut version = None;
    let mut path = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--check" => check = true,
            "--botocore-version" => version = Some(rest.next().context("--botocore-version needs a value")?.clone()),
            flag if flag.starts_with('-') => bail!("unknown option {flag}\n{}", crate::USAGE),
            file if path.is_none() => path = Some(PathBuf::from(file)),
            extra => bail!("unexpected {extra}\n{}", crate::USAGE),
        }
    }
    let path = path.with_context(|| crate::USAGE.to_owned())?;
    let version = match version {
        Some(version) => version,
        None => botocore_version(&path)?,
    };
    let model = Model::read(&path)?;
    let files = [
        ("actions.rs", tables::actions(&model)?),
        ("shapes.rs", tables::shapes(&model)?),
        ("enums.rs", types::enums(&model)?),
        ("inputs.rs", types::inputs(&model)?),
        ("outputs.rs", types::outputs(&model)?),
        ("structures.rs", types::structures(&model)?),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api/src/generated");
    if check {
        return compare(&folder, &files);
    }
    let first_line = format!("// Made by `cargo xtask codegen` from botocore {version}. Do not edit.");
    for (name, body) in files {
        let file = folder.join(name);
        fs::write(&file, format!("{first_line}\n{body}"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Fails and names the files that are not what the model gives, their first line aside.
fn compare(folder: &Path, files: &[(&str, String)]) -> anyhow::Result<()> {
    let stale: Vec<&str> = files
        .iter()
        .filter(|(name, body)| {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.split_once('\n').is_none_or(|(_, rest)| rest != body)
        })
        .map(|(name, _)| *name)
        .collect();
    ensure!(
        stale.is_empty(),
        "crates/api/src/generated: {} differ from the model; run cargo xtask codegen",
        stale.join(", ")
    );
    Ok(())
}

/// Finds the version in the botocore package that holds the model.
fn botocore_version(model: &Path) -> anyhow::Result<String> {
    let model = model.canonicalize().with_context(|| format!("cannot find {}", model.display()))?;
    for folder in model.ancestors().skip(1) {
        let Ok(text) = fs::read_to_string(folder.join("__init__.py")) else {
            continue;
        };
        let found = text.lines().find_map(|line| line.strip_prefix("__version__ = "));
        if let Some(version) = found {
            return Ok(version.trim_matches(['\'', '"']).to_owned());
        }
    }
    bail!("cannot tell which botocore {} came from; give --botocore-version", model.display())
}
