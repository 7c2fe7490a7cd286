//! Port states of an instance: what the outside may reach. Pure; the driver makes firewall rules of them.
//!
//! A set of rules only ever allows; what no rule allows is refused. Opening never closes anything, and closing takes away
//! exactly the ports and sources it names, splitting a range where needed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Most rules of an instance (Lightsail guide: firewall limits).
pub const MOST_RULES: usize = 60;
/// Most source networks of a rule.
pub const MOST_SOURCES: usize = 60;
/// The one alias there is: the service's own way to reach an instance, which is this host.
pub const CONNECT_ALIAS: &str = "lightsail-connect";
/// Every ICMP type, or every code of a type.
const ANY: i32 = -1;
const LAST_PORT: i32 = 65_535;

/// What a rule lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP of IPv4: `from` is the type, `to` the code, -1 is any.
    Icmp,
    /// ICMP of IPv6, likewise.
    Icmpv6,
    /// Everything, whatever the ports.
    All,
}

impl Protocol {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::All => "all",
        }
    }

    fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

/// A network: an address and how many of its leading bits count; the others are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cidr {
    base: IpAddr,
    prefix_len: u8,
}

impl Cidr {
    /// All IPv4 addresses.
    pub const ANY_V4: Self = Self { base: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix_len: 0 };
    /// All IPv6 addresses.
    pub const ANY_V6: Self = Self { base: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix_len: 0 };

    /// Whether it is an IPv4 network.
    pub fn is_v4(self) -> bool {
        self.base.is_ipv4()
    }

    /// Whether it has every address of its family.
    pub fn is_everywhere(self) -> bool {
        self.prefix_len == 0
    }

    /// Whether it has this address.
    pub fn has(self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => masked4(address, self.prefix_len) == base,
            (IpAddr::V6(base), IpAddr::V6(address)) => masked6(address, self.prefix_len) == base,
            _ => false,
        }
    }

    /// Whether it has every address of the other.
    pub fn covers(self, other: Self) -> bool {
        self.prefix_len <= other.prefix_len && self.has(other.base)
    }

    /// Lists its IPv4 addresses, network and broadcast too; none of an IPv6 network.
    pub fn addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        let (first, count) = match self.base {
            IpAddr::V4(base) => (base.to_bits(), 1_u64 << (32 - u32::from(self.prefix_len))),
            IpAddr::V6(_) => (0, 0),
        };
        (0..count).map(move |offset| Ipv4Addr::from_bits(first.wrapping_add(offset as u32)))
    }
}

fn masked4(address: Ipv4Addr, prefix_len: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0))
}

fn masked6(address: Ipv6Addr, prefix_len: u8) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix_len)).unwrap_or(0))
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix_len)
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for Cidr {
    type Err = String;

    /// Reads `ADDRESS` or `ADDRESS/LENGTH`; bits after the prefix are cleared.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not an address or network", text.chars().take(60).collect::<String>());
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let plain =
            |length: &str| !length.is_empty() && length.len() <= 3 && length.bytes().all(|b| b.is_ascii_digit());
        let prefix_len = match length {
            None => most,
            Some(length) if plain(length) => length.parse().ok().filter(|length| *length <= most).ok_or_else(wrong)?,
            Some(_) => return Err(wrong()),
        };
        let base = match address {
            IpAddr::V4(address) => IpAddr::V4(masked4(address, prefix_len)),
            IpAddr::V6(address) => IpAddr::V6(masked6(address, prefix_len)),
        };
        Ok(Self { base, prefix_len })
    }
}

/// Who may use what a rule lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sources {
    /// Networks of both families. INVARIANT: sorted, none covers another.
    pub networks: Vec<Cidr>,
    /// The host itself ([`CONNECT_ALIAS`]).
    pub host: bool,
}

impl Sources {
    /// Everybody.
    pub fn everywhere() -> Self {
        Self { networks: vec![Cidr::ANY_V4, Cidr::ANY_V6], host: false }
    }

    fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.host
    }

    fn tidy(&mut self) {
        self.networks.sort_unstable();
        self.networks.dedup();
        let all = self.networks.clone();
        self.networks.retain(|one| !all.iter().any(|other| other != one && other.covers(*one)));
    }

    fn join(&self, other: &Self) -> Self {
        let networks = self.networks.iter().chain(&other.networks).copied().collect();
        let mut joined = Self { networks, host: self.host || other.host };
        joined.tidy();
        joined
    }

    /// What is left without those the other covers.
    fn without(&self, other: &Self) -> Self {
        let left = self.networks.iter().filter(|one| !other.networks.iter().any(|gone| gone.covers(**one)));
        Self { networks: left.copied().collect(), host: self.host && !other.host }
    }
}

/// One rule. INVARIANT: made by [`Rule::new`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// What it lets in.
    pub protocol: Protocol,
    /// First port, or ICMP type.
    pub from: i32,
    /// Last port, or ICMP code.
    pub to: i32,
    /// Who may use it.
    pub sources: Sources,
}

/// Why a rule cannot be: a sentence that names the member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// A rule as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// First port, or ICMP type.
    pub from: Option<i32>,
    /// Last port, or ICMP code.
    pub to: Option<i32>,
    /// IPv4 networks.
    pub cidrs: &'a [String],
    /// IPv6 networks.
    pub ipv6_cidrs: &'a [String],
    /// Named lists.
    pub aliases: &'a [String],
}

impl Rule {
    /// Checks what is asked for and brings it into one form. Without any source it is open to everybody; a protocol
    /// without ports takes the range AWS shows for it.
    pub fn new(protocol: Protocol, asked: &Asked<'_>) -> Result<Self, Refused> {
        let refuse = |text: String| Err(Refused(text));
        let (from, to) = match protocol {
            Protocol::All => (0, LAST_PORT),
            Protocol::Tcp | Protocol::Udp => {
                let Some(from) = asked.from.or(asked.to) else {
                    return refuse(format!("fromPort is needed for protocol {}.", protocol.name()));
                };
                let to = asked.to.unwrap_or(from);
                if !(0..=LAST_PORT).contains(&from) || !(0..=LAST_PORT).contains(&to) {
                    return refuse(format!("fromPort and toPort must be 0 to {LAST_PORT}."));
                }
                if from > to {
                    return refuse(format!("fromPort {from} must not be greater than toPort {to}."));
                }
                (from, to)
            }
            Protocol::Icmp | Protocol::Icmpv6 => {
                let (kind, code) = (asked.from.unwrap_or(ANY), asked.to.unwrap_or(ANY));
                if !(ANY..=255).contains(&kind) || !(ANY..=255).contains(&code) {
                    return refuse(format!(
                        "For protocol {} fromPort is a type and toPort a code, each -1 (any) to 255.",
                        protocol.name()
                    ));
                }
                if kind == ANY && code != ANY {
                    return refuse("toPort must be -1 where fromPort is -1: a code belongs to a type.".into());
                }
                (kind, code)
            }
        };
        Ok(Self { protocol, from, to, sources: sources(protocol, asked)? })
    }

    fn tcp_from_everywhere(port: i32) -> Self {
        Self { protocol: Protocol::Tcp, from: port, to: port, sources: Sources::everywhere() }
    }

    fn same_ports(&self, other: &Self) -> bool {
        (self.protocol, self.from, self.to) == (other.protocol, other.from, other.to)
    }

    /// What the rule is called in an operation's details: `22/tcp`, `8000-8010/udp`.
    pub fn label(&self) -> String {
        let protocol = self.protocol.name();
        match self.protocol {
            Protocol::All => protocol.to_owned(),
            _ if self.from == self.to => format!("{}/{protocol}", self.from),
            _ => format!("{}-{}/{protocol}", self.from, self.to),
        }
    }

    /// Whether it lets this in: a port, or a type and a code, from an address.
    pub fn allows(&self, protocol: Protocol, port: i32, code: i32, source: IpAddr) -> bool {
        let what = match self.protocol {
            Protocol::All => true,
            own if own != protocol => false,
            own if own.has_ports() => (self.from..=self.to).contains(&port),
            _ => (self.from == ANY || self.from == port) && (self.to == ANY || self.to == code),
        };
        what && self.sources.networks.iter().any(|network| network.has(source))
    }
}

