//! The sizes of an instance are kept: memory, processes, CPU, disk. Going over them stays the instance's own problem.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use porthole_driver::Driver;

use crate::support::{Container, GRACE, assert_healthy, spec, until};

/// Reads a control file of an instance's cgroup, under the name it has in the host's version; the first that has a word.
fn control(id: &str, names: [&str; 2], word: &str) -> Option<String> {
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    folders.extend(fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path()));
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let parents = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        for parent in parents.filter(|entry| entry.file_name().to_string_lossy().starts_with("porthole-")) {
            for name in names {
                let text = fs::read_to_string(parent.path().join(id).join(name)).unwrap_or_default();
                if !text.is_empty() && text.contains(word) {
                    return Some(text.trim().to_owned());
                }
            }
        }
    }
    None
}

fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_processes_are_limited() {
    let container = Container::new("good");
    let driver = container.open().await;
    let id = unique("small");
    let one = spec(&id, "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    assert_eq!(control(&id, ["memory.max", "memory.limit_in_bytes"], ""), Some((256 << 20).to_string()));
    assert_eq!(control(&id, ["pids.max", "pids.max"], ""), Some("100".to_owned()));
    let greedy = "python3 -c \"x = bytearray(512 << 20)\"";
    assert_eq!(container.inside(&id, greedy).0, 137);
    assert_healthy(&driver, &id).await;
    let forks = "import os, time\nn = 0\ntry:\n while n < 500:\n  if os.fork() == 0: time.sleep(60); os._exit(0)\n  n += 1\n\
                 except OSError as e: print(e.strerror)\nprint(n)\nos.kill(-1, 9)";
    let (_, said) = container.inside(&id, &format!("python3 - <<'END'\n{forks}\nEND"));
    assert!(said.contains("Resource temporarily unavailable"), "{said}");
    until("the instance recovers", || container.inside(&id, "true").0 == 0).await;
    assert_healthy(&driver, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cpu_time_is_limited() {
    let container = Container::new("good");
    let driver = container.open().await;
    let id = unique("slow");
    let mut one = spec(&id, "a", 2);
    one.cpu_millis = 250;
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    let quota = control(&id, ["cpu.max", "cpu.cfs_quota_us"], "").unwrap();
    assert!(quota == "25000" || quota == "25000 100000", "{quota}");
    container.inside_ok(&id, "setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &");
    until("a busy instance is throttled", || {
        let stat = control(&id, ["cpu.stat", "cpu.stat"], "nr_throttled").unwrap();
        let count = stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")).unwrap().parse::<u64>();
        count.unwrap() > 0
    })
    .await;
    driver.stop(&id, GRACE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stays_the_instances_problem() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("full", "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    let disk = container.config.state_dir.join("instances/full/disk.img");
    let used = |disk: &Path| fs::metadata(disk).unwrap().blocks() * 512;
    assert!(used(&disk) < 32 << 20);
    let (code, said) = container.inside("full", "head -c 1G /dev/urandom > /var/big; sync");
    assert!(said.contains("No space left on device"), "{code} {said}");
    assert!(used(&disk) <= one.disk_bytes && used(&disk) > one.disk_bytes / 2);
    assert_healthy(&driver, "full").await;
    driver.stop("full", GRACE).await.unwrap();
    driver.start(&one).await.unwrap();
    assert_healthy(&driver, "full").await;
    let (_, said) = container.inside("full", "head -c 1G /dev/urandom > /var/more; sync");
    assert!(said.contains("No space left on device"), "{said}");
    // What the instance frees goes back to the host.
    container.inside_ok("full", "rm -f /var/big /var/more && sync");
    until("the host has its space back", || {
        container.inside_ok("full", "sync");
        used(&disk) < 64 << 20
    })
    .await;
    container.inside_ok("full", "echo fits > /var/more && sync && test -s /var/more");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_limit_of_the_host_is_raised() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    let limits = |pid: &str| fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let open_files = |text: String| {
        let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
        line.split_whitespace().rev().nth(1).unwrap().to_owned()
    };
    assert_eq!(open_files(limits(&container.init("one").to_string())), open_files(limits("self")));
    let sizes = container.inside_ok("one", "df -B1 --output=size /dev/shm /tmp | tail -n2 | sort -u");
    assert_eq!(sizes.trim(), (one.memory_bytes / 2).to_string());
}
