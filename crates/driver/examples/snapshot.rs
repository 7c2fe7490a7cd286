//! Measures a snapshot of a running instance that writes, and a restore from it, without a server:
//! `snapshot FOLDER IMAGES_DIR IMAGE GUEST_BINARY USED_GB` as root; `bench/snapshots` calls it.

use std::{
    env, error,
    path::Path,
    process::{self, Command},
    time::Instant,
};

use porthole_driver::{ContainerDriver, Driver, DriverConfig, InstanceSpec, SnapshotSource, Snapshots};
use tokio::sync::watch;

/// Writes and syncs ten times a second, and keeps the longest wait in milliseconds.
const WRITER: &str = "setsid sh -c 'max=0; while [ ! -e /srv/stop ]; do a=$(date +%s%N); \
                      head -c 1000000 /dev/urandom > /srv/noise; sync -d /srv/noise; b=$(( ($(date +%s%N) - a) / 1000000 )); \
                      [ $b -gt $max ] && max=$b; echo $max > /run/max; sleep 0.1; done' >/dev/null 2>&1 &";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Err(error) = measure(&arguments).await {
        eprintln!("{error}");
        process::exit(1);
    }
}

async fn measure(arguments: &[String]) -> Result<(), Box<dyn error::Error>> {
    let [folder, images_dir, image, guest_binary, used_gb] = arguments else {
        return Err("usage: snapshot FOLDER IMAGES_DIR IMAGE GUEST_BINARY USED_GB".into());
    };
    let used_mb = (used_gb.parse::<f64>()? * 1000.0) as u64;
    let state_dir = Path::new(folder).join("state");
    let config = DriverConfig {
        state_dir: state_dir.clone(),
        images_dir: images_dir.into(),
        guest_binary: guest_binary.into(),
        network: None,
        public_interface: None,
        ipv6_prefix: None,
        site_networks: Vec::new(),
    };
    let driver = ContainerDriver::open(config).await?;
    let spec = |id: &str, index| InstanceSpec {
        id: id.to_owned(),
        account_id: "a".to_owned(),
        hostname: id.to_owned(),
        image: image.clone(),
        disk_bytes: ((used_mb * 1_000_000) >> 30 << 30) + (4 << 30),
        cpu_millis: 2000,
        memory_bytes: 1 << 30,
        pids_max: 1000,
        index,
        authorized_keys: Vec::new(),
        trusted_ca: String::new(),
        user_data: String::new(),
    };
    let inside = |script: &str| -> Result<String, Box<dyn error::Error>> {
        let root = state_dir.join("runtime");
        let output =
            Command::new("runc").arg("--root").arg(&root).args(["exec", "source", "sh", "-c", script]).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    driver.create(&spec("source", 2)).await?;
    driver.start(&spec("source", 2)).await?;
    inside(&format!("head -c {}M /dev/urandom > /srv/used; sync", (used_mb * 1_000_000) >> 20))?;
    inside(WRITER)?;
    let (sender, _listens) = watch::channel(0);
    let source = SnapshotSource::Instance { id: "source".into(), disks: Vec::new() };
    let begun = Instant::now();
    let made = driver.create_snapshot("snap", &source, sender).await;
    let taken = begun.elapsed();
    let waited = inside("touch /srv/stop; cat /run/max")?;
    let restored = match &made {
        Ok(_) => {
            let begun = Instant::now();
            driver.create_from_snapshot(&spec("restored", 3), "snap").await.map(|()| begun.elapsed())
        }
        Err(_) => Ok(taken),
    };
    for id in ["source", "restored"] {
        driver.delete(id).await?;
    }
    driver.delete_snapshot("snap").await?;
    let (made, restored) = (made?, restored?);
    println!("snapshot of {used_mb} MB used: {taken:.2?}, {} MB on the host", made.used_bytes / 1_000_000);
    println!("pause (frozen): {:.1?}; longest write and sync of the program inside: {waited} ms", made.pause);
    println!("restore: {restored:.2?}");
    Ok(())
}
