//! Copies of disk files: shared blocks where the filesystem can, holes kept where it cannot.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{fd::AsRawFd, unix::fs::FileExt},
    path::Path,
};

use rustix::fs::{Advice, FallocateFlags, SeekFrom, copy_file_range, fadvise, fallocate, ioctl_ficlone, seek};
use tokio::sync::watch;

use crate::sys;

/// Bytes copied between two looks at who listens.
const PIECE: u64 = 8 << 20;

/// A file and its copy.
pub(super) struct Copied {
    from: File,
    to: File,
    size: u64,
}

impl Copied {
    /// Opens a file, and makes the copy's, as large and empty.
    pub(super) fn open(from: &Path, to: &Path) -> io::Result<Self> {
        let from = File::open(from)?;
        let to = OpenOptions::new().read(true).write(true).create_new(true).open(to)?;
        let size = from.metadata()?.len();
        to.set_len(size)?;
        Ok(Self { from, to, size })
    }

    /// Makes the copy larger.
    pub(super) fn grow(&self, size: u64) -> io::Result<()> {
        self.to.set_len(size)
    }

    /// Writes the copy to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.to.sync_all()
    }
}

/// How far a copy is, for whoever listens.
pub(super) struct Progress<'a> {
    sender: &'a watch::Sender<u8>,
    total: u64,
    done: u64,
}

impl<'a> Progress<'a> {
    /// Begins at nothing of so many bytes.
    pub(super) fn new(sender: &'a watch::Sender<u8>, total: u64) -> Self {
        Self { sender, total: total.max(1), done: 0 }
    }

    /// Fails when nobody listens any more.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.sender.is_closed() {
            true => Err(io::Error::other("the copy is not wanted any more")),
            false => Ok(()),
        }
    }

    fn add(&mut self, bytes: u64) -> io::Result<()> {
        self.check()?;
        self.done += bytes;
        let percent = (self.done.saturating_mul(100) / self.total).min(99) as u8;
        self.sender.send_if_modified(|last| std::mem::replace(last, percent) != percent);
        Ok(())
    }
}

/// Says whether files in a folder can share blocks, by trying.
pub(super) fn shares_blocks(folder: &Path) -> bool {
    let (one, other) = (folder.join("try-one"), folder.join("try-other"));
    let tried = (|| -> io::Result<()> {
        fs::write(&one, [1; 4096])?;
        ioctl_ficlone(File::create(&other)?, File::open(&one)?)?;
        Ok(())
    })();
    // Whatever is left goes with the folder, whose making is given up if it cannot be written to.
    let _ = fs::remove_file(&one);
    let _ = fs::remove_file(&other);
    tried.is_ok()
}

/// Makes the copy share all blocks of the file.
pub(super) fn reflink(copied: &mut Copied) -> io::Result<()> {
    Ok(ioctl_ficlone(&copied.to, &copied.from)?)
}

/// Copies everything but holes.
pub(super) fn whole(copied: &mut Copied, progress: &mut Progress<'_>) -> io::Result<()> {
    whole_watched(copied, progress, || Ok(()))
}

/// The same, with a deed between pieces.
pub(super) fn whole_watched(
    copied: &mut Copied,
    progress: &mut Progress<'_>,
    mut between: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let (mut at, mut last) = (0, None);
    while at < copied.size {
        let Some((begin, end)) = next_data(&copied.from, at, copied.size)? else { break };
        at = begin;
        while at < end {
            let piece = PIECE.min(end - at);
            piece_of(copied, at, piece)?;
            // Never more than two pieces wait for the disk: whoever writes meanwhile would wait behind all of them.
            sys::write_out(&copied.to, at, piece, false)?;
            if let Some((at, length)) = last.replace((at, piece)) {
                sys::write_out(&copied.to, at, length, true)?;
            }
            at += piece;
            progress.add(piece)?;
            between()?;
        }
    }
    Ok(())
}

/// Copies ranges (begin, end) of the file over the copy, holes as holes; gives the number of bytes.
pub(super) fn ranges(copied: &mut Copied, ranges: &[(u64, u64)]) -> io::Result<u64> {
    let mut bytes = 0;
    for &(begin, end) in ranges {
        let end = end.min(copied.size);
        let mut at = begin;
        while at < end {
            let data = next_data(&copied.from, at, end)?;
            let (data_begin, data_end) = data.map_or((end, end), |(begin, stop)| (begin.min(end), stop.min(end)));
            if data_begin > at {
                let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(&copied.to, punch, at, data_begin - at)?;
            }
            if data_end > data_begin {
                piece_of(copied, data_begin, data_end - data_begin)?;
                bytes += data_end - data_begin;
            }
            at = data_end.max(data_begin);
        }
    }
    Ok(bytes)
}

/// The next stretch of data at or after a place.
fn next_data(file: &File, at: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
    let begin = match seek(file, SeekFrom::Data(at)) {
        Ok(begin) => begin,
        Err(rustix::io::Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if begin >= size {
        return Ok(None);
    }
    let end = seek(file, SeekFrom::Hole(begin))?;
    Ok(Some((begin, end.min(size))))
}

fn piece_of(copied: &Copied, at: u64, length: u64) -> io::Result<()> {
    let (mut from, mut to, end) = (at, at, at + length);
    while from < end {
        let left = usize::try_from(end - from).unwrap_or(usize::MAX);
        match copy_file_range(&copied.from, Some(&mut from), &copied.to, Some(&mut to), left) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            // Two filesystems that know nothing of one another.
            Err(rustix::io::Errno::XDEV | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::INVAL) => {
                let mut buffer = vec![0; left.min(1 << 20)];
                copied.from.read_exact_at(&mut buffer, from)?;
                copied.to.write_all_at(&buffer, to)?;
                from += buffer.len() as u64;
                to = from;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // A copy of a disk must not push what programs need out of the host's memory.
    let length = std::num::NonZeroU64::new(length);
    if copied.from.as_raw_fd() >= 0 {
        fadvise(&copied.from, at, length, Advice::DontNeed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_copy_is_equal_and_keeps_its_holes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        let file = File::create(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(&[7; 100_000], 20 << 20).unwrap();
        file.write_all_at(b"last", (64 << 20) - 4).unwrap();
        let mut copied = Copied::open(&from, &to).unwrap();
        let (sender, receiver) = watch::channel(0);
        whole(&mut copied, &mut Progress::new(&sender, 200_000)).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
        assert!(fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20);
        assert!(*receiver.borrow() > 50, "{}", *receiver.borrow());

        // What changes afterwards is copied by its ranges, holes as holes.
        file.write_all_at(&[9; 8192], 4096).unwrap();
        fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 20 << 20, 65_536).unwrap();
        ranges(&mut copied, &[(0, 65_536), (20 << 20, 21 << 20)]).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
        drop(receiver);
        assert!(whole(&mut copied, &mut Progress::new(&sender, 1)).is_err(), "nobody listens");
    }
}
