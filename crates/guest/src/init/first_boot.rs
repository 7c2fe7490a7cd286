//! What is done once in an instance's life: an identity of its own, and the owner's script.
//!
//! The disk remembers for which instance it was done, so that an instance made from another's snapshot does it again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use porthole_model::guest::BootConfig;

use super::ssh;
use crate::account::replace;
use crate::process::{Program, Reaper};

const FOLDER: &str = "var/lib/porthole";
/// For which instance identity and script were done.
const IDENTITY: &str = "identity-of";
const SCRIPT_RAN: &str = "user-data-of";
const SCRIPT: &str = "user-data";
/// What the script said.
const LOG: &str = "var/log/porthole-user-data.log";

/// Gives the system an identity of its own, once.
pub(super) fn identity(root: &Path, config: &BootConfig) -> io::Result<()> {
    if is_done(root, IDENTITY, config) {
        return Ok(());
    }
    ssh::forget_host_keys(root)?;
    mark_done(root, IDENTITY, config)
}

/// Runs the owner's script, once.
pub(super) async fn run_script(root: &Path, config: &BootConfig, reaper: &Reaper) {
    if config.user_data.is_empty() || is_done(root, SCRIPT_RAN, config) {
        return;
    }
    if let Err(error) = run(root, config, reaper).await {
        tracing::error!(%error, "User data cannot be run");
    }
}

async fn run(root: &Path, config: &BootConfig, reaper: &Reaper) -> io::Result<()> {
    let script = root.join(FOLDER).join(SCRIPT);
    fs::create_dir_all(root.join(FOLDER))?;
    fs::set_permissions(root.join(FOLDER), fs::Permissions::from_mode(0o700))?;
    replace(&script, config.user_data.as_bytes(), 0o700)?;
    let mut log = OpenOptions::new().create(true).append(true).mode(0o600).open(root.join(LOG))?;
    // Before it begins: a script that ends the instance is not begun again for ever.
    mark_done(root, SCRIPT_RAN, config)?;
    let path = script.to_string_lossy().into_owned();
    // Text without an interpreter's name is for the shell.
    let program = match config.user_data.starts_with("#!") {
        true => Program::new(path),
        false => Program::new("/bin/sh").args([path]),
    };
    let envs = [("PATH", crate::display::PATH), ("HOME", "/root"), ("USER", "root"), ("LANG", "C.UTF-8")];
    let program = program.envs(envs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let end = match program.output(&log)?.start() {
        Ok(pid) => reaper.watch(pid).await.map_or_else(|_| "unknown end".to_owned(), |exit| exit.to_string()),
        Err(error) => format!("not started: {error}"),
    };
    tracing::info!(%end, "User data ended");
    writeln!(log, "porthole: user data ended, {end}")
}

fn is_done(root: &Path, what: &str, config: &BootConfig) -> bool {
    let done = fs::read_to_string(root.join(FOLDER).join(what));
    done.is_ok_and(|id| id == config.instance_id)
}

fn mark_done(root: &Path, what: &str, config: &BootConfig) -> io::Result<()> {
    fs::create_dir_all(root.join(FOLDER))?;
    replace(&root.join(FOLDER).join(what), config.instance_id.as_bytes(), 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(id: &str, script: &str) -> BootConfig {
        BootConfig { instance_id: id.into(), user_data: script.into(), ..BootConfig::default() }
    }

    #[test]
    fn an_identity_is_made_once_and_again_for_another_instance() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let key = root.join("etc/ssh/ssh_host_rsa_key");
        fs::create_dir_all(root.join("etc/ssh")).unwrap();
        for (id, kept) in [("a", false), ("a", true), ("b", false), ("b", true)] {
            fs::write(&key, "key").unwrap();
            identity(root, &config(id, "")).unwrap();
            assert_eq!(key.exists(), kept, "{id}");
        }
    }

    #[test]
    fn a_script_runs_once_with_and_without_an_interpreters_name() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let reaper = Reaper::start().unwrap();
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path();
            fs::create_dir_all(root.join("var/log")).unwrap();
            let log = || fs::read_to_string(root.join(LOG)).unwrap();
            run_script(root, &config("a", ""), &reaper).await;
            assert!(!root.join(LOG).exists());
            run_script(root, &config("a", "echo out; echo err >&2; exit 3"), &reaper).await;
            assert_eq!(log(), "out\nerr\nporthole: user data ended, exit code 3\n");
            run_script(root, &config("a", "echo again"), &reaper).await;
            assert_eq!(log().lines().count(), 3);
            run_script(root, &config("b", "#!/bin/bash\necho \"${BASH_VERSION:+bash}\""), &reaper).await;
            assert_eq!(log().lines().skip(3).collect::<Vec<_>>(), ["bash", "porthole: user data ended, exit code 0"]);
            run_script(root, &config("c", "#!/no/such/program\n"), &reaper).await;
            assert!(log().lines().last().unwrap().contains("not started"), "{}", log());
        });
    }
}
