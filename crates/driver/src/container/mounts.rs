//! Mounts of the host, as the kernel lists them.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use rustix::mount::{UnmountFlags, unmount};

/// Unmounts everything at or below a folder, the last mounted first; fine when there is nothing.
pub(crate) fn unmount_below(folder: &Path) -> io::Result<()> {
    for point in points(&fs::read("/proc/self/mountinfo")?).into_iter().rev() {
        if !point.starts_with(folder) {
            continue;
        }
        // Lazily: an open file must not keep a mount point.
        match unmount(&point, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            // Gone since it was listed.
            Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads the mount points, oldest first.
fn points(mountinfo: &[u8]) -> Vec<PathBuf> {
    let lines = mountinfo.split(|&byte| byte == b'\n');
    let fields = lines.filter_map(|line| line.split(|&byte| byte == b' ').nth(4));
    fields.map(|field| PathBuf::from(OsString::from_vec(unescape(field)))).collect()
}

/// The kernel writes space, tab, newline and backslash as three octal digits after a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| byte == b'\\');
        let octal = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_odd_characters() {
        let text = b"26 23 0:23 / /run rw - tmpfs tmpfs rw\n27 26 0:24 / /a\\040b\\134c rw shared:1 - ext4 /dev/x rw\n";
        assert_eq!(points(text), [PathBuf::from("/run"), PathBuf::from("/a b\\c")]);
    }
}
