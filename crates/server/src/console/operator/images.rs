//! Blueprints: whether their images are built, and building them.

use std::{
    collections::HashMap,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path as FilePath,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, extract::Path};
use porthole_driver::image::{self, BuildOptions, Folders, Status};
use porthole_model::catalog::Blueprint;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    Answer,
    cx::{Cx, Json_, OperatorCx, Query, seconds},
    problem::Problem,
};
use crate::config::{Config, DriverKind};

/// Most of a log given at a time, in bytes.
const LOG_BYTES: u64 = 64 << 10;

/// Builds this server began, by image.
#[derive(Default)]
pub struct Builds(Mutex<HashMap<String, Build>>);

#[derive(Debug, Clone)]
struct Build {
    step: String,
    percent: u8,
    started_ms: i64,
    running: bool,
    /// Why it failed, for the operator; empty while it runs, and when it has succeeded.
    failed: String,
}

impl Builds {
    fn get(&self, image: &str) -> Option<Build> {
        self.lock().get(image).cloned()
    }

    /// Enters a build, unless one runs.
    fn begin(&self, image: &str, now_ms: i64) -> bool {
        let mut builds = self.lock();
        if builds.get(image).is_some_and(|build| build.running) {
            return false;
        }
        let step = "waiting".to_owned();
        let build = Build { step, percent: 0, started_ms: now_ms, running: true, failed: String::new() };
        builds.insert(image.to_owned(), build);
        true
    }

