//! A world to try a driver in: a state folder, an image, a guest agent, and ways to look inside and to do harm.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
    time::{Duration, Instant},
};

use porthole_driver::{
    ContainerDriver, Driver, DriverConfig, DriverError, FakeDriver, InstanceSpec, Observed, ObservedState, agent,
    fake::WorldSnapshot,
};
use tempfile::TempDir;

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// A grace that a well-behaved agent never uses up.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
const IMAGE: &str = "tiny";

/// Where a driver is tried.
pub(crate) enum World {
    Fake(FakeDriver),
    Container(Container),
}

/// The world of the container driver.
pub(crate) struct Container {
    pub(crate) config: DriverConfig,
    _folder: TempDir,
}

impl World {
    pub(crate) fn fake() -> Self {
        World::Fake(FakeDriver::new())
    }

    pub(crate) fn container() -> Self {
        World::Container(Container::new("good"))
    }

    /// Opens a driver as a server does that starts: nothing is known but what is in the world.
    pub(crate) async fn open(&self) -> Arc<dyn Driver> {
        match self {
            World::Fake(fake) => Arc::new(fake.clone()),
            World::Container(container) => Arc::new(container.open().await),
        }
    }

    /// Everything the instances hold on the host. Files that are to survive a stop are left out.
    pub(crate) fn held(&self) -> String {
        match self {
            World::Fake(fake) => {
                let WorldSnapshot { mut instances, host_held, .. } = fake.snapshot();
                instances.retain(|_, instance| instance.state != ObservedState::Stopped);
                // The fake releases what is shared only when it is asked to.
                format!("{instances:?} {}", host_held && !instances.is_empty())
            }
            World::Container(container) => container.inventory(),
        }
    }

    /// Ends an instance's init behind the driver's back.
    pub(crate) async fn kill_init(&self, id: &str) {
        match self {
            World::Fake(fake) => fake.kill_init(id),
            World::Container(container) => {
                let pid = container.init(id);
                kill(pid);
                until("init is gone", || !Path::new(&format!("/proc/{pid}")).exists()).await;
            }
        }
    }
}

impl Container {
    /// Makes a state folder, and a guest agent that behaves as `mode` says.
    pub(crate) fn new(mode: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("porthole-driver-").tempdir().unwrap();
        let guest_binary = folder.path().join("guest");
        let text = include_str!("guest.py").replace("MODE = \"good\"", &format!("MODE = \"{mode}\""));
        fs::write(&guest_binary, text).unwrap();
        fs::set_permissions(&guest_binary, fs::Permissions::from_mode(0o755)).unwrap();
        // Many worlds at once need more networks than there are defaults; a test is a process of its own.
        let number = std::process::id() % 8192;
        let network = Some(format!("10.{}.{}.0/24", 208 + number / 256, number % 256));
        let config = DriverConfig {
            state_dir: folder.path().join("state"),
            images_dir: images_dir(),
            guest_binary,
            network,
            public_interface: None,
            ipv6_prefix: None,
            site_networks: Vec::new(),
        };
        Self { config, _folder: folder }
    }

    pub(crate) async fn open(&self) -> ContainerDriver {
        ContainerDriver::open(self.config.clone()).await.unwrap()
    }

    /// What this server has on the host, as text.
    pub(crate) fn inventory(&self) -> String {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/leftovers/inventory.py");
        // An impossible caller: nothing that belongs to the server is to be left out.
        let state = self.config.state_dir.to_str().unwrap();
        let output = run("python3", &[tool.to_str().unwrap(), "--caller", "2", "--state-dir", state]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn runtime_root(&self) -> PathBuf {
        self.config.state_dir.join("runtime")
    }

    /// Host process id of an instance's init.
    pub(crate) fn init(&self, id: &str) -> i32 {
        let output = run("runc", &["--root", self.runtime_root().to_str().unwrap(), "state", id]);
        let state: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        state["pid"].as_i64().unwrap() as i32
    }

    /// Runs a shell command inside as root; gives its exit code and all it said.
    pub(crate) fn inside(&self, id: &str, script: &str) -> (i32, String) {
        let root = self.runtime_root();
        let output = run("runc", &["--root", root.to_str().unwrap(), "exec", id, "sh", "-c", script]);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).trim().to_owned())
    }

