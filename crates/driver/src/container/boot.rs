//! What an exported root filesystem needs to come up on a machine of its own, where there is no agent.

use std::{fs::File, io, io::Write as _, os::fd::AsFd, path::Path};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, open, openat, openat2, statat};

/// Becomes `/sbin/init`.
const INIT: &str = include_str!("export_init.sh");
/// Folder of the first process. Links are not followed: they are the instance's, and may lead anywhere.
const FOLDER: &str = "usr/sbin";
const INSIDE: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// Gives a root filesystem a first process where it has none; says whether it has one then.
pub(super) fn ensure_init(root: &Path) -> io::Result<bool> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(root, folder, Mode::empty())?;
    let Ok(folder) = openat2(root.as_fd(), FOLDER, folder, Mode::empty(), INSIDE) else { return Ok(false) };
    if statat(&folder, "init", AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Ok(true);
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&folder, "init", flags, Mode::from_raw_mode(0o755))?;
    File::from(file).write_all(INIT.as_bytes())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_system_without_a_first_process_gets_one() {
        let root = tempfile::tempdir().unwrap();
        assert!(!ensure_init(root.path()).unwrap());
        fs::create_dir_all(root.path().join(FOLDER)).unwrap();
        assert!(ensure_init(root.path()).unwrap() && ensure_init(root.path()).unwrap());
        assert_eq!(fs::read_to_string(root.path().join("usr/sbin/init")).unwrap(), INIT);
    }

    #[test]
    fn an_installed_one_stays_and_no_link_leads_out() {
        let [root, outside] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        symlink(outside.path(), root.path().join("usr")).unwrap();
        fs::create_dir(outside.path().join("sbin")).unwrap();
        assert!(!ensure_init(root.path()).unwrap());
        fs::remove_file(root.path().join("usr")).unwrap();
        fs::create_dir_all(root.path().join(FOLDER)).unwrap();
        symlink("/lib/systemd/systemd", root.path().join("usr/sbin/init")).unwrap();
        assert!(ensure_init(root.path()).unwrap());
        assert!(fs::symlink_metadata(root.path().join("usr/sbin/init")).unwrap().is_symlink());
        assert_eq!(fs::read_dir(outside.path().join("sbin")).unwrap().count(), 0);
    }
}
