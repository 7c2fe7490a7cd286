//! The filesystems of images, held between instances: what one instance has read, and unpacked, the next finds in memory.

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{loopdev::LoopDevice, rootfs};
use crate::image;

/// Mounts that are nowhere. They end with the server, however that ends.
#[derive(Debug)]
pub(super) struct HeldImages {
    folder: PathBuf,
    mounts: Mutex<BTreeMap<String, OwnedFd>>,
}

impl HeldImages {
    /// Holds the images that new instances get.
    pub(super) fn open(folder: PathBuf) -> Self {
        let held = Self { folder, mounts: Mutex::default() };
        let images = image::list(&held.folder).unwrap_or_default();
        for image in images.iter().filter(|image| image.current) {
            held.hold(&image.file);
        }
        held
    }

    /// Holds an image's file from now on, and lets go of those that were removed.
    pub(super) fn hold(&self, file: &str) {
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
