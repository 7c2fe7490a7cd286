//! What reaches an instance from outside: its ports, its public address; and what of the site it reaches itself.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use porthole_driver::{Driver, InstanceNetwork, Networking};
use porthole_model::{
    guest::Metadata,
    instance::AddressType,
    ports::{Asked, CONNECT_ALIAS, Protocol, Rule},
};

use crate::{
    isolation::{Outside, connect, listen},
    support::{Container, GRACE, run, spec},
};

const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

/// A rule for one port from some networks; everywhere when none is named.
fn rule(protocol: Protocol, port: i32, cidrs: &[&str]) -> Rule {
    let cidrs: Vec<String> = cidrs.iter().map(|&cidr| cidr.to_owned()).collect();
    let to = if protocol == Protocol::Tcp { port } else { -1 };
    Rule::new(protocol, &Asked { from: Some(port), to: Some(to), cidrs: &cidrs, ..Asked::default() }).unwrap()
}

fn ports(rules: &[Rule]) -> InstanceNetwork {
    InstanceNetwork { ports: rules.to_vec(), ..InstanceNetwork::default() }
}

/// Whether the far machine gets a connection.
fn from_far(outside: &Outside, to: impl Into<IpAddr>, port: u16) -> bool {
    let to = to.into();
    let script = format!("import socket; socket.create_connection(('{to}', {port}), 1)");
    run("ip", &["netns", "exec", &outside.namespace, "python3", "-c", &script]).status.success()
}

/// Whether the far machine's echo request is answered. The host may have no `ping`.
fn ping_from_far(outside: &Outside, to: Ipv4Addr) -> bool {
    let script = format!(
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\ns.settimeout(1)\n\
         s.sendto(bytes([8, 0, 0xf7, 0xfe, 0, 0, 0, 1]), ('{to}', 0))\n\
         while s.recv(100)[20] != 0: pass"
    );
    run("ip", &["netns", "exec", &outside.namespace, "python3", "-c", &script]).status.success()
}

fn from_host(to: impl Into<IpAddr>, port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from((to.into(), port)), Duration::from_secs(1)).is_ok()
}

fn with_way_in() -> Outside {
    let outside = Outside::new();
    let route = ["-n", &outside.namespace, "route", "add", "default", "via", Outside::HOST];
    assert!(run("ip", &route).status.success());
    outside
}

