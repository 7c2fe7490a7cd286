//! Whatever is killed, and whenever: the same call again, or a stop, puts it right and leaves nothing.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use porthole_driver::{ContainerDriver, Driver, DriverConfig, ObservedState};

use crate::support::{Container, GRACE, PATIENCE, assert_final, assert_healthy, assert_retry, run, spec, state, until};

/// Set for the process that plays a server about to be killed.
const CHILD: &str = "PORTHOLE_DRIVER_TEST_CHILD";

/// Runs this very test again as a server of its own process, which does the named deed and ends.
fn server(test: &str, container: &Container, deed: &str, path: Option<&Path>) -> Child {
    let config = &container.config;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("resilience::{test}"), "--exact", "--nocapture"]);
    let network = config.network.clone().unwrap();
    let folders = [&config.state_dir, &config.images_dir, &config.guest_binary].map(|path| path.to_str().unwrap());
    command.env(CHILD, [&[deed, &network], &folders[..]].concat().join("\n"));
    if let Some(path) = path {
        let rest = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{rest}", path.display()));
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// In the server's process: does the deed. Returns at once in the test itself.
async fn play_server() {
    let Ok(order) = std::env::var(CHILD) else {
        return;
    };
    let order: Vec<&str> = order.split('\n').collect();
    let [deed, network, state_dir, images_dir, guest_binary] = order[..] else { panic!("bad order") };
    let config = DriverConfig {
        state_dir: PathBuf::from(state_dir),
        images_dir: PathBuf::from(images_dir),
        guest_binary: PathBuf::from(guest_binary),
        network: Some(network.to_owned()),
        public_interface: None,
        ipv6_prefix: None,
        site_networks: Vec::new(),
    };
    let driver = ContainerDriver::open(config).await.unwrap();
    let one = spec("one", "a", 2);
    let done = match deed {
        "create" => driver.create(&one).await,
        "start" => driver.start(&one).await,
        "stop" => driver.stop("one", GRACE).await,
        _ => driver.delete("one").await,
    };
    std::process::exit(i32::from(done.is_err()));
}

/// Delays at which a server is killed: from before it does anything to after all was done.
fn delays() -> impl Iterator<Item = Duration> {
    (0..24).map(|step| Duration::from_millis(step * 9))
}

async fn kill_server_after(mut server: Child, delay: Duration) {
    tokio::time::sleep(delay).await;
    server.kill().unwrap();
    server.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_it_starts_an_instance_leaves_what_a_start_or_a_stop_mends() {
    const NAME: &str = "a_server_killed_while_it_starts_an_instance_leaves_what_a_start_or_a_stop_mends";
    play_server().await;
    let container = Container::new("good");
    let before = container.inventory();
    container.open().await.create(&spec("one", "a", 2)).await.unwrap();
    for (turn, delay) in delays().enumerate() {
        kill_server_after(server(NAME, &container, "start", None), delay).await;
        let driver = container.open().await;
        if turn % 2 == 0 {
            driver.start(&spec("one", "a", 2)).await.unwrap();
            assert_healthy(&driver, "one").await;
        }
        driver.stop("one", GRACE).await.unwrap();
        assert_eq!(state(&driver, "one").await, Some(ObservedState::Stopped), "{delay:?}");
        assert_eq!(container.inventory(), before, "{delay:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_it_stops_or_deletes_leaves_what_the_same_call_mends() {
    const NAME: &str = "a_server_killed_while_it_stops_or_deletes_leaves_what_the_same_call_mends";
    play_server().await;
    let container = Container::new("good");
    let before = container.inventory();
    for (turn, delay) in delays().enumerate() {
        let driver = container.open().await;
        driver.create(&spec("one", "a", 2)).await.unwrap();
        driver.start(&spec("one", "a", 2)).await.unwrap();
        drop(driver);
        let deed = ["stop", "delete"][turn % 2];
        kill_server_after(server(NAME, &container, deed, None), delay).await;
        let driver = container.open().await;
        match deed {
            "stop" => driver.stop("one", GRACE).await.unwrap(),
            _ => driver.delete("one").await.unwrap(),
        }
        let expected = (deed == "stop").then_some(ObservedState::Stopped);
        assert_eq!(state(&driver, "one").await, expected, "{deed} {delay:?}");
        assert_eq!(container.inventory(), before, "{deed} {delay:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_it_creates_leaves_what_a_create_or_a_delete_mends() {
    const NAME: &str = "a_server_killed_while_it_creates_leaves_what_a_create_or_a_delete_mends";
    play_server().await;
    let container = Container::new("good");
    let before = container.inventory();
    for (turn, step) in (0..12).enumerate() {
        kill_server_after(server(NAME, &container, "create", None), Duration::from_millis(step * 5)).await;
        let driver = container.open().await;
        if turn % 2 == 0 {
            driver.create(&spec("one", "a", 2)).await.unwrap();
            driver.start(&spec("one", "a", 2)).await.unwrap();
        }
        driver.delete("one").await.unwrap();
        assert_eq!(state(&driver, "one").await, None);
        assert_eq!(container.inventory(), before);
        let left = fs::read_dir(container.config.state_dir.join("instances")).unwrap().count();
        assert_eq!(left, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runtime_fails_one_start_and_not_the_next() {
    const NAME: &str = "a_killed_runtime_fails_one_start_and_not_the_next";
    play_server().await;
    let container = Container::new("good");
    let before = container.inventory();
    container.open().await.create(&spec("one", "a", 2)).await.unwrap();
    let real = String::from_utf8(run("which", &["runc"]).stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (deed, milliseconds) in [("create", 0), ("create", 10), ("create", 25), ("create", 40), ("start", 0)] {
        // A runc that is killed at a certain time while it does the deed.
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n*\" {deed} \"*) {} \"$@\" & sleep 0.{milliseconds:03}; kill -9 $!; exit 137;;\n*) exec {} \"$@\";;\nesac\n",
            real.trim(),
            real.trim()
        );
        let wrapper = folder.path().join("runc");
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        let status = server(NAME, &container, "start", Some(folder.path())).wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(1), None), "{deed} {milliseconds}");
        let driver = container.open().await;
        assert_eq!(state(&driver, "one").await, Some(ObservedState::Stopped), "{deed} {milliseconds}");
        assert_eq!(container.inventory(), before, "{deed} {milliseconds}");
        driver.start(&spec("one", "a", 2)).await.unwrap();
        driver.stop("one", GRACE).await.unwrap();
        assert_eq!(container.inventory(), before, "{deed} {milliseconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_overtakes_a_start_wins() {
    let container = Container::new("good");
    let driver = container.open().await;
    let before = container.inventory();
    driver.create(&spec("one", "a", 2)).await.unwrap();
    for step in 0..12 {
        let starter = driver.clone();
        let start = tokio::spawn(async move { starter.start(&spec("one", "a", 2)).await });
        tokio::time::sleep(Duration::from_millis(step * 12)).await;
        if step % 2 == 0 {
            // The caller stops waiting, as a superseded operation does.
            start.abort();
        }
        driver.stop("one", GRACE).await.unwrap();
        // A start that came second is alive, and one more stop ends it.
        let _ = start.await;
        driver.stop("one", GRACE).await.unwrap();
        assert_eq!(container.inventory(), before, "step {step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_its_folder_is_found_and_ended() {
    let container = Container::new("good");
    let driver = container.open().await;
    let before = container.inventory();
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    fs::remove_dir_all(container.config.state_dir.join("instances/one")).unwrap();
    drop(driver);
    let driver = container.open().await;
    assert_eq!(state(&driver, "one").await, Some(ObservedState::Running));
    driver.stop("one", GRACE).await.unwrap();
    assert_eq!(state(&driver, "one").await, None);
    assert_eq!(container.inventory(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_init_that_does_not_listen_is_killed_after_the_grace() {
    let container = Container::new("stubborn");
    let driver = container.open().await;
    let before = container.inventory();
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    container.inside_ok("one", "setsid sleep 1000 >/dev/null 2>&1 &");
    driver.stop("one", Duration::from_millis(100)).await.unwrap();
    assert_eq!(container.inventory(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deaf_agent_can_be_stopped_while_its_start_waits() {
    let container = Container::new("deaf");
    let driver = container.open().await;
    let before = container.inventory();
    driver.create(&spec("one", "a", 2)).await.unwrap();
    let starter = driver.clone();
    let start = tokio::spawn(async move { starter.start(&spec("one", "a", 2)).await });
    while state(&driver, "one").await != Some(ObservedState::Running) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::timeout(PATIENCE, driver.stop("one", GRACE)).await.unwrap().unwrap();
    assert_retry(start.await.unwrap());
    assert_eq!(container.inventory(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_init_that_ends_at_once_says_why() {
    let container = Container::new("dying");
    let driver = container.open().await;
    let before = container.inventory();
    driver.create(&spec("one", "a", 2)).await.unwrap();
    let why = assert_retry(driver.start(&spec("one", "a", 2)).await);
    assert!(why.contains("no display hardware"), "{why}");
    driver.stop("one", GRACE).await.unwrap();
    assert_eq!(container.inventory(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_survives_and_the_image_stays_the_one_it_was_created_with() {
    let mut container = Container::new("good");
    let shared = container.config.images_dir.clone();
    let images = container.config.guest_binary.parent().unwrap().join("images");
    fs::create_dir(&images).unwrap();
    fs::hard_link(shared.join("tiny-1.erofs"), images.join("tiny-1.erofs")).unwrap();
    std::os::unix::fs::symlink("tiny-1.erofs", images.join("tiny.erofs")).unwrap();
    container.config.images_dir = images.clone();
    let driver = container.open().await;
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    container.inside_ok("one", "echo kept > /root/file && rm /etc/motd && touch /tmp/lost");
    // A rebuilt image gets another file and the same name.
    fs::write(images.join("tiny-2.erofs"), "not the same").unwrap();
    fs::remove_file(images.join("tiny.erofs")).unwrap();
    std::os::unix::fs::symlink("tiny-2.erofs", images.join("tiny.erofs")).unwrap();
    driver.stop("one", GRACE).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    assert_eq!(container.inside_ok("one", "cat /root/file; ls /etc/motd /tmp/lost 2>/dev/null || true"), "kept");
    driver.stop("one", GRACE).await.unwrap();
    fs::remove_file(images.join("tiny-1.erofs")).unwrap();
    let public = assert_final(driver.start(&spec("one", "a", 2)).await);
    assert!(public.contains("image"), "{public}");
    driver.delete("one").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_is_made_again() {
    let container = Container::new("good");
    let driver = container.open().await;
    for spec in [spec("one", "a", 2), spec("two", "a", 3)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    let ping = format!("ping -c1 -W1 {}", driver.address(3));
    container.inside_ok("one", &ping);
    let links = fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap());
    let of_one = |link: &fs::DirEntry| {
        fs::read_to_string(link.path().join("ifalias")).is_ok_and(|alias| alias.trim() == "one")
            && link.file_name().to_string_lossy().ends_with("-0002")
    };
    let tag = container.inventory();
    let link = links.filter(of_one).find(|link| tag.contains(&*link.file_name().to_string_lossy())).unwrap();
    assert!(run("ip", &["link", "del", link.file_name().to_str().unwrap()]).status.success());
    assert_ne!(container.inside("one", &ping).0, 0);
    driver.start(&spec("one", "a", 2)).await.unwrap();
    container.inside_ok("one", &ping);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_state_folder_is_no_obstacle() {
    let mut container = Container::new("good");
    let long = container.config.state_dir.join("a-rather-long-name".repeat(8));
    container.config.state_dir = long;
    let driver = container.open().await;
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    assert_healthy(&driver, "one").await;
    until("it is seen", || container.inventory().contains("porthole")).await;
    driver.delete("one").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_firewall_rules_come_back() {
    let container = Container::new("good");
    let driver = container.open().await;
    driver.create(&spec("one", "a", 2)).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    let before = container.inventory();
    let tables = String::from_utf8(run("nft", &["list", "tables"]).stdout).unwrap();
    for table in tables.lines().filter_map(|line| line.strip_prefix("table ")) {
        let name = table.split(' ').nth(1).unwrap();
        if before.contains(name) {
            let words = ["delete", "table"].into_iter().chain(table.split(' '));
            assert!(run("nft", &words.collect::<Vec<_>>()).status.success());
        }
    }
    assert_ne!(container.inventory(), before);
    driver.observe().await.unwrap();
    assert_eq!(container.inventory(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_early_killed_runtime_mounted_is_released() {
    let container = Container::new("good");
    let driver = container.open().await;
    let before = container.inventory();
    driver.create(&spec("one", "a", 2)).await.unwrap();
    let left = container.config.state_dir.join("runtime/one");
    fs::create_dir_all(&left).unwrap();
    let program = left.join("runc.copy");
    fs::write(&program, "").unwrap();
    let mount = ["--bind", "/proc/version", program.to_str().unwrap()];
    assert!(run("mount", &mount).status.success());
    assert_eq!(state(&driver, "one").await, Some(ObservedState::Partial));
    driver.start(&spec("one", "a", 2)).await.unwrap();
    assert_healthy(&driver, "one").await;
    driver.stop("one", GRACE).await.unwrap();
    assert_eq!(state(&driver, "one").await, Some(ObservedState::Stopped));
    assert_eq!(container.inventory(), before);
}
