//! What things on the host are called. All names of one server derive from its state folder, so that several servers
//! live side by side and one can find what an earlier run of itself left.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Names and folders of one server.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    tag: String,
    state_dir: PathBuf,
}

impl Names {
    /// Derives the names from an absolute state folder.
    pub(crate) fn new(state_dir: &Path) -> Self {
        let digest = Sha256::digest(state_dir.as_os_str().as_encoded_bytes());
        Self { tag: hex::encode(&digest[..3]), state_dir: state_dir.to_owned() }
    }

    /// The bridge all instances hang on.
    pub(crate) fn bridge(&self) -> String {
        format!("ph-{}", self.tag)
    }

    /// The firewall tables.
    pub(crate) fn table(&self) -> String {
        format!("porthole_{}", self.tag)
    }

    /// What the host's end of every instance's link begins with.
    pub(crate) fn link_prefix(&self) -> String {
        format!("pv{}-", self.tag)
    }

    /// The host's end of the link of the instance with this index; at most 15 characters.
    pub(crate) fn link(&self, index: u32) -> String {
        format!("{}{index:04x}", self.link_prefix())
    }

    /// The cgroup over all instances, below each hierarchy's root.
    pub(crate) fn cgroup(&self) -> String {
        format!("porthole-{}", self.tag)
    }

    /// Where mounts are put together while an instance starts. Not below the state folder, because the instance's own
    /// root must be able to walk there.
    pub(crate) fn assembly_root(&self) -> PathBuf {
        Path::new("/run/porthole").join(&self.tag)
    }

    /// What tells this state folder's names from those of others.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// The state folder itself.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The folder of instance folders.
    pub(crate) fn instances_dir(&self) -> PathBuf {
        self.state_dir.join("instances")
    }

    /// The folder of data disks.
    pub(crate) fn data_disks_dir(&self) -> PathBuf {
        self.state_dir.join("disks")
    }

    /// A data disk's file.
    pub(crate) fn data_disk(&self, id: &str) -> PathBuf {
        self.data_disks_dir().join(format!("{id}.img"))
    }

    /// Where the OCI runtime keeps its own state.
    pub(crate) fn runtime_root(&self) -> PathBuf {
        self.state_dir.join("runtime")
    }

    /// Paths of one instance.
    pub(crate) fn instance(&self, id: &str) -> InstancePaths {
        InstancePaths {
            dir: self.instances_dir().join(id),
            assembly: self.assembly_root().join(id),
            runtime: self.runtime_root().join(id),
        }
    }
}

/// Where one instance's things are.
#[derive(Debug, Clone)]
pub(crate) struct InstancePaths {
    /// Its folder in the state folder; everything that survives a stop is here.
    pub(crate) dir: PathBuf,
    /// Where its root filesystem is put together; gone once it runs.
    pub(crate) assembly: PathBuf,
    /// The OCI runtime's state of it.
    pub(crate) runtime: PathBuf,
}

impl InstancePaths {
    /// What the driver remembers.
    pub(crate) fn record(&self) -> PathBuf {
        self.dir.join("record.json")
    }

    /// How it is seen from outside, as it was set last.
    pub(crate) fn network(&self) -> PathBuf {
        self.dir.join("network.json")
    }

    /// The system disk.
    pub(crate) fn disk(&self) -> PathBuf {
        self.dir.join("disk.img")
    }

    /// The folder of notes which data disks it has mounted: an empty file each, named by the disk's id.
    pub(crate) fn data_disks(&self) -> PathBuf {
        self.dir.join("data-disks")
    }

    /// The OCI bundle's folder.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.dir.join("bundle")
    }

    /// What the guest agent reads at boot.
    pub(crate) fn boot_config(&self) -> PathBuf {
        self.bundle().join("boot.json")
    }

    /// The OCI runtime's own log.
    pub(crate) fn runtime_log(&self) -> PathBuf {
        self.bundle().join("runtime.log")
    }

    /// The name of the guest agent's socket in the folder.
    pub(crate) const SOCKET: &'static str = "agent.sock";

    /// There while the container is made but its init has not begun.
    pub(crate) fn not_begun(&self) -> PathBuf {
        self.runtime.join("exec.fifo")
    }
}

/// Says whether a text is a driver key: the folder, cgroup and link names derive from it, so nothing else may pass.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !id.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_kernels_limits_and_differ_by_folder() {
        let names = Names::new(Path::new("/var/lib/porthole/state"));
        assert!(names.bridge().len() <= 15 && names.link(60_000).len() <= 15);
        assert!(names.link(2).starts_with(&names.link_prefix()));
        assert_ne!(names.bridge(), Names::new(Path::new("/tmp/other")).bridge());
    }

    #[test]
    fn only_plain_ids_pass() {
        assert!(is_id("0a47263676ae-45192de5"));
        for bad in ["", "..", "a/b", "A", "-a", "a b", "é"] {
            assert!(!is_id(bad), "{bad:?}");
        }
    }
}
