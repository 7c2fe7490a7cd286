//! Snapshots: copies of disk files in `STATE/snapshots/ID/`, there as a whole or not at all.
//!
//! A running instance's filesystems are frozen for the copy. Where the state folder's filesystem shares blocks (XFS,
//! btrfs) the copy is a reflink and the pause is milliseconds. Elsewhere the disks are copied while they are written to,
//! the kernel tells which blocks were written meanwhile (`trace.rs`), and only the last of those are copied in the pause.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags, openat, syncfs},
    mount::MountAttrFlags,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    copy::{self, Copied, Progress},
    disk,
    host::Host,
    loopdev,
    names::{InstancePaths, is_id},
    record::Record,
    release::remove_tree,
    rootfs, shift,
    trace::{self, Trace},
};
use crate::{
    DriverError, InstanceSpec, SnapshotMade, SnapshotSource,
    error::{Doing, lasting, retry},
    process::{Run, RunError},
    sys::{self, Frozen},
};

/// Longest time an instance may be kept from writing. Past it, the snapshot is given up.
const FREEZE_LIMIT: Duration = Duration::from_secs(10);
/// So little is left to copy that it is done in the pause.
const SMALL_BYTES: u64 = 8 << 20;
/// Most rounds of copying what changed while the instance runs.
const ROUNDS: u32 = 12;
/// Longest time of the filesystem's own tools on a copy.
const TOOL_LIMIT: Duration = Duration::from_secs(600);
/// File of the system disk, or of the only disk.
pub(super) const MAIN: &str = "disk.img";

/// What the driver remembers of a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SnapshotRecord {
    /// The image file that the instance was created with; empty for a data disk's.
    pub(super) image_file: String,
    /// Host id that root's files carry on the main disk; 0 on data disks.
    pub(super) id_base: u32,
    pause_us: u64,
    used_bytes: u64,
}

/// A disk to be copied: where it is, and how it will be called.
struct Source {
    file: PathBuf,
    name: String,
}

impl Host {
    pub(super) fn snapshot_dir(&self, id: &str) -> Result<PathBuf, DriverError> {
        match is_id(id) {
            true => Ok(self.names.state_dir().join("snapshots").join(id)),
            false => Err(lasting(format!("bad snapshot id {id:?}"), "No such snapshot.")),
        }
    }

    pub(super) fn snapshot_record(&self, id: &str) -> Result<Option<SnapshotRecord>, DriverError> {
        match fs::read(self.snapshot_dir(id)?.join("record.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).doing("read a snapshot's record"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing("read a snapshot's record"),
        }
    }

    /// See [`crate::Snapshots::create_snapshot`].
    pub(crate) fn create_snapshot(
        &self,
        id: &str,
        source: &SnapshotSource,
        progress: &watch::Sender<u8>,
    ) -> Result<SnapshotMade, DriverError> {
        if let Some(made) = self.snapshot_record(id)? {
            return Ok(SnapshotMade { pause: Duration::from_micros(made.pause_us), used_bytes: made.used_bytes });
        }
        let folder = self.snapshot_dir(id)?;
        let draft = folder.with_extension("new");
        remove_tree(&draft).doing("remove a half-made snapshot")?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&draft).doing("make the snapshot's folder")?;
        let (sources, image_file, id_base) = self.sources(source)?;
        let pause = self.copy_all(id, source, &sources, &draft, progress)?;
        let mut used_bytes = 0;
        for source in &sources {
            let file = File::open(draft.join(&source.name)).doing("open the copy")?;
            file.sync_all().doing("write the copy")?;
            used_bytes += file.metadata().doing("look at the copy")?.blocks() * 512;
        }
        let pause_us = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        let record = SnapshotRecord { image_file, id_base, pause_us, used_bytes };
        let bytes = serde_json::to_vec(&record).doing("write the snapshot's record")?;
        write_through(&draft.join("record.json"), &bytes).doing("write the snapshot's record")?;
        fs::rename(&draft, &folder).doing("put the snapshot in place")?;
        Ok(SnapshotMade { pause, used_bytes })
    }

