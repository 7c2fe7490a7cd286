//! Snapshots of real containers: what was written before is in what is made from them, whoever it belonged to.

use std::{os::unix::fs::MetadataExt, path::Path};

use porthole_driver::{DataDisk, Driver, ExportSpec, SnapshotMade, SnapshotSource, Snapshots, Storage};
use tokio::sync::watch;

use crate::support::{Container, GRACE, assert_final, assert_healthy, run, spec};

pub(crate) fn of_instance(id: &str, disks: &[&str]) -> SnapshotSource {
    SnapshotSource::Instance { id: id.into(), disks: disks.iter().map(|disk| (*disk).to_owned()).collect() }
}

pub(crate) async fn take(driver: &dyn Driver, id: &str, source: &SnapshotSource) -> SnapshotMade {
    let (sender, _listens) = watch::channel(0);
    driver.create_snapshot(id, source, sender).await.unwrap()
}

/// What the instance's files are like: contents, owners, set-user-id bits, access lists, capabilities.
const LOOK: &str = "cd /srv && sha256sum big small && stat -c '%n %u:%g %a' big small suid people && readlink link && \
                    python3 -c \"import os; print(os.getxattr('caps', 'security.capability')[:8].hex(), \
                    os.getxattr('acl', 'system.posix_acl_access').hex())\"";
const WRITE: &str = "cd /srv && head -c 30000000 /dev/urandom > big && echo small > small && ln -s small link && \
                     cp /bin/true suid && chmod 4755 suid && touch people && chown 1000:1001 people && \
                     cp /bin/true caps && touch acl && ln big other-name && python3 -c \"import os, struct; \
                     os.setxattr('caps', 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 10, 0, 0, 0)); \
                     os.setxattr('acl', 'system.posix_acl_access', struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) \
                     for e in [(1, 6, 0xffffffff), (2, 4, 1000), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff)]))\" \
                     && touch /etc/machine-id && echo me > /etc/machine-id";

