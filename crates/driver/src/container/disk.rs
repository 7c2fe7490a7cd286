//! Disks: sparse files with an ext4 filesystem.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    time::Duration,
};

use crate::{
    DriverError,
    error::{Doing, lasting},
    process::{Run, RunError},
};

/// Smaller than this, a journal and a few files do not fit.
const LEAST_BYTES: u64 = 64 << 20;

/// Makes sure that a system disk is there and at least so large. Only one that is too small is touched: its instance must
/// be stopped.
pub(crate) fn ensure(disk: &Path, size_bytes: u64) -> Result<(), DriverError> {
    if disk.exists() {
        return grow(disk, size_bytes);
    }
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

/// Grows the disk's file and filesystem. The filesystem's own size is looked at, so that a growth cut off goes on.
fn grow(disk: &Path, size_bytes: u64) -> Result<(), DriverError> {
    let file = File::options().read(true).write(true).open(disk).doing("open the system disk")?;
    if filesystem_bytes(&file).doing("read the system disk's superblock")?.is_none_or(|has| has >= size_bytes) {
        return Ok(());
    }
    if file.metadata().doing("look at the system disk")?.len() < size_bytes {
        file.set_len(size_bytes).doing("grow the system disk's file")?;
    }
    let limit = Duration::from_secs(60);
    match Run::new("e2fsck").args(["-f", "-p"]).arg(disk).limit(limit).run() {
        // 1: it has mended what a power cut leaves.
        Err(RunError::Bad { status, .. }) if status.code() != Some(1) => {
            let what = format!("e2fsck ended with {status}");
            return Err(lasting(what, "The filesystem of the system disk is damaged and cannot grow."));
        }
        Ok(_) | Err(RunError::Bad { .. }) => {}
        Err(error) => return Err(error).doing("check the system disk's filesystem"),
    }
    Run::new("resize2fs").arg(disk).limit(limit).run().doing("grow the system disk's filesystem")?;
    file.sync_all().doing("write the system disk")
}

/// Gives the size of the ext4 in a file, rounded up by less than a block; `None` when there is none.
fn filesystem_bytes(file: &File) -> io::Result<Option<u64>> {
    // Offsets in the superblock: blocks_count_lo 4, log_block_size 24, magic 56, blocks_count_hi 336.
    let mut superblock = [0; 340];
    match file.read_exact_at(&mut superblock, 1024) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let word = |at: usize| u64::from(u32::from_le_bytes(superblock[at..at + 4].try_into().unwrap_or_default()));
    if superblock[56..58] != [0x53, 0xef] || word(24) > 6 {
        return Ok(None);
    }
    let block_bytes = 1024_u64 << word(24);
    let blocks = word(4) | (word(336) << 32);
    Ok(Some(blocks.saturating_mul(block_bytes).saturating_add(block_bytes - 1)))
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
    fn a_disk_grows_and_never_shrinks() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk.img");
        ensure(&disk, 1 << 30).unwrap();
        let has = |disk: &Path| filesystem_bytes(&File::open(disk).unwrap()).unwrap().unwrap();
        assert_eq!(has(&disk) >> 12, (1 << 30) >> 12);
        // Cut off between the file and the filesystem.
        File::options().write(true).open(&disk).unwrap().set_len(3 << 30).unwrap();
        ensure(&disk, 3 << 30).unwrap();
        assert_eq!(has(&disk) >> 12, (3 << 30) >> 12);
        ensure(&disk, 2 << 30).unwrap();
        assert_eq!(fs::metadata(&disk).unwrap().len(), 3 << 30);
        assert_eq!(has(&disk) >> 12, (3 << 30) >> 12);
    }

    #[test]
    fn a_tiny_disk_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(ensure(&dir.path().join("d"), 1), Err(DriverError::Final { .. })));
    }
}
