//! An instance's root filesystem: the image's erofs, id-mapped and read-only, under the system disk's ext4.
//!
//! It is put together at three short-lived mount points. Once the OCI runtime has taken it, they are unmounted on the
//! host: from then on the instance's own mount namespace alone holds overlay, disk, image and both loop devices, and the
//! kernel lets all of them go when the instance's last process ends, however that comes about.

use std::{
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Gid, Mode, OFlags, Uid, chownat, mkdirat, openat},
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag,
        fsconfig_set_string, fsmount, fsopen, move_mount,
    },
};

use super::{loopdev::LoopDevice, mounts};
use crate::sys;

/// Ids of one instance's user namespace.
pub(crate) const IDS: u32 = 65_536;

/// What a root filesystem is made of.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// The image's file.
    pub(crate) image: &'a Path,
    /// The system disk's file.
    pub(crate) disk: &'a Path,
    /// Host id of the instance's root.
    pub(crate) id_base: u32,
    /// Where it is put together.
    pub(crate) assembly: &'a Path,
}

/// A root filesystem ready to be taken.
#[derive(Debug)]
pub(crate) struct Rootfs {
    /// Where it is mounted.
    pub(crate) path: PathBuf,
    /// The instance's console: a file on its own system disk, so that it cannot fill the host.
    pub(crate) console: OwnedFd,
}

const POINTS: [&str; 3] = ["image", "disk", "root"];

/// Puts the root filesystem together.
pub(crate) fn assemble(parts: &Parts<'_>) -> io::Result<Rootfs> {
    let [lower, disk, root] = POINTS.map(|name| parts.assembly.join(name));
    let mount_image = || -> io::Result<()> {
        let device = LoopDevice::attach_shared(parts.image)?;
        let mount = image(&device)?;
        let namespace = sys::user_namespace(parts.id_base, IDS)?;
        sys::idmap_mount(mount.as_fd(), namespace.as_fd())?;
        place(mount.as_fd(), &lower)
    };
    let mount_disk = || -> io::Result<OwnedFd> {
        let device = LoopDevice::attach(parts.disk)?;
        // Freed blocks go back to the host at once; the tables were zero from the beginning.
        let options = [("discard", None), ("noinit_itable", None)];
        let mount = detached("ext4", device.path(), &options, MountAttrFlags::MOUNT_ATTR_NODEV)?;
        let console = prepare_disk(mount.as_fd(), parts.id_base)?;
        place(mount.as_fd(), &disk)?;
        Ok(console)
    };
    for point in [&lower, &disk, &root] {
        fs::create_dir_all(point)?;
    }
    // The instance's root must be able to walk to its root filesystem, and nobody needs to look around.
    fs::set_permissions(parts.assembly, fs::Permissions::from_mode(0o711))?;
    let (image_done, console) = std::thread::scope(|scope| {
        let image_thread = scope.spawn(mount_image);
        let console = mount_disk();
        (image_thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked"))), console)
    });
    image_done?;
    let console = console?;
    let layer = |path: PathBuf| path.into_os_string().into_string().map_err(|_| io::Error::other("not UTF-8"));
    let options = [
        ("lowerdir", Some(layer(lower)?)),
        ("upperdir", Some(layer(disk.join("upper"))?)),
        ("workdir", Some(layer(disk.join("work"))?)),
    ];
    let options: Vec<(&str, Option<&str>)> = options.iter().map(|(key, value)| (*key, value.as_deref())).collect();
    let mount = detached("overlay", Path::new("overlay"), &options, MountAttrFlags::MOUNT_ATTR_NODEV)?;
    place(mount.as_fd(), &root)?;
    Ok(Rootfs { path: root, console })
}

/// Mounts an image, nowhere yet; mounts of one device are of one filesystem.
pub(super) fn image(device: &LoopDevice) -> io::Result<OwnedFd> {
    detached("erofs", device.path(), &[], MountAttrFlags::MOUNT_ATTR_RDONLY)
}

/// Makes a mount that is nowhere yet.
pub(super) fn detached(
    kind: &str,
    source: &Path,
    options: &[(&str, Option<&str>)],
    attributes: MountAttrFlags,
) -> io::Result<OwnedFd> {
    let context = |error: rustix::io::Errno| io::Error::new(io::Error::from(error).kind(), format!("{kind}: {error}"));
    let filesystem = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).map_err(context)?;
    fsconfig_set_string(&filesystem, "source", source).map_err(context)?;
    if attributes.contains(MountAttrFlags::MOUNT_ATTR_RDONLY) {
        fsconfig_set_flag(&filesystem, "ro").map_err(context)?;
    }
    for (key, value) in options {
        match value {
            Some(value) => fsconfig_set_string(&filesystem, *key, *value),
            None => fsconfig_set_flag(&filesystem, *key),
        }
        .map_err(context)?;
    }
    fsconfig_create(&filesystem).map_err(context)?;
    fsmount(&filesystem, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(context)
}

fn place(mount: BorrowedFd<'_>, point: &Path) -> io::Result<()> {
    Ok(move_mount(mount, "", CWD, point, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Makes the overlay's folders, owned by the instance's root, and opens its console.
fn prepare_disk(disk: BorrowedFd<'_>, id_base: u32) -> io::Result<OwnedFd> {
    for name in ["upper", "work"] {
        match mkdirat(disk, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let (owner, group) = (Uid::from_raw(id_base), Gid::from_raw(id_base));
        chownat(disk, name, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::APPEND | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(openat(disk, "console.log", flags, Mode::from_raw_mode(0o600))?)
}

/// Unmounts what [`assemble`] mounted, in any state of completion; fine when nothing is there. The empty folders stay,
/// because the OCI runtime enters them again when an operator runs a command in the instance.
pub(crate) fn unmount_all(assembly: &Path) -> io::Result<()> {
    mounts::unmount_below(assembly)
}

/// Unmounts and removes the folders too; fine when they are gone.
pub(crate) fn remove(assembly: &Path) -> io::Result<()> {
    unmount_all(assembly)?;
    for point in POINTS.map(|name| assembly.join(name)) {
        remove_folder(&point)?;
    }
    remove_folder(assembly)
}

/// Removes an empty folder; fine when it is gone.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
