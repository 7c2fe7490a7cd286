//! IPv6 of instances: their prefix, and what an instance and its host know of each other.
//!
//! Every instance has one address, the prefix with its lease's number. Nobody asks who has which: both sides are told,
//! so that no instance can answer for another, and the port of an instance lets nothing through but its own address.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    net::{IpAddr, Ipv6Addr},
    path::Path,
    str::FromStr,
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType},
};
use sha2::{Digest, Sha256};

use super::netlink::Netlink;

const SETTINGS: &str = "/proc/sys/net/ipv6/conf";
const PREFIX_LEN: u8 = 64;

/// Whether this host's kernel speaks IPv6.
pub(crate) fn is_spoken() -> bool {
    Path::new(SETTINGS).exists()
}

/// The /64 network instances have their IPv6 addresses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    base: u128,
}

impl Prefix {
    /// Derives a unique local prefix (RFC 4193) that this server has on this machine and hardly anyone elsewhere.
    pub(crate) fn unique_local(machine: &str, server: &str) -> Self {
        let digest = Sha256::new().chain_update(machine).chain_update([0]).chain_update(server).finalize();
        let mut octets = [0; 16];
        octets[0] = 0xfd;
        octets[1..6].copy_from_slice(&digest[..5]);
        Self { base: u128::from_be_bytes(octets) }
    }

    /// Whether the world cannot have a route to it, so that connections outward need the host's own address.
    pub(crate) fn is_local(self) -> bool {
        Ipv6Addr::from_bits(self.base).is_unique_local()
    }

    /// The bridge's address: the first.
    pub(crate) fn gateway(self) -> Ipv6Addr {
        self.address(1)
    }

    /// The address of an instance with this index.
    pub(crate) fn address(self, index: u32) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.base | u128::from(index))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{PREFIX_LEN}", Ipv6Addr::from_bits(self.base))
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is not an IPv6 network like 2001:db8:1:2::/64");
        let address: Ipv6Addr = text.strip_suffix("/64").ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
        let base = address.to_bits();
        let usable = !address.is_multicast() && !address.is_unicast_link_local() && base >> PREFIX_LEN != 0;
        if usable && base << PREFIX_LEN == 0 { Ok(Self { base }) } else { Err(wrong()) }
    }
}

/// What an instance is told of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inside {
    /// Its address.
    pub(crate) address: Ipv6Addr,
    /// The bridge's address.
    pub(crate) gateway: Ipv6Addr,
    /// The bridge's interface address.
    pub(crate) gateway_mac: [u8; 6],
}

fn set(interface: &str, setting: &str, value: &str) -> io::Result<()> {
    fs::write(format!("{SETTINGS}/{interface}/{setting}"), value)
}

/// Takes IPv6 from an interface of the calling thread's network namespace, with its addresses and routes.
pub(crate) fn refuse(interface: &str) -> io::Result<()> {
    match set(interface, "disable_ipv6", "1") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Lets an interface have the addresses it is told, and no other: none made up, none advertised.
fn allow(interface: &str) -> io::Result<()> {
    for (setting, value) in [("accept_ra", "0"), ("addr_gen_mode", "1"), ("disable_ipv6", "0")] {
        set(interface, setting, value)?;
    }
    Ok(())
}

/// Gives the bridge its address.
pub(crate) fn ensure_bridge(netlink: &mut Netlink, name: &str, number: u32, prefix: Prefix) -> io::Result<()> {
    allow(name)?;
    add_address(netlink, number, prefix.gateway(), PREFIX_LEN)
}

/// Gives the instance in whose network namespace the thread is its address and its way out; fine when it has them.
pub(crate) fn enable(netlink: &mut Netlink, name: &str, number: u32, inside: &Inside) -> io::Result<()> {
    allow(name)?;
    add_address(netlink, number, inside.address, 128)?;
    add_neighbour(netlink, number, inside.gateway, inside.gateway_mac)?;
    add_route(netlink, number, Some(inside.gateway), None)?;
    add_route(netlink, number, None, Some(inside.gateway))
}

/// Lets the loopback interface have IPv6, with one more address.
pub(crate) fn enable_loopback(netlink: &mut Netlink, number: u32, more: Ipv6Addr) -> io::Result<()> {
    set("lo", "disable_ipv6", "0")?;
    add_address(netlink, number, more, 128)
}

fn add_address(netlink: &mut Netlink, interface: u32, address: Ipv6Addr, prefix_len: u8) -> io::Result<()> {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet6;
    message.header.prefix_len = prefix_len;
    message.header.scope = AddressScope::Universe;
    message.header.index = interface;
    // It is ours by our own book: nobody needs to be asked before it is used.
    message.header.flags = AddressHeaderFlags::Nodad;
    message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    message.attributes.push(AddressAttribute::Local(IpAddr::V6(address)));
    message.attributes.push(AddressAttribute::Address(IpAddr::V6(address)));
    netlink.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE)
}

