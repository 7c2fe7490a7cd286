//! The instances' network on this host: which addresses, the bridge, the links and the firewall.

pub(crate) mod firewall;
pub(crate) mod ipv6;
pub(crate) mod links;
mod netlink;
mod published;
pub(crate) mod resolver;
pub(crate) mod subnet;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::{Ipv4Addr, Ipv6Addr},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::Path,
    time::{Duration, Instant},
};

use netlink_packet_route::{
    RouteNetlinkMessage,
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage},
};

use porthole_model::{instance::AddressType, ports::Cidr};

use self::{
    firewall::{Member, Rules},
    ipv6::{Inside, Prefix},
    links::{Attachment, Link},
    netlink::Netlink,
    subnet::Subnet,
};
use super::names::Names;
use crate::{
    DriverConfig, DriverError, InstanceNetwork,
    error::{Doing, lasting},
};

/// What is used where the way out does not say.
const DEFAULT_MTU: u32 = 1500;
/// How long the network of an earlier run of this server may still be claimed.
const CLAIM_LIMIT: Duration = Duration::from_secs(2);

/// The instances' network of one server.
#[derive(Debug)]
pub(crate) struct Network {
    names: Names,
    subnet: Subnet,
    prefix: Option<Prefix>,
    public_interface: String,
    site: Vec<Cidr>,
    /// Held as long as this server lives, so that another on this host takes another network.
    _claim: UnixDatagram,
}

impl Network {
    /// Chooses the network (see [`subnet::choose`]) and claims it on this host.
    pub(crate) fn open(names: &Names, config: &DriverConfig) -> Result<Self, DriverError> {
        let configured = config.network.as_deref();
        let wrong = |why: String| lasting(why.clone(), format!("The instance network cannot be used: {why}."));
        let configured = configured.map(str::parse::<Subnet>).transpose().map_err(wrong)?;
        let file = names.state_dir().join("network");
        let remembered = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let own = links::number(&names.bridge()).doing("look for the bridge")?;
        let taken = taken(own).doing("read the host's addresses and routes")?;
        let mut claim = None;
        let subnet = subnet::choose(configured, remembered, |subnet| {
            let other = taken.iter().find(|(other, _)| other.overlaps(subnet));
            if let Some((_, what)) = other {
                return Some(what.clone());
            }
            let ours = configured.or(remembered) == Some(subnet);
            match claim_on_host(subnet, if ours { CLAIM_LIMIT } else { Duration::ZERO }) {
                Ok(socket) => {
                    claim = Some(socket);
                    None
                }
                Err(_) => Some("another server on this machine".to_owned()),
            }
        })
        .map_err(wrong)?;
        write_once(&file, &format!("{subnet}\n")).doing("remember the network")?;
        let claim = claim.ok_or_else(|| wrong(format!("{subnet} was not claimed")))?;
        let prefix = prefix(names, config.ipv6_prefix.as_deref()).map_err(wrong)?;
        let public_interface = config.public_interface.clone().unwrap_or_else(|| "lo".to_owned());
        let (names, site) = (names.clone(), config.site_networks.clone());
        Ok(Self { names, subnet, prefix, public_interface, site, _claim: claim })
    }

    /// The instances' network.
    pub(crate) fn subnet(&self) -> Subnet {
        self.subnet
    }

    /// The IPv6 address of a lease, where this host speaks IPv6.
    pub(crate) fn address6(&self, index: u32) -> Option<Ipv6Addr> {
        Some(self.prefix?.address(index))
    }

    /// Makes sure that the bridge is up and the host forwards; gives the bridge's number and the way out's packet size.
    pub(crate) fn ensure_bridge(&self) -> Result<(u32, u32), DriverError> {
        ensure_forwarding(self.prefix.is_some())?;
        let mut netlink = Netlink::open().doing("open a netlink socket")?;
        let mtu = way_out_mtu(&mut netlink).doing("find the host's way out")?;
        let bridge = links::ensure_bridge(&mut netlink, &self.names.bridge(), (self.subnet, self.prefix), mtu);
        Ok((bridge.doing("make the bridge")?, mtu))
    }

