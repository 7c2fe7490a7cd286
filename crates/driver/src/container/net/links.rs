//! The bridge, and the pair of interfaces that joins an instance to it.

use std::{
    fs::{self, File},
    io,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsFd,
    thread,
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage, AddressScope},
    link::{
        InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute, LinkFlags,
        LinkInfo, LinkMessage,
    },
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType},
};
use porthole_model::guest::{METADATA_ADDRESS, METADATA_ADDRESS_V6};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{
    ipv6::{self, Inside, Prefix},
    netlink::Netlink,
    subnet::Subnet,
};

/// The host's end of an instance's link, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Interface name.
    pub(crate) name: String,
    /// The id of the instance it belongs to, noted on the interface itself.
    pub(crate) id: String,
    /// Interface number.
    pub(crate) number: u32,
}

/// What joins an instance to the bridge.
#[derive(Debug, Clone)]
pub(crate) struct Attachment<'a> {
    /// The host's end.
    pub(crate) name: &'a str,
    /// Instance id.
    pub(crate) id: &'a str,
    /// The bridge's interface number.
    pub(crate) bridge: u32,
    /// A process in the instance's network namespace.
    pub(crate) pid: u32,
    /// The instance's address.
    pub(crate) address: Ipv4Addr,
    /// The bridge's address.
    pub(crate) gateway: Ipv4Addr,
    /// Its IPv6, if it has any.
    pub(crate) ipv6: Option<Inside>,
    /// Largest packet, as on the way out of the host.
    pub(crate) mtu: u32,
}

/// The instance's end of its link.
const INSIDE: &str = "eth0";

/// Derives the interface address of an IPv4 address: locally administered, unique in the network.
pub(crate) fn mac(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x70, a, b, c, d]
}

fn named(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    message
}

fn raise(message: &mut LinkMessage) {
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
}

/// Ok when the object is already there, or already gone.
pub(crate) fn tolerate(result: io::Result<()>, fine: rustix::io::Errno) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(fine.raw_os_error()) => Ok(()),
        other => other,
    }
}

/// Gives the number of an interface of the host.
pub(crate) fn number(name: &str) -> io::Result<Option<u32>> {
    match fs::read_to_string(format!("/sys/class/net/{name}/ifindex")) {
        Ok(text) => text.trim().parse().map(Some).map_err(io::Error::other),
        // The second and third are what the kernel says of an interface that is just vanishing.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL | libc::ENODEV)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes sure that the bridge is there, up, and has the networks' first addresses; gives its number.
pub(crate) fn ensure_bridge(
    netlink: &mut Netlink,
    name: &str,
    (subnet, prefix): (Subnet, Option<Prefix>),
    mtu: u32,
) -> io::Result<u32> {
    let gateway = subnet.gateway();
    if number(name)?.is_none() {
        let mut message = named(name);
        let data = InfoData::Bridge(vec![InfoBridge::MulticastSnooping(false)]);
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), LinkInfo::Data(data)]));
        message.attributes.push(LinkAttribute::Address(mac(gateway).to_vec()));
        message.attributes.push(LinkAttribute::Mtu(mtu));
        let made = netlink.change(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL);
        tolerate(made, rustix::io::Errno::EXIST)?;
    }
    // Without a prefix the kernel must not make up an address, by which instances could reach the host.
    if prefix.is_none() {
        ipv6::refuse(name)?;
    }
    let bridge = number(name)?.ok_or_else(|| io::Error::other("the bridge vanished"))?;
    let mut up = LinkMessage::default();
    up.header.index = bridge;
    raise(&mut up);
    netlink.change(RouteNetlinkMessage::SetLink(up), 0)?;
    add_address(netlink, bridge, gateway, subnet.prefix_len())?;
    if let Some(prefix) = prefix {
        ipv6::ensure_bridge(netlink, name, bridge, prefix)?;
    }
    Ok(bridge)
}

fn add_address(netlink: &mut Netlink, interface: u32, address: Ipv4Addr, prefix_len: u8) -> io::Result<()> {
    let message = address_message(interface, address, prefix_len);
    netlink.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE)
}

