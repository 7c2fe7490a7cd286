//! Recipes: what an image is made from, read from a folder and checked before anything is built.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// How the folder of a recipe is named inside.
const FILE: &str = "recipe.toml";
/// Exact versions and hashes of npm's packages.
pub(super) const LOCK: &str = "package-lock.json";
/// How many recipes may lie under one another.
const LAYERS_MAX: usize = 8;

/// A recipe, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The folder's name, which is the image's.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// One line for people.
    pub description: String,
    /// Debian's names of the processor architectures it is known to work on.
    pub architectures: Vec<String>,
    /// What it starts from.
    pub root: Root,
    /// Debian packages; what they depend on comes along, what they recommend does not.
    pub apt: Vec<String>,
    /// Patterns of paths that packages' files are left out of.
    pub leave_out: Vec<String>,
    /// Patterns of paths that are kept in spite of `leave_out`.
    pub keep: Vec<String>,
    /// Packages of Python.
    pub python: Option<Python>,
    /// Packages of npm.
    pub npm: Option<Npm>,
    /// Hash of all that decides what the image will hold, short enough for a file's name.
    pub key: String,
}

/// What an image starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// An empty folder, and a Debian release by its code name.
    Suite(String),
    /// Another recipe's image.
    Base(Box<Recipe>),
}

/// Packages of Python in a virtual environment of their own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// Where the virtual environment lies in the image.
    pub venv: String,
    /// File in the recipe's folder: exact versions, with hashes, as `pip-compile --generate-hashes` writes it.
    pub requirements: String,
}

/// Packages of npm: those that `package.json` and `package-lock.json` in the recipe's folder name. Their scripts are not
/// run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Npm {
    /// Where `node_modules` lies in the image.
    pub folder: String,
}

/// What is wrong with a recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// There is no such recipe.
    #[error("there is no recipe {name}: {} is missing", file.display())]
    Missing {
        /// The name asked for.
        name: String,
        /// The file that is not there.
        file: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not TOML of the right shape.
    #[error("{} is not a valid recipe", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A field breaks a rule.
    #[error("{}: {field} {rule}", file.display())]
    Rule {
        /// The file.
        file: PathBuf,
        /// The field.
        field: &'static str,
        /// What it must be, or is not.
        rule: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    description: String,
    architectures: Vec<String>,
    suite: Option<String>,
    base: Option<String>,
    #[serde(default)]
    apt: Vec<String>,
    #[serde(default)]
    leave_out: Vec<String>,
    #[serde(default)]
    keep: Vec<String>,
    python: Option<Python>,
    npm: Option<Npm>,
}

impl Recipe {
    /// Reads the recipe of an image, and those it stands on.
    ///
    /// # Errors
    /// [`RecipeError`] names the file and the field.
    pub fn load(recipes: &Path, name: &str) -> Result<Self, RecipeError> {
        load(recipes, name, &mut Vec::new())
    }

    /// Gives the script that is run in the image at the end, if there is one.
    pub fn setup(&self) -> Option<PathBuf> {
        Some(self.folder.join("setup")).filter(|path| path.is_file())
    }

    /// Gives the folder that is copied over the image's root, if there is one.
    pub fn files(&self) -> Option<PathBuf> {
        Some(self.folder.join("files")).filter(|path| path.is_dir())
    }

    /// Gives the recipe this one stands on.
    pub fn base(&self) -> Option<&Self> {
        match &self.root {
            Root::Suite(_) => None,
            Root::Base(base) => Some(base),
        }
    }
}

/// Says whether a text may name an image.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn load(recipes: &Path, name: &str, above: &mut Vec<String>) -> Result<Recipe, RecipeError> {
    let folder = recipes.join(name);
    let file = folder.join(FILE);
    if !is_name(name) || !file.is_file() {
        return Err(RecipeError::Missing { name: name.to_owned(), file });
    }
    let text = fs::read_to_string(&file).map_err(|source| RecipeError::Read { file: file.clone(), source })?;
    let shape = |source| RecipeError::Shape { file: file.clone(), source: Box::new(source) };
    let text: Text = toml::from_str(&text).map_err(shape)?;
    check(&text).map_err(|(field, rule)| RecipeError::Rule { file: file.clone(), field, rule })?;
    let fault = |field, rule: &str| RecipeError::Rule { file: file.clone(), field, rule: rule.to_owned() };
    let root = match (&text.suite, &text.base) {
        (Some(suite), None) => Root::Suite(suite.clone()),
        (None, Some(base)) => {
            above.push(name.to_owned());
            if above.contains(base) || above.len() > LAYERS_MAX {
                return Err(fault("base", "leads back to itself"));
            }
            Root::Base(Box::new(load(recipes, base, above)?))
        }
        _ => return Err(fault("suite", "or base must be given, and not both")),
    };
    if let Some(python) = &text.python {
        let path = folder.join(&python.requirements);
        let lines = fs::read_to_string(&path).map_err(|source| RecipeError::Read { file: path.clone(), source })?;
        check_pinned(&lines).map_err(|rule| RecipeError::Rule { file: path, field: "requirement", rule })?;
    }
    if text.npm.is_some() {
        let path = folder.join(LOCK);
        let lock = fs::read_to_string(&path).map_err(|source| RecipeError::Read { file: path.clone(), source })?;
        check_locked(&lock).map_err(|rule| RecipeError::Rule { file: path, field: "packages", rule })?;
    }
    let base_key = match &root {
        Root::Suite(_) => "",
        Root::Base(base) => &base.key,
    };
    let key = key(&folder, base_key)?;
    Ok(Recipe {
        name: name.to_owned(),
        folder,
        description: text.description,
        architectures: text.architectures,
        root,
        apt: text.apt,
        leave_out: text.leave_out,
        keep: text.keep,
        python: text.python,
        npm: text.npm,
        key,
    })
}

