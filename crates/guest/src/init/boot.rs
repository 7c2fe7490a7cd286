//! What the system needs before anything runs in it: names, name service, the person's account, folders.
//!
//! Every step is tried; one that fails is logged and the next one follows.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, symlink};
use std::path::Path;

use anyhow::Context;
use porthole_model::guest::BootConfig;

use super::{first_boot, ssh};
use crate::account::{self, replace};

/// Largest configuration file read.
const CONFIG_BYTES: u64 = 256 << 10;
/// Lines between these belong to the agent, the others to the person.
const BEGIN: &str = "# begin: kept by the virtual computer's agent";
const END: &str = "# end";

/// Reads and checks the configuration.
///
/// # Errors
/// When the file is missing, too long, or not what it should be.
pub(super) fn read_config(path: &Path) -> anyhow::Result<BootConfig> {
    use std::io::Read as _;
    let file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut text = String::new();
    file.take(CONFIG_BYTES).read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
    let config: BootConfig = serde_json::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    anyhow::ensure!(!config.hostname.is_empty() && config.hostname.chars().all(good), "the host name is no DNS label");
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    anyhow::ensure!(
        config.username.starts_with(first) && config.username.chars().all(|c| good(c) || c == '_'),
        "the user name is none"
    );
    let addresses = config.nameservers.iter().chain(Some(&config.address).filter(|a| !a.is_empty()));
    for address in addresses {
        address.parse::<std::net::IpAddr>().with_context(|| format!("{address} is no address"))?;
    }
    Ok(config)
}

/// Sets the system under `root` up.
pub(super) fn set_up(root: &Path, config: &BootConfig) {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    note("host name", rustix::system::sethostname(config.hostname.as_bytes()).map_err(Into::into));
    note("/etc/hostname", replace(&root.join("etc/hostname"), format!("{}\n", config.hostname).as_bytes(), 0o644));
    note("/etc/hosts", hosts(root, config));
    note("/etc/resolv.conf", resolver(root, config));
    note("/etc/machine-id", machine_id(root));
    note("folders", folders(root));
    note("identity", first_boot::identity(root, config));
    note("SSH server", ssh::configure(root, config));
    match account::ensure(root, &config.username) {
        Ok(account) => note("runtime folder", runtime_folder(root, &account)),
        Err(error) => note("account", Err(error)),
    }
}

fn note(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(what, %error, "Setting up failed");
    }
}