fn address_message(interface: u32, address: Ipv4Addr, prefix_len: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = prefix_len;
    message.header.scope = AddressScope::Universe;
    message.header.index = interface;
    message.attributes.push(AddressAttribute::Local(IpAddr::V4(address)));
    message.attributes.push(AddressAttribute::Address(IpAddr::V4(address)));
    message
}

/// An IPv4 address of the host, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The address.
    pub(crate) address: Ipv4Addr,
    /// Length of its network's prefix.
    pub(crate) prefix_len: u8,
    /// Number of its interface.
    pub(crate) interface: u32,
    /// By it a server knows the public addresses it put there.
    pub(crate) label: String,
}

/// Lists the IPv4 addresses of the host.
pub(crate) fn addresses(netlink: &mut Netlink) -> io::Result<Vec<Address>> {
    let found = netlink.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
    let address = |object| {
        let RouteNetlinkMessage::NewAddress(message) = object else { return None };
        let (prefix_len, interface) = (message.header.prefix_len, message.header.index);
        let (mut address, mut label) = (None, String::new());
        for attribute in message.attributes {
            match attribute {
                AddressAttribute::Local(IpAddr::V4(local)) => address = Some(local),
                AddressAttribute::Label(text) => label = text,
                _ => {}
            }
        }
        Some(Address { address: address?, prefix_len, interface, label })
    };
    Ok(found.into_iter().filter_map(address).collect())
}

/// Adds a public address, marked as a server's own by its label.
pub(crate) fn add_public_address(
    netlink: &mut Netlink,
    interface: u32,
    address: Ipv4Addr,
    label: &str,
) -> io::Result<()> {
    let mut message = address_message(interface, address, 32);
    message.attributes.push(AddressAttribute::Label(label.to_owned()));
    netlink.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE)
}

/// Removes an address; fine when it is gone.
pub(crate) fn remove_address(netlink: &mut Netlink, old: &Address) -> io::Result<()> {
    let message = address_message(old.interface, old.address, old.prefix_len);
    let removed = netlink.change(RouteNetlinkMessage::DelAddress(message), 0);
    tolerate(removed, rustix::io::Errno::ADDRNOTAVAIL)
}

/// Makes the link, still down: the host's end is an isolated port of the bridge with the instance's id noted on it,
/// the other end is born inside the instance.
pub(crate) fn make(netlink: &mut Netlink, attachment: &Attachment<'_>) -> io::Result<u32> {
    let mut peer = named(INSIDE);
    peer.attributes.push(LinkAttribute::Address(mac(attachment.address).to_vec()));
    peer.attributes.push(LinkAttribute::Mtu(attachment.mtu));
    peer.attributes.push(LinkAttribute::NetNsPid(attachment.pid));
    let mut message = named(attachment.name);
    message.attributes.push(LinkAttribute::Mtu(attachment.mtu));
    message.attributes.push(LinkAttribute::Controller(attachment.bridge));
    let data = InfoData::Veth(InfoVeth::Peer(peer));
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(data)]));
    netlink.change(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)?;
    ipv6::refuse(attachment.name)?;
    let port = number(attachment.name)?.ok_or_else(|| io::Error::other("the link vanished"))?;
    let mut isolate = LinkMessage::default();
    isolate.header.index = port;
    isolate.attributes.push(LinkAttribute::IfAlias(attachment.id.to_owned()));
    let data = InfoPortData::BridgePort(vec![InfoBridgePort::Isolated(true)]);
    isolate
        .attributes
        .push(LinkAttribute::LinkInfo(vec![LinkInfo::PortKind(InfoPortKind::Bridge), LinkInfo::PortData(data)]));
    netlink.change(RouteNetlinkMessage::SetLink(isolate), 0)?;
    Ok(port)
}

/// Brings both ends up, and gives the instance its address and its way out.
pub(crate) fn raise_both(netlink: &mut Netlink, port: u32, attachment: &Attachment<'_>) -> io::Result<()> {
    let mut up = LinkMessage::default();
    up.header.index = port;
    raise(&mut up);
    netlink.change(RouteNetlinkMessage::SetLink(up), 0)?;
    let Attachment { address, gateway, ipv6, .. } = *attachment;
    inside(attachment.pid, move |netlink| {
        for name in ["lo", INSIDE] {
            let mut up = named(name);
            raise(&mut up);
            netlink.change(RouteNetlinkMessage::SetLink(up), 0)?;
        }
        let loopback = interface_number(netlink, "lo")?;
        add_address(netlink, loopback, METADATA_ADDRESS, 32)?;
        let interface = interface_number(netlink, INSIDE)?;
        add_address(netlink, interface, address, 32)?;
        add_route(netlink, interface, Some(gateway), None)?;
        add_route(netlink, interface, None, Some(gateway))?;
        match ipv6 {
            None => Ok(()),
            Some(ipv6) => enable_ipv6(netlink, loopback, interface, &ipv6),
        }
    })
}