    fn sources(&self, source: &SnapshotSource) -> Result<(Vec<Source>, String, u32), DriverError> {
        let missing = || lasting(format!("{source:?} has no disk"), "What the snapshot was to be made of is gone.");
        let data = |id: &String| Source { file: self.names.data_disk(id), name: format!("{id}.img") };
        match source {
            SnapshotSource::Instance { id, disks } => {
                let record = self.record(id)?.ok_or_else(missing)?;
                let main = Source { file: self.paths(id)?.disk(), name: MAIN.into() };
                if let Some(bad) = disks.iter().find(|id| !is_id(id)) {
                    return Err(lasting(format!("bad disk id {bad:?}"), "No such disk."));
                }
                let id_base = record.id_base();
                Ok((std::iter::once(main).chain(disks.iter().map(data)).collect(), record.image_file, id_base))
            }
            SnapshotSource::Disk { id, .. } if is_id(id) => {
                Ok((vec![Source { name: MAIN.into(), ..data(id) }], String::new(), 0))
            }
            SnapshotSource::Disk { .. } => Err(missing()),
            SnapshotSource::Snapshot { id } => {
                let record = self.snapshot_record(id)?.ok_or_else(missing)?;
                let mut sources = Vec::new();
                for entry in fs::read_dir(self.snapshot_dir(id)?).doing("list the snapshot's files")? {
                    let entry = entry.doing("list the snapshot's files")?;
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if name.ends_with(".img") {
                        sources.push(Source { file: entry.path(), name });
                    }
                }
                Ok((sources, record.image_file, record.id_base))
            }
        }
    }

    /// Copies all disks as they are at one instant; gives how long their instance could not write.
    fn copy_all(
        &self,
        id: &str,
        source: &SnapshotSource,
        sources: &[Source],
        draft: &Path,
        progress: &watch::Sender<u8>,
    ) -> Result<Duration, DriverError> {
        let mut live = Vec::new();
        if !matches!(source, SnapshotSource::Snapshot { .. }) {
            for source in sources {
                let file = source.file.canonicalize().doing("find the disk")?;
                live.extend(Live::find(&file).doing("look for the disk's filesystem")?);
            }
        }
        let total = sources.iter().map(|source| fs::metadata(&source.file).map_or(0, |meta| meta.blocks() * 512)).sum();
        let mut copied = open_copies(sources, draft).doing("open the disks")?;
        let mut progress = Progress::new(progress, total);
        if live.is_empty() {
            for one in &mut copied {
                copy::whole(one, &mut progress).map_err(|error| not_copied(&error))?;
            }
            return Ok(Duration::ZERO);
        }
        let holder = match source {
            SnapshotSource::Instance { id, .. } => Some(id),
            SnapshotSource::Disk { holder, .. } => holder.as_ref(),
            SnapshotSource::Snapshot { .. } => None,
        };
        let note = holder.map(|id| self.paths(id)).transpose()?.map(|paths| frozen_note(&paths));
        if copy::shares_blocks(draft) {
            return frozen(&live, note.as_deref(), || copied.iter_mut().try_for_each(copy::reflink));
        }
        let devices: Vec<u32> = live.iter().map(|live| live.device).collect();
        match Trace::begin(&trace_name(id), &devices) {
            Ok(trace) => traced(&live, note.as_deref(), copied, trace, &mut progress),
            Err(error) => {
                tracing::warn!(%error, "the kernel's block trace cannot be had: the instance is frozen for the whole copy");
                frozen(&live, note.as_deref(), || copied.iter_mut().try_for_each(|one| copy::whole(one, &mut progress)))
            }
        }
    }

