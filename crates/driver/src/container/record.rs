//! What the driver remembers of an instance, in a file beside its disk.

use std::{collections::BTreeSet, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::InstanceSpec;

/// Gives the names of the image files that instances and snapshots of a state folder were made from.
///
/// # Errors
/// When a folder or record cannot be read.
pub(crate) fn images_in_use(state_dir: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for kind in ["instances", "snapshots"] {
        let folders = match fs::read_dir(state_dir.join(kind)) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for folder in folders {
            let record = read_json::<ImageOf>(&folder?.path().join("record.json"))?;
            files.extend(record.map(|record| record.image_file).filter(|file| !file.is_empty()));
        }
    }
    Ok(files)
}

/// The one thing in which records of instances and snapshots are alike.
#[derive(Deserialize)]
struct ImageOf {
    image_file: String,
}

fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> io::Result<Option<T>> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Written when the instance is created; a start reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The instance's id.
    pub(crate) id: String,
    /// Its account.
    pub(crate) account_id: String,
    /// Name of the image file under the images folder: the very build it was created with, for all its life.
    pub(crate) image_file: String,
    /// The lease that decides address and host ids, for all its life: the files on its disk carry those ids.
    pub(crate) index: u32,
}

impl Record {
    /// Makes the record of a new instance.
    pub(crate) fn new(spec: &InstanceSpec, image_file: String) -> Self {
        Self { id: spec.id.clone(), account_id: spec.account_id.clone(), image_file, index: spec.index }
    }

    /// Host id of the instance's root.
    pub(crate) fn id_base(&self) -> u32 {
        65_536 * (self.index + 16)
    }

    /// Reads the record; `None` when there is none.
    pub(crate) fn read(file: &Path) -> io::Result<Option<Self>> {
        read_json(file)
    }

    /// Writes the record in one go, and to the disk.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let draft = file.with_extension("new");
        let written = fs::File::create(&draft)?;
        serde_json::to_writer(&written, self)?;
        written.sync_all()?;
        fs::rename(draft, file)
    }
}
