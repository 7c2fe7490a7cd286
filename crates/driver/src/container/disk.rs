//! Disks: sparse files with an ext4 filesystem.

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::Duration,
};

use crate::{
    DriverError,
    error::{Doing, lasting},
    process::Run,
};

/// Smaller than this, a journal and a few files do not fit.
const LEAST_BYTES: u64 = 64 << 20;

/// Makes sure that a system disk is there.
pub(crate) fn ensure(disk: &Path, size_bytes: u64) -> Result<(), DriverError> {
    ensure_for(disk, size_bytes, 0)
}

/// Makes sure that a disk is there whose root folder belongs to the given user and group. A half-made one has another
/// name, and is made anew.
pub(crate) fn ensure_for(disk: &Path, size_bytes: u64, owner: u32) -> Result<(), DriverError> {
    if disk.exists() {
        return Ok(());
    }
    if size_bytes < LEAST_BYTES {
        let what = format!("a disk of {size_bytes} bytes was asked for");
        return Err(lasting(what, "The disk is too small: it needs at least 64 MiB."));
    }
    let draft = disk.with_extension("new");
    remove_file(&draft).doing("remove a half-made disk")?;
    let file = File::create_new(&draft).doing("make the disk's file")?;
    match file.set_len(size_bytes) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            let what = format!("a file of {size_bytes} bytes: {error}");
            return Err(lasting(what, "The filesystem of this server's state folder cannot hold a disk of this size."));
        }
        other => other.doing("set the disk's size")?,
    }
    // A fresh sparse file reads as zeros, which mkfs finds out by its discard: no table is written, then or later.
    Run::new("mkfs.ext4")
        .args(["-q", "-F", "-m", "0", "-E"])
        .arg(format!("lazy_journal_init=1,root_owner={owner}:{owner}"))
        .arg(&draft)
        .limit(Duration::from_secs(60))
        .run()
        .doing("make the disk's filesystem")?;
    file.sync_all().doing("write the disk")?;
    fs::rename(&draft, disk).doing("put the disk in place")
}

/// Removes a file; fine when it is gone.
pub(crate) fn remove_file(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_disk_is_sparse_and_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk.img");
        fs::write(dir.path().join("disk.new"), "half-made").unwrap();
        ensure(&disk, 20 << 30).unwrap();
        let meta = fs::metadata(&disk).unwrap();
        assert_eq!(meta.len(), 20 << 30);
        assert!(meta.blocks() * 512 < 64 << 20, "{} blocks", meta.blocks());
        ensure(&disk, 20 << 30).unwrap();
        assert_eq!(fs::metadata(&disk).unwrap().ino(), meta.ino());
        assert!(!dir.path().join("disk.new").exists());
    }

    #[test]
    fn a_tiny_disk_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(ensure(&dir.path().join("d"), 1), Err(DriverError::Final { .. })));
    }
}