    /// Makes the link of an instance whose init has the given process id, still down, on a bridge from
    /// [`Network::ensure_bridge`]; gives its number.
    pub(crate) fn make_link(&self, wanted: &Wanted<'_>) -> Result<u32, DriverError> {
        let mut netlink = Netlink::open().doing("open a netlink socket")?;
        let name = self.names.link(wanted.index);
        links::remove(&mut netlink, &name).doing("remove a former link")?;
        links::make(&mut netlink, &self.attachment(wanted, &name)).doing("make the instance's link")
    }

    /// Brings a link up. The firewall must know it by then.
    pub(crate) fn raise_link(&self, wanted: &Wanted<'_>, port: u32) -> Result<(), DriverError> {
        let mut netlink = Netlink::open().doing("open a netlink socket")?;
        let name = self.names.link(wanted.index);
        links::raise_both(&mut netlink, port, &self.attachment(wanted, &name)).doing("bring the instance's link up")
    }

    fn attachment<'a>(&self, wanted: &Wanted<'a>, name: &'a str) -> Attachment<'a> {
        Attachment {
            name,
            id: wanted.id,
            bridge: wanted.bridge.0,
            pid: wanted.pid,
            address: self.subnet.address(wanted.index),
            gateway: self.subnet.gateway(),
            ipv6: self.inside(wanted.index, wanted.addresses),
            mtu: wanted.bridge.1,
        }
    }

    /// What an instance with these addresses is told of IPv6.
    fn inside(&self, index: u32, addresses: AddressType) -> Option<Inside> {
        let prefix = self.prefix.filter(|_| addresses.has_ipv6())?;
        let (address, gateway) = (prefix.address(index), prefix.gateway());
        Some(Inside { address, gateway, gateway_mac: links::mac(self.subnet.gateway()) })
    }

    /// Gives a running instance, by a process in it, its IPv6 or takes it away.
    pub(crate) fn set_addresses(&self, index: u32, pid: u32, addresses: AddressType) -> Result<(), DriverError> {
        if self.prefix.is_none() {
            return Ok(());
        }
        links::set_ipv6(pid, self.inside(index, addresses)).doing("change the instance's addresses")
    }

    /// Lists the links there are.
    pub(crate) fn links(&self) -> Result<Vec<Link>, DriverError> {
        links::list(&self.names.link_prefix()).doing("list the instances' links")
    }

    /// Removes a link by its name.
    pub(crate) fn remove_link(&self, name: &str) -> Result<(), DriverError> {
        let mut netlink = Netlink::open().doing("open a netlink socket")?;
        links::remove(&mut netlink, name).doing("remove the instance's link")
    }

