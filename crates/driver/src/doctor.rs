//! What this machine has of what instances need: looked at, and tried where trying is harmless.

use std::{fs, os::fd::OwnedFd, path::Path, time::Duration};

use rustix::{
    fs::statvfs,
    mount::{FsOpenFlags, fsopen},
    process::geteuid,
    system::uname,
};

use crate::{
    container::{cgroup_layout, firewall_check_document},
    process::{Run, find_program},
    sys,
};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All is as it should be.
    Ok,
    /// Works, with a loss that [`Check::cost`] names.
    Warning,
    /// Something Porthole does not work without.
    Missing,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How serious it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What the machine cannot do because of it; empty when all is well.
    pub cost: &'static str,
    /// What to do about it; empty when all is well.
    pub mend: String,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, level: Level::Ok, found: found.into(), cost: "", mend: String::new() }
    }

    fn bad(
        name: &'static str,
        level: Level,
        found: impl Into<String>,
        cost: &'static str,
        mend: impl Into<String>,
    ) -> Self {
        Self { name, level, found: found.into(), cost, mend: mend.into() }
    }

    /// Ok, or the given level with its cost and mend.
    fn of(name: &'static str, fine: bool, found: String, level: Level, cost: &'static str, mend: &str) -> Self {
        if fine { Self::ok(name, found) } else { Self::bad(name, level, found, cost, mend) }
    }
}

const NO_INSTANCES: &str = "no instance can run";
const NO_IMAGES: &str = "no image can be built here; built ones can be copied into the images folder";
/// The first kernel whose overlayfs takes an id-mapped lower layer.
const KERNEL_LEAST: (u32, u32) = (5, 19);
const GIB: u64 = 1 << 30;

/// Looks at everything. Takes well under a second, starts nothing that stays, changes nothing (a kernel module may be
/// loaded, as the first instance would do).
#[must_use]
pub fn checks(state_dir: &Path, images_dir: &Path) -> Vec<Check> {
    let mut all = vec![root(), kernel(), cgroups()];
    all.extend(["overlay", "erofs", "ext4"].map(filesystem));
    all.extend([user_namespaces(), sandboxes(), seccomp(), loop_devices(), kvm()]);
    all.extend([firewall(), forward_policy(), ip_forward()]);
    all.extend([runtime(), program("mkfs.ext4", "e2fsprogs", NO_INSTANCES, Level::Missing)]);
    all.push(program("mkfs.erofs", "erofs-utils", NO_IMAGES, Level::Warning));
    all.push(program("mmdebstrap", "mmdebstrap", NO_IMAGES, Level::Warning));
    all.push(disk("state folder's disk", state_dir));
    all.push(disk("images folder's disk", images_dir));
    all
}

fn root() -> Check {
    let is = geteuid().is_root();
    let found = if is { "root" } else { "an ordinary user" };
    Check::of("user", is, found.into(), Level::Missing, NO_INSTANCES, "Run it as root, or through sudo.")
}

fn kernel() -> Check {
    let release = uname().release().to_string_lossy().into_owned();
    let fine = version(&release).is_some_and(|version| version >= KERNEL_LEAST);
    let mend = "Use Linux 5.19 or later (Debian 12 and Ubuntu 24.04 have it).";
    Check::of("kernel", fine, format!("Linux {release}"), Level::Missing, NO_INSTANCES, mend)
}

/// Reads the first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn cgroups() -> Check {
    const NAME: &str = "cgroups";
    let (layout, controllers) = cgroup_layout();
    let absent: Vec<&str> = ["cpu", "memory", "pids"].into_iter().filter(|c| !controllers.contains(*c)).collect();
    if absent.is_empty() {
        return Check::ok(NAME, layout);
    }
    let found = format!("{layout}, without {}", absent.join(", "));
    Check::bad(NAME, Level::Missing, found, NO_INSTANCES, "Boot with these controllers enabled (cgroup_enable=memory).")
}