    fn update(&self, image: &str, change: impl FnOnce(&mut Build)) {
        if let Some(build) = self.lock().get_mut(image) {
            change(build);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Build>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET blueprints`.
pub async fn blueprints(OperatorCx(cx): OperatorCx) -> Answer {
    let (config, blueprints) = (cx.app().config.clone(), cx.app().catalog.blueprints.clone());
    // Recipes are read from disk.
    let look = move || blueprints.iter().map(|blueprint| status(&config, &blueprint.image)).collect::<Vec<_>>();
    let statuses = tokio::task::spawn_blocking(look).await.map_err(|_| Problem::unavailable())?;
    let described = cx.app().catalog.blueprints.iter().zip(statuses);
    let described: Vec<Value> = described.map(|(blueprint, status)| describe(&cx, blueprint, status)).collect();
    Ok(Json(json!({"blueprints": described})))
}

fn folders(config: &Config) -> Folders {
    Folders { recipes: config.recipes_dir.clone(), images: config.images_dir.clone() }
}

fn status(config: &Config, name: &str) -> &'static str {
    match (config.driver, image::status(&folders(config), name)) {
        // Needs no image.
        (DriverKind::Fake, _) | (_, Ok(Status::UpToDate)) => "built",
        (_, Ok(Status::Stale)) => "stale",
        (_, Ok(Status::Missing)) => "missing",
        (_, Err(_)) => "unknown",
    }
}

fn describe(cx: &Cx, blueprint: &Blueprint, status: &str) -> Value {
    let build = cx.app().console.builds.get(&blueprint.image);
    let running = build.as_ref().filter(|build| build.running);
    let building = running
        .map(|build| json!({"step": build.step, "percent": build.percent, "startedAt": seconds(build.started_ms)}));
    json!({
        "id": blueprint.id,
        "name": blueprint.name,
        "version": blueprint.version,
        "image": blueprint.image,
        "status": status,
        "building": building,
        "failed": build.map(|build| build.failed).filter(|failed| !failed.is_empty()),
    })
}

/// How to build.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    #[serde(default)]
    rebuild: bool,
}

/// `POST blueprints/ID/build`: begins, and answers at once.
pub async fn build(OperatorCx(cx): OperatorCx, Path(id): Path<String>, Json_(how): Json_<How>) -> Answer {
    let blueprint = find(&cx, &id)?;
    let outcome = begin(&cx, &blueprint.image, how.rebuild);
    cx.logged("BuildBlueprint", &id, outcome).await?;
    let (config, name) = (cx.app().config.clone(), blueprint.image.clone());
    let looked = tokio::task::spawn_blocking(move || status(&config, &name)).await;
    Ok(Json(describe(&cx, &blueprint, looked.map_err(|_| Problem::unavailable())?)))
}

fn begin(cx: &Cx, name: &str, rebuild: bool) -> Result<(), Problem> {
    let app = Arc::clone(&cx.browser.app);
    if app.config.driver == DriverKind::Fake {
        return Err(Problem::conflict("This server keeps instances in memory and needs no images."));
    }
    if !app.console.builds.begin(name, app.clock.now_ms()) {
        return Err(Problem::conflict("The image is being built already."));
    }
    let options = BuildOptions { folders: folders(&app.config), name: name.to_owned(), rebuild };
    // A build ends with this server: it is begun again by asking again, and leaves nothing behind.
    tokio::task::spawn_blocking(move || {
        let name = &options.name;
        let built = image::build(&options, &mut |progress| {
            app.console.builds.update(name, |build| {
                build.step = format!("{}: {}", progress.image, progress.stage);
                build.percent = progress.percent;
            });
        });
        if let Err(error) = &built {
            tracing::warn!(image = name, %error, "an image cannot be built");
        }
        app.console.builds.update(name, |build| {
            build.running = false;
            build.failed = built.err().map(|error| error.to_string()).unwrap_or_default();
        });
    });
    Ok(())
}

/// From where.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    #[serde(default)]
    from: u64,
}

/// `GET blueprints/ID/log`.
pub async fn log(OperatorCx(cx): OperatorCx, Path(id): Path<String>, Query(from): Query<From>) -> Answer {
    let (app, blueprint) = (cx.app(), find(&cx, &id)?);
    let building = app.console.builds.get(&blueprint.image).is_some_and(|build| build.running);
    let path = image::log_file(&app.config.images_dir, &blueprint.image);
    let read = tokio::task::spawn_blocking(move || read(&path, from.from)).await;
    let (text, next) = read.map_err(|_| Problem::unavailable())?;
    Ok(Json(json!({"text": text, "next": next, "building": building})))
}

/// Reads a part of a log; what is not there is empty. A log that is shorter than before was begun anew.
fn read(path: &FilePath, from: u64) -> (String, u64) {
    let Ok(mut file) = std::fs::File::open(path) else { return (String::new(), 0) };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let from = if from > length { 0 } else { from };
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(from)).is_err() || file.take(LOG_BYTES).read_to_end(&mut bytes).is_err() {
        return (String::new(), from);
    }
    // Whole lines, so that no letter is cut; a line that is longer than all of it is given as it is.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
    bytes.truncate(whole);
    (String::from_utf8_lossy(&bytes).into_owned(), from + whole as u64)
}

fn find(cx: &Cx, id: &str) -> Result<Blueprint, Problem> {
    cx.app().catalog.blueprint(id).cloned().ok_or_else(|| Problem::not_found("blueprint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_line_by_line_and_from_its_start_when_begun_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.log");
        assert_eq!(read(&path, 7), (String::new(), 0));
        std::fs::write(&path, "one\ntwo\nthr").expect("is written");
        assert_eq!(read(&path, 0), ("one\ntwo\n".into(), 8));
        assert_eq!(read(&path, 8), ("thr".into(), 11), "what the end of a build leaves is given");
        assert_eq!(read(&path, 11), (String::new(), 11));
        assert_eq!(read(&path, 12), ("one\ntwo\n".into(), 8));
    }

    #[test]
    fn an_image_is_built_once_at_a_time() {
        let builds = Builds::default();
        assert!(builds.begin("a", 1) && !builds.begin("a", 2) && builds.begin("b", 2));
        builds.update("a", |build| build.running = false);
        assert!(builds.begin("a", 3));
        assert_eq!(builds.get("a").map(|build| build.started_ms), Some(3));
    }
}
