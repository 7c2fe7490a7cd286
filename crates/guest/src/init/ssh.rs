//! The SSH server: its keys, and who may log in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use porthole_model::guest::{BootConfig, SshHostKey, SshHostKeys};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use super::displays::Displays;
use super::supervise::Service;
use crate::account::replace;
use crate::process::{Program, Reaper};

/// Where the server's own configuration is.
const FOLDER: &str = "etc/ssh";
/// Most host keys told, and the longest file read.
const MOST_KEYS: usize = 8;
const KEY_BYTES: u64 = 8 << 10;

/// Whether the host keys are made, or cannot be.
#[derive(Debug, Clone)]
pub(super) struct HostKeys {
    made: watch::Receiver<bool>,
}

/// Writes who may log in. Root owns these files; the person's own `~/.ssh/authorized_keys` counts beside them.
pub(super) fn configure(root: &Path, config: &BootConfig) -> io::Result<()> {
    let folder = root.join(FOLDER);
    if !folder.is_dir() {
        return Ok(());
    }
    // Where privileges are left behind; the service's own start script would make it.
    fs::create_dir_all(root.join("run/sshd"))?;
    let lines: String = config.authorized_keys.iter().filter(|k| is_line(k)).map(|key| format!("{key}\n")).collect();
    replace(&folder.join("porthole_authorized_keys"), lines.as_bytes(), 0o644)?;
    let authority = Some(&config.trusted_ca).filter(|key| is_line(key)).map(|key| format!("{key}\n"));
    replace(&folder.join("porthole_ca.pub"), authority.unwrap_or_default().as_bytes(), 0o644)?;
    fs::create_dir_all(folder.join("sshd_config.d"))?;
    let text = format!(
        "# Written by the virtual computer's agent at each start. Files whose names come before this one's win.\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         TrustedUserCAKeys /etc/ssh/porthole_ca.pub\n\
         Match User {}\n    AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/porthole_authorized_keys\n",
        config.username
    );
    replace(&folder.join("sshd_config.d/50-porthole.conf"), text.as_bytes(), 0o644)
}

fn is_line(key: &str) -> bool {
    !key.is_empty() && !key.contains(['\n', '\r'])
}

/// Takes out host keys that came with the image or with a snapshot: they are another's.
pub(super) fn forget_host_keys(root: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(root.join(FOLDER)) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes missing host keys, then keeps the services running, which run the server.
pub(super) fn start(displays: &Displays, reaper: Reaper, config: PathBuf) -> (HostKeys, Service) {
    let (sender, made) = watch::channel(false);
    let (keys, services) = (Service::default(), Service::default());
    displays.spare(keys.clone());
    displays.spare(services.clone());
    let (starting, own) = (displays.starting(), services.clone());
    tokio::task::spawn_local(async move {
        make_host_keys(&keys, &reaper, starting).await;
        sender.send_replace(true);
        let args = ["services".into(), "--config".into(), config.into_os_string()];
        own.keep_running(reaper, "/proc/self/exe", &args, || {}).await;
    });
    (HostKeys { made }, services)
}

/// Makes host keys while no display starts: an RSA key takes a second of processor time, which a desktop needs more.
async fn make_host_keys(keys: &Service, reaper: &Reaper, mut starting: watch::Receiver<bool>) {
    let Some(program) = crate::display::find_program("ssh-keygen") else { return };
    let path = ("PATH".to_owned(), crate::display::PATH.to_owned());
    let making = keys.run(reaper, Program::new(&program).args(["-A"]).envs([path]).quiet());
    tokio::pin!(making);
    starting.mark_changed();
    loop {
        tokio::select! {
            biased;
            made = &mut making => match made {
                Ok(exit) => return tracing::debug!(?exit, "Host keys made"),
                Err(error) => return tracing::error!(%error, "Host keys cannot be made"),
            },
            Ok(()) = starting.changed() => {
                let signal = if *starting.borrow_and_update() { Signal::STOP } else { Signal::CONT };
                if let Some(pid) = keys.pid().and_then(Pid::from_raw) {
                    // Gone already is as good.
                    let _ = kill_process(pid, signal);
                }
            }
        }
    }
}

impl HostKeys {
    /// Reads the public host keys, and waits up to `wait` for them to be made.
    pub(super) async fn read(&self, wait: Duration) -> SshHostKeys {
        let mut made = self.made.clone();
        let _ = tokio::time::timeout(wait, made.wait_for(|made| *made)).await;
        SshHostKeys { keys: host_keys(Path::new("/")) }
    }
}

fn host_keys(root: &Path) -> Vec<SshHostKey> {
    let entries = fs::read_dir(root.join(FOLDER)).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("ssh_host_") && name.ends_with("_key.pub"));
    names.sort_unstable();
    names.iter().take(MOST_KEYS).filter_map(|name| host_key(&root.join(FOLDER).join(name))).collect()
}

fn host_key(file: &Path) -> Option<SshHostKey> {
    use io::Read as _;
    let mut text = String::new();
    fs::File::open(file).ok()?.take(KEY_BYTES).read_to_string(&mut text).ok()?;
    let mut words = text.split_ascii_whitespace().map(str::to_owned);
    Some(SshHostKey { algorithm: words.next()?, public_key: words.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_log_in_is_written_anew_at_each_start() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let config = BootConfig {
            username: "lightsail-user".into(),
            authorized_keys: vec!["ssh-rsa A".into(), "bad\nssh-rsa EVIL".into()],
            trusted_ca: "ssh-ed25519 C".into(),
            ..BootConfig::default()
        };
        configure(root, &config).unwrap();
        assert!(!root.join("run/sshd").exists(), "nothing is made where there is no server");
        fs::create_dir_all(root.join("etc/ssh")).unwrap();
        let read = |name: &str| fs::read_to_string(root.join("etc/ssh").join(name)).unwrap();
        configure(root, &config).unwrap();
        assert_eq!(read("porthole_authorized_keys"), "ssh-rsa A\n");
        assert_eq!(read("porthole_ca.pub"), "ssh-ed25519 C\n");
        let text = read("sshd_config.d/50-porthole.conf");
        assert!(text.contains("PasswordAuthentication no\n") && text.contains("Match User lightsail-user\n"), "{text}");
        configure(root, &BootConfig { username: "x".into(), ..BootConfig::default() }).unwrap();
        assert_eq!(read("porthole_authorized_keys") + &read("porthole_ca.pub"), "");
    }

    #[test]
    fn host_keys_are_told_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(host_keys(root), []);
        forget_host_keys(root).unwrap();
        fs::create_dir_all(root.join("etc/ssh")).unwrap();
        for (name, text) in [
            ("ssh_host_rsa_key.pub", "ssh-rsa AAAA root@lab\n"),
            ("ssh_host_ed25519_key.pub", "ssh-ed25519 BBBB\n"),
            ("ssh_host_broken_key.pub", "\n"),
            ("ssh_host_rsa_key", "secret"),
            ("sshd_config", "Port 22\n"),
        ] {
            fs::write(root.join("etc/ssh").join(name), text).unwrap();
        }
        let key = |algorithm: &str, public_key: &str| SshHostKey {
            algorithm: algorithm.into(),
            public_key: public_key.into(),
        };
        assert_eq!(host_keys(root), [key("ssh-ed25519", "BBBB"), key("ssh-rsa", "AAAA")]);
        forget_host_keys(root).unwrap();
        assert_eq!(fs::read_dir(root.join("etc/ssh")).unwrap().count(), 1);
    }
}
