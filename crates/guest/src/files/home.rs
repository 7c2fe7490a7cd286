//! The home folder: what is in it, and opening what is in it.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use porthole_model::files::{FileEntry, FileKind, FileList, FileProblem, MOST_ENTRIES, check_path};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, fstatvfs, mkdirat, openat, statat};
use rustix::io::Errno;

/// The folder that all paths begin in.
pub(super) struct Home {
    folder: OwnedFd,
}

/// Says why the kernel refused.
pub(super) fn problem(error: Errno) -> FileProblem {
    match error {
        Errno::NOENT | Errno::LOOP | Errno::STALE => FileProblem::Missing,
        Errno::NOTDIR => FileProblem::Folder,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => FileProblem::Denied,
        Errno::NOSPC | Errno::DQUOT => FileProblem::Full,
        Errno::FBIG => FileProblem::Large,
        Errno::NAMETOOLONG => FileProblem::Name,
        other => {
            tracing::warn!(error = %other, "A file operation failed");
            FileProblem::Failed
        }
    }
}

/// The path as the kernel takes it.
fn relative(path: &str) -> Result<&str, FileProblem> {
    check_path(path)?;
    Ok(if path.is_empty() { "." } else { path })
}

impl Home {
    /// Opens the home.
    pub(super) fn open(path: &Path) -> Result<Self, FileProblem> {
        let folder = rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        Ok(Self { folder: folder.map_err(problem)? })
    }

    /// Opens a folder to put something in; `make` makes it where it is missing.
    pub(super) fn folder(&self, path: &str, make: bool) -> Result<OwnedFd, FileProblem> {
        let path = relative(path)?;
        if make {
            match mkdirat(&self.folder, path, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(problem(error)),
            }
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.folder, path, flags, Mode::empty()).map_err(problem)
    }

    /// Lists a folder.
    pub(super) fn list(&self, path: &str) -> Result<FileList, FileProblem> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(&self.folder, relative(path)?, flags, Mode::empty()).map_err(problem)?;
        let mut list = FileList { free_bytes: free_bytes(&folder)?, ..FileList::default() };
        for entry in Dir::read_from(&folder).map_err(problem)? {
            let entry = entry.map_err(problem)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            if list.entries.len() == MOST_ENTRIES {
                list.more = true;
                break;
            }
            // One that went away meanwhile is not there.
            list.entries.extend(look(&folder, name));
        }
        Ok(list)
    }

    /// Opens a file to be read, and gives its size.
    pub(super) fn read(&self, path: &str) -> Result<(File, u64), FileProblem> {
        // Opened in earnest only once it is known to be a file: opening a pipe or a device does things.
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let place = openat(&self.folder, relative(path)?, flags, Mode::empty()).map_err(problem)?;
        let stat = fstat(&place).map_err(problem)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FileProblem::File);
        }
        let way = format!("/proc/self/fd/{}", place.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::open(way, flags, Mode::empty()).map_err(problem)?;
        Ok((file.into(), u64::try_from(stat.st_size).unwrap_or(0)))
    }
}

/// Bytes that the person may still write on a folder's filesystem.
pub(super) fn free_bytes(folder: &OwnedFd) -> Result<u64, FileProblem> {
    let space = fstatvfs(folder).map_err(problem)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

fn look(folder: &OwnedFd, name: &str) -> Option<FileEntry> {
    let (kind, stat) = match statat(folder, name, AtFlags::empty()) {
        Ok(stat) => (kind_of(&stat), stat),
        // A link that leads nowhere.
        Err(_) => (FileKind::Other, statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?),
    };
    let size_bytes = if kind == FileKind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
    let modified_ms = stat.st_mtime.saturating_mul(1_000).saturating_add(stat.st_mtime_nsec as i64 / 1_000_000);
    Some(FileEntry { name: name.to_owned(), kind, size_bytes, modified_ms })
}

fn kind_of(stat: &Stat) -> FileKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => FileKind::Folder,
        FileType::RegularFile => FileKind::File,
        _ => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        (dir, home)
    }

    #[test]
    fn a_folder_says_what_is_in_it() {
        let (dir, home) = home();
        let root = dir.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/ä b"), "12345").unwrap();
        symlink("ä b", root.join("sub/link")).unwrap();
        symlink("nowhere", root.join("sub/dead")).unwrap();
        symlink("..", root.join("sub/up")).unwrap();
        fs::write(root.join("sub").join(std::os::unix::ffi::OsStrExt::from_bytes(b"\xff") as &std::ffi::OsStr), "")
            .unwrap();
        let list = home.list("sub").unwrap();
        let mut found: Vec<_> = list.entries.iter().map(|e| (e.name.as_str(), e.kind, e.size_bytes)).collect();
        found.sort_unstable_by_key(|entry| entry.0);
        let (file, folder, other) = (FileKind::File, FileKind::Folder, FileKind::Other);
        assert_eq!(found, [("dead", other, 0), ("link", file, 5), ("up", folder, 0), ("ä b", file, 5)]);
        assert!(!list.more && list.free_bytes > 0 && list.entries.iter().all(|e| e.modified_ms > 1_600_000_000_000));
        assert_eq!(home.list("").unwrap().entries.len(), 1);
        assert_eq!(home.list("gone"), Err(FileProblem::Missing));
        assert_eq!(home.list("sub/ä b"), Err(FileProblem::Folder));
        assert_eq!(home.list(".."), Err(FileProblem::Path));
    }

    #[test]
    fn a_list_is_bounded() {
        let (dir, home) = home();
        for number in 0..=MOST_ENTRIES {
            fs::write(dir.path().join(number.to_string()), "").unwrap();
        }
        let list = home.list("").unwrap();
        assert!(list.more && list.entries.len() == MOST_ENTRIES);
        fs::remove_file(dir.path().join("0")).unwrap();
        assert!(!home.list("").unwrap().more);
    }

    #[test]
    fn only_files_are_read() {
        let (dir, home) = home();
        fs::write(dir.path().join("file"), "abc").unwrap();
        symlink("file", dir.path().join("link")).unwrap();
        symlink("/dev/zero", dir.path().join("device")).unwrap();
        symlink("turn", dir.path().join("turn")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        for name in ["file", "link"] {
            assert_eq!(home.read(name).unwrap().1, 3);
        }
        for name in ["", "device", "pipe", "socket"] {
            assert_eq!(home.read(name).unwrap_err(), FileProblem::File, "{name}");
        }
        assert_eq!(home.read("turn").unwrap_err(), FileProblem::Missing);
        assert_eq!(home.read("/etc/passwd").unwrap_err(), FileProblem::Path);
        assert_eq!(home.read("file/x").unwrap_err(), FileProblem::Folder);
    }

    #[test]
    fn a_folder_is_made_only_when_asked() {
        let (dir, home) = home();
        assert_eq!(home.folder("new", false).unwrap_err(), FileProblem::Missing);
        home.folder("new", true).unwrap();
        home.folder("new", true).unwrap();
        assert!(dir.path().join("new").is_dir());
        fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(home.folder("file", true).unwrap_err(), FileProblem::Folder);
    }
}
