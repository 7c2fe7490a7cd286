//! Data disks in real containers: what is seen inside, what is left on the host, and what an instance cannot do with one.

use porthole_driver::{DataDisk, Driver, Storage};

use crate::support::{Container, GRACE, assert_final, assert_retry, run, spec};

const SIZE_BYTES: u64 = 8 << 30;
const AT: &str = "/home/lightsail-user/data-1";

fn disk() -> DataDisk {
    DataDisk { id: "d15c".into(), name: "data-1".into() }
}

/// Runs a command inside as the person.
fn as_person(script: &str) -> String {
    format!("setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '{script}'")
}

/// What of the disk the host sees outside of all instances: its loop devices and mounts.
fn on_host(container: &Container) -> (usize, usize) {
    let file = container.config.state_dir.join("disks/d15c.img");
    let file = file.to_str().unwrap();
    let devices = String::from_utf8(run("losetup", &["--noheadings", "--output", "NAME", "--associated", file]).stdout);
    let devices: Vec<String> = devices.unwrap().lines().map(str::to_owned).collect();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mounted = mounts.lines().filter(|line| devices.iter().any(|device| line.contains(&format!("{device} "))));
    (devices.len(), mounted.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_keeps_its_bytes_and_owners_from_one_instance_to_the_next() {
    let container = Container::new("good");
    let driver = container.open().await;
    let before = container.inventory();
    driver.ensure_disk("d15c", SIZE_BYTES).await.unwrap();
    for (id, index) in [("one", 2), ("two", 3)] {
        driver.create(&spec(id, "a", index)).await.unwrap();
    }
    driver.start(&spec("one", "a", 2)).await.unwrap();
    driver.mount_disk("one", &disk()).await.unwrap();
    assert_eq!(container.inside_ok("one", &format!("stat -c %u:%g:%a {AT}")), "1000:1000:755");
    assert_eq!(on_host(&container), (1, 0), "mounted in the instance alone");
    container.inside_ok("one", &as_person(&format!("head -c 20000000 /dev/urandom > {AT}/data")));
    container.inside_ok("one", &format!("touch {AT}/roots"));
    let look =
        format!("cd {AT} && sha256sum data && stat -c %n:%u:%g data roots && df -P . | tail -n 1 | cut -d/ -f4-");
    let written = container.inside_ok("one", &look);
    assert!(written.contains("data:1000:1000") && written.contains("roots:0:0"), "{written}");
    driver.stop("one", GRACE).await.unwrap();
    assert_eq!((container.inventory(), on_host(&container)), (before.clone(), (0, 0)), "a stop lets the disk go");

    driver.start(&spec("two", "a", 3)).await.unwrap();
    driver.mount_disk("two", &disk()).await.unwrap();
    assert_eq!(container.inside_ok("two", &look), written);
    container.inside_ok("two", &as_person(&format!("echo more >> {AT}/data")));
    driver.delete("two").await.unwrap();
    driver.delete("one").await.unwrap();
    assert_eq!((container.inventory(), on_host(&container)), (before, (0, 0)));
    assert_eq!(driver.disks().await.unwrap(), ["d15c"], "a disk outlives its instance");
    driver.delete_disk("d15c").await.unwrap();
    assert!(driver.disks().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn mounting_and_unmounting_may_be_repeated_by_any_server() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    for _ in 0..2 {
        driver.ensure_disk("d15c", SIZE_BYTES).await.unwrap();
    }
    assert_retry(driver.mount_disk("one", &disk()).await);
    driver.start(&one).await.unwrap();
    let held = container.inventory();
    for _ in 0..2 {
        driver.mount_disk("one", &disk()).await.unwrap();
    }
    drop(driver);
    let driver = container.open().await;
    driver.mount_disk("one", &disk()).await.unwrap();
    assert_eq!(container.inside_ok("one", &format!("grep -c {AT} /proc/mounts")), "1");
    assert_retry(driver.delete_disk("d15c").await);
    container.inside_ok("one", &as_person(&format!("echo kept > {AT}/file")));
    for _ in 0..2 {
        driver.unmount_disk("one", &disk()).await.unwrap();
    }
    assert_eq!((container.inventory(), on_host(&container)), (held, (0, 0)));
    assert_eq!(container.inside("one", &format!("ls {AT}")), (0, String::new()), "only the folder is left");
    driver.mount_disk("one", &disk()).await.unwrap();
    assert_eq!(container.inside_ok("one", &format!("cat {AT}/file")), "kept");
    driver.delete("one").await.unwrap();
    driver.unmount_disk("one", &disk()).await.unwrap();
    driver.delete_disk("d15c").await.unwrap();
    driver.delete_disk("d15c").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_cannot_lead_a_mount_astray() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    driver.ensure_disk("d15c", SIZE_BYTES).await.unwrap();
    driver.start(&one).await.unwrap();
    let held = container.inventory();
    for obstacle in ["ln -s /etc", "ln -s ../../../../../../etc", "ln -s /nowhere", "mkfifo", "touch"] {
        container.inside_ok("one", &format!("rm -rf {AT} && {obstacle} {AT}"));
        let public = assert_final(driver.mount_disk("one", &disk()).await);
        assert!(public.contains("/home/lightsail-user/data-1"), "{public}");
    }
    container.inside_ok(
        "one",
        "rm -rf /home/lightsail-user/* && mv /home/lightsail-user /home/x && ln -s /etc /home/lightsail-user",
    );
    assert_final(driver.mount_disk("one", &disk()).await);
    assert_eq!((container.inventory(), on_host(&container)), (held, (0, 0)));
    container.inside_ok("one", "rm /home/lightsail-user && mv /home/x /home/lightsail-user");
    driver.mount_disk("one", &disk()).await.unwrap();
    // Neither the device nor the mount is the instance's to change.
    let (code, _) = container.inside("one", &format!("umount {AT}"));
    assert_ne!(code, 0);
    let (code, _) = container.inside("one", "ls /dev/loop* /dev/xvd*");
    assert_ne!(code, 0);
    for name in ["..", "a/b", ".x"] {
        assert_final(driver.mount_disk("one", &DataDisk { name: name.into(), ..disk() }).await);
    }
    assert_final(driver.mount_disk("one", &DataDisk { id: "../one".into(), ..disk() }).await);
    driver.delete("one").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_let_go_when_init_dies_and_not_shared_before() {
    let container = Container::new("good");
    let driver = container.open().await;
    driver.ensure_disk("d15c", SIZE_BYTES).await.unwrap();
    let before = container.inventory();
    for (id, index) in [("one", 2), ("two", 3)] {
        driver.create(&spec(id, "a", index)).await.unwrap();
        driver.start(&spec(id, "a", index)).await.unwrap();
    }
    driver.mount_disk("one", &disk()).await.unwrap();
    let held = assert_retry(driver.mount_disk("two", &disk()).await);
    assert!(held.contains("held elsewhere"), "{held}");
    crate::support::kill(container.init("one"));
    driver.stop("one", GRACE).await.unwrap();
    assert_eq!(on_host(&container), (0, 0));
    driver.mount_disk("two", &disk()).await.unwrap();
    for id in ["one", "two"] {
        driver.delete(id).await.unwrap();
    }
    assert_eq!((container.inventory(), on_host(&container)), (before, (0, 0)));
}
