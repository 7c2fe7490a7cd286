//! Images: the read-only root filesystems of blueprints, built from recipes.
//!
//! A recipe is a small folder ([`recipe`]); its hash decides whether an image is up to date. A build runs in namespaces
//! of its own and leaves nothing on the machine but its result, whenever and however it ends ([`mod@build`]). Builds lie in
//! one folder, which several servers may share ([`shelf`]); each instance keeps the very build it was made with.

mod build;
mod npm;
mod progress;
pub mod recipe;
mod shelf;
mod sources;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use recipe::{Recipe, RecipeError};
use shelf::Shelf;

/// Where recipes and images are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Folder of recipes, one folder an image.
    pub recipes: PathBuf,
    /// Folder of built images.
    pub images: PathBuf,
}

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOptions {
    /// Where recipes and images are.
    pub folders: Folders,
    /// The image's name.
    pub name: String,
    /// Builds it again, with the packages of today, even when the recipe has not changed.
    pub rebuild: bool,
}

/// How far a build is; one for each line of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The image that is being built: the one asked for, or one it stands on.
    pub image: String,
    /// What is being done.
    pub stage: Stage,
    /// Part of this image's build that is done, 0–100.
    pub percent: u8,
    /// The line of output.
    pub line: String,
}

/// A part of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Another builder has the image.
    #[default]
    Waiting,
    /// The smallest Debian is installed, or the base image is mounted.
    Bootstrap,
    /// Debian's packages are installed.
    Packages,
    /// Python's packages are installed.
    Python,
    /// Files are copied and the setup script runs.
    Setup,
    /// The image's file is written.
    Pack,
    /// It is in place.
    Done,
}

/// Whether an image has to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was built from the recipe as it is.
    UpToDate,
    /// It was built, and the recipe has changed since.
    Stale,
    /// It was not built.
    Missing,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Name of the image.
    pub name: String,
    /// Name of the file in the folder of images.
    pub file: String,
    /// Space it takes, in bytes.
    pub size_bytes: u64,
    /// When it was built.
    pub built_at: SystemTime,
    /// Whether new instances get this build.
    pub current: bool,
}

/// Why an image could not be built or removed. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The recipe is missing or wrong.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// Building needs root.
    #[error("images are built as root: mounting and owning files needs it")]
    NotRoot,
    /// A program is missing on this machine.
    #[error("{program} is missing: install the package {package}")]
    Program {
        /// The program.
        program: &'static str,
        /// Debian's package.
        package: &'static str,
    },
    /// The recipe is not made for this machine's processor.
    #[error("the recipe of {image} does not know the architecture {architecture}")]
    Architecture {
        /// The image.
        image: String,
        /// This machine's.
        architecture: String,
    },
    /// Too little free space.
    #[error("{} has {} MiB free, and a build needs {} MiB", folder.display(), free_bytes >> 20, needed_bytes >> 20)]
    Space {
        /// The folder of images.
        folder: PathBuf,
        /// What is needed, in bytes.
        needed_bytes: u64,
        /// What is free, in bytes.
        free_bytes: u64,
    },
    /// The build went wrong.
    #[error("the build of {image} ended with {how} while {stage}; its last lines, all of which are in {}:\n{tail}", log.display())]
    Failed {
        /// The image.
        image: String,
        /// What was being done.
        stage: Stage,
        /// Exit status or signal.
        how: String,
        /// File with all output.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// No such build.
    #[error("no image or build is called {target}")]
    NotBuilt {
        /// The name asked for.
        target: String,
    },
    /// An instance needs the build.
    #[error("{file} is in use: delete the instances that were made from it first")]
    InUse {
        /// The build's file.
        file: String,
    },
    /// A file or folder cannot be used.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: String,
        /// To which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ImageError {
    fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing: doing.to_owned(), path: path.to_owned(), source }
    }
}

impl Stage {
    fn from_script(word: &str) -> Option<Self> {
        Some(match word {
            "bootstrap" => Self::Bootstrap,
            "packages" => Self::Packages,
            "python" => Self::Python,
            "setup" => Self::Setup,
            "pack" => Self::Pack,
            _ => return None,
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Waiting => "waiting",
            Self::Bootstrap => "starting",
            Self::Packages => "installing packages",
            Self::Python => "installing Python packages",
            Self::Setup => "setting up",
            Self::Pack => "packing",
            Self::Done => "done",
        })
    }
}

/// Makes sure that an image, and those it stands on, are built from their recipes as they are; gives the file. Blocks for
/// minutes. May be called by several programs at once, and killed at any instant.
///
/// # Errors
/// [`ImageError`], with a sentence for the operator. Nothing of a build that failed stays, but its log.
pub fn build(options: &BuildOptions, progress: &mut dyn FnMut(&Progress)) -> Result<PathBuf, ImageError> {
    build::build(options, progress)
}

/// Says whether an image has to be built.
///
/// # Errors
/// When there is no such recipe or it is wrong.
pub fn status(folders: &Folders, name: &str) -> Result<Status, ImageError> {
    Ok(Shelf::at(&folders.images).status(&Recipe::load(&folders.recipes, name)?))
}

/// Gives the file with the output of the last build of an image, which may not be there.
#[must_use]
pub fn log_file(images: &Path, name: &str) -> PathBuf {
    Shelf::at(images).log(name)
}

/// Lists all builds by name, for each name the current one first.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(images: &Path) -> Result<Vec<Image>, ImageError> {
    Shelf::at(images).list()
}

/// Removes an image with all its builds, or one build by the name of its file; gives the names of the files removed.
///
/// # Errors
/// When there is nothing of that name, or an instance or snapshot needs it, of the server with this state folder or of
/// one that is registered.
pub fn remove(images: &Path, target: &str, state_dir: &Path) -> Result<Vec<String>, ImageError> {
    let shelf = Shelf::at(images);
    shelf.remove(target, &shelf.in_use(state_dir)?)
}

/// Forgets the servers whose state folders are no more.
///
/// # Errors
/// When the folder cannot be read or written to.
pub fn forget_servers(images: &Path) -> Result<(), ImageError> {
    Shelf::at(images).living_servers().map(drop)
}

/// Makes a server's instances and snapshots count when images are removed, for as long as its state folder is there.
///
/// # Errors
/// When the folder cannot be written to.
pub fn register(images: &Path, server: &str, state_dir: &Path) -> Result<(), ImageError> {
    Shelf::at(images).register(server, state_dir)
}