fn sources(protocol: Protocol, asked: &Asked<'_>) -> Result<Sources, Refused> {
    let mut found = Sources::default();
    let lists = [("cidrs", asked.cidrs, true), ("ipv6Cidrs", asked.ipv6_cidrs, false)];
    for (member, texts, v4) in lists {
        if texts.len() > MOST_SOURCES {
            return Err(Refused(format!("{member} has {} networks; a rule has at most {MOST_SOURCES}.", texts.len())));
        }
        for text in texts {
            let network: Cidr = text.parse().map_err(|why| Refused(format!("{member}: {why}.")))?;
            if network.is_v4() != v4 {
                return Err(Refused(format!("{member}: {text} is of the other address family.")));
            }
            found.networks.push(network);
        }
    }
    if let Some(other) = asked.aliases.iter().find(|alias| *alias != CONNECT_ALIAS) {
        return Err(Refused(format!("cidrListAliases: {other} is not known; the one there is is {CONNECT_ALIAS}.")));
    }
    found.host = !asked.aliases.is_empty();
    if found.is_empty() {
        found = Sources::everywhere();
    }
    // What a protocol of one family gets from the other means nothing.
    found.networks.retain(|network| match protocol {
        Protocol::Icmp => network.is_v4(),
        Protocol::Icmpv6 => !network.is_v4(),
        _ => true,
    });
    if found.is_empty() {
        let family = if protocol == Protocol::Icmp { "cidrs" } else { "ipv6Cidrs" };
        return Err(Refused(format!("{family} is needed for protocol {}.", protocol.name())));
    }
    found.tidy();
    Ok(found)
}

/// The rules of a new instance (guide: default firewall of virtual computers).
pub fn defaults() -> Vec<Rule> {
    [22, 80, 443, 8443].map(Rule::tcp_from_everywhere).to_vec()
}

/// Brings a list into order: one rule for the same ports.
///
/// # Errors
/// When there are more than [`MOST_RULES`].
pub fn put(rules: impl IntoIterator<Item = Rule>) -> Result<Vec<Rule>, Refused> {
    let mut list: Vec<Rule> = Vec::new();
    for rule in rules {
        match list.iter_mut().find(|known| known.same_ports(&rule)) {
            Some(known) => known.sources = known.sources.join(&rule.sources),
            None => list.push(rule),
        }
    }
    list.sort();
    if list.len() > MOST_RULES {
        return Err(Refused(format!(
            "The instance would have {} port rules; it has at most {MOST_RULES}.",
            list.len()
        )));
    }
    Ok(list)
}

/// Adds a rule.
///
/// # Errors
/// When there would be more than [`MOST_RULES`].
pub fn open(rules: &[Rule], rule: Rule) -> Result<Vec<Rule>, Refused> {
    put(rules.iter().cloned().chain([rule]))
}

/// Takes ports away. `everybody`: from all sources; otherwise from those the rule's sources cover. An ICMP or `all` rule
/// goes whole, a range of ports is split where only a part goes.
///
/// # Errors
/// When splitting would make more than [`MOST_RULES`].
pub fn close(rules: &[Rule], gone: &Rule, everybody: bool) -> Result<Vec<Rule>, Refused> {
    let mut left = Vec::new();
    for rule in rules {
        let met = if rule.protocol.has_ports() {
            overlap(rule, gone)
        } else {
            rule.same_ports(gone).then_some((rule.from, rule.to))
        };
        let Some((from, to)) = met else {
            left.push(rule.clone());
            continue;
        };
        let mut part = |from: i32, to: i32, sources: Sources| {
            if from <= to || !rule.protocol.has_ports() {
                left.push(Rule { from, to, sources, ..rule.clone() });
            }
        };
        let sources = if everybody { Sources::default() } else { rule.sources.without(&gone.sources) };
        if !sources.is_empty() {
            part(from, to, sources);
        }
        if rule.protocol.has_ports() {
            part(rule.from, from - 1, rule.sources.clone());
            part(to + 1, rule.to, rule.sources.clone());
        }
    }
    put(left)
}

/// The ports two rules of one protocol share.
fn overlap(one: &Rule, other: &Rule) -> Option<(i32, i32)> {
    let (from, to) = (one.from.max(other.from), one.to.min(other.to));
    (one.protocol == other.protocol && from <= to).then_some((from, to))
}

#[cfg(test)]
#[path = "ports/tests.rs"]
mod tests;