/// Keeps the agent's lines in /etc/hosts and leaves the person's alone.
fn hosts(root: &Path, config: &BootConfig) -> io::Result<()> {
    let path = root.join("etc/hosts");
    let old = fs::read(&path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let mut text = format!("{BEGIN}\n127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    // sudo and X look the host's own name up; it must resolve without a network.
    let address = if config.address.is_empty() { "127.0.1.1" } else { &config.address };
    let _ = writeln!(text, "{address} {}\n{END}", config.hostname);
    let mut ours = false;
    for line in old.lines() {
        match line {
            BEGIN => ours = true,
            END if ours => ours = false,
            _ if ours => {}
            _ => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    replace(&path, text.as_bytes(), 0o644)
}

fn resolver(root: &Path, config: &BootConfig) -> io::Result<()> {
    if config.nameservers.is_empty() {
        return Ok(());
    }
    let text: String = config.nameservers.iter().map(|server| format!("nameserver {server}\n")).collect();
    // Replaces a link to a resolver service that does not run here, too.
    replace(&root.join("etc/resolv.conf"), text.as_bytes(), 0o644)
}

/// Gives the system an identity of its own where the image carries none.
fn machine_id(root: &Path) -> io::Result<()> {
    let path = root.join("etc/machine-id");
    let old = fs::read_to_string(&path).unwrap_or_default();
    if old.trim().len() != 32 {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
        let id: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        replace(&path, format!("{id}\n").as_bytes(), 0o444)?;
    }
    let link = root.join("var/lib/dbus/machine-id");
    if root.join("var/lib/dbus").is_dir() && fs::symlink_metadata(&link).is_err() {
        symlink("/etc/machine-id", link)?;
    }
    Ok(())
}

/// Makes folders every system has, and takes out what an earlier run left in them.
fn folders(root: &Path) -> io::Result<()> {
    for (folder, mode) in [
        ("run/dbus", 0o755),
        ("run/user", 0o755),
        ("run/lock", 0o1777),
        ("tmp", 0o1777),
        ("tmp/.X11-unix", 0o1777),
        ("tmp/.ICE-unix", 0o1777),
    ] {
        let path = root.join(folder);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    let _ = fs::remove_file(root.join("run/dbus/pid"));
    for place in ["tmp", "tmp/.X11-unix"] {
        for entry in fs::read_dir(root.join(place))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let lock = name.starts_with(".X") && name.ends_with("-lock");
            if lock || place.ends_with("-unix") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

fn runtime_folder(root: &Path, account: &account::Account) -> io::Result<()> {
    let folder = root.join(format!("run/user/{}", account.identity.uid));
    if !folder.is_dir() {
        DirBuilder::new().mode(0o700).create(&folder)?;
    }
    chown(&folder, Some(account.identity.uid), Some(account.identity.gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> BootConfig {
        BootConfig {
            hostname: "lab-1".into(),
            address: "172.26.0.9".into(),
            nameservers: vec!["9.9.9.9".into(), "1.1.1.1".into()],
            username: "lightsail-user".into(),
            ..BootConfig::default()
        }
    }

    #[test]
    fn names_are_written_and_the_persons_lines_kept() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/hosts"), "10.0.0.1 mine\n").unwrap();
        symlink("/run/nowhere/resolv.conf", root.join("etc/resolv.conf")).unwrap();
        for hostname in ["lab-1", "lab-2"] {
            let config = BootConfig { hostname: hostname.into(), ..config() };
            hosts(root, &config).unwrap();
            let text = fs::read_to_string(root.join("etc/hosts")).unwrap();
            assert_eq!(text.matches("10.0.0.1 mine").count(), 1);
            assert_eq!(text.matches("172.26.0.9 ").count(), 1);
            assert!(text.contains(&format!("172.26.0.9 {hostname}\n")) && text.contains("127.0.0.1 localhost\n"));
        }
        resolver(root, &config()).unwrap();
        assert_eq!(
            fs::read_to_string(root.join("etc/resolv.conf")).unwrap(),
            "nameserver 9.9.9.9\nnameserver 1.1.1.1\n"
        );
        machine_id(root).unwrap();
        let id = fs::read_to_string(root.join("etc/machine-id")).unwrap();
        assert!(id.len() == 33 && id.trim().chars().all(|c| c.is_ascii_hexdigit()));
        machine_id(root).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/machine-id")).unwrap(), id);
    }

    #[test]
    fn leftovers_of_displays_are_taken_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        folders(root).unwrap();
        for name in ["tmp/.X5-lock", "tmp/.X11-unix/X5", "run/dbus/pid", "tmp/keep"] {
            fs::write(root.join(name), "").unwrap();
        }
        folders(root).unwrap();
        assert!(!root.join("tmp/.X5-lock").exists() && !root.join("tmp/.X11-unix/X5").exists());
        assert!(!root.join("run/dbus/pid").exists() && root.join("tmp/keep").exists());
    }

    #[test]
    fn a_wrong_configuration_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let check = |change: &dyn Fn(&mut BootConfig)| {
            let mut config = config();
            change(&mut config);
            fs::write(file.path(), serde_json::to_vec(&config).unwrap()).unwrap();
            read_config(file.path()).is_ok()
        };
        assert!(check(&|_| {}) && check(&|c| c.nameservers.clear()));
        assert!(!check(&|c| c.hostname = "a b".into()) && !check(&|c| c.hostname.clear()));
        assert!(!check(&|c| c.username = "../x".into()) && !check(&|c| c.username = "root:x".into()));
        assert!(!check(&|c| c.nameservers = vec!["9.9.9.9\nevil".into()]) && !check(&|c| c.address = "x".into()));
    }
}
