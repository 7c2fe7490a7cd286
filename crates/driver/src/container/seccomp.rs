//! The instances' seccomp profile, from the list in `syscalls.txt`.
//!
//! Left out on purpose, besides what `syscalls.txt` refuses: io_uring and userfaultfd (a history of holes, and every
//! program falls back), the newer mount calls (the older ones suffice), and sockets of unusual families, which load
//! seldom-tested kernel modules or, as vsock does, reach around the network.

use serde_json::{Value, json};

const LIST: &str = include_str!("syscalls.txt");
const ENOSYS: u32 = 38;
const EPERM: u32 = 1;
/// Unix, IPv4, IPv6, netlink, packet.
const SOCKET_FAMILIES: [u32; 5] = [1, 2, 10, 16, 17];

/// Gives the groups of the list: their reason and their names.
fn groups() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let lines = LIST.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(':')).map(|(why, names)| (why, names.split_whitespace().collect()))
}

/// Writes the profile as the OCI runtime reads it.
pub(crate) fn profile() -> Value {
    let rule = |(why, names): (&str, Vec<&str>)| match why.starts_with("refused") {
        true => json!({"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM}),
        false => json!({"names": names, "action": "SCMP_ACT_ALLOW"}),
    };
    let mut rules: Vec<Value> = groups().map(rule).collect();
    for family in SOCKET_FAMILIES {
        let args = json!([{"index": 0, "value": family, "op": "SCMP_CMP_EQ"}]);
        rules.push(json!({"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": args}));
    }
    let architectures: &[&str] = match std::env::consts::ARCH {
        "aarch64" => &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        _ => &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    };
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENOSYS,
        "architectures": architectures,
        "syscalls": rules,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_is_listed_twice_and_none_is_both_allowed_and_refused() {
        let mut seen = BTreeSet::new();
        for (_, names) in groups() {
            for name in names {
                assert!(seen.insert(name), "{name} is listed twice");
            }
        }
        assert!(seen.len() > 300);
    }

    #[test]
    fn what_is_left_out_stays_out() {
        let all: BTreeSet<&str> = groups().flat_map(|(_, names)| names).collect();
        for name in ["io_uring_setup", "userfaultfd", "fsopen", "move_mount", "socket", "socketcall"] {
            assert!(!all.contains(name), "{name}");
        }
    }
}