fn filesystem(kind: &'static str) -> Check {
    let opened = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).map(drop);
    let found = opened.as_ref().map_or_else(ToString::to_string, |()| "available".to_owned());
    let mend = format!("Use a kernel with {kind}: on Ubuntu, install linux-modules-extra-$(uname -r).");
    Check::of(kind, opened.is_ok(), found, Level::Missing, NO_INSTANCES, &mend)
}

fn user_namespaces() -> Check {
    let made = sys::user_namespace(65_536 * 17, 65_536).map(drop::<OwnedFd>);
    let found = made.as_ref().map_or_else(ToString::to_string, |()| "can be made".to_owned());
    let mend = "Set user.max_user_namespaces above 0 with sysctl.";
    Check::of("user namespaces", made.is_ok(), found, Level::Missing, NO_INSTANCES, mend)
}

fn sandboxes() -> Check {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    let restricted =
        read("apparmor_restrict_unprivileged_userns").trim() == "1" || read("unprivileged_userns_clone").trim() == "0";
    let found = if restricted { "unprivileged user namespaces are restricted" } else { "unrestricted" };
    let cost = "browsers and other programs in instances run without their own inner sandbox, or refuse to start";
    let mend = "sysctl kernel.apparmor_restrict_unprivileged_userns=0 (or kernel.unprivileged_userns_clone=1), and put \
                it into /etc/sysctl.d.";
    Check::of("nested sandboxes", !restricted, found.into(), Level::Warning, cost, mend)
}

fn seccomp() -> Check {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    let fine = actions.split_whitespace().any(|action| action == "errno");
    let found = if fine { "available" } else { "absent" };
    let mend = "Use a kernel with CONFIG_SECCOMP_FILTER.";
    Check::of("seccomp", fine, found.into(), Level::Missing, NO_INSTANCES, mend)
}

fn loop_devices() -> Check {
    let opened = fs::File::open("/dev/loop-control");
    let found = opened.as_ref().map_or_else(ToString::to_string, |_| "available".to_owned());
    let mend = "Load the loop module: modprobe loop.";
    Check::of("loop devices", opened.is_ok(), found, Level::Missing, NO_INSTANCES, mend)
}

fn kvm() -> Check {
    let there = Path::new("/dev/kvm").exists();
    let found = match there {
        true => "/dev/kvm is there, which proves nothing: only a test boot shows whether guests run",
        false => "no /dev/kvm; containers do not need it",
    };
    Check::ok("KVM", found)
}

fn firewall() -> Check {
    const NAME: &str = "nftables";
    let mend = "Install nftables, and use a kernel with nf_tables for the inet and bridge families, nat and fib.";
    let document = firewall_check_document().into_bytes();
    let tried = Run::new("nft").args(["--check", "-f", "-"]).input(document).limit(Duration::from_secs(10)).run();
    match tried {
        Ok(_) => Check::ok(NAME, "takes Porthole's rules"),
        Err(error) => Check::bad(NAME, Level::Missing, error.to_string(), NO_INSTANCES, mend),
    }
}

/// Container engines set the host's forward chain to drop, and accept their own traffic only.
fn forward_policy() -> Check {
    const NAME: &str = "forwarding rules of others";
    let listed = Run::new("nft").args(["-j", "list", "chains"]).limit(Duration::from_secs(10)).run();
    let chains: serde_json::Value = listed.ok().and_then(|out| serde_json::from_slice(&out).ok()).unwrap_or_default();
    let chains = chains["nftables"].as_array().cloned().unwrap_or_default();
    let dropping = chains.iter().map(|object| &object["chain"]).find(|chain| {
        let ours = chain["table"].as_str().is_some_and(|table| table.starts_with("porthole_"));
        chain["hook"] == "forward" && chain["policy"] == "drop" && !ours
    });
    let Some(chain) = dropping else {
        return Check::ok(NAME, "none that drop by default");
    };
    let found = format!("chain {} of table {} drops what it does not know", chain["name"], chain["table"]);
    let mend = "Let Porthole's bridges through, for example with Docker: iptables -I DOCKER-USER -i ph-+ -j ACCEPT; \
                iptables -I DOCKER-USER -o ph-+ -j ACCEPT. Porthole's own rules still apply.";
    Check::bad(NAME, Level::Warning, found, "instances cannot reach the network or one another", mend)
}

