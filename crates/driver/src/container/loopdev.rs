//! Loop devices, which let themselves go when the filesystem on them is unmounted.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::sys::{
    LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LO_FLAGS_READ_ONLY, loop_configure, loop_find_free, loop_status,
};

/// Tries to find a device that no other program takes first.
const ATTEMPTS: u32 = 64;
/// Between two looks where the kernel offers nothing to wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A bound loop device, held open: it lives until this and every mount of it is gone.
#[derive(Debug)]
pub(crate) struct LoopDevice {
    path: PathBuf,
    _open: OwnedFd,
}

impl LoopDevice {
    /// The device's path, to mount.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Binds a file for reading and writing, without a second cache of its pages.
    pub(crate) fn attach(file: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(file)?;
        bind_free(&file, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO)
    }

    /// Binds a file for reading only; takes the device that another instance already has for it, so that all share one
    /// filesystem and one page cache.
    pub(crate) fn attach_shared(file: &Path) -> io::Result<Self> {
        let file = File::open(file)?;
        match bound_to(&file, true)?.into_iter().next() {
            Some(device) => Ok(device),
            None => bind_free(&file, LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY),
        }
    }
}

fn bind_free(file: &File, flags: u32) -> io::Result<LoopDevice> {
    let control = OpenOptions::new().read(true).write(true).open("/dev/loop-control")?;
    let mut last = io::Error::other("no loop device is free");
    for _ in 0..ATTEMPTS {
        let path = PathBuf::from(format!("/dev/loop{}", loop_find_free(control.as_fd())?));
        let read_only = flags & LO_FLAGS_READ_ONLY != 0;
        let device = match OpenOptions::new().read(true).write(!read_only).open(&path) {
            // The node of a fresh device may take a moment to appear.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                last = error;
                std::thread::sleep(LOOK_AGAIN);
                continue;
            }
            other => other?,
        };
        match loop_configure(device.as_fd(), file.as_fd(), flags) {
            Ok(()) => {
                return Ok(LoopDevice { path, _open: device.into() });
            }
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Opens every device bound to the file (the same inode, however it is called).
pub(crate) fn bound_to(file: &File, read_only: bool) -> io::Result<Vec<LoopDevice>> {
    let meta = file.metadata()?;
    let mut found = Vec::new();
    for path in bound_devices()? {
        // Opening first: an open device is not let go any more, so what it is bound to now stays.
        let Ok(device) = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path) else {
            continue;
        };
        let Ok(info) = loop_status(device.as_fd()) else {
            continue;
        };
        let same = info.inode == meta.ino() && info.device == encode_device(meta.dev());
        if same && (info.flags & LO_FLAGS_READ_ONLY != 0) == read_only {
            found.push(LoopDevice { path, _open: device.into() });
        }
    }
    Ok(found)
}

/// The kernel tells device numbers to this interface in its own, older encoding.
fn encode_device(device: u64) -> u64 {
    let (major, minor) = (u64::from(rustix::fs::major(device)), u64::from(rustix::fs::minor(device)));
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

/// Lists the device nodes that are bound to anything.
fn bound_devices() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/block")? {
        let entry = entry?;
        if entry.path().join("loop/backing_file").exists() {
            found.push(Path::new("/dev").join(entry.file_name()));
        }
    }
    Ok(found)
}

/// Gives the backing files of all bound loop devices, as the kernel names them.
pub(crate) fn backing_files() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/block")? {
        // It may be let go between the listing and the reading.
        if let Ok(text) = fs::read_to_string(entry?.path().join("loop/backing_file")) {
            found.push(PathBuf::from(text.trim_end_matches('\n')));
        }
    }
    Ok(found)
}

/// Waits until no loop device is bound to the file; `false` when the limit has passed.
pub(crate) fn wait_released(file: &Path, limit: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + limit;
    while backing_files()?.iter().any(|other| other == file) {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(true)
}