    /// Replaces the firewall's rules by those for the given instances, and sees to their public addresses.
    pub(crate) fn apply_rules<'a>(
        &self,
        instances: impl Iterator<Item = &'a Joined>,
        nameservers: &[Ipv4Addr],
    ) -> Result<(), DriverError> {
        let own = own_addresses().doing("read the host's addresses")?;
        let member = |joined: &Joined| Member {
            link: self.names.link(joined.index),
            account_id: joined.account_id.clone(),
            address: self.subnet.address(joined.index),
            address6: self.address6(joined.index).filter(|_| joined.network.addresses.has_ipv6()),
            ipv6_only: joined.network.addresses == AddressType::Ipv6,
            ports: joined.network.ports.clone(),
            public_address: joined.network.public_address,
            site: joined.network.site,
        };
        let mut members: Vec<Member> = instances.map(member).collect();
        members.sort();
        members.dedup();
        let rules = Rules {
            table: self.names.table(),
            bridge: self.names.bridge(),
            link_prefix: self.names.link_prefix(),
            subnet: self.subnet,
            prefix: self.prefix,
            host_nameservers: nameservers.iter().copied().filter(|server| own.contains(server)).collect(),
            nameservers: nameservers.to_vec(),
            site: self.site.clone(),
            members,
        };
        rules.apply()?;
        self.ensure_neighbours(&rules.members)?;
        // Those of the instances' own network are answered by the rules alone; others must lead to this host.
        let outer = |address: &Ipv4Addr| !self.subnet.has(*address);
        self.ensure_public(rules.members.iter().filter_map(|member| member.public_address).filter(outer).collect())
    }

    /// Tells the host by which interface address it reaches each IPv6 address, as far as there is a bridge.
    fn ensure_neighbours(&self, members: &[Member]) -> Result<(), DriverError> {
        if self.prefix.is_none() {
            return Ok(());
        }
        let pair = |member: &Member| Some((member.address6?, links::mac(member.address)));
        let wanted: BTreeMap<Ipv6Addr, [u8; 6]> = members.iter().filter_map(pair).collect();
        let sync = || match links::number(&self.names.bridge())? {
            None => Ok(()),
            Some(bridge) => {
                let told = ipv6::ensure_neighbours(&mut Netlink::open()?, bridge, &wanted);
                // The last instance that goes takes the bridge along, whoever is at this meanwhile.
                links::tolerate(told, rustix::io::Errno::NODEV)
            }
        };
        sync().doing("tell the host its IPv6 neighbours")
    }

    /// Makes sure that exactly these public addresses are on the host, besides those somebody else put there.
    fn ensure_public(&self, wanted: BTreeSet<Ipv4Addr>) -> Result<(), DriverError> {
        let sync = || {
            let (label, mut netlink) = (self.names.bridge(), Netlink::open()?);
            let found = links::addresses(&mut netlink)?;
            for old in found.iter().filter(|found| found.label == label && found.prefix_len == 32) {
                if !wanted.contains(&old.address) {
                    links::remove_address(&mut netlink, old)?;
                }
            }
            let missing = wanted.iter().filter(|address| !found.iter().any(|found| found.address == **address));
            for address in missing {
                let interface = links::number(&self.public_interface)?.ok_or_else(|| {
                    io::Error::new(io::ErrorKind::NotFound, format!("no interface {}", self.public_interface))
                })?;
                links::add_public_address(&mut netlink, interface, *address, &label)?;
            }
            Ok::<(), io::Error>(())
        };
        sync().doing("put the public addresses on the host")
    }

    /// Whether the rules are there at all.
    pub(crate) fn has_rules(&self) -> Result<bool, DriverError> {
        firewall::is_present(&self.names.table())
    }

    /// Removes the bridge and the rules.
    pub(crate) fn release(&self) -> Result<(), DriverError> {
        self.ensure_public(BTreeSet::new())?;
        self.remove_link(&self.names.bridge())?;
        firewall::remove(&self.names.table())
    }
}

/// An instance that is joined to the network.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    /// Its account.
    pub(crate) account_id: String,
    /// Its lease.
    pub(crate) index: u32,
    /// How it is seen from outside.
    pub(crate) network: InstanceNetwork,
}

/// A link to be made.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// Instance id.
    pub(crate) id: &'a str,
    /// Its lease.
    pub(crate) index: u32,
    /// A process in its network namespace.
    pub(crate) pid: u32,
    /// Which kinds of address it has.
    pub(crate) addresses: AddressType,
    /// What [`Network::ensure_bridge`] gave.
    pub(crate) bridge: (u32, u32),
}

/// Turns forwarding on where it is off. It stays on: other programs may have come to rely on it.
fn ensure_forwarding(ipv6: bool) -> Result<(), DriverError> {
    const FILE: &str = "/proc/sys/net/ipv4/ip_forward";
    let now = fs::read_to_string(FILE).doing("read whether the host forwards")?;
    if now.trim() == "0" {
        fs::write(FILE, "1").doing("turn on net.ipv4.ip_forward")?;
        tracing::info!("turned on net.ipv4.ip_forward, which instances need to reach the network");
    }
    if ipv6 && ipv6::ensure_forwarding().doing("turn on IPv6 forwarding")? {
        tracing::info!("turned on net.ipv6.conf.all.forwarding, which instances need to reach the network");
    }
    Ok(())
}