#[tokio::test(flavor = "multi_thread")]
async fn a_running_instances_snapshot_has_what_was_written() {
    let container = Container::new("good");
    let driver = container.open().await;
    let before = container.inventory();
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    container.inside_ok("one", WRITE);
    // Something writes all the time.
    container.inside_ok(
        "one",
        "setsid sh -c 'while :; do head -c 300000 /dev/urandom > /srv/noise; sync; done' >/dev/null 2>&1 &",
    );
    let written = container.inside_ok("one", LOOK);
    let made = take(&driver, "snap", &of_instance("one", &[])).await;
    println!("pause {:?}, {} bytes", made.pause, made.used_bytes);
    let again = take(&driver, "snap", &of_instance("one", &[])).await;
    let told = |made: &SnapshotMade| (made.used_bytes, made.pause.as_micros());
    assert_eq!(told(&again), told(&made), "once more is the same");
    container.inside_ok("one", "echo later > /srv/small && touch /srv/still-writes");
    // It outlives its source.
    driver.delete("one").await.unwrap();

    let larger = porthole_driver::InstanceSpec { disk_bytes: 1 << 30, ..spec("two", "a", 3) };
    driver.create_from_snapshot(&larger, "snap").await.unwrap();
    driver.start(&larger).await.unwrap();
    assert_eq!(container.inside_ok("two", LOOK), written);
    assert_eq!(container.inside_ok("two", "stat -c %h /srv/big"), "2");
    assert_eq!(container.inside_ok("two", "cat /etc/machine-id 2>/dev/null | grep -c me || true"), "0");
    let size: u64 = container.inside_ok("two", "df -B1 --output=size / | tail -n1").trim().parse().unwrap();
    assert!(size > 900 << 20, "the disk has grown: {size}");
    container.inside_ok("two", "test ! -e /srv/still-writes && touch /srv/can-write");
    // Two of one snapshot live side by side.
    driver.create_from_snapshot(&spec("three", "a", 4), "snap").await.unwrap();
    driver.start(&spec("three", "a", 4)).await.unwrap();
    assert_eq!(container.inside_ok("three", LOOK), written);
    assert_healthy(&driver, "two").await;
    driver.delete_snapshot("snap").await.unwrap();
    // What has its disk needs the snapshot no more.
    driver.create_from_snapshot(&larger, "snap").await.unwrap();
    assert_final(driver.create_from_snapshot(&spec("four", "a", 5), "snap").await);
    for id in ["two", "three", "four"] {
        driver.stop(id, GRACE).await.unwrap();
        driver.delete(id).await.unwrap();
    }
    assert_eq!(container.inventory(), before);
    assert!(!container.config.state_dir.join("snapshots/snap").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_disks_are_part_of_the_snapshot() {
    let container = Container::new("good");
    let driver = container.open().await;
    let data = DataDisk { id: "d15c".into(), name: "data-1".into() };
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.ensure_disk("d15c", 256 << 20).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    driver.mount_disk("one", &data).await.unwrap();
    let file = "/home/lightsail-user/data-1/file";
    container.inside_ok("one", &format!("head -c 5000000 /dev/urandom > {file}; chown 1000:1000 {file}"));
    let look = format!("sha256sum {file} && stat -c %u:%g {file}");
    let written = container.inside_ok("one", &look);
    let running = container.inventory();
    take(&driver, "both", &of_instance("one", &["d15c"])).await;
    assert_eq!(container.inventory(), running, "the snapshot leaves nothing on the host but its files");
    let alone = SnapshotSource::Disk { id: "d15c".into(), holder: Some("one".into()) };
    take(&driver, "alone", &alone).await;
    take(&driver, "copy", &SnapshotSource::Snapshot { id: "both".into() }).await;
    driver.delete_snapshot("both").await.unwrap();
    driver.delete("one").await.unwrap();
    driver.delete_disk("d15c").await.unwrap();

    driver.create_from_snapshot(&spec("two", "a", 3), "copy").await.unwrap();
    driver.create_disk_from_snapshot("d2", 256 << 20, "copy", Some("d15c")).await.unwrap();
    driver.create_disk_from_snapshot("d3", 512 << 20, "alone", None).await.unwrap();
    assert_final(driver.create_disk_from_snapshot("d4", 128 << 20, "alone", None).await);
    driver.start(&spec("two", "a", 3)).await.unwrap();
    for id in ["d2", "d3"] {
        let again = DataDisk { id: id.into(), ..data.clone() };
        driver.mount_disk("two", &again).await.unwrap();
        assert_eq!(container.inside_ok("two", &look), written, "{id}");
        driver.unmount_disk("two", &again).await.unwrap();
    }
    driver.delete("two").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_nobody_waits_for_leaves_no_frozen_instance() {
    let container = Container::new("good");
    let driver = container.open().await;
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    container.inside_ok("one", "head -c 100000000 /dev/urandom > /srv/big; sync");
    let (sender, listens) = watch::channel(0);
    drop(listens);
    let source = of_instance("one", &[]);
    assert!(driver.create_snapshot("snap", &source, sender).await.is_err());
    container.inside_ok("one", "echo writes > /srv/now && sync");
    assert_final(driver.create_from_snapshot(&spec("two", "a", 3), "snap").await);
    driver.delete_snapshot("snap").await.unwrap();
    // An instance that a killed server and its killed helper have left frozen is thawed by the next server.
    let note = container.config.state_dir.join("instances/one/frozen");
    std::fs::write(&note, "").unwrap();
    let mount = tempfile::tempdir().unwrap();
    let device = run("losetup", &["-j", container.config.state_dir.join("instances/one/disk.img").to_str().unwrap()]);
    let device = String::from_utf8(device.stdout).unwrap().split(':').next().unwrap().to_owned();
    let at = mount.path().to_str().unwrap();
    assert!(run("mount", &["-t", "ext4", &device, at]).status.success());
    assert!(run("fsfreeze", &["--freeze", at]).status.success());
    assert!(run("umount", &["-l", at]).status.success());
    drop(driver);
    let driver = container.open().await;
    container.inside_ok("one", "echo thawed > /srv/now && sync");
    assert!(!Path::new(&note).exists());
    driver.delete("one").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_a_filesystem_of_its_own() {
    let container = Container::new("good");
    let driver = container.open().await;
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    container.inside_ok("one", "echo mine > /srv/file && chown 1000:1000 /srv/file && rm -r /usr/share/doc");
    take(&driver, "snap", &of_instance("one", &[])).await;
    driver.delete("one").await.unwrap();
    let before = container.inventory();
    let folder = container.config.state_dir.join("exports/e1");
    let facts = serde_json::json!({"snapshot": "s1"});
    let larger = ExportSpec { snapshot_id: "snap".into(), folder: folder.clone(), facts };
    driver.export_snapshot(&larger).await.unwrap();
    driver.export_snapshot(&larger).await.unwrap();
    assert_eq!(container.inventory(), before, "an export leaves nothing on the host but its files");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let image = &manifest["images"][0];
    let file = folder.join(image["file"].as_str().unwrap());
    let file = file.to_str().unwrap();
    let sum = String::from_utf8(run("sha256sum", &[file]).stdout).unwrap();
    assert!(sum.starts_with(image["sha256"].as_str().unwrap()), "{sum} {image}");
    let raw = folder.join("raw");
    let raw = raw.to_str().unwrap();
    if image["format"] == "qcow2" {
        assert!(run("qemu-img", &["check", file]).status.success());
        assert!(run("qemu-img", &["convert", "-O", "raw", file, raw]).status.success());
    } else {
        std::fs::copy(file, raw).unwrap();
    }
    let checked = run("e2fsck", &["-f", "-n", raw]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let mount = tempfile::tempdir().unwrap();
    let at = mount.path().to_str().unwrap();
    assert!(run("mount", &["-o", "loop,ro", raw, at]).status.success());
    let file = std::fs::read_to_string(mount.path().join("srv/file"));
    let owner = std::fs::metadata(mount.path().join("srv/file")).map(|meta| meta.uid());
    let has = [mount.path().join("usr/bin/python3").exists(), mount.path().join("usr/share/doc").exists()];
    assert!(run("umount", &[at]).status.success());
    assert_eq!((file.unwrap().trim(), owner.unwrap(), has), ("mine", 1000, [true, false]));
    driver.delete_snapshot("snap").await.unwrap();
}
