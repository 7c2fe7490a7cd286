//! Data disks: sparse ext4 files that are mounted in the mount namespace of a running instance, and nowhere else.
//!
//! The filesystem is made with the disk, before any instance has seen it, and an instance never gets the block device:
//! the host's kernel reads no filesystem that an instance could have forged. Its files carry the ids seen inside; the
//! mount is id-mapped to the instance, so that they belong to the same people in whatever instance the disk is attached
//! to. The mount is made on no path of the host and moved into the namespace by a thread that enters it: when the
//! instance's last process ends, the kernel unmounts the disk and the loop device lets itself go.
//!
//! What an instance has mounted is noted by an empty file in its folder, before it is mounted, so that whoever releases
//! the instance waits for those disks too.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::{
    fs::{AtFlags, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, fstat, mkdirat, open, openat2},
    mount::{MountAttrFlags, MoveMountFlags, UnmountFlags, move_mount, unmount},
    process::fchdir,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{
    disk,
    host::Host,
    loopdev::{self, LoopDevice},
    names::{InstancePaths, is_id},
    rootfs::{self, IDS},
};
use crate::{
    DataDisk, DriverError,
    error::{Doing, lasting, retry},
    sys,
};

/// The person's home, seen from the instance's root.
const HOME: &str = "home/lightsail-user";
/// The person's user and group id inside, which the root of a new disk belongs to.
const PERSON: u32 = 1000;
/// Longest wait for the kernel to let a disk go after it was unmounted.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);
/// The instance cannot lead the host astray with links in its own filesystem.
const INSIDE: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

impl Host {
    /// Lists the files of the disks that are attached to an instance.
    pub(super) fn attached_files(&self, paths: &InstancePaths) -> Vec<PathBuf> {
        let entries = fs::read_dir(paths.data_disks()).into_iter().flatten();
        entries.filter_map(|entry| Some(self.names.data_disk(entry.ok()?.file_name().to_str()?))).collect()
    }

    fn data_disk(&self, id: &str) -> Result<PathBuf, DriverError> {
        match is_id(id) {
            true => Ok(self.names.data_disk(id)),
            false => Err(lasting(format!("bad disk id {id:?}"), "No such disk.")),
        }
    }