    /// The same, and it must succeed.
    pub(crate) fn inside_ok(&self, id: &str, script: &str) -> String {
        let (code, said) = self.inside(id, script);
        assert_eq!(code, 0, "{script}: {said}");
        said
    }
}

impl Drop for Container {
    /// Leaves nothing behind when a test fails half-way.
    fn drop(&mut self) {
        let config = self.config.clone();
        let clean = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let driver = ContainerDriver::open(config).await?;
                for seen in driver.observe().await? {
                    driver.delete(&seen.id).await?;
                }
                driver.release_host().await
            })
        };
        if let Err(error) = std::thread::spawn(clean).join().unwrap() {
            eprintln!("could not clean up: {error}");
        }
    }
}

/// Runs a program.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// Kills a process of the host at once.
pub(crate) fn kill(pid: i32) {
    assert!(run("kill", &["-KILL", &pid.to_string()]).status.success());
}

/// Waits for a state of the world.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An instance to try, small and alike.
pub(crate) fn spec(id: &str, account: &str, index: u32) -> InstanceSpec {
    InstanceSpec {
        id: id.to_owned(),
        account_id: account.to_owned(),
        hostname: format!("host-{id}"),
        image: IMAGE.to_owned(),
        disk_bytes: 256 << 20,
        cpu_millis: 1000,
        memory_bytes: 256 << 20,
        pids_max: 100,
        authorized_keys: Vec::new(),
        trusted_ca: String::new(),
        user_data: String::new(),
        index,
    }
}

/// What the driver sees of one instance; `None` when nothing.
pub(crate) async fn state(driver: &dyn Driver, id: &str) -> Option<ObservedState> {
    let seen: Vec<Observed> = driver.observe().await.unwrap();
    seen.into_iter().find(|observed| observed.id == id).map(|observed| observed.state)
}

/// Asserts that the agent answers.
pub(crate) async fn assert_healthy(driver: &dyn Driver, id: &str) {
    let stream = driver.connect(id).await.unwrap();
    agent::health(stream, PATIENCE).await.unwrap();
}

/// Asserts that an error is worth another try.
pub(crate) fn assert_retry<T>(result: Result<T, DriverError>) -> String {
    match result {
        Err(DriverError::Retry { what, .. }) => what,
        Err(other) => panic!("not for a retry: {other}"),
        Ok(_) => panic!("it succeeded"),
    }
}

/// Asserts that an error is final, and gives its public sentence.
pub(crate) fn assert_final<T>(result: Result<T, DriverError>) -> String {
    match result {
        Err(DriverError::Final { public, .. }) => public,
        Err(other) => panic!("not final: {other}"),
        Ok(_) => panic!("it succeeded"),
    }
}

/// The folder of the test image, built once for all tests and runs.
fn images_dir() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("driver-images");
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if !folder.join(format!("{IMAGE}.erofs")).exists() {
        build_image(&folder);
    }
    folder
}

/// A minimal system of the host's own release, with what the tests run inside.
fn build_image(folder: &Path) {
    let release = fs::read_to_string("/etc/os-release").unwrap();
    let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap();
    let root = tempfile::tempdir_in(folder).unwrap();
    let root = root.path().join("root");
    let include = "--include=sudo,iproute2,iputils-ping,python3,bubblewrap,ca-certificates";
    let build = ["--mode=root", "--variant=minbase", include, codename, root.to_str().unwrap()];
    let output = run("mmdebstrap", &build);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let draft = folder.join("draft.erofs");
    let output = run("mkfs.erofs", &["-zlz4", draft.to_str().unwrap(), root.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(draft, folder.join(format!("{IMAGE}-1.erofs"))).unwrap();
    std::os::unix::fs::symlink(format!("{IMAGE}-1.erofs"), folder.join(format!("{IMAGE}.erofs"))).unwrap();
}
