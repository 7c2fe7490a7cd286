//! A file that is not whole yet: under a hidden name of its own beside its place, gone unless it becomes whole.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

use porthole_model::files::{FileKept, FileProblem, check_name, numbered, shortened};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, openat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::home::{free_bytes, problem};

/// Most names tried when the one wanted is taken.
const MOST_NUMBERS: u32 = 1_000;
/// Bytes after which what was written is put on the disk, so that the end has little left to do.
const SYNC_BYTES: u64 = 64 << 20;
/// Most of the name that is found again in the hidden one.
const HIDDEN_NAME_BYTES: usize = 200;

/// A file that is being written.
pub(super) struct Part {
    folder: OwnedFd,
    name: String,
    /// What it is called until it is whole; none: it has its own name.
    hidden: Option<String>,
    file: File,
    written: u64,
}

impl Part {
    /// Begins a file, of which `length` bytes will come as far as that is known.
    pub(super) fn begin(folder: OwnedFd, name: &str, length: Option<u64>) -> Result<Self, FileProblem> {
        check_name(name)?;
        if length.is_some_and(|length| free_bytes(&folder).is_ok_and(|free| length > free)) {
            return Err(FileProblem::Full);
        }
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|_| FileProblem::Failed)?;
        let hidden = format!(".{}.part-{:08x}", shortened(name, HIDDEN_NAME_BYTES), u32::from_ne_bytes(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder, hidden.as_str(), flags, Mode::from_raw_mode(0o644)).map_err(problem)?;
        Ok(Self { folder, name: name.to_owned(), hidden: Some(hidden), file: file.into(), written: 0 })
    }

    /// Writes what comes next.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FileProblem> {
        self.file.write_all(bytes).map_err(|error| told(&error))?;
        let before = self.written;
        self.written += bytes.len() as u64;
        if before / SYNC_BYTES != self.written / SYNC_BYTES {
            self.file.sync_data().map_err(|error| told(&error))?;
        }
        Ok(())
    }

    /// Gives the file its name, or the next one that is not taken, once all of it is on the disk.
    pub(super) fn keep(mut self) -> Result<FileKept, FileProblem> {
        self.file.sync_all().map_err(|error| told(&error))?;
        let hidden = self.hidden.clone().unwrap_or_default();
        for number in 0..MOST_NUMBERS {
            let name = numbered(&self.name, number);
            match renameat_with(&self.folder, hidden.as_str(), &self.folder, name.as_str(), RenameFlags::NOREPLACE) {
                Ok(()) => {
                    self.hidden = None;
                    self.sync_folder();
                    return Ok(FileKept { name, size_bytes: self.written });
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(problem(error)),
            }
        }
        Err(FileProblem::Taken)
    }

    /// Puts the name on the disk, too; a folder that may be written to but not read cannot be asked for that.
    fn sync_folder(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Ok(folder) = openat(&self.folder, ".", flags, Mode::empty()) {
            let _ = rustix::fs::fsync(folder);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(hidden) = &self.hidden {
            let _ = unlinkat(&self.folder, hidden.as_str(), AtFlags::empty());
        }
    }
}

fn told(error: &std::io::Error) -> FileProblem {
    error.raw_os_error().map_or(FileProblem::Failed, |number| problem(Errno::from_raw_os_error(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn begin(dir: &tempfile::TempDir, name: &str, length: Option<u64>) -> Result<Part, FileProblem> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        Part::begin(rustix::fs::open(dir.path(), flags, Mode::empty()).unwrap(), name, length)
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(dir.path()).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_whole_file_gets_its_name_and_overwrites_none() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a (1).txt")).unwrap();
        for (text, kept) in [("one", "a.txt"), ("three", "a (2).txt")] {
            let mut part = begin(&dir, "a.txt", Some(3)).unwrap();
            let (hidden, _) = (part.hidden.clone().unwrap(), part.write(text.as_bytes()).unwrap());
            assert!(hidden.starts_with(".a.txt.part-") && names(&dir).contains(&hidden));
            assert!(fs::symlink_metadata(dir.path().join(kept)).is_err(), "not before it is whole");
            assert_eq!(part.keep().unwrap(), FileKept { name: kept.into(), size_bytes: text.len() as u64 });
            assert_eq!(fs::read_to_string(dir.path().join(kept)).unwrap(), text);
        }
        assert_eq!(names(&dir), ["a (1).txt", "a (2).txt", "a.txt"]);
    }

    #[test]
    fn what_is_not_whole_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let mut part = begin(&dir, &"ä".repeat(127), None).unwrap();
        part.write(b"half").unwrap();
        assert_eq!(names(&dir).len(), 1);
        drop(part);
        assert!(names(&dir).is_empty());
        assert_eq!(begin(&dir, "a", Some(u64::MAX)).err(), Some(FileProblem::Full));
        assert_eq!(begin(&dir, "a/b", None).err(), Some(FileProblem::Name));
        assert!(names(&dir).is_empty());
    }

    #[test]
    fn a_full_disk_is_called_that() {
        let full = rustix::fs::open("/dev/full", OFlags::WRONLY, Mode::empty()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut part = begin(&dir, "a", None).unwrap();
        part.file = full.into();
        assert_eq!(part.write(b"x"), Err(FileProblem::Full));
    }
}