    /// See [`crate::Storage::ensure_disk`].
    pub(crate) fn ensure_data_disk(&self, id: &str, size_bytes: u64) -> Result<(), DriverError> {
        let file = self.data_disk(id)?;
        let folder = self.names.data_disks_dir();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).doing("make the data disks' folder")?;
        disk::ensure_for(&file, size_bytes, PERSON)
    }

    /// See [`crate::Storage::delete_disk`].
    pub(crate) fn delete_data_disk(&self, id: &str) -> Result<(), DriverError> {
        let file = self.data_disk(id)?;
        if self.is_bound(&file)? {
            return Err(retry(format!("disk {id} is still mounted")));
        }
        disk::remove_file(&file.with_extension("new")).doing("remove a half-made data disk")?;
        disk::remove_file(&file).doing("remove a data disk")
    }

    /// See [`crate::Storage::disks`].
    pub(crate) fn data_disks(&self) -> Result<Vec<String>, DriverError> {
        let entries = match fs::read_dir(self.names.data_disks_dir()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.doing("list the data disks")?,
        };
        let stem = |entry: fs::DirEntry| Some(entry.path().file_stem()?.to_str()?.to_owned());
        let mut ids: Vec<String> = entries.filter_map(|entry| stem(entry.ok()?)).filter(|stem| is_id(stem)).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// See [`crate::Storage::mount_disk`].
    pub(crate) fn mount_data_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError> {
        let paths = self.paths(instance_id)?;
        let file = self.data_disk(&disk.id)?;
        check_name(&disk.name)?;
        let gone = || retry(format!("instance {instance_id} is not running"));
        let (pid, record) = self.running(instance_id, &paths)?.zip(self.record(instance_id)?).ok_or_else(gone)?;
        let file = match file.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(lasting(format!("disk {} has no file", disk.id), "The disk's data is missing."));
            }
            other => other.doing("find the data disk")?,
        };
        if sees(pid, &file).doing("look at the instance's mounts")? {
            return Ok(());
        }
        if !loopdev::wait_released(&file, RELEASE_LIMIT).doing("look at loop devices")? {
            return Err(retry(format!("disk {} is still held elsewhere", disk.id)));
        }
        note(&paths, &disk.id).doing("note the mount")?;
        let namespace = self.mount_namespace(instance_id, pid)?;
        let mount = prepare(&file, record.id_base()).map_err(|error| {
            let what = format!("prepare the mount of disk {}: {error}", disk.id);
            lasting(what, "The disk's filesystem cannot be mounted.")
        })?;
        let placed = enter(&namespace, |root| place(root, mount.as_fd(), &disk.name, record.id_base()));
        placed.map_err(|error| refused(&disk.name, &error))
    }

    /// See [`crate::Storage::unmount_disk`].
    pub(crate) fn unmount_data_disk(&self, instance_id: &str, disk: &DataDisk) -> Result<(), DriverError> {
        let paths = self.paths(instance_id)?;
        let file = self.data_disk(&disk.id)?;
        check_name(&disk.name)?;
        let Ok(file) = file.canonicalize() else {
            return forget(&paths, &disk.id).doing("forget the mount");
        };
        if let Some(pid) = self.running(instance_id, &paths)?
            && sees(pid, &file).unwrap_or(false)
        {
            let namespace = self.mount_namespace(instance_id, pid)?;
            enter(&namespace, |root| take_out(root, &disk.name)).doing("unmount the data disk")?;
        }
        if noted(&paths).doing("read the instance's mounts")?.contains(&disk.id) {
            self.await_release(&disk.id)?;
        }
        forget(&paths, &disk.id).doing("forget the mount")
    }

    /// Waits until the kernel has let every data disk of an instance go that has ended.
    pub(super) fn await_data_disks(&self, paths: &InstancePaths) -> Result<(), DriverError> {
        for id in noted(paths).doing("read the instance's mounts")? {
            self.await_release(&id)?;
            forget(paths, &id).doing("forget the mount")?;
        }
        Ok(())
    }

    /// Gives the instance that a data disk's file was mounted in, if that is noted.
    pub(super) fn holder_of(&self, file: &Path, instances: &[String]) -> Option<String> {
        let id = file.strip_prefix(self.names.data_disks_dir()).ok()?.file_stem()?.to_str()?;
        let holds = |instance: &&String| noted_file(&self.names.instance(instance), id).exists();
        instances.iter().find(holds).cloned()
    }

    fn await_release(&self, id: &str) -> Result<(), DriverError> {
        let Ok(file) = self.names.data_disk(id).canonicalize() else {
            return Ok(());
        };
        match loopdev::wait_released(&file, RELEASE_LIMIT).doing("look at loop devices")? {
            true => Ok(()),
            false => Err(retry(format!("the kernel still holds disk {id}"))),
        }
    }

    fn is_bound(&self, file: &Path) -> Result<bool, DriverError> {
        Ok(loopdev::backing_files().doing("list loop devices")?.iter().any(|bound| bound == file))
    }

    fn mount_namespace(&self, instance_id: &str, pid: i32) -> Result<OwnedFd, DriverError> {
        let gone = |why: String| retry(format!("instance {instance_id} is not running: {why}"));
        let opened = File::open(format!("/proc/{pid}/ns/mnt")).map_err(|error| gone(error.to_string()))?;
        // The number may have gone to another process since it was read.
        match self.group(instance_id).init().doing("find the instance's init")? == Some(pid) {
            true => Ok(opened.into()),
            false => Err(gone("it ended just now".into())),
        }
    }
}

/// The server's rules for names make them single path components; nothing else may pass here.
fn check_name(name: &str) -> Result<(), DriverError> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match plain && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        true => Ok(()),
        false => Err(lasting(format!("bad disk name {name:?}"), "The disk's name cannot be the name of a folder.")),
    }
}

