//! Exports: a snapshot's disks as images that need nothing of this machine, with a manifest.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{
    boot,
    copy::{self, Copied, Progress},
    host::Host,
    loopdev,
    release::remove_tree,
    rootfs::{self, Parts},
    shift,
    snapshot::{MAIN, SnapshotRecord},
};
use crate::{
    DriverError, ExportSpec,
    error::{Doing, lasting, retry},
    process::{Run, find_program},
};

/// Longest time of one tool.
const TOOL_LIMIT: Duration = Duration::from_secs(3_600);
/// What a kernel must be told to start an exported root filesystem with its messages and a login on the serial console.
const KERNEL_OPTIONS: &str = "root=LABEL=root rw console=ttyS0";

impl Host {
    /// See [`crate::Snapshots::export_snapshot`].
    pub(crate) fn export_snapshot(&self, export: &ExportSpec) -> Result<(), DriverError> {
        if export.folder.join("manifest.json").exists() {
            return Ok(());
        }
        let draft = export.folder.with_extension("new");
        remove_tree(&draft).doing("remove a half-made export")?;
        let made = self.export_to(export, &draft);
        if made.is_err() {
            remove_tree(&draft).doing("remove a half-made export")?;
        }
        made?;
        fs::rename(&draft, &export.folder).doing("put the export in place")
    }

    fn export_to(&self, export: &ExportSpec, draft: &Path) -> Result<(), DriverError> {
        let record = self.complete(&export.snapshot_id)?;
        fs::create_dir_all(draft).doing("make the export's folder")?;
        let from = self.snapshot_dir(&export.snapshot_id)?;
        let mut images = Vec::new();
        for entry in fs::read_dir(&from).doing("list the snapshot's files")? {
            let entry = entry.doing("list the snapshot's files")?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".img") {
                continue;
            }
            let raw = draft.join(name.replace(".img", ".raw"));
            let is_root = name == MAIN && !record.image_file.is_empty();
            let mut boots = false;
            if is_root {
                boots = self.merge(export, &record, &entry.path(), &raw)?;
            } else {
                copy_to(&entry.path(), &raw).doing("copy the disk")?;
            }
            let mut image = image(&raw, is_root)?;
            if boots {
                image["kernel_options"] = KERNEL_OPTIONS.into();
            }
            images.push(image);
        }
        images.sort_by_key(|image| !image["file"].as_str().unwrap_or_default().starts_with("disk."));
        let mut manifest = export.facts.clone();
        manifest["images"] = Value::Array(images);
        let text = serde_json::to_vec_pretty(&manifest).doing("write the manifest")?;
        fs::write(draft.join("manifest.json"), text).doing("write the manifest")
    }

    /// Makes one root filesystem of the image and the instance's system disk; says whether a kernel can start it.
    fn merge(
        &self,
        export: &ExportSpec,
        record: &SnapshotRecord,
        disk: &Path,
        raw: &Path,
    ) -> Result<bool, DriverError> {
        let image = self.images_dir.join(&record.image_file);
        if !image.exists() {
            let what = format!("image file {} is gone", record.image_file);
            return Err(lasting(what, "The image that the instance was created from has been removed."));
        }
        let upper = raw.with_extension("upper");
        copy_to(disk, &upper).doing("copy the system disk")?;
        // Beside the instances' assemblies, so that it is taken for none of them.
        let exports = self.names.assembly_root().with_extension("export");
        let assembly = exports.join(&export.snapshot_id);
        rootfs::remove(&assembly).doing("remove a half-made export")?;
        let size = fs::metadata(disk).doing("look at the system disk")?.len();
        let made = (|| {
            {
                let device = loopdev::LoopDevice::attach(&upper).doing("bind the system disk")?;
                let mount = rootfs::detached("ext4", device.path(), &[], rustix::mount::MountAttrFlags::empty());
                let mount = mount.doing("mount the system disk")?;
                shift::owners(&mount, record.id_base, 0).doing("shift the owners of the disk's files")?;
            }
            let parts = Parts { image: &image, disk: &upper, id_base: 0, assembly: &assembly };
            let root = rootfs::assemble(&parts).doing("put the root filesystem together")?;
            let boots = boot::ensure_init(&root.path).doing("give the export a first process")?;
            let file = File::create_new(raw).doing("make the image's file")?;
            file.set_len(size).doing("set the image's size")?;
            Run::new("mkfs.ext4")
                .args(["-q", "-F", "-m", "0", "-L", "root", "-E", "root_owner=0:0", "-d"])
                .arg(&root.path)
                .arg(raw)
                .limit(TOOL_LIMIT)
                .run()
                .doing("make the exported filesystem")?;
            Ok(boots)
        })();
        let removed = rootfs::remove(&assembly).doing("take the assembly down");
        for folder in [Some(exports.as_path()), exports.parent()].into_iter().flatten() {
            // Another export's folder, or another server's, may be in it.
            let _ = rootfs::remove_folder(folder);
        }
        let upper_path = upper.canonicalize().doing("find the system disk")?;
        if !loopdev::wait_released(&upper_path, Duration::from_secs(30)).doing("look at loop devices")? {
            return Err(retry("the kernel still holds the exported disk"));
        }
        fs::remove_file(&upper).doing("remove the system disk's copy")?;
        removed.and(made)
    }
}

fn copy_to(from: &Path, to: &Path) -> io::Result<()> {
    let mut copied = Copied::open(from, to)?;
    if copy::reflink(&mut copied).is_ok() {
        return Ok(());
    }
    let (sender, _listens) = watch::channel(0);
    copy::whole(&mut copied, &mut Progress::new(&sender, 1))
}

/// Makes the image's final form, qcow2 where its tool is there, and says what it is.
fn image(raw: &Path, is_root: bool) -> Result<Value, DriverError> {
    let virtual_bytes = fs::metadata(raw).doing("look at the image")?.len();
    let (file, format) = if find_program("qemu-img").is_some() {
        let packed = raw.with_extension("qcow2");
        Run::new("qemu-img")
            .args(["convert", "-f", "raw", "-O", "qcow2"])
            .arg(raw)
            .arg(&packed)
            .limit(TOOL_LIMIT)
            .run()
            .doing("pack the image")?;
        fs::remove_file(raw).doing("remove the unpacked image")?;
        (packed, "qcow2")
    } else {
        (raw.to_owned(), "raw")
    };
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let opened = File::open(&file).doing("open the image")?;
    opened.sync_all().doing("write the image")?;
    Ok(json!({
        "file": name,
        "format": format,
        "content": if is_root { "root filesystem, ext4, no partition table" } else { "data disk, ext4, no partition table" },
        "virtual_bytes": virtual_bytes,
        "file_bytes": opened.metadata().doing("look at the image")?.len(),
        "sha256": digest(opened).doing("read the image")?,
    }))
}

fn digest(mut file: File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}
