//! What runs in a display: its D-Bus session and its command, with their environment.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::xserver::{Folders, XServer, find_program};
use crate::account::Account;
use crate::process::{Identity, Program};

/// Time a D-Bus daemon has to begin.
const BUS_TIME: Duration = Duration::from_secs(10);

/// Rights to start programs with: the account's, where that is not who we are already.
pub(crate) fn identity_for(account: &Account) -> Option<Identity> {
    let own = rustix::process::geteuid();
    (own.is_root() && account.identity.uid != own.as_raw()).then(|| account.identity.clone())
}

/// Starts a session bus of the display's own; returns its address once it listens. `None`: D-Bus is not installed.
///
/// # Errors
/// When it does not begin; the sentence is for a person.
pub(crate) async fn start_bus(
    folders: &Folders,
    account: &Account,
    started: impl FnOnce(Pid),
) -> Result<Option<String>, String> {
    let Some(program) = find_program("dbus-daemon") else { return Ok(None) };
    let failed = |e: std::io::Error| format!("The D-Bus session cannot be started: {e}.");
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    let writer = OwnedFd::from(writer);
    let address = format!("unix:path={}", folders.session.join("bus").display());
    let args = [
        "--session".to_owned(),
        "--nofork".to_owned(),
        "--nopidfile".to_owned(),
        format!("--address={address}"),
        format!("--print-address={}", writer.as_raw_fd()),
    ];
    // Services the bus starts get the variables of the bus.
    let envs = environment(account, &folders.runtime);
    let program = Program::new(program).args(args).envs(envs).identity(identity_for(account));
    started(program.folder(&account.home).descriptor(writer).dies_with_us().quiet().start().map_err(failed)?);
    let mut reader = pipe::Receiver::from_owned_fd(reader.into()).map_err(failed)?;
    let mut text = Vec::new();
    let answer = tokio::time::timeout(BUS_TIME, async {
        while !text.ends_with(b"\n") && text.len() < 1024 {
            if reader.read_buf(&mut text).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
        }
        Ok(())
    });
    match answer.await {
        Ok(Ok(())) => Ok(Some(String::from_utf8_lossy(&text).trim().to_owned())),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err("The D-Bus session did not become ready in time.".into()),
    }
}

/// The account's environment, without a display.
pub(crate) fn environment(account: &Account, runtime: &Path) -> Vec<(String, String)> {
    let mut envs: Vec<(String, String)> = system_environment();
    let mut set = |name: &str, value: String| {
        envs.retain(|(n, _)| n != name);
        envs.push((name.to_owned(), value));
    };
    set("HOME", account.home.display().to_string());
    set("USER", account.name.clone());
    set("LOGNAME", account.name.clone());
    set("SHELL", account.shell.clone());
    set("XDG_RUNTIME_DIR", runtime.display().to_string());
    set("XDG_SESSION_TYPE", "x11".into());
    set("XDG_SESSION_CLASS", "user".into());
    envs
}

/// What the system sets for everybody: /etc/environment and the locale, with defaults.
fn system_environment() -> Vec<(String, String)> {
    let mut envs = vec![("PATH".to_owned(), super::PATH.to_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())];
    for file in ["/etc/default/locale", "/etc/environment"] {
        let text = fs::read_to_string(file).unwrap_or_default();
        for (name, value) in text.lines().filter_map(assignment) {
            envs.retain(|(n, _)| *n != name);
            envs.push((name, value));
        }
    }
    envs
}

/// Reads `NAME=value` or `NAME="value"`; comments and nonsense give nothing.
fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(good) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value = value.trim();
    let bare = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(value);
    (!bare.contains('\0')).then(|| (name.to_owned(), bare.to_owned()))
}

/// Starts the display's command.
///
/// # Errors
/// When it cannot be started; the sentence is for a person.
pub(crate) fn start_command(
    command: &[String],
    name: &str,
    x: &XServer,
    bus: Option<&str>,
    account: &Account,
    runtime: &Path,
) -> Result<Pid, String> {
    let (program, args) = command.split_first().ok_or("The display has no command.")?;
    let mut envs = environment(account, runtime);
    envs.push(("DISPLAY".into(), format!(":{}", x.number)));
    envs.push(("XAUTHORITY".into(), x.authority.display().to_string()));
    envs.push(("PORTHOLE_DISPLAY".into(), name.to_owned()));
    if let Some(address) = bus {
        envs.push(("DBUS_SESSION_BUS_ADDRESS".into(), address.to_owned()));
    }
    let home = if account.home.is_dir() { account.home.clone() } else { PathBuf::from("/") };
    Program::new(program)
        .args(args.iter().cloned())
        .envs(envs)
        .identity(identity_for(account))
        .folder(home)
        .start()
        .map_err(|e| format!("The application {program} cannot be started: {e}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_like_a_login_does() {
        let pair = |n: &str, v: &str| Some((n.to_owned(), v.to_owned()));
        assert_eq!(assignment("LANG=\"de_DE.UTF-8\""), pair("LANG", "de_DE.UTF-8"));
        assert_eq!(assignment("  export A_1='x y'"), pair("A_1", "x y"));
        assert_eq!(assignment("# LANG=C"), None);
        assert_eq!(assignment("1A=b"), None);
        assert_eq!(assignment("no assignment"), None);
    }
}