/// Chooses the network of IPv6 addresses: the configured one, else one of this server's own; none on a host without.
fn prefix(names: &Names, configured: Option<&str>) -> Result<Option<Prefix>, String> {
    if !ipv6::is_spoken() {
        return match configured {
            None => Ok(None),
            Some(prefix) => Err(format!("{prefix} is configured, but this host's kernel has no IPv6")),
        };
    }
    if let Some(text) = configured {
        return text.parse().map(Some);
    }
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    Ok(Some(Prefix::unique_local(machine.trim(), &names.table())))
}

/// Claims a network by a socket name that the kernel frees with the process, one for each network namespace. An earlier
/// run of this server that was just killed may hold it for a moment.
fn claim_on_host(subnet: Subnet, limit: Duration) -> io::Result<UnixDatagram> {
    let name = SocketAddr::from_abstract_name(format!("porthole-network-{subnet}"))?;
    let deadline = Instant::now() + limit;
    loop {
        match UnixDatagram::bind_addr(&name) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// Writes a small file in one go, if it does not say so already.
fn write_once(file: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(file).is_ok_and(|now| now == text) {
        return Ok(());
    }
    let draft = file.with_extension("new");
    fs::write(&draft, text)?;
    fs::rename(draft, file)
}

/// Lists the networks in use on the host, each with a name for it, our own bridge's apart.
fn taken(own: Option<u32>) -> io::Result<Vec<(Subnet, String)>> {
    let mut netlink = Netlink::open()?;
    let mut taken = Vec::new();
    for links::Address { address, prefix_len, interface, .. } in links::addresses(&mut netlink)? {
        if Some(interface) != own {
            taken.push((Subnet::containing(address, prefix_len), format!("the host's address {address}")));
        }
    }
    for object in netlink.dump(RouteNetlinkMessage::GetRoute(RouteMessage::default()))? {
        let RouteNetlinkMessage::NewRoute(route) = object else {
            continue;
        };
        let out = route.attributes.iter().find_map(|a| if let RouteAttribute::Oif(n) = a { Some(*n) } else { None });
        let to = route.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(to)) => Some(*to),
            _ => None,
        });
        if let Some(to) = to.filter(|_| own.is_none() || out != own) {
            let subnet = Subnet::containing(to, route.header.destination_prefix_length);
            taken.push((subnet, format!("the route to {subnet}")));
        }
    }
    Ok(taken)
}

fn own_addresses() -> io::Result<Vec<Ipv4Addr>> {
    Ok(links::addresses(&mut Netlink::open()?)?.into_iter().map(|found| found.address).collect())
}

/// Gives the smallest packet size among the interfaces that lead out of the host.
fn way_out_mtu(netlink: &mut Netlink) -> io::Result<u32> {
    let mut smallest = None;
    for object in netlink.dump(RouteNetlinkMessage::GetRoute(RouteMessage::default()))? {
        let RouteNetlinkMessage::NewRoute(route) = object else {
            continue;
        };
        let main = route.header.table == RouteHeader::RT_TABLE_MAIN && route.header.destination_prefix_length == 0;
        let out = route.attributes.iter().find_map(|a| if let RouteAttribute::Oif(n) = a { Some(*n) } else { None });
        let v4 = route.header.address_family == netlink_packet_route::AddressFamily::Inet;
        let Some(out) = out.filter(|_| main && v4) else {
            continue;
        };
        let Some(mtu) = interface_mtu(out)? else {
            continue;
        };
        smallest = Some(smallest.map_or(mtu, |least: u32| least.min(mtu)));
    }
    Ok(smallest.unwrap_or(DEFAULT_MTU))
}

fn interface_mtu(number: u32) -> io::Result<Option<u32>> {
    for entry in fs::read_dir("/sys/class/net")? {
        let folder = entry?.path();
        let read = |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u32>().ok();
        if read("ifindex") == Some(number) {
            return Ok(read("mtu"));
        }
    }
    Ok(None)
}
