//! Measures the container driver's deeds by themselves, without a server:
//! `lifecycle STATE_DIR IMAGES_DIR IMAGE GUEST_BINARY [TIMES]` as root.

use std::{
    env, process,
    time::{Duration, Instant},
};

use porthole_driver::{ContainerDriver, Driver, DriverConfig, DriverError, InstanceSpec};

const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [state_dir, images_dir, image, guest_binary, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: lifecycle STATE_DIR IMAGES_DIR IMAGE GUEST_BINARY [TIMES]");
        process::exit(2);
    };
    let times = rest.first().and_then(|text| text.parse().ok()).unwrap_or(20);
    let config = DriverConfig {
        state_dir: state_dir.into(),
        images_dir: images_dir.into(),
        guest_binary: guest_binary.into(),
        network: None,
        public_interface: None,
        ipv6_prefix: None,
        site_networks: Vec::new(),
    };
    if let Err(error) = measure(config, image, times).await {
        eprintln!("{error}");
        process::exit(1);
    }
}

async fn measure(config: DriverConfig, image: &str, times: usize) -> Result<(), DriverError> {
    let driver = ContainerDriver::open(config).await?;
    let spec = InstanceSpec {
        id: "lifecycle".to_owned(),
        account_id: "a".to_owned(),
        hostname: "lifecycle".to_owned(),
        image: image.to_owned(),
        disk_bytes: 20 << 30,
        cpu_millis: 2000,
        memory_bytes: 1 << 30,
        pids_max: 1000,
        authorized_keys: Vec::new(),
        trusted_ca: String::new(),
        user_data: String::new(),
        index: 2,
    };
    let mut taken: [Vec<Duration>; 5] = Default::default();
    for _ in 0..times {
        let begun = Instant::now();
        driver.create(&spec).await?;
        taken[0].push(begun.elapsed());
        let begun = Instant::now();
        driver.start(&spec).await?;
        taken[1].push(begun.elapsed());
        let begun = Instant::now();
        driver.observe().await?;
        taken[2].push(begun.elapsed());
        let begun = Instant::now();
        driver.stop(&spec.id, GRACE).await?;
        taken[3].push(begun.elapsed());
        let begun = Instant::now();
        driver.delete(&spec.id).await?;
        taken[4].push(begun.elapsed());
    }
    for (name, mut durations) in ["create", "start", "observe", "stop", "delete"].into_iter().zip(taken) {
        durations.sort();
        let at = |share: f64| durations[((durations.len() - 1) as f64 * share) as usize];
        println!("{name:8} median {:6.1?}  p95 {:6.1?}", at(0.5), at(0.95));
    }
    Ok(())
}
