//! An exported instance as a virtual machine. The processor is emulated: whether the machine has another way is not asked.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use porthole_driver::{Driver, ExportSpec, Snapshots};
use serde_json::{Value, json};

use crate::{
    snapshots::{of_instance, take},
    support::{Container, spec},
};

/// Longest time from the machine's start to its login.
const BOOT: Duration = Duration::from_secs(110);

/// The distribution's kernel and what it loads its modules from.
fn kernel() -> (PathBuf, PathBuf) {
    let mut found: Vec<PathBuf> = fs::read_dir("/boot").unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("vmlinuz-").map(str::to_owned);
    let versions: Vec<String> = found.iter().filter_map(version).collect();
    let version = versions.last().expect("a kernel is installed: see scripts/packages");
    (format!("/boot/vmlinuz-{version}").into(), format!("/boot/initrd.img-{version}").into())
}

/// A virtual machine, which ends with the test.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(disk: &Path, format: &str, options: &str, serial: &Path) -> Machine {
    let (kernel, initrd) = kernel();
    let drive = format!("file={},format={format},if=virtio,snapshot=on", disk.display());
    let machine = Command::new("qemu-system-x86_64")
        .args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "512", "-nic", "none", "-display", "none"])
        .args(["-no-reboot", "-drive", &drive, "-append", options])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args(["-serial", &format!("file:{}", serial.display())])
        .stdin(Stdio::null())
        .stderr(File::create(serial.with_extension("errors")).unwrap())
        .spawn()
        .unwrap();
    Machine(machine)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_instance_boots_to_a_login() {
    let container = Container::new("good");
    let driver = container.open().await;
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    container.inside_ok("one", "echo exported-one > /etc/hostname");
    take(&driver, "snap", &of_instance("one", &[])).await;
    driver.delete("one").await.unwrap();
    let folder = container.config.state_dir.join("exports/e1");
    let export = ExportSpec { snapshot_id: "snap".into(), folder: folder.clone(), facts: json!({}) };
    driver.export_snapshot(&export).await.unwrap();
    driver.delete_snapshot("snap").await.unwrap();

    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let image = |key: &str| manifest["images"][0][key].as_str().unwrap();
    let serial = folder.join("serial");
    let mut machine = start(&folder.join(image("file")), image("format"), image("kernel_options"), &serial);
    let began = Instant::now();
    loop {
        let said = fs::read(&serial).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        if said.contains("exported-one login: ") {
            break;
        }
        let errors = fs::read_to_string(serial.with_extension("errors")).unwrap();
        assert!(machine.0.try_wait().unwrap().is_none(), "the machine ended: {errors} {said}");
        assert!(began.elapsed() < BOOT, "no login within {BOOT:?}: {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