fn check(text: &Text) -> Result<(), (&'static str, String)> {
    let rule = |holds: bool, field, rule: &str| {
        if holds { Ok(()) } else { Err((field, rule.to_owned())) }
    };
    let word = |text: &str, more: &[u8]| {
        text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte))
    };
    rule(!text.description.trim().is_empty(), "description", "must not be empty")?;
    rule(!text.architectures.is_empty(), "architectures", "must name at least one, such as amd64")?;
    rule(
        text.architectures.iter().all(|name| word(name, b"-")),
        "architectures",
        "must be Debian's names, such as amd64",
    )?;
    rule(
        text.suite.as_deref().is_none_or(|suite| word(suite, b"-")),
        "suite",
        "must be a code name, such as bookworm",
    )?;
    let mut seen = BTreeSet::new();
    for package in &text.apt {
        rule(word(package, b"+.-"), "apt", &format!("holds {package:?}, which is not a package's name"))?;
        rule(seen.insert(package), "apt", &format!("holds {package} twice"))?;
    }
    let path = |text: &String| text.starts_with('/') && !text.bytes().any(|byte| byte.is_ascii_control());
    rule(text.leave_out.iter().all(path), "leave_out", "must hold absolute paths or patterns")?;
    rule(text.keep.iter().all(path), "keep", "must hold absolute paths or patterns")?;
    let place = |path: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
        let up = Path::new(path).components().any(|part| part == Component::ParentDir);
        path.starts_with('/') && path.len() > 1 && path.bytes().all(plain) && !up
    };
    if let Some(npm) = &text.npm {
        rule(place(&npm.folder), "npm.folder", "must be an absolute path of plain letters")?;
    }
    if let Some(python) = &text.python {
        rule(place(&python.venv), "python.venv", "must be an absolute path of plain letters")?;
        let one = Path::new(&python.requirements).components().count() == 1 && !python.requirements.starts_with('.');
        rule(one, "python.requirements", "must be the name of a file in the recipe's folder")?;
    }
    Ok(())
}

/// Checks that every requirement names one version and at least one hash.
fn check_pinned(text: &str) -> Result<(), String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let wanted = line.split_whitespace().next().unwrap_or_default();
        if !wanted.contains("==") {
            return Err(format!("{wanted} must be pinned with =="));
        }
        if !line.contains("--hash=sha256:") {
            return Err(format!("{wanted} must have a hash"));
        }
    }
    Ok(())
}

/// Checks that every package of an npm lock has a hash.
fn check_locked(text: &str) -> Result<(), String> {
    let lock: Lock = serde_json::from_str(text).map_err(|error| format!("are not a lock of npm: {error}"))?;
    let mut loose = lock
        .packages
        .iter()
        .filter(|(path, package)| !path.is_empty() && package.integrity.is_none() && !package.in_bundle);
    loose.next().map_or(Ok(()), |(path, _)| Err(format!("hold {path}, which must have an integrity")))
}

#[derive(Deserialize)]
struct Lock {
    packages: BTreeMap<String, Locked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locked {
    integrity: Option<String>,
    /// It is in the archive of another one.
    #[serde(default)]
    in_bundle: bool,
}

/// Hashes everything in a recipe's folder, the key of its base, and the script that builds.
fn key(folder: &Path, base_key: &str) -> Result<String, RecipeError> {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(base_key.as_bytes());
    add(super::build::SCRIPT.as_bytes());
    let mut paths = Vec::new();
    walk(folder, &mut paths)?;
    paths.sort();
    for path in paths {
        let read = |source| RecipeError::Read { file: path.clone(), source };
        let meta = fs::symlink_metadata(&path).map_err(read)?;
        add(path.strip_prefix(folder).unwrap_or(&path).as_os_str().as_encoded_bytes());
        if meta.is_symlink() {
            add(b"link");
            add(fs::read_link(&path).map_err(read)?.as_os_str().as_encoded_bytes());
        } else {
            add(if meta.permissions().mode() & 0o100 == 0 { b"file" } else { b"program" });
            add(&fs::read(&path).map_err(read)?);
        }
    }
    Ok(hex::encode(&hash.finalize()[..6]))
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), RecipeError> {
    let read = |source| RecipeError::Read { file: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.file_type().map_err(read)?.is_dir() {
            walk(&entry.path(), paths)?;
        } else {
            paths.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