    /// See [`crate::Snapshots::delete_snapshot`].
    pub(crate) fn delete_snapshot(&self, id: &str) -> Result<(), DriverError> {
        let folder = self.snapshot_dir(id)?;
        remove_tree(&folder.with_extension("new")).doing("remove a half-made snapshot")?;
        if let Err(error) = trace::remove(&trace_name(id)) {
            // On a kernel without it there is nothing to remove.
            tracing::debug!(%error, "no block trace to remove");
        }
        // The record goes first: a snapshot that is being removed is none.
        disk::remove_file(&folder.join("record.json")).doing("remove the snapshot's record")?;
        remove_tree(&folder).doing("remove the snapshot")
    }

    /// See [`crate::Snapshots::create_from_snapshot`].
    pub(crate) fn create_from_snapshot(&self, spec: &InstanceSpec, snapshot_id: &str) -> Result<(), DriverError> {
        let paths = self.paths(&spec.id)?;
        if paths.disk().exists() && self.record(&spec.id)?.is_some() {
            return Ok(());
        }
        let snapshot = self.complete(snapshot_id)?;
        if snapshot.image_file.is_empty() {
            return Err(lasting("a data disk's snapshot for an instance", "The snapshot is not one of an instance."));
        }
        self.make_folder(spec)?;
        let record = match self.record(&spec.id)? {
            Some(record) => record,
            None => {
                let record = Record::new(spec, snapshot.image_file.clone());
                record.write(&paths.record()).doing("write the instance's record")?;
                record
            }
        };
        let from = self.snapshot_dir(snapshot_id)?.join(MAIN);
        let ids = (snapshot.id_base, record.id_base());
        make_disk(&from, &paths.disk(), spec.disk_bytes, ids, forget_identity)
    }

    /// See [`crate::Snapshots::create_disk_from_snapshot`].
    pub(crate) fn create_disk_from_snapshot(
        &self,
        id: &str,
        size_bytes: u64,
        snapshot_id: &str,
        part: Option<&str>,
    ) -> Result<(), DriverError> {
        if !is_id(id) || part.is_some_and(|part| !is_id(part)) {
            return Err(lasting(format!("bad disk id {id:?} or {part:?}"), "No such disk."));
        }
        let file = self.names.data_disk(id);
        if file.exists() {
            return Ok(());
        }
        let snapshot = self.complete(snapshot_id)?;
        let folder = self.names.data_disks_dir();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).doing("make the data disks' folder")?;
        let name = part.map_or_else(|| MAIN.to_owned(), |part| format!("{part}.img"));
        let from = self.snapshot_dir(snapshot_id)?.join(name);
        // Data disks carry the ids seen inside; a system disk's are shifted to those.
        let id_base = if part.is_some() { 0 } else { snapshot.id_base };
        make_disk(&from, &file, size_bytes, (id_base, 0), |_| Ok(()))
    }

    /// The record of a snapshot that must be there.
    pub(super) fn complete(&self, id: &str) -> Result<SnapshotRecord, DriverError> {
        self.snapshot_record(id)?.ok_or_else(|| {
            lasting(format!("snapshot {id} is not there"), "The snapshot was deleted or is not complete.")
        })
    }

    /// Thaws what a server that was killed has left frozen, if its helper was killed too.
    pub(super) fn thaw_leftover(&self, paths: &InstancePaths) -> io::Result<()> {
        let note = frozen_note(paths);
        if !note.exists() {
            return Ok(());
        }
        for file in
            std::iter::once(paths.disk()).chain(self.attached_files(paths)).filter_map(|file| file.canonicalize().ok())
        {
            if let Some(live) = Live::find(&file)? {
                // Fails where it is not frozen, as it should be.
                let _ = sys::thaw(live.root.as_fd());
            }
        }
        disk::remove_file(&note)
    }
}

fn trace_name(id: &str) -> String {
    format!("porthole-{id}")
}

/// The error of a copy: what no second try mends is final.
fn not_copied(error: &io::Error) -> DriverError {
    let what = format!("copy the disk: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull => lasting(what, "This server has no room left for the copy of the disk."),
        io::ErrorKind::InvalidData => lasting(what, QUIETER),
        _ => retry(what),
    }
}

