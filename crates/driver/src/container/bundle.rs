//! The OCI bundle of an instance: `config.json`, and the agent's `boot.json`.
//!
//! What an instance may do is decided by its user namespace first: its root is an ordinary user of the host, so that
//! kernel settings, devices and other people's files are out of reach whatever else is allowed. Capabilities, seccomp
//! and limits come on top. Nothing below /proc is masked: masks would add nothing the user namespace does not already
//! refuse, and the kernel would then forbid the nested /proc that browsers' and desktop programs' sandboxes need.

use std::{fs, io, net::Ipv4Addr, os::unix::fs::PermissionsExt, path::Path};

use porthole_model::guest::{BootConfig, Metadata, PICTURES};
use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use super::{cgroup::Layout, names::InstancePaths, record::Record, rootfs::IDS, seccomp};
use crate::InstanceSpec;

/// Where the agent is inside an instance.
const AGENT: &str = "/.porthole/guest";
/// Where its boot configuration is inside.
const BOOT: &str = "/run/porthole/boot.json";
/// Tells whether the kernel has pages of 2 MiB for files in memory.
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
/// The person's account inside.
const USERNAME: &str = "lightsail-user";
/// Enough for programs that never raise it; those which do may go to the hard limit.
const OPEN_FILES_SOFT: u64 = 1024;

/// What sudo, package managers, ping and debuggers need, all of it over the instance's own things only.
const CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
];

/// What differs from instance to instance and from host to host.
#[derive(Debug)]
pub(crate) struct Bundle<'a> {
    /// What was asked for.
    pub(crate) spec: &'a InstanceSpec,
    /// What is remembered.
    pub(crate) record: &'a Record,
    /// Where its things are.
    pub(crate) paths: &'a InstancePaths,
    /// Where its root filesystem will be.
    pub(crate) root: &'a Path,
    /// Its cgroup below the hierarchies' roots.
    pub(crate) cgroup: String,
    /// How the host's cgroups are mounted.
    pub(crate) layout: Layout,
    /// The agent's binary on the host.
    pub(crate) guest_binary: &'a Path,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// Name servers it shall ask.
    pub(crate) nameservers: &'a [Ipv4Addr],
    /// What its metadata service says.
    pub(crate) metadata: Option<Metadata>,
}

impl Bundle<'_> {
    /// Writes both files.
    pub(crate) fn write(&self) -> io::Result<()> {
        let folder = self.paths.bundle();
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        let boot = BootConfig {
            hostname: self.spec.hostname.clone(),
            address: self.address.to_string(),
            nameservers: self.nameservers.iter().map(Ipv4Addr::to_string).collect(),
            username: USERNAME.to_owned(),
            instance_id: self.spec.id.clone(),
            authorized_keys: self.spec.authorized_keys.clone(),
            trusted_ca: self.spec.trusted_ca.clone(),
            user_data: self.spec.user_data.clone(),
            metadata: self.metadata.clone(),
        };
        fs::write(self.paths.boot_config(), serde_json::to_vec(&boot)?)?;
        // The instance's root sees this file as a stranger's.
        fs::set_permissions(self.paths.boot_config(), fs::Permissions::from_mode(0o644))?;
        fs::write(folder.join("config.json"), serde_json::to_vec(&self.config())?)
    }

    fn config(&self) -> Value {
        json!({
            "ociVersion": "1.0.2",
            "hostname": self.spec.hostname,
            "root": {"path": self.root},
            "process": self.process(),
            "mounts": self.mounts(),
            "linux": self.linux(),
        })
    }

    fn process(&self) -> Value {
        let hard = getrlimit(Resource::Nofile).maximum;
        let open_files = hard.unwrap_or(1 << 20);
        json!({
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "cwd": "/",
            "args": [AGENT, "init", "--config", BOOT],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root",
                "LANG=C.UTF-8",
                "container=porthole",
                "LISTEN_FDS=1",
                "LISTEN_PID=1",
            ],
            "capabilities": {"bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES},
            "noNewPrivileges": false,
            // When the host itself runs short, an instance goes before the host's services.
            "oomScoreAdj": 100,
            "rlimits": [
                {"type": "RLIMIT_NOFILE", "soft": OPEN_FILES_SOFT.min(open_files), "hard": open_files},
                // One byte is the kernel's word for "not even to the host's crash handler".
                {"type": "RLIMIT_CORE", "soft": 1, "hard": 1},
            ],
        })
    }

    fn mounts(&self) -> Value {
        let shared = format!("size={}", self.spec.memory_bytes / 2);
        let small = format!("size={}", self.spec.memory_bytes / 4);
        let tmpfs = |at: &str, mode: &str, size: &str| json!({"destination": at, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", mode, size]});
        let bind = |at: &str, from: &Path, extra: &[&str]| {
            let options = [&["bind", "ro", "nosuid", "nodev"], extra].concat();
            json!({"destination": at, "type": "bind", "source": from, "options": options})
        };
        // An X server writes its whole picture when it starts: in small pages that is most of its start.
        let huge: &[&str] = if Path::new(HUGE_PAGES).exists() { &["huge=always"] } else { &[] };
        let pictures = [&["nosuid", "nodev", "noexec", "mode=700", shared.as_str()], huge].concat();
        json!([
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=64k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            tmpfs("/dev/shm", "mode=1777", &shared),
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
             "options": ["nosuid", "noexec", "nodev"]},
            tmpfs("/run", "mode=755", &small),
            tmpfs("/tmp", "mode=1777", &shared),
            {"destination": PICTURES, "type": "tmpfs", "source": "tmpfs", "options": pictures},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
            bind(AGENT, self.guest_binary, &[]),
            bind(BOOT, &self.paths.boot_config(), &["noexec"]),
        ])
    }

    fn linux(&self) -> Value {
        let spaces = ["pid", "mount", "network", "uts", "ipc", "cgroup", "user"];
        let namespaces: Vec<Value> = spaces.iter().map(|kind| json!({"type": kind})).collect();
        let ids = json!([{"containerID": 0, "hostID": self.record.id_base(), "size": IDS}]);
        let mut sysctl = json!({"net.ipv4.ping_group_range": "0 65535", "net.ipv4.conf.all.accept_redirects": "0"});
        if Path::new("/proc/sys/net/ipv6").exists() {
            sysctl["net.ipv6.conf.default.disable_ipv6"] = json!("1");
        }
        json!({
            "namespaces": namespaces,
            "uidMappings": ids,
            "gidMappings": ids,
            "cgroupsPath": format!("/{}", self.cgroup),
            "resources": self.resources(),
            "seccomp": seccomp::profile(),
            "sysctl": sysctl,
            "maskedPaths": ["/sys/firmware", "/sys/devices/virtual/powercap"],
        })
    }

    fn resources(&self) -> Value {
        let InstanceSpec { cpu_millis, memory_bytes, pids_max, .. } = *self.spec;
        let mut memory = json!({"limit": memory_bytes});
        // Without swap accounting the kernel has no such file, and the runtime would fail on it.
        if self.layout == Layout::Unified || Path::new("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists() {
            memory["swap"] = json!(memory_bytes);
        }
        json!({
            "cpu": {
                "period": 100_000,
                "quota": u64::from(cpu_millis.max(10)) * 100,
                "shares": (u64::from(cpu_millis) * 1024 / 1000).max(2),
            },
            "memory": memory,
            "pids": {"limit": pids_max},
            "devices": [{"allow": false, "access": "rwm"}],
        })
    }
}
