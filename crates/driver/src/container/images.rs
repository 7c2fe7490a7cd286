//! The filesystems of images, held between instances: what one instance has read, and unpacked, the next finds in memory.

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{loopdev::LoopDevice, names::Names, rootfs};
use crate::image;

/// Mounts that are nowhere. They end with the server, however that ends.
#[derive(Debug)]
pub(super) struct HeldImages {
    folder: PathBuf,
    /// Name and state folder of the server, by which whoever removes images finds what it needs.
    server: (String, PathBuf),
    mounts: Mutex<BTreeMap<String, OwnedFd>>,
}

impl HeldImages {
    /// Holds the images that new instances get.
    pub(super) fn open(folder: PathBuf, names: &Names) -> Self {
        let server = (names.tag().to_owned(), names.state_dir().to_owned());
        let held = Self { folder, server, mounts: Mutex::default() };
        match image::list(&held.folder) {
            Ok(images) => images.iter().filter(|image| image.current).for_each(|image| held.hold(&image.file)),
            // Instances that need one will say why.
            Err(error) => tracing::warn!(%error, "Images not held"),
        }
        held
    }

    /// Holds an image's file from now on, and lets go of those that were removed.
    pub(super) fn hold(&self, file: &str) {
        if let Err(error) = image::register(&self.folder, &self.server.0, &self.server.1) {
            tracing::warn!(%error, "Images can be removed without regard to this server's instances");
        }
        let mut mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        mounts.retain(|file, _| self.folder.join(file).exists());
        if mounts.contains_key(file) {
            return;
        }
        match mount(&self.folder.join(file)) {
            Ok(mount) => drop(mounts.insert(file.to_owned(), mount)),
            // Instances that need it will say why.
            Err(error) => tracing::debug!(file, %error, "Image not held"),
        }
    }
}

fn mount(file: &Path) -> io::Result<OwnedFd> {
    let device = LoopDevice::attach_shared(file)?;
    rootfs::image(&device)
}