/// Makes the mount, id-mapped and nowhere yet. The loop device lives on by it alone.
fn prepare(file: &Path, id_base: u32) -> io::Result<OwnedFd> {
    let device = LoopDevice::attach(file)?;
    // Freed blocks go back to the host at once; the tables were zero from the beginning.
    let options = [("discard", None), ("noinit_itable", None)];
    let mount = rootfs::detached("ext4", device.path(), &options, MountAttrFlags::MOUNT_ATTR_NODEV)?;
    let namespace = sys::user_namespace(id_base, IDS)?;
    sys::idmap_mount(mount.as_fd(), namespace.as_fd())?;
    Ok(mount)
}

/// Does a deed on a thread of its own in a mount namespace; the deed gets the namespace's root folder.
fn enter<T: Send>(namespace: &OwnedFd, deed: impl FnOnce(BorrowedFd<'_>) -> io::Result<T> + Send) -> io::Result<T> {
    let work = || {
        sys::separate_folders()?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Mount))?;
        let root = open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        deed(root.as_fd())
    };
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
}

fn folder(at: BorrowedFd<'_>, path: &str) -> io::Result<OwnedFd> {
    Ok(openat2(at, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), INSIDE)?)
}

/// Puts the mount in its place below the instance's root.
fn place(root: BorrowedFd<'_>, mount: BorrowedFd<'_>, name: &str, id_base: u32) -> io::Result<()> {
    let home = folder(root, HOME)?;
    match mkdirat(&home, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let point = folder(home.as_fd(), name)?;
    // Made just now, or by a call that was cut off: while the disk is detached, the folder is the person's.
    if fstat(&point)?.st_uid == 0 {
        let (owner, group) = (Uid::from_raw(id_base + PERSON), Gid::from_raw(id_base + PERSON));
        chownat(&home, name, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(mount, "", &point, "", both)?)
}

/// Unmounts what is at its place below the instance's root; lazily, because programs may have files open there.
fn take_out(root: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let home = folder(root, HOME)?;
    fchdir(&home)?;
    Ok(unmount(name, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?)
}

fn refused(name: &str, error: &io::Error) -> DriverError {
    let what = format!("mount at {name}: {error}");
    match error.raw_os_error() {
        Some(libc::ELOOP | libc::ENOTDIR) => {
            let public = format!("Something that is no folder is at /{HOME}/{name}, where the disk would be mounted.");
            lasting(what, public)
        }
        Some(libc::ENOSPC | libc::EDQUOT) => {
            lasting(what, "The instance's system disk is full: the folder for the disk could not be made.")
        }
        // The home is made while the instance boots.
        _ => retry(what),
    }
}

/// Says whether the process's mounts include the filesystem of a loop device on this file.
fn sees(pid: i32, file: &Path) -> io::Result<bool> {
    let text = fs::read(format!("/proc/{pid}/mountinfo"))?;
    let text = String::from_utf8_lossy(&text);
    let devices = text.lines().filter_map(|line| line.split(' ').nth(2)).filter(|device| device.starts_with("7:"));
    let backing = |device: &str| fs::read_to_string(format!("/sys/dev/block/{device}/loop/backing_file"));
    Ok(devices
        .filter_map(|device| backing(device).ok())
        .any(|backing| Path::new(backing.trim_end_matches('\n')) == file))
}

fn noted_file(paths: &InstancePaths, id: &str) -> PathBuf {
    paths.data_disks().join(id)
}

fn note(paths: &InstancePaths, id: &str) -> io::Result<()> {
    fs::create_dir_all(paths.data_disks())?;
    File::create(noted_file(paths, id)).map(drop)
}

fn forget(paths: &InstancePaths, id: &str) -> io::Result<()> {
    disk::remove_file(&noted_file(paths, id))
}

fn noted(paths: &InstancePaths) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(paths.data_disks()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(|id| is_id(id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_one_folder_pass() {
        assert!(check_name("data-1.x_y").is_ok());
        for bad in ["", ".", "..", "a/b", "-a", "a b", ".ssh", "é"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
