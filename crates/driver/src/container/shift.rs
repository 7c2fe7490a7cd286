//! Shifting the owners of all files of a disk, so that they belong to the same people in another user namespace.
//!
//! Two running instances never share host ids, so the files of a copied disk must change hands. Modes, set-user-id bits,
//! access lists and file capabilities stay what they were for those inside.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, XattrFlags, chmodat, chownat, lgetxattr,
        lsetxattr, openat, openat2, statat, unlinkat,
    },
    io::Errno,
};

use super::rootfs::IDS;

/// Deeper than this, a disk is not made: each level holds a descriptor.
const DEEPEST: usize = 1_000;
const CAPABILITY: &CStr = c"security.capability";
const ACCESS_LISTS: [&CStr; 2] = [c"system.posix_acl_access", c"system.posix_acl_default"];
/// Largest extended attribute.
const XATTR_MAX: usize = 64 << 10;

/// Shifts ids from `from` and up to `to` and up, on the whole filesystem.
pub(super) fn owners(mount: &OwnedFd, from: u32, to: u32) -> io::Result<()> {
    if from == to {
        return Ok(());
    }
    let shift = Shift { from, to };
    let root = openat(mount, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    shift.entry(&root, c".")?;
    let mut open = vec![(names(&root)?, root)];
    while let Some((left, folder)) = open.last_mut() {
        let Some((name, is_folder)) = left.pop() else {
            open.pop();
            continue;
        };
        shift.entry(folder, &name)?;
        if is_folder {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let below = openat(&*folder, &name, flags, Mode::empty())?;
            if open.len() >= DEEPEST {
                return Err(io::Error::other("folders are nested too deeply"));
            }
            open.push((names(&below)?, below));
        }
    }
    Ok(())
}

/// Removes files of a folder below a root, following no link.
pub(super) fn forget(root: &OwnedFd, folder: &str, which: impl Fn(&str) -> bool) -> io::Result<()> {
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = openat2(root, folder, flags, Mode::empty(), inside) else { return Ok(()) };
    for (name, is_folder) in names(&folder)? {
        if !is_folder && name.to_str().is_ok_and(&which) {
            unlinkat(&folder, &name, AtFlags::empty())?;
        }
    }
    Ok(())
}

/// The entries of a folder, and which of them are folders.
fn names(folder: &OwnedFd) -> io::Result<Vec<(CString, bool)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            let is_folder = match entry.file_type() {
                FileType::Unknown => {
                    let mode = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode;
                    FileType::from_raw_mode(mode) == FileType::Directory
                }
                known => known == FileType::Directory,
            };
            found.push((name.to_owned(), is_folder));
        }
    }
    Ok(found)
}

struct Shift {
    from: u32,
    to: u32,
}

impl Shift {
    /// The new id of an old one; `None` for one that is not the instance's.
    fn id(&self, id: u32) -> Option<u32> {
        id.checked_sub(self.from).filter(|inside| *inside < IDS).map(|inside| self.to + inside)
    }

    fn entry(&self, folder: &OwnedFd, name: &CStr) -> io::Result<()> {
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let (uid, gid) = (self.id(stat.st_uid), self.id(stat.st_gid));
        // A second name of a file that was shifted is found shifted.
        if uid.is_none() && gid.is_none() {
            return Ok(());
        }
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        let path = path(folder, name)?;
        // The kernel takes capabilities and set-id bits away from a file that changes hands.
        let capability = if is_link { None } else { xattr(&path, CAPABILITY)? };
        chownat(folder, name, uid.map(Uid::from_raw), gid.map(Gid::from_raw), AtFlags::SYMLINK_NOFOLLOW)?;
        if is_link {
            return Ok(());
        }
        if stat.st_mode & 0o6000 != 0 {
            chmodat(folder, name, Mode::from_raw_mode(stat.st_mode & 0o7777), AtFlags::empty())?;
        }
        if let Some(mut value) = capability {
            // Version 3 names the root whose namespace it is for, in its last four bytes.
            if value.len() == 24 {
                self.replace(&mut value[20..24]);
            }
            lsetxattr(&path, CAPABILITY, &value, XattrFlags::empty())?;
        }
        for list in ACCESS_LISTS {
            if let Some(mut value) = xattr(&path, list)? {
                // A version, then entries of tag, permissions and id.
                for entry in value.get_mut(4..).unwrap_or_default().chunks_exact_mut(8) {
                    self.replace(&mut entry[4..8]);
                }
                lsetxattr(&path, list, &value, XattrFlags::empty())?;
            }
        }
        Ok(())
    }

    fn replace(&self, bytes: &mut [u8]) {
        let id = bytes.try_into().map(u32::from_le_bytes).ok().and_then(|id| self.id(id));
        if let Some(id) = id {
            bytes.copy_from_slice(&id.to_le_bytes());
        }
    }
}

/// A path to an entry of a folder that is nowhere.
fn path(folder: &OwnedFd, name: &CStr) -> io::Result<CString> {
    let mut path = format!("/proc/self/fd/{}/", folder.as_raw_fd()).into_bytes();
    path.extend_from_slice(name.to_bytes());
    CString::new(path).map_err(io::Error::other)
}

fn xattr(path: &CStr, name: &CStr) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; 4096];
    loop {
        match lgetxattr(path, name, &mut value[..]) {
            Ok(length) => {
                value.truncate(length);
                return Ok(Some(value));
            }
            Err(Errno::NODATA | Errno::OPNOTSUPP) => return Ok(None),
            Err(Errno::RANGE) if value.len() < XATTR_MAX => value.resize(XATTR_MAX, 0),
            Err(error) => return Err(error.into()),
        }
    }
}
