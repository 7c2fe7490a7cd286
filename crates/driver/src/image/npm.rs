//! Packages of npm, for recipes that name some.

use std::{fs, io, path::Path, time::Duration};

use super::{
    ImageError,
    recipe::{LOCK, Npm, Recipe},
};
use crate::process::{Run, RunError};

/// How long the downloads may take.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Puts a recipe's packages of npm among its files, in a copy of its folder, and gives the recipe with that folder. They
/// come through the host's npm, which an image need not have: no script of a package is run, each archive has its hash.
pub(super) fn stage(recipe: &Recipe, npm: &Npm, work: &Path, cache: &Path) -> Result<Recipe, ImageError> {
    let fault = |error: RunError| ImageError::io("get the packages of npm for", work, io::Error::other(error));
    let staged = Recipe { folder: work.join("recipe"), ..recipe.clone() };
    Run::new("cp").args(["--archive", "--"]).arg(&recipe.folder).arg(&staged.folder).run().map_err(fault)?;
    let folder = staged.folder.join("files").join(npm.folder.trim_start_matches('/'));
    fs::create_dir_all(&folder).map_err(|error| ImageError::io("make", &folder, error))?;
    for file in ["package.json", LOCK] {
        let to = folder.join(file);
        fs::copy(recipe.folder.join(file), &to).map_err(|error| ImageError::io("write", &to, error))?;
    }
    // It ends with this process, even when that is killed.
    Run::new("setpriv")
        .args(["--pdeathsig", "KILL", "npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"])
        .args(["--loglevel=error", "--prefix"])
        .arg(&folder)
        .arg("--cache")
        .arg(cache.join("npm"))
        .limit(LIMIT)
        .run()
        .map_err(fault)?;
    Ok(staged)
}