/// Adds a route to one address on the link (`to`), or to everywhere through a gateway (`via`).
fn add_route(netlink: &mut Netlink, interface: u32, to: Option<Ipv6Addr>, via: Option<Ipv6Addr>) -> io::Result<()> {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet6;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Boot;
    message.header.kind = RouteType::Unicast;
    message.header.scope = RouteScope::Universe;
    if let Some(to) = to {
        message.header.destination_prefix_length = 128;
        message.attributes.push(RouteAttribute::Destination(RouteAddress::Inet6(to)));
    }
    if let Some(via) = via {
        message.attributes.push(RouteAttribute::Gateway(RouteAddress::Inet6(via)));
    }
    message.attributes.push(RouteAttribute::Oif(interface));
    netlink.change(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_REPLACE)
}

fn neighbour(interface: u32, address: Ipv6Addr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet6;
    message.header.ifindex = interface;
    message.attributes.push(NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)));
    message
}

fn add_neighbour(netlink: &mut Netlink, interface: u32, address: Ipv6Addr, mac: [u8; 6]) -> io::Result<()> {
    let mut message = neighbour(interface, address);
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
    netlink.change(RouteNetlinkMessage::NewNeighbour(message), NLM_F_CREATE | NLM_F_REPLACE)
}

/// Makes sure that the host knows exactly these neighbours on its bridge.
pub(crate) fn ensure_neighbours(
    netlink: &mut Netlink,
    bridge: u32,
    wanted: &BTreeMap<Ipv6Addr, [u8; 6]>,
) -> io::Result<()> {
    let mut question = NeighbourMessage::default();
    question.header.family = AddressFamily::Inet6;
    let mut known = BTreeMap::new();
    for object in netlink.dump(RouteNetlinkMessage::GetNeighbour(question))? {
        let RouteNetlinkMessage::NewNeighbour(found) = object else { continue };
        if found.header.ifindex != bridge || found.header.state != NeighbourState::Permanent {
            continue;
        }
        let (mut address, mut mac) = (None, Vec::new());
        for attribute in found.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(to)) => address = Some(to),
                NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes,
                _ => {}
            }
        }
        known.extend(address.map(|address| (address, mac)));
    }
    for old in known.keys().filter(|address| !wanted.contains_key(address)) {
        netlink.change(RouteNetlinkMessage::DelNeighbour(neighbour(bridge, *old)), 0)?;
    }
    for (address, mac) in wanted {
        if known.get(address).map(Vec::as_slice) != Some(mac) {
            add_neighbour(netlink, bridge, *address, *mac)?;
        }
    }
    Ok(())
}

/// Turns forwarding on where it is off; it stays on. Says whether it was off.
///
/// A host that forwards no longer takes its own routes from advertisements unless told to do both.
pub(crate) fn ensure_forwarding() -> io::Result<bool> {
    let all = format!("{SETTINGS}/all/forwarding");
    if fs::read_to_string(&all)?.trim() != "0" {
        return Ok(false);
    }
    for entry in fs::read_dir(SETTINGS)? {
        let accept = entry?.path().join("accept_ra");
        // An interface may vanish meanwhile. Any other failure leaves forwarding off: the host would lose its own routes.
        match fs::read_to_string(&accept) {
            Ok(now) if now.trim() == "1" => fs::write(&accept, "2")?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    fs::write(&all, "1")?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_prefix_has_its_form() {
        let prefix: Prefix = "2001:db8:1:2::/64".parse().unwrap();
        assert_eq!(prefix.to_string(), "2001:db8:1:2::/64");
        assert_eq!(prefix.address(0x1_0002).to_string(), "2001:db8:1:2::1:2");
        assert!(!prefix.is_local());
        for wrong in ["2001:db8::/48", "2001:db8::1/64", "fe80::/64", "ff02::/64", "::/64", "10.0.0.0/8", "x/64", ""] {
            wrong.parse::<Prefix>().unwrap_err();
        }
    }

    #[test]
    fn a_derived_prefix_is_local_and_differs_by_machine_and_server() {
        let [one, same, machine, server] =
            [("a", "b"), ("a", "b"), ("c", "b"), ("a", "c")].map(|(m, s)| Prefix::unique_local(m, s));
        assert!(one.is_local() && one == same && one != machine && one != server);
        assert_eq!(one.to_string().parse::<Prefix>().unwrap(), one);
    }
}