#[tokio::test(flavor = "multi_thread")]
async fn port_rules_are_what_the_outside_meets() {
    let container = Container::new("good");
    let outside = with_way_in();
    let driver = container.open().await;
    for spec in [spec("one", "a", 2), spec("mate", "a", 3)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    let one = driver.address(2);
    for port in [443, 7000] {
        listen(&container, "one", port).await;
    }
    assert!(from_far(&outside, one, 443) && from_host(one, 443), "open by default");
    assert!(!from_far(&outside, one, 7000) && !from_host(one, 7000), "closed by default");
    assert!(!ping_from_far(&outside, one));
    assert_eq!(connect(&container, "mate", one, 7000), "open", "mates need no rule");

    let far = [rule(Protocol::Tcp, 7000, &[Outside::FAR]), rule(Protocol::Icmp, 8, &[])];
    assert!(driver.set_network("one", &ports(&far)).await.unwrap());
    assert!(!driver.set_network("one", &ports(&far)).await.unwrap(), "the second time changes nothing");
    assert!(from_far(&outside, one, 7000) && ping_from_far(&outside, one));
    assert!(!from_far(&outside, one, 443) && !from_host(one, 7000) && !from_host(one, 443));

    // Another server finds the rules in force, and a later start of the instance too.
    drop(driver);
    let driver = container.open().await;
    assert!(from_far(&outside, one, 7000) && !from_host(one, 7000));
    driver.stop("one", GRACE).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    listen(&container, "one", 7000).await;
    assert!(from_far(&outside, one, 7000) && !from_host(one, 7000));

    let alias = [CONNECT_ALIAS.to_owned()];
    let host = Rule::new(Protocol::All, &Asked { aliases: &alias, ..Asked::default() }).unwrap();
    driver.set_network("one", &ports(&[host])).await.unwrap();
    assert!(from_host(one, 7000) && !from_far(&outside, one, 7000));
    driver.set_network("one", &ports(&[])).await.unwrap();
    assert!(!from_host(one, 7000));
    assert!(!driver.set_network("absent", &ports(&[])).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_address_leads_to_its_instance_and_goes_with_it() {
    let container = Container::new("good");
    let outside = with_way_in();
    let driver = container.open().await;
    for spec in [spec("one", "a", 2), spec("mate", "a", 3)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    let on_host = || String::from_utf8(run("ip", &["-4", "address"]).stdout).unwrap().contains("203.0.113.7/32");
    listen(&container, "one", 443).await;
    assert!(!from_far(&outside, PUBLIC, 443) && !on_host());
    let public = InstanceNetwork { public_address: Some(PUBLIC), ..InstanceNetwork::default() };
    driver.set_network("one", &public).await.unwrap();
    assert!(on_host());
    assert!(from_far(&outside, PUBLIC, 443) && from_host(PUBLIC, 443));
    assert!(!from_far(&outside, PUBLIC, 7000));
    assert_eq!(connect(&container, "mate", PUBLIC, 443), "open");
    assert_eq!(seen_by_far(&container, &outside), PUBLIC.to_string(), "it calls from its own address");

    driver.stop("one", GRACE).await.unwrap();
    assert!(!on_host());
    driver.start(&spec("one", "a", 2)).await.unwrap();
    assert!(on_host());
    driver.set_network("one", &InstanceNetwork::default()).await.unwrap();
    assert!(!on_host());
    driver.set_network("one", &public).await.unwrap();
    for id in ["one", "mate"] {
        driver.delete(id).await.unwrap();
    }
    assert!(!on_host());
}

/// The address the far machine sees an instance call from.
fn seen_by_far(container: &Container, outside: &Outside) -> String {
    let server = "import socket\ns = socket.create_server(('0.0.0.0', 7003))\nprint('up', flush=True)\n\
                  c, a = s.accept(); c.sendall(a[0].encode())";
    let mut far = Command::new("ip")
        .args(["netns", "exec", &outside.namespace, "python3", "-c", server])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(far.stdout.as_mut().unwrap()), &mut line).unwrap();
    let call =
        format!("import socket; print(socket.create_connection(('{}', 7003), 5).recv(99).decode())", Outside::FAR);
    let (_, seen) = container.inside("one", &format!("python3 -c \"{call}\""));
    // It has ended by itself if the call came.
    let _ = far.kill();
    far.wait().unwrap();
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_instances_network_serves_without_a_pool() {
    let mut container = Container::new("good");
    container.config.network = Some("10.207.0.0/16".to_owned());
    let driver = container.open().await;
    for spec in [spec("one", "a", 2), spec("mate", "a", 3), spec("other", "b", 4)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    listen(&container, "one", 443).await;
    let address = driver.reserved_address(0).unwrap();
    assert_eq!(address, Ipv4Addr::new(10, 207, 255, 0));
    assert!(!from_host(address, 443));
    let public = InstanceNetwork { public_address: Some(address), ..InstanceNetwork::default() };
    driver.set_network("one", &public).await.unwrap();
    assert!(from_host(address, 443));
    assert_eq!(connect(&container, "mate", address, 443), "open");
    assert_eq!(connect(&container, "other", address, 443), "timed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_is_for_peered_accounts() {
    let mut container = Container::new("good");
    container.config.site_networks = vec!["198.51.100.0/24".parse().unwrap()];
    let outside = with_way_in();
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    listen(&container, "one", 443).await;
    let ping = format!("ping -c1 -W1 {}", Outside::FAR);
    assert_ne!(container.inside("one", &ping).0, 0);
    assert!(from_far(&outside, driver.address(2), 443), "answers are no connections of its own");
    driver.set_network("one", &InstanceNetwork { site: true, ..InstanceNetwork::default() }).await.unwrap();
    container.inside_ok("one", &ping);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_told_its_metadata_and_has_the_address() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    let entries = [("meta-data/instance-id".to_owned(), "i-1".to_owned())].into();
    let metadata = Metadata { entries, ..Metadata::default() };
    let wanted = InstanceNetwork { metadata: Some(metadata.clone()), ..InstanceNetwork::default() };
    driver.set_network("one", &wanted).await.unwrap();
    driver.start(&one).await.unwrap();
    let boot: serde_json::Value =
        serde_json::from_str(&container.inside_ok("one", "cat /run/porthole/boot.json")).unwrap();
    assert_eq!(serde_json::from_value::<Metadata>(boot["metadata"].clone()).unwrap(), metadata);
    assert!(container.inside_ok("one", "ip -4 address show dev lo").contains("169.254.169.254/32"));
}

/// Addresses of the stretch between host and far machine that only these tests have (RFC 3849).
const HOST_V6: &str = "2001:db8:f00d::1";
const FAR_V6: &str = "2001:db8:f00d::2";

fn with_way_in_by_ipv6() -> Outside {
    let outside = with_way_in();
    for command in [
        format!("-6 address add {HOST_V6}/64 dev {} nodad", outside.link),
        format!("-n {} -6 address add {FAR_V6}/64 dev far nodad", outside.namespace),
        format!("-n {} -6 route add default via {HOST_V6}", outside.namespace),
    ] {
        let output = run("ip", &command.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    outside
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_has_the_same_walls_and_doors() {
    let container = Container::new("good");
    let outside = with_way_in_by_ipv6();
    let driver = container.open().await;
    for spec in [spec("one", "a", 2), spec("mate", "a", 3), spec("other", "b", 4)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    let [one, mate] = [2, 3].map(|index| driver.address6(index).unwrap());
    for port in [443, 7000] {
        listen(&container, "one", port).await;
    }
    assert!(from_host(one, 443) && from_far(&outside, one, 443), "open by default");
    assert!(!from_host(one, 7000) && !from_far(&outside, one, 7000), "closed by default");
    assert_eq!(connect(&container, "mate", one, 7000), "open", "mates need no rule");
    assert_eq!(connect(&container, "other", one, 443), "timed out");
    let far: IpAddr = FAR_V6.parse().unwrap();
    assert_eq!(connect(&container, "one", far, 9), "[Errno 111] Connection refused", "the way out is open");

    // The host's own addresses are nothing to an instance, nor is another's address.
    let gateway = Ipv6Addr::from_bits(one.to_bits() - 1);
    for host in [IpAddr::V6(gateway), HOST_V6.parse().unwrap()] {
        assert_eq!(connect(&container, "one", host, 22), "timed out", "{host}");
    }
    let borrowed = Ipv6Addr::from_bits(one.to_bits() + 0x100);
    let init = container.init("other").to_string();
    for command in [
        format!("address add {borrowed}/128 dev eth0 nodad"),
        format!("route replace default via {gateway} src {borrowed} dev eth0"),
    ] {
        let words = ["-t", init.as_str(), "-n", "ip", "-6"].into_iter().chain(command.split(' '));
        assert!(run("nsenter", &words.collect::<Vec<_>>()).status.success(), "{command}");
    }
    assert_eq!(connect(&container, "other", far, 9), "timed out", "a made-up address passes no port");
    assert_eq!(container.inside_ok("mate", "ip -6 -o address show dev eth0 | wc -l"), "1", "{mate} alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_address_change_while_the_instance_runs() {
    let container = Container::new("good");
    let outside = with_way_in_by_ipv6();
    let driver = container.open().await;
    for spec in [spec("one", "a", 2), spec("mate", "a", 3)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    let (v4, v6) = (driver.address(2), driver.address6(2).unwrap());
    listen(&container, "one", 443).await;
    let set = |addresses| InstanceNetwork { addresses, ..InstanceNetwork::default() };

    driver.set_network("one", &set(AddressType::Ipv4)).await.unwrap();
    assert!(from_host(v4, 443) && !from_host(v6, 443));
    assert_eq!(container.inside_ok("one", "ip -6 address show dev eth0"), "");

    driver.set_network("one", &set(AddressType::Ipv6)).await.unwrap();
    assert!(!from_host(v4, 443) && from_host(v6, 443) && from_far(&outside, v6, 443));
    assert_eq!(connect(&container, "one", FAR_V6.parse::<IpAddr>().unwrap(), 9), "[Errno 111] Connection refused");
    assert_eq!(connect(&container, "one", Outside::FAR.parse::<Ipv4Addr>().unwrap(), 9), "timed out");
    assert_eq!(connect(&container, "mate", v4, 443), "open", "mates keep the private address");

    // A later start and another server find it so.
    driver.stop("one", GRACE).await.unwrap();
    driver.start(&spec("one", "a", 2)).await.unwrap();
    drop(driver);
    let driver = container.open().await;
    listen(&container, "one", 443).await;
    assert!(!from_host(v4, 443) && from_host(v6, 443));
    driver.set_network("one", &set(AddressType::Dualstack)).await.unwrap();
    assert!(from_host(v4, 443) && from_host(v6, 443));
    driver.delete("one").await.unwrap();
    let known = String::from_utf8(run("ip", &["-6", "neigh", "show", "nud", "permanent"]).stdout).unwrap();
    assert!(!known.contains(&v6.to_string()), "{known}");
}
