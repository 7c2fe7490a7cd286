//! Which name servers instances ask: the host's own, where an instance can reach them.

use std::{fs, net::Ipv4Addr, path::Path};

/// Where the real servers are written when /etc/resolv.conf names a resolver on the host's loopback.
const UPSTREAM_FILES: [&str; 2] = ["/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf"];
/// Asked when the host names none that an instance can reach: two independent public resolvers.
const FALLBACK: [Ipv4Addr; 2] = [Ipv4Addr::new(9, 9, 9, 9), Ipv4Addr::new(1, 1, 1, 1)];
/// More than three are ignored by resolvers.
const MOST: usize = 3;

/// Reads the servers as they are now.
pub(crate) fn nameservers() -> Vec<Ipv4Addr> {
    let files = ["/etc/resolv.conf"].iter().chain(&UPSTREAM_FILES);
    let texts: Vec<String> = files.map(|file| fs::read_to_string(Path::new(file)).unwrap_or_default()).collect();
    choose(texts.iter().map(String::as_str))
}

/// Takes the servers of the first file that names any reachable one.
fn choose<'a>(files: impl Iterator<Item = &'a str>) -> Vec<Ipv4Addr> {
    let mut usable = files.map(parse).filter(|servers| !servers.is_empty());
    usable.next().unwrap_or_else(|| FALLBACK.to_vec())
}

/// Gives the IPv4 servers of a resolv.conf that are not on the host's loopback.
fn parse(text: &str) -> Vec<Ipv4Addr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let servers = lines.filter_map(|rest| rest.trim().parse::<Ipv4Addr>().ok());
    servers.filter(|server| !server.is_loopback() && !server.is_unspecified()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_resolvers_lead_to_their_upstream_file() {
        let stub = "# made by a program\nnameserver 127.0.0.53\noptions edns0\n";
        let real = "nameserver 192.0.2.7\nnameserver fd00::1\n nameserver 192.0.2.8 \n";
        let servers = [Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(192, 0, 2, 8)];
        assert_eq!(choose([stub, "", real].into_iter()), servers);
        assert_eq!(choose([real, stub].into_iter()), servers);
    }

    #[test]
    fn public_resolvers_are_the_last_resort() {
        assert_eq!(choose(["nameserver ::1", ""].into_iter()), FALLBACK);
    }
}
