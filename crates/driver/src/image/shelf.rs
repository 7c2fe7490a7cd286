//! The folder of built images.
//!
//! | file | holds |
//! |---|---|
//! | `NAME-KEY-CONTENT.erofs` | one build: the recipe's key and the hash of the file itself; never changed once there |
//! | `NAME.erofs` | symbolic link to the build that new instances get |
//! | `.cache/` | downloads, locks, and the log of each image's last build |
//! | `.servers/NAME` | symbolic link to the state folder of a server that makes instances from these |
//! | `.work/NAME/` | a build under way, or what is left of one that was cut off, until the next build sweeps it |

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt, MetadataExt, symlink},
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};

use super::{Image, ImageError, Status, recipe::Recipe};
use crate::container::images_in_use;

/// The folder of built images.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// Makes the folder where it is missing.
    pub(super) fn open(folder: &Path) -> Result<Self, ImageError> {
        let shelf =
            Self { folder: std::path::absolute(folder).map_err(|error| ImageError::io("find", folder, error))? };
        for path in [shelf.folder.clone(), shelf.cache(), shelf.folder.join(".work")] {
            fs::create_dir_all(&path).map_err(|error| ImageError::io("make", &path, error))?;
        }
        Ok(shelf)
    }

    /// Names a folder that may not be there.
    pub(super) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.folder.join(".cache")
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.cache().join(format!("{name}.log"))
    }

    fn link(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.erofs"))
    }

    /// Claims an image for one builder; held until the file is closed by all who have it.
    pub(super) fn lock(&self, name: &str, waiting: impl FnOnce()) -> Result<File, ImageError> {
        let path = self.cache().join(format!("{name}.lock"));
        let fault = |error| ImageError::io("lock", &path, error);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock().map_err(fault)?;
            }
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        Ok(file)
    }

    /// Makes an empty folder to build in. The caller holds the image's lock.
    pub(super) fn fresh_work(&self, name: &str) -> Result<PathBuf, ImageError> {
        self.sweep()?;
        let work = self.folder.join(".work").join(name);
        clear(&work)?;
        DirBuilder::new().mode(0o700).create(&work).map_err(|error| ImageError::io("make", &work, error))?;
        Ok(work)
    }

    /// Removes what builds left that were cut off.
    fn sweep(&self) -> Result<(), ImageError> {
        let folder = self.folder.join(".work");
        for entry in fs::read_dir(&folder).map_err(|error| ImageError::io("read", &folder, error))? {
            let entry = entry.map_err(|error| ImageError::io("read", &folder, error))?;
            let lock = self.cache().join(format!("{}.lock", entry.file_name().to_string_lossy()));
            let idle = File::open(lock).is_ok_and(|file| file.try_lock().is_ok());
            if idle {
                clear(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Gives the file new instances get, when it was built from this very recipe.
    pub(super) fn current(&self, recipe: &Recipe) -> Option<PathBuf> {
        let target = fs::read_link(self.link(&recipe.name)).ok()?;
        let file = target.file_name()?.to_str()?;
        let build = Build::parse(file).filter(|build| build.name == recipe.name && build.key == recipe.key)?;
        Some(self.folder.join(build.file)).filter(|path| path.is_file())
    }

    /// Says whether an image has to be built.
    pub(super) fn status(&self, recipe: &Recipe) -> Status {
        match self.current(recipe) {
            Some(_) => Status::UpToDate,
            None if self.link(&recipe.name).is_file() => Status::Stale,
            None => Status::Missing,
        }
    }

    /// Puts a built file in place, for new instances to use. A file is there whole or not at all.
    pub(super) fn publish(&self, recipe: &Recipe, built: &Path) -> Result<PathBuf, ImageError> {
        let content = hash(built).map_err(|error| ImageError::io("read", built, error))?;
        let file = format!("{}-{}-{content}.erofs", recipe.name, recipe.key);
        let path = self.folder.join(&file);
        let put = || -> io::Result<()> {
            fs::rename(built, &path)?;
            let fresh = self.folder.join(".work").join(format!("{}.link", recipe.name));
            match fs::remove_file(&fresh) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            symlink(&file, &fresh)?;
            fs::rename(&fresh, self.link(&recipe.name))?;
            File::open(&self.folder)?.sync_all()
        };
        put().map_err(|error| ImageError::io("put in place", &path, error))?;
        Ok(path)
    }

    /// Lists all builds, those in use for new instances first.
    pub(super) fn list(&self) -> Result<Vec<Image>, ImageError> {
        let fault = |error| ImageError::io("read", &self.folder, error);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(fault)?,
        };
        let mut images = Vec::new();
        for entry in entries {
            let entry = entry.map_err(fault)?;
            let file = entry.file_name().to_string_lossy().into_owned();
            let Some(build) = Build::parse(&file).filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) else {
                continue;
            };
            let meta = entry.metadata().map_err(fault)?;
            images.push(Image {
                current: fs::read_link(self.link(build.name)).is_ok_and(|target| target == Path::new(&file)),
                name: build.name.to_owned(),
                size_bytes: meta.blocks() * 512,
                built_at: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                file,
            });
        }
        images.sort_by(|a, b| (&a.name, !a.current, &a.file).cmp(&(&b.name, !b.current, &b.file)));
        Ok(images)
    }

    fn servers(&self) -> PathBuf {
        self.folder.join(".servers")
    }

    /// Takes note of a server's state folder, and forgets those that are no more.
    pub(super) fn register(&self, server: &str, state_dir: &Path) -> Result<(), ImageError> {
        let (folder, link) = (self.servers(), self.servers().join(server));
        if fs::read_link(&link).is_ok_and(|target| target == state_dir) {
            return Ok(());
        }
        self.living_servers()?;
        fs::create_dir_all(&folder).map_err(|error| ImageError::io("make", &folder, error))?;
        clear(&link)?;
        symlink(state_dir, &link).map_err(|error| ImageError::io("make", &link, error))
    }

    /// Names the builds that instances and snapshots of all servers were made from, also of one not registered.
    pub(super) fn in_use(&self, state_dir: &Path) -> Result<BTreeSet<String>, ImageError> {
        let mut files = BTreeSet::new();
        for folder in self.living_servers()?.iter().map(PathBuf::as_path).chain([state_dir]) {
            files.extend(images_in_use(folder).map_err(|error| ImageError::io("read", folder, error))?);
        }
        Ok(files)
    }

    /// Gives the links to state folders, without those that lead nowhere any more.
    pub(super) fn living_servers(&self) -> Result<Vec<PathBuf>, ImageError> {
        let entries = match fs::read_dir(self.servers()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| ImageError::io("read", &self.servers(), error))?,
        };
        let mut living = Vec::new();
        for entry in entries {
            let link = entry.map_err(|error| ImageError::io("read", &self.servers(), error))?.path();
            match link.try_exists().map_err(|error| ImageError::io("read", &link, error))? {
                true => living.push(link),
                false => clear(&link)?,
            }
        }
        Ok(living)
    }

    /// Removes an image with all its builds, or one build by its file's name. Gives the names of the files removed.
    pub(super) fn remove(&self, target: &str, in_use: &BTreeSet<String>) -> Result<Vec<String>, ImageError> {
        let found: Vec<Image> =
            self.list()?.into_iter().filter(|image| image.name == target || image.file == target).collect();
        let name = found
            .first()
            .map(|image| image.name.clone())
            .ok_or_else(|| ImageError::NotBuilt { target: target.into() })?;
        let _lock = self.lock(&name, || {})?;
        if let Some(image) = found.iter().find(|image| in_use.contains(&image.file)) {
            return Err(ImageError::InUse { file: image.file.clone() });
        }
        for image in &found {
            let remove = |path: &Path| fs::remove_file(path).map_err(|error| ImageError::io("remove", path, error));
            if image.current {
                remove(&self.link(&name))?;
            }
            remove(&self.folder.join(&image.file))?;
        }
        Ok(found.into_iter().map(|image| image.file).collect())
    }
}

/// The parts of a build's file name.
struct Build<'a> {
    file: &'a str,
    name: &'a str,
    key: &'a str,
}

impl<'a> Build<'a> {
    fn parse(file: &'a str) -> Option<Self> {
        let mut parts = file.strip_suffix(".erofs")?.rsplitn(3, '-');
        let (_content, key, name) = (parts.next()?, parts.next()?, parts.next()?);
        super::recipe::is_name(name).then_some(Self { file, name, key })
    }
}

/// Removes a folder and all in it; one that is not there is as good.
pub(super) fn clear(path: &Path) -> Result<(), ImageError> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| ImageError::io("look at", path, error))?,
    };
    let removed = if meta.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|error| ImageError::io("remove", path, error))
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(&hash.finalize()[..6])),
            count => hash.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests;