fn ip_forward() -> Check {
    let on = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap_or_default().trim() == "1";
    let found = match on {
        true => "on",
        false => "off; the first instance turns it on (net.ipv4.ip_forward=1), and it stays on",
    };
    Check::ok("IP forwarding", found)
}

fn runtime() -> Check {
    const NAME: &str = "OCI runtime";
    const INSTALL: &str = "Install runc: apt install runc.";
    let version = |program: &str| {
        let text = Run::new(program).arg("--version").limit(Duration::from_secs(5)).run().ok()?;
        Some(String::from_utf8_lossy(&text).lines().next()?.to_owned())
    };
    if find_program("runc").is_some() {
        return match version("runc") {
            Some(version) => Check::ok(NAME, version),
            None => Check::bad(NAME, Level::Missing, "runc does not run", NO_INSTANCES, INSTALL),
        };
    }
    let legacy = cgroup_layout().0.contains("version 1");
    match version("crun") {
        Some(version) if !legacy => Check::ok(NAME, version),
        Some(version) => {
            let found = format!("{version}, which does not take this machine's cgroup layout");
            Check::bad(NAME, Level::Missing, found, NO_INSTANCES, INSTALL)
        }
        None => Check::bad(NAME, Level::Missing, "neither runc nor crun", NO_INSTANCES, INSTALL),
    }
}

fn program(name: &'static str, package: &str, cost: &'static str, level: Level) -> Check {
    let path = find_program(name);
    let found = path.as_ref().map_or_else(|| "not installed".to_owned(), |path| path.display().to_string());
    Check::of(name, path.is_some(), found, level, cost, &format!("Install it: apt install {package}."))
}

/// The disk a folder is on or will be on.
fn disk(name: &'static str, folder: &Path) -> Check {
    let there = folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let Ok(stat) = statvfs(there) else {
        return Check::bad(name, Level::Missing, "cannot be read", NO_INSTANCES, "Choose another folder.");
    };
    let free = stat.f_bavail * stat.f_frsize;
    let found = format!("{} GiB free for {}", free / GIB, folder.display());
    let mend = "Free some space, or choose a folder on a larger disk.";
    match free {
        0..GIB => Check::bad(name, Level::Missing, found, "neither images nor instances fit", mend),
        free if free < 10 * GIB => Check::bad(
            name,
            Level::Warning,
            found,
            "few images and instances fit; their disks grow as they are used",
            mend,
        ),
        _ => Check::ok(name, found),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn kernel_versions_are_read() {
        assert_eq!(version("6.1.0-13-amd64"), Some((6, 1)));
        assert_eq!(version("5.19-rc1"), Some((5, 19)));
        assert_eq!(version("odd"), None);
    }

    #[test]
    fn every_finding_that_is_not_ok_says_what_it_costs_and_how_to_mend_it() {
        let all = checks(Path::new("/nonexistent/state"), Path::new("/"));
        assert!(all.len() >= 18);
        for check in &all {
            assert!(!check.found.is_empty(), "{check:?}");
            assert_eq!(check.level == Level::Ok, check.cost.is_empty() && check.mend.is_empty(), "{check:?}");
        }
        let level = |name: &str| all.iter().find(|check| check.name == name).unwrap().level;
        // This suite runs instances, so what they need is here.
        for name in ["user", "kernel", "cgroups", "overlay", "erofs", "user namespaces", "nftables", "OCI runtime"] {
            assert_eq!(level(name), Level::Ok, "{name}");
        }
    }
}