const QUIETER: &str =
    "The instance writes too much for a snapshot while it runs. Stop it first, or try again when it is quieter.";

/// There while an instance's filesystems may be frozen.
fn frozen_note(paths: &InstancePaths) -> PathBuf {
    paths.dir.join("frozen")
}

/// A disk's filesystem that is mounted in an instance.
struct Live {
    /// Its root, through a mount of our own that is nowhere.
    root: OwnedFd,
    /// The loop device, as the kernel numbers it in traces.
    device: u32,
}

impl Live {
    /// Finds the filesystem on the loop device of a disk's file; `None` when the disk is not in use. Mounting a device
    /// once more gives the same filesystem.
    fn find(file: &Path) -> io::Result<Option<Self>> {
        let Some(device) = loopdev::bound_to(&File::open(file)?, false)?.into_iter().next() else { return Ok(None) };
        let mount = rootfs::detached("ext4", device.path(), &[], MountAttrFlags::MOUNT_ATTR_NODEV)?;
        let root = openat(&mount, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let number = fs::metadata(device.path())?.rdev();
        let device = (rustix::fs::major(number) << 20) | rustix::fs::minor(number);
        Ok(Some(Self { root, device }))
    }
}

/// Does a deed while all filesystems are frozen; gives the length of the pause.
fn frozen(live: &[Live], note: Option<&Path>, deed: impl FnOnce() -> io::Result<()>) -> Result<Duration, DriverError> {
    for one in live {
        // What is dirty now is written before the pause, not in it.
        syncfs(&one.root).doing("write the disk's filesystem")?;
    }
    if let Some(note) = note {
        File::create(note).doing("note the freeze")?;
    }
    let began = Instant::now();
    let held: io::Result<Vec<Frozen>> = live.iter().map(|one| Frozen::hold(one.root.as_fd(), FREEZE_LIMIT)).collect();
    let done = match &held {
        Ok(_) => deed(),
        Err(error) => Err(io::Error::new(error.kind(), format!("freeze: {error}"))),
    };
    let mut in_time = true;
    for one in held.into_iter().flatten() {
        in_time &= one.thaw().doing("thaw the disk's filesystem")?;
    }
    let pause = began.elapsed();
    if let Some(note) = note {
        disk::remove_file(note).doing("forget the freeze")?;
    }
    done.map_err(|error| not_copied(&error))?;
    match in_time {
        true => Ok(pause),
        false => Err(lasting(format!("the copy took longer than {FREEZE_LIMIT:?}"), QUIETER)),
    }
}

/// Copies disks while they are written to, then what was written meanwhile, the last of it in the pause.
fn traced(
    live: &[Live],
    note: Option<&Path>,
    mut copied: Vec<Copied>,
    mut trace: Trace,
    progress: &mut Progress<'_>,
) -> Result<Duration, DriverError> {
    // What was under way before the trace began has reached the files when this is over.
    let first = frozen(live, note, || Ok(()))?;
    for one in &mut copied {
        copy::whole_watched(one, progress, || trace.drain()).map_err(|error| not_copied(&error))?;
    }
    let by_device = |copied: &mut Vec<Copied>, trace: &mut Trace| -> io::Result<u64> {
        let mut bytes = 0;
        for (at, live) in live.iter().enumerate() {
            bytes += copy::ranges(&mut copied[at], &trace.take(live.device))?;
        }
        Ok(bytes)
    };
    trace.drain().map_err(|error| not_copied(&error))?;
    let mut round = 0;
    while trace.pending_bytes() > SMALL_BYTES && round < ROUNDS {
        progress.check().doing("copy the disk")?;
        by_device(&mut copied, &mut trace).map_err(|error| not_copied(&error))?;
        for one in live {
            syncfs(&one.root).doing("write the disk's filesystem")?;
        }
        trace.drain().map_err(|error| not_copied(&error))?;
        round += 1;
    }
    let last = frozen(live, note, || {
        trace.drain()?;
        by_device(&mut copied, &mut trace).map(drop)
    })?;
    Ok(first.max(last))
}

fn open_copies(sources: &[Source], draft: &Path) -> io::Result<Vec<Copied>> {
    sources.iter().map(|source| Copied::open(&source.file, &draft.join(&source.name))).collect()
}

/// Makes a disk of its own from a snapshot's file: copies it, grows it, and shifts the owners of its files.
fn make_disk(
    from: &Path,
    disk: &Path,
    size_bytes: u64,
    ids: (u32, u32),
    finish: impl FnOnce(&OwnedFd) -> io::Result<()>,
) -> Result<(), DriverError> {
    let draft = disk.with_extension("new");
    disk::remove_file(&draft).doing("remove a half-made disk")?;
    let had = fs::metadata(from).doing("look at the snapshot's file")?.len();
    if size_bytes < had {
        let what = format!("a disk of {size_bytes} bytes from a snapshot of {had}");
        return Err(lasting(what, "The disk would be smaller than the snapshot."));
    }
    let mut copied = Copied::open(from, &draft).doing("open the snapshot's file")?;
    let (sender, _listens) = watch::channel(0);
    if copy::reflink(&mut copied).is_err() {
        copy::whole(&mut copied, &mut Progress::new(&sender, had)).map_err(|error| not_copied(&error))?;
    }
    if size_bytes > had {
        copied.grow(size_bytes).doing("grow the disk's file")?;
        grow_filesystem(&draft)?;
    }
    {
        let device = loopdev::LoopDevice::attach(&draft).doing("bind the disk")?;
        let options = [("discard", None), ("noinit_itable", None)];
        let mount = rootfs::detached("ext4", device.path(), &options, MountAttrFlags::MOUNT_ATTR_NODEV);
        let mount = mount.map_err(|error| {
            lasting(format!("mount the copied disk: {error}"), "The snapshot's filesystem cannot be mounted.")
        })?;
        shift::owners(&mount, ids.0, ids.1).doing("shift the owners of the disk's files")?;
        finish(&mount).doing("finish the disk")?;
    }
    let draft_path = draft.canonicalize().doing("find the disk")?;
    if !loopdev::wait_released(&draft_path, Duration::from_secs(30)).doing("look at loop devices")? {
        return Err(retry("the kernel still holds the new disk"));
    }
    copied.sync().doing("write the disk")?;
    fs::rename(&draft, disk).doing("put the disk in place")
}

/// Checks and grows the ext4 in a file to the file's size.
pub(super) fn grow_filesystem(file: &Path) -> Result<(), DriverError> {
    check_filesystem(file)?;
    Run::new("resize2fs").arg(file).limit(TOOL_LIMIT).run().doing("grow the disk's filesystem").map(drop)
}

fn check_filesystem(file: &Path) -> Result<(), DriverError> {
    match Run::new("e2fsck").args(["-f", "-p"]).arg(file).limit(TOOL_LIMIT).run() {
        Ok(_) => Ok(()),
        // 1: it has mended what a power cut leaves.
        Err(RunError::Bad { status, .. }) if status.code() == Some(1) => Ok(()),
        Err(error @ RunError::Bad { .. }) => {
            Err(lasting(error.to_string(), "The snapshot's filesystem is damaged and cannot be used."))
        }
        Err(error) => Err(error).doing("check the disk's filesystem"),
    }
}

/// What makes a machine unlike all others is made anew at its first boot.
fn forget_identity(mount: &OwnedFd) -> io::Result<()> {
    let Ok(upper) = openat(mount, "upper", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
        return Ok(());
    };
    shift::forget(&upper, "etc", |name| name == "machine-id")?;
    shift::forget(&upper, "var/lib/dbus", |name| name == "machine-id")?;
    shift::forget(&upper, "etc/ssh", |name| name.starts_with("ssh_host_"))
}

fn write_through(file: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(file, bytes)?;
    File::open(file)?.sync_all()
}
