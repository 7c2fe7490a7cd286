//! Reads accounts, and makes the person's account where it is missing.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::process::Identity;

/// An account of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) identity: Identity,
    pub(crate) home: PathBuf,
    pub(crate) shell: String,
}

/// Finds an account by name in the files under `root`.
pub(crate) fn find(root: &Path, name: &str) -> Option<Account> {
    let passwd = read_lossy(&root.join("etc/passwd"));
    let fields = passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|f| f.len() >= 7 && f[0] == name)?;
    let gid = fields[3].parse().ok()?;
    let identity = Identity { uid: fields[2].parse().ok()?, gid, groups: groups_of(root, name, gid) };
    Some(Account { name: name.to_owned(), identity, home: PathBuf::from(fields[5]), shell: fields[6].to_owned() })
}

/// The account this process runs under, for displays without a person of their own.
pub(crate) fn own() -> Account {
    let uid = rustix::process::getuid().as_raw();
    let passwd = read_lossy(Path::new("/etc/passwd"));
    let line =
        passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|f| f.len() >= 7 && f[2].parse() == Ok(uid));
    let gid = rustix::process::getgid().as_raw();
    let identity = Identity { uid, gid, groups: Vec::new() };
    match line {
        Some(f) => Account { name: f[0].into(), identity, home: f[5].into(), shell: f[6].into() },
        None => Account { name: uid.to_string(), identity, home: "/".into(), shell: "/bin/sh".into() },
    }
}

fn groups_of(root: &Path, name: &str, gid: u32) -> Vec<u32> {
    let mut groups = vec![gid];
    for line in read_lossy(&root.join("etc/group")).lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if fields.len() >= 4 && fields[3].split(',').any(|member| member == name) {
            groups.extend(fields[2].parse::<u32>().ok().filter(|g| *g != gid));
        }
    }
    groups
}

/// Makes sure that the account exists, with a home filled from /etc/skel and passwordless sudo.
/// Uid and gid are 1000 where those are free.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn ensure(root: &Path, name: &str) -> io::Result<Account> {
    let account = match find(root, name) {
        Some(account) => account,
        None => {
            add(root, name)?;
            find(root, name).ok_or_else(|| io::Error::other("the account is still missing"))?
        }
    };
    let Identity { uid, gid, .. } = account.identity;
    let home = inside(root, &account.home);
    if !home.exists() {
        fs::create_dir_all(&home)?;
        let skeleton = root.join("etc/skel");
        if skeleton.is_dir() {
            copy_tree(&skeleton, &home, uid, gid)?;
        }
        fs::set_permissions(&home, fs::Permissions::from_mode(0o750))?;
        chown(&home, Some(uid), Some(gid))?;
    }
    let sudoers = root.join("etc/sudoers.d");
    if sudoers.is_dir() {
        let rule = format!("{name} ALL=(ALL) NOPASSWD:ALL\n");
        replace(&sudoers.join("90-porthole"), rule.as_bytes(), 0o440)?;
    }
    Ok(account)
}

fn add(root: &Path, name: &str) -> io::Result<()> {
    let uid = free_number(&root.join("etc/passwd"));
    let gid = free_number(&root.join("etc/group"));
    append(root, "etc/group", &format!("{name}:x:{gid}:"))?;
    append(root, "etc/passwd", &format!("{name}:x:{uid}:{gid}::/home/{name}:/bin/bash"))?;
    if root.join("etc/shadow").exists() {
        append(root, "etc/shadow", &format!("{name}:*:19700:0:99999:7:::"))?;
    }
    if root.join("etc/gshadow").exists() {
        append(root, "etc/gshadow", &format!("{name}:!::"))?;
    }
    Ok(())
}

/// The first number from 1000 on that no line of the file has.
fn free_number(file: &Path) -> u32 {
    let text = read_lossy(file);
    let taken: Vec<u32> = text.lines().filter_map(|l| l.split(':').nth(2)?.parse().ok()).collect();
    (1000..).find(|n| !taken.contains(n)).unwrap_or(1000)
}

fn append(root: &Path, file: &str, line: &str) -> io::Result<()> {
    let path = root.join(file);
    let mut text = read_lossy(&path);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let _ = writeln!(text, "{line}");
    let mode = fs::metadata(&path).map_or(0o644, |m| m.mode() & 0o7777);
    let owner = fs::metadata(&path).map(|m| (m.uid(), m.gid())).ok();
    replace(&path, text.as_bytes(), mode)?;
    if let Some((uid, gid)) = owner {
        chown(&path, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// Writes a file so that it is either the old one or the new one, never half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".porthole-new");
    let temporary = PathBuf::from(temporary);
    let _ = fs::remove_file(&temporary);
    fs::write(&temporary, bytes)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(mode))?;
    fs::rename(&temporary, path)
}

fn copy_tree(from: &Path, to: &Path, uid: u32, gid: u32) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir_all(&target)?;
            fs::set_permissions(&target, fs::metadata(&source)?.permissions())?;
            copy_tree(&source, &target, uid, gid)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
        }
        std::os::unix::fs::lchown(&target, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// Where an absolute path lies under `root`.
pub(crate) fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn read_lossy(path: &Path) -> String {
    fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        for folder in ["etc/skel/.config", "etc/sudoers.d", "home"] {
            fs::create_dir_all(root.join(folder)).expect("folder");
        }
        let files = [
            ("etc/passwd", "root:x:0:0:root:/root:/bin/bash"),
            ("etc/group", "root:x:0:\naudio:x:29:someone,lightsail-user\n"),
            ("etc/shadow", "root:*:1::::::\n"),
            ("etc/skel/.bashrc", "alias ll='ls -l'\n"),
            ("etc/skel/.config/a", "b"),
        ];
        for (name, text) in files {
            fs::write(root.join(name), text).expect("file");
        }
        dir
    }

    #[test]
    fn a_missing_account_is_made_once() {
        let dir = system();
        let root = dir.path();
        let account = ensure(root, "lightsail-user").expect("made");
        assert_eq!(account.identity, Identity { uid: 1000, gid: 1000, groups: vec![1000, 29] });
        assert_eq!(account.shell, "/bin/bash");
        let home = root.join("home/lightsail-user");
        assert_eq!(fs::read_to_string(home.join(".bashrc")).expect("copied"), "alias ll='ls -l'\n");
        assert_eq!(fs::metadata(home.join(".config/a")).expect("copied").uid(), 1000);
        let before = fs::read_to_string(root.join("etc/passwd")).expect("passwd");
        assert_eq!(before.lines().count(), 2);
        fs::write(home.join(".bashrc"), "mine").expect("write");
        assert_eq!(ensure(root, "lightsail-user").expect("found"), account);
        assert_eq!(fs::read_to_string(root.join("etc/passwd")).expect("passwd"), before);
        assert_eq!(fs::read_to_string(home.join(".bashrc")).expect("kept"), "mine");
        let sudoers = root.join("etc/sudoers.d/90-porthole");
        assert_eq!(fs::metadata(&sudoers).expect("written").mode() & 0o777, 0o440);
    }

    #[test]
    fn another_ones_number_is_not_taken() {
        let dir = system();
        append(dir.path(), "etc/passwd", "debian:x:1000:1000::/home/debian:/bin/bash").expect("append");
        let account = ensure(dir.path(), "lightsail-user").expect("made");
        assert_eq!((account.identity.uid, account.identity.gid), (1001, 1000));
    }
}