fn enable_ipv6(netlink: &mut Netlink, loopback: u32, interface: u32, ipv6: &Inside) -> io::Result<()> {
    ipv6::enable_loopback(netlink, loopback, METADATA_ADDRESS_V6)?;
    ipv6::enable(netlink, INSIDE, interface, ipv6)
}

/// Gives a running instance its IPv6, or takes it away; fine when it is so already.
pub(crate) fn set_ipv6(pid: u32, ipv6: Option<Inside>) -> io::Result<()> {
    inside(pid, move |netlink| {
        let Some(ipv6) = ipv6 else { return ipv6::refuse(INSIDE) };
        let (loopback, interface) = (interface_number(netlink, "lo")?, interface_number(netlink, INSIDE)?);
        enable_ipv6(netlink, loopback, interface, &ipv6)
    })
}

/// Finds a number by asking: /sys shows the network namespace it was mounted in, not the thread's.
fn interface_number(netlink: &mut Netlink, name: &str) -> io::Result<u32> {
    let found = netlink.dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    let number = found.into_iter().find_map(|object| match object {
        RouteNetlinkMessage::NewLink(link) => {
            let is = link.attributes.iter().any(|a| matches!(a, LinkAttribute::IfName(n) if n == name));
            is.then_some(link.header.index)
        }
        _ => None,
    });
    number.ok_or_else(|| io::Error::other(format!("no interface {name} inside")))
}

/// Adds a route to one address on the link (`to`), or to everywhere through a gateway (`via`).
fn add_route(netlink: &mut Netlink, interface: u32, to: Option<Ipv4Addr>, via: Option<Ipv4Addr>) -> io::Result<()> {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Boot;
    message.header.kind = RouteType::Unicast;
    message.header.scope = if via.is_some() { RouteScope::Universe } else { RouteScope::Link };
    if let Some(to) = to {
        message.header.destination_prefix_length = 32;
        message.attributes.push(RouteAttribute::Destination(RouteAddress::Inet(to)));
    }
    if let Some(via) = via {
        message.attributes.push(RouteAttribute::Gateway(RouteAddress::Inet(via)));
    }
    message.attributes.push(RouteAttribute::Oif(interface));
    netlink.change(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_REPLACE)
}

/// Runs something with a socket into the network namespace of a process, on a thread that ends with it.
fn inside<T: Send>(pid: u32, work: impl FnOnce(&mut Netlink) -> io::Result<T> + Send) -> io::Result<T> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    let run = move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        work(&mut Netlink::open()?)
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
}

/// Removes an interface; fine when it is gone.
pub(crate) fn remove(netlink: &mut Netlink, name: &str) -> io::Result<()> {
    tolerate(netlink.change(RouteNetlinkMessage::DelLink(named(name)), 0), rustix::io::Errno::NODEV)
}

/// Lists the host's ends of all instances' links.
pub(crate) fn list(prefix: &str) -> io::Result<Vec<Link>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/class/net")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with(prefix) {
            continue;
        }
        // The link may vanish between the listing and the reading.
        let Some(number) = number(&name)? else {
            continue;
        };
        let alias = fs::read_to_string(format!("/sys/class/net/{name}/ifalias")).unwrap_or_default();
        found.push(Link { id: alias.trim().to_owned(), name, number });
    }
    Ok(found)
}

/// The instance's end of a link; what a thread in its namespace sees.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_addresses_are_local_and_distinct() {
        let one = mac(Ipv4Addr::new(172, 26, 0, 2));
        assert_eq!(one[0] & 0b11, 0b10);
        assert_ne!(one, mac(Ipv4Addr::new(172, 26, 1, 2)));
    }
}
